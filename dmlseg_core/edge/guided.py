"""The guided filter's local linear fits, made at reduced size and read at single pixels.

He, Sun, Tang, "Guided image filtering", 2013, in the fast form of He and Sun 2015: windows of
radius r need their coefficients only about every r / 3 pixels. They are read where the edge band
is, so that a 50 MP photo is never held as floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Places: TypeAlias = NDArray[np.intp]

_ROW = 4096
_LEAST_VARIANCE = 1e-4
_UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
_SHARPEN = 4.0
"""Contrast between passes: a step over about one cell of the reduced grid."""


@dataclass(frozen=True, eq=False)
class GuidedFit:
    """goal ~ slope . rgb + offset in windows about each cell of a reduced grid.

    Attributes:
        linear: (h, w, 4) float32: the slope of each channel (of rgb in 0..1), and the offset.
        trust: (h, w) float32 in [0, 1], the share of the goal's variance that the photo explains.
        size: (H, W) of the photo part.
    """

    linear: Floats
    trust: Floats
    size: tuple[int, int]

    @classmethod
    def of(
        cls, goal: NDArray[Any], rgb: Pixels, radius: int, *, eps: float, step: int, passes: int = 1
    ) -> GuidedFit:
        """Fit (H, W) `goal` (uint8 0..255 or float32 0..1) to (H, W, 3) `rgb`.

        Args:
            goal: what to explain.
            rgb: the guide.
            radius: half width of the windows in photo pixels.
            eps: variance of the guide (0..1 units) below which a window counts as flat.
            step: photo pixels along one cell of the reduced grid.
            passes: a further pass fits what the last one found, its edge made sharp again.
        """
        height, width = goal.shape
        small = max(1, round(width / step)), max(1, round(height / step))
        guide = _scaled(resized(rgb, small, cv2.INTER_AREA))
        target = _scaled(resized(goal, small, cv2.INTER_AREA))
        linear, trust = _fit(guide, target, max(1, radius // step), eps)
        for _ in range(passes - 1):
            found = (linear[..., :3] * guide).sum(axis=2) + linear[..., 3]
            target = np.clip((found - 0.5) * np.float32(_SHARPEN) + 0.5, 0.0, 1.0)
            linear, trust = _fit(guide, target, max(1, radius // step), eps)
        return cls(linear, trust, (height, width))

    @classmethod
    def between(
        cls, goal: Floats, guide: Floats, size: tuple[int, ...], radius: int, eps: float
    ) -> GuidedFit:
        """Fit (h, w) `goal` to (h, w, 3) colors in 0..1 that are (H, W) = `size` made small."""
        linear, trust = _fit(guide, goal, radius, eps)
        return cls(linear, trust, (size[0], size[1]))

    def at(self, rgb: Pixels, rows: Places, columns: Places) -> Floats:
        """(N,) float32, not clipped: the filtered goal at pixels of the (H, W, 3) photo part."""
        linear = sample(self.linear, self.size, rows, columns)
        red, green, blue = _scaled(rgb[rows, columns].T)
        found = linear[:, 0] * red + linear[:, 1] * green + linear[:, 2] * blue
        filtered: Floats = found + linear[:, 3]
        return filtered


def _scaled(levels: NDArray[Any]) -> Floats:
    """Integers of any width as floats 0..1; floats as they are."""
    if np.issubdtype(levels.dtype, np.floating):
        return np.asarray(levels, np.float32)
    return levels * np.float32(1 / np.iinfo(levels.dtype).max)


def resized(array: NDArray[Any], size: tuple[int, int], how: int) -> NDArray[Any]:
    """cv2.resize to (width, height) that keeps every axis, also those of length 1."""
    out = cv2.resize(array, size, interpolation=how)
    return np.asarray(out, array.dtype).reshape(size[1], size[0], *array.shape[2:])


def sample(grid: Floats, size: tuple[int, int], rows: Places, columns: Places) -> Floats:
    """Bilinear samples of a (h, w) or (h, w, c <= 4) grid that covers (H, W) pixels: (N, ...)."""
    count, tail = rows.size, grid.shape[2:]
    padded = (
        max(1, -(-count // _ROW)) * _ROW
    )  # cv2.remap takes pictures, no lists, of sides below 32768

    def places(at: Places, axis: int) -> Floats:
        place = np.zeros(padded, np.float32)
        place[:count] = (at + 0.5) * (grid.shape[axis] / size[axis]) - 0.5
        return place.reshape(-1, _ROW)

    x, y = places(columns, 1), places(rows, 0)
    read = cv2.remap(grid, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(read, np.float32).reshape(padded, *tail)[:count]


def _fit(guide: Floats, goal: Floats, radius: int, eps: float) -> tuple[Floats, Floats]:
    """Window means of the best fit of (h, w) goal: slope and offset (h, w, 4), trust (h, w)."""

    def mean(plane: Floats) -> Floats:
        size = (2 * radius + 1, 2 * radius + 1)
        # Reflection: replicating the last row would weigh it as a flat, textureless margin.
        averaged = cv2.boxFilter(plane, -1, size, borderType=cv2.BORDER_REFLECT)
        return np.asarray(averaged, np.float32)

    def covariance(i: int, j: int) -> Floats:
        return mean(planes[i] * planes[j]) - means[i] * means[j]

    planes = [*np.ascontiguousarray(guide.transpose(2, 0, 1)), goal]
    means = [mean(plane) for plane in planes]
    matrix = {(i, j): covariance(i, j) + np.float32(eps * (i == j)) for i, j in _UPPER}
    cross = [covariance(i, 3) for i in range(3)]
    slope = _solve3(matrix, cross)
    offset = means[3] - slope[0] * means[0] - slope[1] * means[1] - slope[2] * means[2]
    explained = slope[0] * cross[0] + slope[1] * cross[1] + slope[2] * cross[2]
    trust = np.clip(explained / np.maximum(covariance(3, 3), _LEAST_VARIANCE), 0.0, 1.0)
    return np.dstack([mean(plane) for plane in (*slope, offset)]), mean(trust)


def _solve3(matrix: dict[tuple[int, int], Floats], right: list[Floats]) -> list[Floats]:
    """Solve symmetric 3 x 3 systems, a plane for each element of the upper triangle."""
    x, y, z = right
    rows: list[list[Floats]] = invert3(matrix)
    return [row[0] * x + row[1] * y + row[2] * z for row in rows]


def invert3(matrix: Mapping[tuple[int, int], Any]) -> list[list[Any]]:
    """Rows of the inverses of symmetric 3 x 3 matrices, given as planes of the upper triangle.

    By cofactors; numpy's solve, made for large matrices, takes ten times as long.
    """
    a, b, c, d, e, f = (matrix[place] for place in _UPPER)
    first = (d * f - e * e, c * e - b * f, b * e - c * d)
    second = (first[1], a * f - c * c, b * c - a * e)
    third = (first[2], second[2], a * d - b * b)
    scale = 1 / (a * first[0] + b * first[1] + c * first[2])
    return [[scale * cofactor for cofactor in row] for row in (first, second, third)]
