"""`dmlseg eval --sweep`: the paper's ablations over alpha, tau sets, input size and seed budget.

One thing is varied at a time around the shipped config. Constants are chosen on training photos
that were held out (`split="train"` takes exactly those), never on val.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dmlseg_core.config import TAUS, SceneConfig
from dmlseg_core.errors import DatasetError
from dmlseg_core.train.data import held_out
from dmlseg_core.train.evaluate.photo_scores import AnySample, AnyScene
from dmlseg_core.train.evaluate.sets import AnySegmenter, Result, evaluate, open_folders
from dmlseg_core.train.evaluate.tables import cell, markdown_table

ALPHAS: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
LONG_SIDES: tuple[int, ...] = (320, 448, 640, 800)
BUDGETS: tuple[int, ...] = (10, 25, 50, 100)
_HEAD = ("varied", "value", "set", "mAP^r@.5 [95 %]", "mAP^r@.7", "1-click IoU [95 %]", "s / photo")


@dataclass(frozen=True)
class Variant:
    """One row of the ablation table.

    Attributes:
        axis: what is varied: "alpha", "taus", "long_side", "budget".
        value: its value.
        config: the scene config with that value.
        taus: thresholds of the head's that it may choose from; None: all.
    """

    axis: str
    value: Any
    config: SceneConfig
    taus: tuple[float, ...] | None = None


def variants(
    base: SceneConfig | None = None,
    axes: Sequence[str] | None = None,
    taus: tuple[float, ...] = TAUS,
) -> list[Variant]:
    """Every variant around `base`; `axes` keeps only those named, `taus` are the network's own.

    Raises:
        DatasetError: an axis that cannot be swept.
    """
    base = base or SceneConfig()
    sides = sorted({*LONG_SIDES, base.long_side})  # the curve holds what is shipped
    table = {
        "alpha": [Variant("alpha", a, replace(base, alpha=a)) for a in ALPHAS],
        "taus": [Variant("taus", list(t), base, t) for t in _tau_sets(taus)],
        "long_side": [Variant("long_side", s, replace(base, long_side=s)) for s in sides],
        "budget": [Variant("budget", k, replace(base, budget=k)) for k in BUDGETS],
    }
    if unknown := sorted(set(axes or ()) - set(table)):
        raise DatasetError(f"cannot sweep over {unknown}; the axes are {sorted(table)}")
    return [v for axis in (axes or table) for v in table[axis]]


def _tau_sets(taus: tuple[float, ...]) -> list[tuple[float, ...]]:
    """Each alone, all but the last, all but the first, and all."""
    sets = [*((tau,) for tau in taus), taus[:-1], taus[1:], taus]
    return [chosen for chosen in dict.fromkeys(sets) if chosen]


@dataclass
class VariantSegmenter:
    """A segmenter whose scenes read the same network output under another config.

    Attributes:
        inner: analyses the photo, at the variant's long side.
        variant: what is changed.
    """

    inner: Any
    variant: Variant

    def analyze(self, photo: Any) -> AnyScene:
        """Scene of a photo, with the variant's config and taus."""
        scene = self.inner.analyze(photo)
        wanted = scene.taus if self.variant.taus is None else self.variant.taus
        keep = [i for i, tau in enumerate(scene.taus) if tau in wanted]
        taus = tuple(scene.taus[i] for i in keep)
        changed: AnyScene = replace(
            scene, config=self.variant.config, class_probs=scene.class_probs[keep], taus=taus
        )
        return changed


def sweep(
    make: Callable[[SceneConfig], AnySegmenter],
    datasets: Mapping[str, Sequence[AnySample]],
    rows: Sequence[Variant],
    *,
    limit: int | None = None,
    progress: bool = True,
) -> list[Result]:
    """Evaluate every variant (one click an object) on the same photos.

    Args:
        make: a segmenter for a config.
        datasets: samples by set name, held out of training.
        rows: the variants.
        limit: at most so many photos a set.
        progress: show progress bars.

    Returns:
        One {"axis", "value", "sets"} per variant; "sets" as in the JSON of `evaluate`.
    """
    made: dict[int, AnySegmenter] = {}  # a network per input size at most
    table = []
    for row in rows:
        side = row.config.long_side
        inner = made[side] = made.get(side) or make(row.config)
        result = evaluate(
            VariantSegmenter(inner, row), datasets, quick=True, limit=limit, progress=progress
        )
        table.append({"axis": row.axis, "value": row.value, "sets": result["sets"]})
    return table


def sweep_folders(
    folders: Sequence[str | Path],
    *,
    split: str = "train",
    weights: str | Path | None = None,
    config: SceneConfig | None = None,
    axes: Sequence[str] | None = None,
    limit: int | None = 100,
    progress: bool = True,
) -> Result:
    """`dmlseg eval --sweep`: {"sweep": rows, "markdown": table, "weights", "config"}.

    Of the split "train" only the photos that training holds out are used.
    """
    from dmlseg_core.model import load_network  # noqa: PLC0415
    from dmlseg_core.scene import Segmenter  # noqa: PLC0415  # torch: only when it runs

    datasets = open_folders(folders, split)
    if split == "train":
        datasets = {name: held_out(samples) for name, samples in datasets.items()}
    base, (network, entry) = config or SceneConfig(), load_network(weights)
    table = sweep(
        lambda changed: Segmenter.load(weights, config=changed),
        datasets,
        variants(base, axes, network.config.taus),
        limit=limit,
        progress=progress,
    )
    return {
        "sweep": table,
        "markdown": markdown(table),
        "weights": entry["sha256"],
        "config": {**base.to_dict(), "split": split, "limit": limit},
    }


def markdown(table: Sequence[Result]) -> str:
    """The ablation as a markdown table, a row per variant and set."""
    rows = []
    for row in table:
        for name, figures in row["sets"].items():
            map_r, ci = figures["map_r"] or {}, figures["map_r_ci"] or {}
            click, click_ci = figures["iou_after_clicks"], figures["iou_after_clicks_ci"]
            rows.append((
                row["axis"], row["value"], name,
                cell(map_r.get("0.5"), ci.get("0.5")), cell(map_r.get("0.7")),
                cell(click["1"], click_ci["1"]), cell(figures["seconds_per_photo"]),
            ))  # fmt: skip
    return markdown_table(_HEAD, rows) + "\n"
