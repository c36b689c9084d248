"""The report's plots: vector pictures that read the same on a page and in print.

A set has one color and one marker in all of them; the colors are Okabe and Ito's, which people with
any color vision can tell apart (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dmlseg_core.measure import FloatArray, Score
from dmlseg_core.train.evaluate.curves import Group
from dmlseg_core.train.evaluate.figure import load_matplotlib, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.2
"""Inches: the text width of a printed page."""
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
STYLE: dict[str, Any] = {
    "font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False,
    "svg.hashsalt": "dmlseg",  # the same figures give the same file
}  # fmt: skip
BINS = [k / 20 for k in range(21)]
"""Bounds of the histogram's bars."""
Marks = Mapping[str, dict[str, Any]]
"""How each set is drawn."""


def marks_of(names: Sequence[str]) -> Marks:
    """Color and marker of each set, by its place in the list."""
    return {
        name: {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
        for k, name in enumerate(names)
    }


def draw_precision_recall(
    panels: Mapping[str, Mapping[str, tuple[FloatArray, FloatArray]]], marks: Marks, path: Path
) -> Path:
    """Precision against recall, a panel a kind of average, a line a set."""
    with _style():
        figure = new_figure(WIDTH, 3.6)
        for axes, (title, curves) in zip(_row(figure, len(panels)), panels.items(), strict=True):
            for name, (recall, precision) in curves.items():
                x, y = np.insert(recall, 0, 0.0), np.insert(precision, 0, precision[0])
                axes.step(x, y, where="pre", color=marks[name]["color"], label=name)
            axes.set(title=title, xlabel="recall", xlim=(0, 1), ylim=(0, 1.02))
        figure.axes[0].set_ylabel("precision")
        _legend(figure)
        return _save(figure, path)


def draw_clicks(curves: Mapping[str, Sequence[Score]], marks: Marks, path: Path) -> Path:
    """Mean IoU against the number of clicks, its interval as a band."""
    with _style():
        figure = new_figure(WIDTH, 3.8)
        axes = figure.subplots()
        for name, scores in curves.items():
            clicks = np.arange(1, len(scores) + 1)
            low, high = ([getattr(s, end) for s in scores] for end in ("low", "high"))
            axes.fill_between(clicks, low, high, color=marks[name]["color"], alpha=0.15, lw=0)
            axes.plot(clicks, [s.value for s in scores], label=name, markersize=3, **marks[name])
        axes.set(xlabel="clicks on the object", ylabel="mean IoU")
        axes.set_ylim(top=1)
        axes.set_xticks([1, 3, 5, 10, 15, 20])
        _legend(figure)
        return _save(figure, path)


def draw_sizes(groups: Mapping[str, Sequence[Group]], marks: Marks, path: Path) -> Path:
    """Mean 1-click IoU by size of the object, a panel a set, the number of objects beneath."""
    names = list(dict.fromkeys(g.name for own in groups.values() for g in own))
    names.sort(key=lambda name: float(name.split("-")[0]))
    with _style():
        figure, panels = _panels(groups, "object's share of the photo, %", "mean IoU after 1 click")
        for axes, (name, own) in zip(panels, groups.items(), strict=True):
            x = [names.index(g.name) for g in own]
            _whiskers(axes, x, [g.score for g in own], marks[name])
            for at, group in zip(x, own, strict=True):
                axes.text(at, 0.02, f"{group.objects}", ha="center", fontsize=7, color="0.35")
            axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
            axes.set(title=name, xlim=(-0.5, len(names) - 0.5), ylim=(0, 1.02))
        return _save(figure, path)


def draw_classes(groups: Mapping[str, Sequence[Group]], marks: Marks, path: Path) -> Path:
    """Mean 1-click IoU by class, a row a class, a point a set; the easiest class on top."""
    pooled: dict[str, list[Group]] = {}
    for own in groups.values():
        for group in own:
            pooled.setdefault(group.name, []).append(group)
    names = sorted(pooled, key=lambda name: _mean_of(pooled[name]))
    with _style():
        figure = new_figure(WIDTH, 1.3 + 0.24 * len(names))
        axes = figure.subplots()
        for name, own in groups.items():
            y = [names.index(g.name) + _shift(pooled[g.name], g) for g in own]
            _whiskers(axes, y, [g.score for g in own], marks[name], sideways=True, label=name)
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="mean IoU after 1 click", xlim=(0, 1), ylim=(-0.7, len(names) - 0.3))
        axes.grid(axis="y", alpha=0.25)
        _legend(figure)
        return _save(figure, path)


def draw_histograms(ious: Mapping[str, FloatArray], marks: Marks, path: Path) -> Path:
    """How the 1-click IoU of a set's objects is spread, a panel a set."""
    with _style():
        figure, panels = _panels(ious, "IoU after 1 click", "share of the objects, %")
        for axes, (name, values) in zip(panels, ious.items(), strict=True):
            weights = np.full(len(values), 100 / len(values))
            axes.hist(values, BINS, weights=weights, color=marks[name]["color"])
            axes.set(title=name, xlim=(0, 1))
        return _save(figure, path)


def draw_time_quality(
    times: Sequence[tuple[int, float]],
    panels: Mapping[str, Mapping[str, Sequence[Score]]],
    marks: Marks,
    path: Path,
) -> Path:
    """Quality against the time of a pass, a point a long side, a panel a figure, a line a set.

    Args:
        times: (long side in pixels, milliseconds), in any order.
        panels: by title, by set, a score for each of `times`.
        marks: how each set is drawn.
        path: where to.
    """
    order = sorted(range(len(times)), key=lambda k: times[k][0])
    x = [times[k][1] for k in order]
    with _style():
        figure = new_figure(WIDTH, 3.6)
        for axes, (title, curves) in zip(_row(figure, len(panels)), panels.items(), strict=True):
            for name, scores in curves.items():
                own = [scores[k] for k in order]
                _whiskers(axes, x, own, marks[name], label=name, line="-")
            axes.set(xlabel="network pass, ms", ylabel=title)
            axes.set_xlim(0, 1.08 * max(x))
            top = axes.secondary_xaxis("top")
            top.set_xticks(x, [f"{times[k][0]}" for k in order], fontsize=7)
            top.set_xlabel("long side of the input, pixels", fontsize=8)
        _legend(figure)
        return _save(figure, path)


def _style() -> Any:
    return load_matplotlib().rc_context(STYLE)


def _shift(row: Sequence[Group], group: Group) -> float:
    """Sets that share a row stand a little above one another, the first one on top."""
    place = next(k for k, other in enumerate(row) if other is group)  # equal ones may meet here
    return 0.22 * ((len(row) - 1) / 2 - place)


def _mean_of(groups: Sequence[Group]) -> float:
    objects = [g.objects for g in groups]
    return float(np.average([g.score.value for g in groups], weights=objects))


def _row(figure: Figure, count: int) -> list[Axes]:
    return list(np.atleast_1d(figure.subplots(1, count, squeeze=True)))


def _panels(sets: Mapping[str, Any], xlabel: str, ylabel: str) -> tuple[Figure, list[Axes]]:
    """A panel a set, three in a row, with one label for all of each kind of axis."""
    columns = min(3, len(sets))
    rows = -(-len(sets) // columns)
    figure = new_figure(WIDTH, 0.7 + 2.0 * rows)
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for axes in panels[len(sets) :]:
        axes.remove()
    figure.supxlabel(xlabel, fontsize=9)
    figure.supylabel(ylabel, fontsize=9)
    return figure, panels[: len(sets)]


def _whiskers(
    axes: Axes,
    at: Sequence[float],
    scores: Sequence[Score],
    mark: Mapping[str, Any],
    *,
    sideways: bool = False,
    line: str = "",
    label: str | None = None,
) -> None:
    """Points with their 95 % intervals."""
    values = np.array([s.value for s in scores])
    # an interval of resampled photos need not hold the figure itself; a whisker must be >= 0
    ends = np.array([[s.value - s.low for s in scores], [s.high - s.value for s in scores]])
    where: dict[str, Any] = {"xerr" if sideways else "yerr": np.nan_to_num(np.maximum(ends, 0))}
    x, y = (values, at) if sideways else (at, values)
    axes.errorbar(
        x, y, **where, label=label, linestyle=line or "none", markersize=4, elinewidth=0.8, **mark
    )


def _legend(figure: Figure) -> None:
    """One legend for all panels, beneath them."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=7, frameon=False)


def _save(figure: Figure, path: Path) -> Path:
    return save_figure(figure, path, metadata={"Date": None})
