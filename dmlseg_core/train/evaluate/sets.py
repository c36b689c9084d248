"""`dmlseg eval`: every figure of weights on one or more sets of labelled photos, as its JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm.auto import tqdm  # type: ignore[import-untyped]

from dmlseg_core.config import VOC_CLASSES, SceneConfig
from dmlseg_core.errors import DatasetError
from dmlseg_core.measure import (
    THRESHOLDS,
    ClickRun,
    Score,
    mean_average_precision,
    mean_score,
    summarize,
)
from dmlseg_core.train.evaluate.photo_scores import (
    AFTER,
    AnySample,
    AnyScene,
    Partitioner,
    PhotoScores,
    score_objects,
    score_regions,
)

COMPLETE_BACKGROUND: tuple[str, ...] = ("complete", "true")
"""`SetRule.background` of sets where whatever is not labelled is no object."""
VOC_IDS: tuple[int, ...] = tuple(range(1, len(VOC_CLASSES) + 1))
Result = dict[str, Any]


class AnySegmenter(Protocol):
    """What evaluation needs of a `Segmenter`."""

    def analyze(self, photo: Any) -> AnyScene: ...  # noqa: D102


def evaluate(
    segmenter: AnySegmenter,
    datasets: Mapping[str, Sequence[AnySample]],
    *,
    weights: str | None = None,
    config: Mapping[str, Any] | None = None,
    quick: bool = False,
    limit: int | None = None,
    rivals: Mapping[str, Partitioner] | None = None,
    scores: dict[str, list[PhotoScores]] | None = None,
    progress: bool = True,
) -> Result:
    """Score a segmenter on sets of labelled photos.

    Args:
        segmenter: makes a scene of an (H, W, 3) uint8 array.
        datasets: samples by set name.
        weights: sha256 of the weights, written into the result.
        config: the config that ran, written into the result.
        quick: one click an object, no jitter; those figures are null.
        limit: at most so many photos a set, evenly spread over its list.
        rivals: other partition methods to score beside ours on sets of partitions.
        scores: filled with every photo's scores by set, for who wants more than their means.
        progress: show a progress bar.

    Returns:
        {"sets": `summarize_set` of each, "weights", "config"}; a figure that a set cannot give is
        None.

    Raises:
        DatasetError: there is no set, or one without photos.
    """
    if not datasets:
        raise DatasetError("no set to evaluate on: name at least one folder")
    sets = {}
    for name, samples in datasets.items():
        picks = _spread(len(samples), limit)
        if not picks:
            raise DatasetError(f"the set {name!r} has no photo to evaluate on")
        bar = tqdm(picks, desc=name, unit="photo", disable=not progress)
        first = samples[picks[0]]
        photos = [score_photo(segmenter, samples[i], quick=quick, rivals=rivals) for i in bar]
        sets[name] = summarize_set(photos, first, quick=quick)
        if scores is not None:
            scores[name] = photos
    return {"sets": sets, "weights": weights, "config": dict(config or {})}


def evaluate_folders(
    folders: Sequence[str | Path],
    *,
    split: str = "val",
    weights: str | Path | None = None,
    config: SceneConfig | None = None,
    quick: bool = False,
    limit: int | None = None,
    rivals: bool = False,
    scores: dict[str, list[PhotoScores]] | None = None,
    progress: bool = True,
) -> Result:
    """`dmlseg eval --data FOLDER... [--split] [--weights] [--quick] [--limit] [--rivals]`.

    Raises:
        DatasetError: a folder is missing, empty, or named like another one.
        WeightsError: the weights cannot be used.
    """
    from dmlseg_core.scene import Segmenter  # noqa: PLC0415  # torch: only when it runs
    from dmlseg_core.train.evaluate.rivals import RIVALS  # noqa: PLC0415  # scikit-image is an extra

    datasets = open_folders(folders, split)
    config = config or SceneConfig()
    segmenter = Segmenter.load(weights, config=config)
    return evaluate(
        segmenter,
        datasets,
        weights=segmenter.weights,
        config={**config.to_dict(), "split": split, "quick": quick, "limit": limit},
        quick=quick,
        limit=limit,
        rivals=RIVALS if rivals else None,
        scores=scores,
        progress=progress,
    )


def open_folders(folders: Sequence[str | Path], split: str) -> dict[str, Sequence[AnySample]]:
    """One set per VOC folder or COCO file, by its name; DatasetError when two share a name."""
    from dmlseg_core.train.data import open_set, set_names  # noqa: PLC0415

    names = set_names(folders)
    return {name: open_set(path, split) for name, path in zip(names, folders, strict=True)}


def _spread(photos: int, limit: int | None) -> list[int]:
    if limit is None or limit >= photos:
        return list(range(photos))
    return [int(i) for i in np.linspace(0, photos - 1, limit).round()]


def score_photo(
    segmenter: AnySegmenter,
    sample: AnySample,
    *,
    quick: bool = False,
    rivals: Mapping[str, Partitioner] | None = None,
) -> PhotoScores:
    """Analyse one photo, time it up to its proposals, and score it."""
    start = time.perf_counter()
    scene = segmenter.analyze(sample.image)
    analyzed = time.perf_counter()
    proposals = list(scene.propose())
    proposed = time.perf_counter()
    if sample.rule.partition:
        scores = score_regions(sample, scene, dict(rivals or {}))
    else:
        scores = score_objects(sample, scene, proposals, quick=quick)
    scores.pass_seconds, scores.seconds = analyzed - start, proposed - start
    return scores


def summarize_set(photos: Sequence[PhotoScores], like: AnySample, *, quick: bool = False) -> Result:
    """One set's entry of the JSON.

    Args:
        photos: every photo's scores.
        like: any sample of the set; its rule says what the set can give.
        quick: only one click was made an object.
    """
    one_click = quick or like.rule.partition
    after = (1,) if one_click else AFTER
    complete = like.rule.background in COMPLETE_BACKGROUND and not like.rule.partition
    clicks = {n: mean_score([_after(p.runs, n) for p in photos]) for n in after}
    hasty = {n: mean_score([_after(p.jitter, n) for p in photos]) for n in after}
    return {
        "photos": len(photos),
        "objects": sum(p.objects for p in photos),
        "objects_left_out": sum(p.left_out for p in photos),
        **_precision(photos, "map_r", VOC_IDS, agnostic=False),
        **(
            _precision(photos, "map_r_agnostic", (1,), agnostic=True)
            if complete
            else {"map_r_agnostic": None, "map_r_agnostic_ci": None}
        ),
        "iou_after_clicks": {str(n): _value(clicks.get(n)) for n in AFTER},
        "iou_after_clicks_ci": {str(n): _interval(clicks.get(n)) for n in AFTER},
        "iou_after_clicks_jitter": {str(n): _value(hasty.get(n)) for n in AFTER}
        if any(hasty.values())
        else None,
        "noc85": None if one_click else _noc(photos, 0.85),
        "noc90": None if one_click else _noc(photos, 0.90),
        **_parts(photos),
        **_regions(photos),
        "seconds_per_photo": float(np.median([p.seconds for p in photos])),
        "seconds_per_pass": float(np.median([p.pass_seconds for p in photos])),
    }


def _precision(
    photos: Sequence[PhotoScores], name: str, ids: Sequence[int], *, agnostic: bool
) -> Result:
    found = [p.detections for p in photos if p.detections is not None]
    if agnostic:
        found = [d.agnostic() for d in found]
    scores = {f"{t:g}": mean_average_precision(found, ids, t) for t in THRESHOLDS}
    if not any(scores.values()):
        return {name: None, f"{name}_ci": None}
    return {
        name: {t: _value(s) for t, s in scores.items()},
        f"{name}_ci": {t: _interval(s) for t, s in scores.items()},
    }


def _after(runs: Sequence[ClickRun], clicks: int) -> Any:
    return np.array([run.after(clicks) for run in runs], np.float64)


def _value(score: Score | None) -> float | None:
    return None if score is None else score.value


def _interval(score: Score | None) -> list[float] | None:
    return None if score is None else [score.low, score.high]


def _noc(photos: Sequence[PhotoScores], iou: float) -> float | None:
    return _value(mean_score([np.array([r.clicks_to(iou) for r in p.runs]) for p in photos]))


PART_FIGURES = ("iou_part", "iou_whole", "iou_part_default", "iou_whole_default",
                "iou_part_offered", "iou_whole_offered")  # fmt: skip


def _parts(photos: Sequence[PhotoScores]) -> Result:
    return {
        name: _value(mean_score([p.parts[:, column] for p in photos]))
        for column, name in enumerate(PART_FIGURES)
    }


def _regions(photos: Sequence[PhotoScores]) -> Result:
    if not photos[0].levels:
        return {"boundary_f": None, "covering": None}
    out: Result = {}
    for method in photos[0].levels:
        best = summarize([p.levels[method] for p in photos])
        entry: Result = {
            "boundary_f": {"ods": best.boundary_ods, "ois": best.boundary_ois},
            "covering": {"ods": best.covering_ods, "ois": best.covering_ois},
        }
        if method == "ours":
            out.update(entry)
            continue
        each = np.concatenate([p.level_clicks[method] for p in photos], axis=1).mean(axis=1)
        entry["iou_after_clicks"] = {"1": float(each.max()), "3": None, "5": None}
        out.setdefault("rivals", {})[method] = entry
    return out
