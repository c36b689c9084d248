"""Several clicks on one object: the first one's mask, corrected where the others say so.

Gaussian-process regression (Rasmussen and Williams 2006, eq. 2.38; kriging): the first click's
level is the prior mean, every click an observation of +1 or -1, and two cells are alike by

    k(p, q) = exp(-||e_p - e_q||^2 / length) * (far + (1 - far) * exp(-||x_p - x_q||^2 / r^2))

so that a click changes what looks like it, most of all around it, and nothing else: `reach` says
how far around. A closed form of a few milliseconds. length, far and what `reach` reads are the
weights' own (`model.DataSheet`), chosen on training photos (docs/lab/clicks.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.model import DataSheet

Floats = NDArray[np.float32]

_NOISE = 1e-2  # of an observation: clicks of both kinds on equal cells average out
_LEAST = 1e-3  # level of a click where the process gives it the other sign


def corrected(
    mean: Floats,
    distances2: Sequence[Floats],
    places: Sequence[tuple[float, float]],
    signs: Sequence[int],
    sheet: DataSheet,
) -> Floats:
    """Posterior mean of the level after P clicks.

    Args:
        mean: (h, w) level of the first click, in [-1, 1], its edge at 0.
        distances2: P maps (h, w), squared distances of every cell to a click's vector.
        places: P exact positions (y, x) on the grid, in cells (`Frame.place_of`).
        signs: P times +1 (belongs to the object) or -1.
        sheet: of the weights that the vectors come from.

    Returns:
        (h, w) float32 in [-1, 1]; >= 0 is inside. Clicked cells have the sign they were given, a
        cell that was given both is inside; and so has what is read between the cells at the very
        place, unless a click of the other sign is on one of them.
    """
    cells = [(math.floor(y + 0.5), math.floor(x + 0.5)) for y, x in places]
    rows, columns = (np.array(axis) for axis in zip(*cells, strict=True))
    h, w = mean.shape
    y, x = np.arange(h)[:, None], np.arange(w)
    around = reach(mean.shape, cells, signs, sheet)
    alike = np.empty((len(cells), h, w))
    for k, d2 in enumerate(distances2):
        apart2 = (y - rows[k]) ** 2 + (x - columns[k]) ** 2
        near = np.exp(-apart2 / around**2)
        alike[k] = np.exp(-d2 / sheet.length) * (sheet.far + (1 - sheet.far) * near)
    between = alike[:, rows, columns]  # (P, P)
    between = (between + between.T) / 2 + _NOISE * np.eye(len(cells))
    wanted = np.asarray(signs, float)
    gain = np.linalg.solve(between, wanted - mean[rows, columns])
    level = np.clip(mean + np.tensordot(gain, alike, 1), -1, 1).astype(np.float32)
    clicks = sorted(zip(signs, places, cells, strict=True))  # those that add have the last word
    for sign, place, _ in clicks:
        _settle(level, place, sign)
    for sign, _, cell in clicks:
        level[cell] = sign * max(sign * level[cell], _LEAST)
    return level


def _settle(level: Floats, place: tuple[float, float], sign: int) -> None:
    """Give the cells about a clicked place the click's sign, in place, where what is read between
    them at that place has the other.
    """
    y, x = (min(int(at), max(side - 2, 0)) for at, side in zip(place, level.shape, strict=True))
    four = level[y : y + 2, x : x + 2]
    down, across = place[0] - y, place[1] - x
    weights = np.outer((1 - down, down), (1 - across, across))[: len(four), : four.shape[1]]
    if sign * (weights * four).sum() < _LEAST / 2:
        four[...] = sign * np.maximum(sign * four, _LEAST)


def reach(
    shape: tuple[int, ...],
    cells: Sequence[tuple[int, int]],
    signs: Sequence[int],
    sheet: DataSheet,
) -> float:
    """r of the kernel, in cells: `sheet.reach`, or less where clicks of different sign are close.

    Args:
        shape: (h, w) of the grid.
        cells: P cells (y, x).
        signs: P times +1 or -1.
        sheet: of the weights.

    Returns:
        More than 0. Cells that were given both signs do not shorten it.
    """
    plus, minus = (
        np.array([c for c, s in zip(cells, signs, strict=True) if s == sign]).reshape(-1, 2)
        for sign in (1, -1)
    )
    gaps = np.hypot(*np.moveaxis(plus[:, None] - minus, -1, 0))
    nearest = float(gaps[gaps > 0].min(initial=np.inf))
    return min(sheet.reach * max(shape), sheet.apart * nearest)
