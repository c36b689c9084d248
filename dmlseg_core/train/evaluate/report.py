"""`dmlseg eval --report DIR`: a run's figures as a page in Markdown, with plots beside it.

report.md is of an evaluation, sweep.md of a sweep; they do not get into each other's way, so one
folder can hold both. The plots are SVG: sharp on any screen and in print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dmlseg_core.errors import ExportError
from dmlseg_core.measure import Score
from dmlseg_core.photo import write_bytes
from dmlseg_core.train.evaluate.curves import (
    Group,
    after_clicks,
    by_class,
    by_size,
    first_ious,
    precision_recall,
)
from dmlseg_core.train.evaluate.figure import load_matplotlib
from dmlseg_core.train.evaluate.photo_scores import PhotoScores
from dmlseg_core.train.evaluate.plots import (
    Marks,
    draw_classes,
    draw_clicks,
    draw_histograms,
    draw_precision_recall,
    draw_sizes,
    draw_time_quality,
    marks_of,
)
from dmlseg_core.train.evaluate.sets import VOC_IDS, Result
from dmlseg_core.train.evaluate.tables import cell, markdown_table, more_scores_table, scores_table

Scores = Mapping[str, Sequence[PhotoScores]]
"""Every photo's scores by set, as `evaluate` fills them in."""
PAGE, SWEEP_PAGE = "report.md", "sweep.md"
IOU = 0.5
"""IoU at which a detection of the precision-recall curves is right."""


def prepare(folder: Path) -> Path:
    """Make the folder, and say now what would else be found out after the evaluation.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ExportError: the folder cannot be made.
    """
    load_matplotlib()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder} cannot be made ({error.strerror or error})") from None
    return folder


def write_report(folder: Path, result: Result, scores: Scores) -> Path:
    """Write report.md and its plots.

    Args:
        folder: an existing folder.
        result: the JSON of `evaluate`.
        scores: what it was averaged from.

    Returns:
        The page.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ExportError: a file cannot be written.
    """
    marks = marks_of(list(scores))
    parts = [
        "# Evaluation", _about(result), scores_table(result), more_scores_table(result),
        _precision_recall(folder, result, scores, marks), _clicks(folder, result, scores, marks),
        _sizes(folder, scores, marks), _classes(folder, scores, marks),
        _histograms(folder, scores, marks),
    ]  # fmt: skip
    return _write_page(folder / PAGE, parts)


def write_sweep_report(folder: Path, result: Result) -> Path:
    """Write sweep.md: the ablation table and, where the input size was swept, its plot.

    Args:
        folder: an existing folder.
        result: the JSON of `sweep_folders`.

    Returns:
        The page.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ExportError: a file cannot be written.
    """
    title = "# Sweep: one value varied at a time around the config"
    parts = [title, _about(result), _time_quality(folder, result["sweep"]), result["markdown"]]
    return _write_page(folder / SWEEP_PAGE, parts)


def _write_page(path: Path, parts: Sequence[str]) -> Path:
    text = "\n\n".join(part.strip() for part in parts if part)
    return write_bytes(f"{text}\n".encode(), path)


def _about(result: Result) -> str:
    config = ", ".join(f"{k} {v}" for k, v in result["config"].items() if v is not None)
    return f"Weights, sha256: `{result['weights']}`. Config: {config}."


def _precision_recall(folder: Path, result: Result, scores: Scores, marks: Marks) -> str:
    by_kind: dict[str, Any] = {"mean over VOC's classes": {}, "any class": {}}
    for name, photos in scores.items():
        found = [p.detections for p in photos if p.detections is not None]
        named = precision_recall(found, VOC_IDS, IOU)
        if named is not None:
            by_kind["mean over VOC's classes"][name] = named
        if result["sets"][name]["map_r_agnostic"] is not None:
            blind = precision_recall([d.agnostic() for d in found], (1,), IOU)
            by_kind["any class"][name] = blind
    panels = {title: curves for title, curves in by_kind.items() if curves}
    return _section(
        folder / "precision_recall",
        panels,
        draw_precision_recall,
        marks,
        title="Precision and recall",
        caption=(
            "Proposals against objects at IoU .5. The area under a line is the table's figure: "
            "mAP^r@.5 for the mean over VOC's classes; AP@.5 for any class, where labels are "
            "complete."
        ),
    )


def _clicks(folder: Path, result: Result, scores: Scores, marks: Marks) -> str:
    figures = {name: entry["iou_after_clicks"] for name, entry in result["sets"].items()}
    several = [name for name in scores if figures[name]["3"] is not None]
    curves = {name: after_clicks(scores[name]) for name in several}
    return _section(
        folder / "iou_by_clicks",
        curves,
        draw_clicks,
        marks,
        title="IoU against clicks",
        caption=(
            "Mean over the objects with its 95 % interval over photos. From the sixth click on, "
            "an object that has reached IoU .9 is clicked no more and keeps its IoU."
        ),
    )


def _sizes(folder: Path, scores: Scores, marks: Marks) -> str:
    groups = _of_sets(scores, by_size)
    return _section(
        folder / "iou_by_size",
        groups,
        draw_sizes,
        marks,
        title="IoU after 1 click, by size",
        caption=(
            "By the share of the photo that the object covers; the number of objects is at the "
            "bottom, whiskers are 95 % intervals over photos, from two photos on."
        ),
    )


def _classes(folder: Path, scores: Scores, marks: Marks) -> str:
    groups = _of_sets(scores, by_class)
    rows = [
        (
            group.name,
            name,
            group.objects,
            cell(group.score.value, (group.score.low, group.score.high)),
        )
        for name, own in groups.items()
        for group in sorted(own, key=lambda g: g.score.value)
    ]
    text = _section(
        folder / "iou_by_class",
        groups,
        draw_classes,
        marks,
        title="IoU after 1 click, by class",
        caption=(
            "Whiskers are 95 % intervals over photos, from two photos on. Worst first in the table."
        ),
    )
    return text and f"{text}\n\n{markdown_table(('class', 'set', 'objects', 'IoU [95 %]'), rows)}"


def _of_sets(scores: Scores, grouped: Any) -> dict[str, list[Group]]:
    groups = {name: grouped(photos) for name, photos in scores.items()}
    return {name: own for name, own in groups.items() if own}


def _histograms(folder: Path, scores: Scores, marks: Marks) -> str:
    ious = {name: first_ious(photos) for name, photos in scores.items()}
    ious = {name: values for name, values in ious.items() if len(values)}
    return _section(
        folder / "iou_histogram",
        ious,
        draw_histograms,
        marks,
        title="How the IoU after 1 click is spread",
        caption=(
            "Bars are .05 wide. Of a set that people have partitioned it is the IoU with their "
            "best region under the click."
        ),
    )


def _time_quality(folder: Path, rows: Sequence[Result]) -> str:
    rows = [row for row in rows if row["axis"] == "long_side"]
    if not rows:
        return ""
    names = list(rows[0]["sets"])
    times = [
        (row["value"], 1000 * float(np.mean([row["sets"][n]["seconds_per_pass"] for n in names])))
        for row in rows
    ]
    panels = {
        "mAP$^r$@.5": _scores_of(rows, names, "map_r", "0.5"),
        "mean IoU after 1 click": _scores_of(rows, names, "iou_after_clicks", "1"),
    }
    panels = {title: curves for title, curves in panels.items() if curves}
    draw_time_quality(times, panels, marks_of(names), folder / "time_quality.svg")
    return _pictured(
        "Quality against time, by input size", "time_quality",
        "A pass is decoded pixels to scene, all that comes before a first click: the median over a "
        "set's photos, then the mean over the sets, all in one process. Whiskers are 95 % "
        "intervals over photos.",
    )  # fmt: skip


def _scores_of(
    rows: Sequence[Result], names: Sequence[str], figure: str, key: str
) -> dict[str, list[Score]]:
    """A figure's value and interval at each row, by set; without the sets that cannot give it."""
    out = {}
    for name in names:
        entries = [(row["sets"][name][figure], row["sets"][name][f"{figure}_ci"]) for row in rows]
        if all(values and values[key] is not None for values, _ in entries):
            out[name] = [Score(values[key], *ends[key]) for values, ends in entries]
    return out


def _section(plot: Path, data: Any, draw: Any, marks: Marks, *, title: str, caption: str) -> str:
    """A plot and what it shows; nothing where there is nothing to draw."""
    if not data:
        return ""
    draw(data, marks, plot.with_suffix(".svg"))
    return _pictured(title, plot.name, caption)


def _pictured(title: str, plot: str, caption: str) -> str:
    return f"## {title}\n\n![{title}]({plot}.svg)\n\n{caption}"
