"""What is asked of many photos: checked before anything begins."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmlseg_core.config import CLASSES, SceneConfig
from dmlseg_core.errors import ParameterError, WeightsError
from dmlseg_core.folder.asked import Batch
from dmlseg_core.folder.checked import (
    check_names,
    checked_inputs,
    checked_kinds,
    checked_options,
    checked_path,
)
from dmlseg_core.folder.engine import Runner, in_turn
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.processes.pool import Pool
from dmlseg_core.folder.processes.server import cores
from dmlseg_core.folder.report.run_file import Run
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.folder.rules import Rules, load_rules
from dmlseg_core.folder.scale.on_ray import RayRunner
from dmlseg_core.folder.sources.find import find_jobs
from dmlseg_core.folder.watch import watched
from dmlseg_core.folder.work import ROOM, USUAL, AnySegmenter, Work
from dmlseg_core.package_data import default_weights

if TYPE_CHECKING:  # torch
    from dmlseg_core.edit import Recipe

ENGINES: tuple[str, ...] = ("local", "ray")


def prepare(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    rules: Rules | str | Path | None = None,
    recipe: Recipe | str | Path | None = None,
    outputs: Sequence[str] = USUAL,
    max_delta_e: float | None = None,
    max_megapixels: float = 100,
    options: Mapping[str, Any] | None = None,
    segmenter: AnySegmenter | None = None,
    weights: str | Path | None = None,
    config: SceneConfig | None = None,
    workers: int | None = 1,
    shard: tuple[int, int] | None = None,
    polygons: bool = False,
    engine: str = "local",
    address: str | None = None,
    gpus: float = 0.0,
    watch: bool = False,
) -> Batch:
    """Check everything that can be checked before the first photo; arguments as of `batch`."""
    if engine not in ENGINES:
        raise ParameterError(f"engine is one of {', '.join(ENGINES)}; got {engine!r}")
    inputs, out = checked_inputs(inputs), checked_path(out, "out")
    config = _config(config, segmenter)
    digest, classes = _about(segmenter, weights)
    rules, recipe = _rules(rules, classes), _recipe(recipe, digest)
    if recipe is not None:
        config = recipe.scene
    work = Work(
        out, rules, recipe, checked_kinds(outputs), max_delta_e, max_megapixels,
        checked_options(options), classes, config=config, given=segmenter,
        weights=None if weights is None else checked_path(weights, "weights"),
    )  # fmt: skip
    _check_shard(shard)
    find = partial(_found, inputs, out, shard, empty=watch)
    jobs = find()
    if any("memory://" in str(job.source) for job in jobs):
        workers = 1  # no other process sees them
    scene = config.to_dict()
    cluster = (address, gpus) if engine == "ray" else None
    runner = runner_for(len(jobs), workers, cluster)
    asked = {**work.asked(), "scene": scene, "shard": shard}
    run = Run(asked, digest, classes, max_delta_e=max_delta_e, engine=engine,
              workers=getattr(runner, "workers", 1))  # fmt: skip
    settings = work.settings(weights=digest, scene=scene)
    return Batch(tuple(jobs), work, settings, run, find, runner, polygons)


def _config(config: Any, segmenter: Any) -> SceneConfig:
    """What is asked, or the segmenter's own, or the usual."""
    if segmenter is not None and not callable(getattr(segmenter, "analyze", None)):
        raise ParameterError(f"segmenter is a Segmenter; got {segmenter!r:.60}")
    if not isinstance(config, SceneConfig | None):
        raise ParameterError(f"config is a SceneConfig; got {config!r:.60}")
    return config or getattr(segmenter, "config", None) or SceneConfig()


def _rules(rules: Rules | str | Path | None, classes: Sequence[str]) -> Rules | None:
    """As values, of classes that the weights know."""
    if isinstance(rules, str | Path):
        return load_rules(rules, classes=classes)
    if isinstance(rules, Rules):
        rules.check_classes(classes)
    elif rules is not None:
        raise ParameterError(f"rules are Rules, or the path of a rules file; got {rules!r:.60}")
    return rules


def _recipe(recipe: Recipe | str | Path | None, weights: str) -> Recipe | None:
    """As a value, of these weights."""
    if recipe is None:
        return None
    from dmlseg_core.edit import Recipe, load_recipe  # noqa: PLC0415 (torch)

    made = load_recipe(recipe) if isinstance(recipe, str | Path) else recipe
    if not isinstance(made, Recipe):
        raise ParameterError(f"recipe is a Recipe, or the path of a saved one; got {made!r:.60}")
    made.check_weights(weights)
    return made


def batch(
    inputs: str | Path | Sequence[str | Path], out: str | Path, **asked: Any
) -> Iterator[PhotoRow]:
    """The same edit on many photos, their rows as they come; `dmlseg batch` as a function.

    Photos that an earlier call finished with the same settings are not done again, unless they
    changed; their rows come first. Tables are written at the end, or where the loop is left.

    Args:
        inputs: one or more of photos, folders, patterns such as "in/**/*.jpg" and fsspec URLs;
            never written into.
        out: output folder.
        asked: rules: `Rules`, or a file of them; None: objects are found, nothing is recolored.
            recipe: a `Recipe` in place of rules, or its file.
            outputs: kinds of files, some of labels, overlays, recolored, cutouts.
            max_delta_e: an object passes where its Delta-E is at most this.
            max_megapixels: larger photos are refused (100).
            options: keyword arguments of `Scene.propose`: tau, budget, alpha, seediness_floor,
                connected.
            segmenter: or weights and config, as for `Segmenter.load`.
            workers: processes (1: this one; None: as many as pay). With more than one, the calling
                script needs `if __name__ == "__main__":`, as all of Python's pools do.
            shard: (i, n): only the i-th of n parts of the photos, told by their names.
            polygons: `instances.json` holds polygons instead of run lengths.
            engine: "local", or "ray": a Ray cluster; workers are its actors (None: all that fit).
            address: of the Ray cluster; None: RAY_ADDRESS, else this machine alone.
            gpus: of each actor; a fraction shares one.
            watch: go on with photos that come into the inputs, until the loop is left.

    Raises:
        ParameterError, RecipeError, WeightsError: at once, where it cannot begin.
        ExportError: while it runs, where the results cannot be written.
    """
    check_names(asked, prepare)
    made = prepare(inputs, out, **asked)
    return (result.row for result in (watched(made) if asked.get("watch") else made.results()))


def runner_for(
    photos: int, workers: int | None, cluster: tuple[str | None, float] | None = None
) -> Runner:
    """One process or several; None: as many as pay for so many photos.

    Args:
        photos: how many there are.
        workers: processes, or actors of the cluster.
        cluster: address of a Ray cluster, and GPUs of an actor.
    """
    counted = isinstance(workers, int) and not isinstance(workers, bool) and workers >= 1
    if workers is not None and not counted:
        raise ParameterError(f"workers counts processes from 1 on; got {workers!r}")
    if cluster is not None:
        return RayRunner(cluster[0], workers, cluster[1])
    if workers is None and (most := cores()) > 1:  # a process imports beside this one: even for one
        workers = max(1, min(most, photos))
        return Pool(workers, most // workers)
    return in_turn if workers in (None, 1) else Pool(workers)


def _found(
    inputs: Sequence[str | Path], out: str | Path, shard: tuple[int, int] | None, *, empty: bool
) -> list[Job]:
    """The photos of a shard; `empty`: that there are none is no error."""
    jobs = find_jobs(inputs, out, room=ROOM, empty=empty)
    return [job for job in jobs if shard is None or _of(job, *shard)]


def _check_shard(shard: Any) -> None:
    match shard:
        case None:
            return
        case int(part), int(parts) if 1 <= part <= parts:
            return
    raise ParameterError(f"a shard is (i, n) with 1 <= i <= n; got {shard!r:.60}")


def _of(job: Job, part: int, parts: int) -> bool:
    """Whether a job belongs to a part: by its name, which is the same on every machine."""
    number = int.from_bytes(hashlib.sha256(os.fsencode(job.name)).digest()[:8])
    return number % parts == part - 1


def _about(
    segmenter: AnySegmenter | None, weights: str | Path | None
) -> tuple[str, tuple[str, ...]]:
    """sha256 and classes of the weights, without loading them."""
    if segmenter is not None:
        network = getattr(getattr(segmenter, "network", None), "config", None)
        return getattr(segmenter, "weights", ""), getattr(network, "classes", CLASSES)
    path = default_weights() if weights is None else checked_path(weights, "weights")
    try:
        with path.open("rb") as file:
            classes = _classes_of(path)  # first: a device has no end, and no manifest
            return hashlib.file_digest(file, "sha256").hexdigest(), classes
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"the weights {path} cannot be read: {reason}") from None


def _classes_of(path: Path) -> tuple[str, ...]:
    try:
        entry = json.loads(path.with_name("manifest.json").read_text())[path.name]
        return tuple(entry["config"]["classes"])
    except (OSError, ValueError, KeyError, TypeError):
        raise WeightsError(
            f"{path}: no manifest.json beside it tells of these weights; give a file that dmlseg "
            "train wrote"
        ) from None
