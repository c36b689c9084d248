"""The curves of a run's log as a picture, and what every plot of ours shares."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import DatasetError, MissingExtraError
from dmlseg_core.photo import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVES = ("loss", "embedding", "classification", "overlap")
OPTIONAL = ("naming",)
"""Parts of the loss that older logs have no column for; drawn where a run has them."""


def load_matplotlib() -> Any:
    """The matplotlib package, with its figures; it is an extra, and slow to load.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import matplotlib.figure  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("plots need matplotlib: pip install '.[train]'") from None
    return matplotlib


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, so many inches wide and high, without pyplot's global state.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure: Figure = load_matplotlib().figure.Figure(figsize=(width, height), layout="constrained")
    return figure


def save_figure(figure: Figure, path: Path, **options: Any) -> Path:
    """Write a figure whole or not at all, in the format of the suffix (.png, .svg).

    Raises:
        ExportError: it cannot be written.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lstrip(".") or "png", **options)
    return write_bytes(picture.getvalue(), path)


def read_log(path: Path) -> dict[str, NDArray[np.float64]]:
    """Columns of a run's log.csv by name; a last row that a kill cut short is left out.

    Those of `OPTIONAL` are there where they are not 0 throughout.

    Raises:
        DatasetError: no log there, or no row in it.
    """
    try:
        with path.open(newline="") as file:
            rows = [r for r in csv.DictReader(file) if all(r.get(c) for c in ("step", *CURVES))]
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error})") from None
    if not rows:
        raise DatasetError(f"{path} holds no step yet")
    columns = {c: np.array([float(r[c]) for r in rows]) for c in ("step", *CURVES)}
    more = {c: np.array([float(r.get(c) or 0) for r in rows]) for c in OPTIONAL}
    return columns | {c: values for c, values in more.items() if values.any()}


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Running mean over the last `window` values (fewer at the start); same length."""
    sums = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))


def plot_log(log: Path, path: Path, window: int = 50) -> Path:
    """Draw the loss and its parts over the steps: each step pale, its running mean on top.

    Args:
        log: a run's log.csv.
        path: a .png or .svg to write.
        window: steps of the running mean.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DatasetError: the log holds nothing.
        ExportError: the picture cannot be written.
    """
    columns = read_log(log)
    steps = columns.pop("step")
    wide = math.ceil(len(columns) / 2)
    figure = new_figure(5 * wide, 6)
    for axes, name in zip(figure.subplots(2, wide, sharex=True).flat, columns, strict=False):
        axes.plot(steps, columns[name], color="0.8", linewidth=0.5)
        axes.plot(steps, smoothed(columns[name], window), linewidth=1.5)
        axes.set_ylim(0, 1.1 * float(np.quantile(columns[name], 0.98)))
        axes.set(title=name, xlabel="step")
        axes.tick_params(labelbottom=True)  # there may be nothing below that would say it
        axes.grid(alpha=0.3)
    for axes in figure.axes[len(columns) :]:
        axes.remove()
    return save_figure(figure, path, dpi=110)
