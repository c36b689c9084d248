"""The guided filter's local linear fits, made at reduced size and read at single pixels.

He, Sun, Tang, "Guided image filtering", 2013, in the fast form of He and Sun 2015: windows of
radius r need their coefficients only about every r / 3 pixels. They are read where the edge band
is, so that a 50 MP photo is never held as floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Places: TypeAlias = NDArray[np.intp]
Planes: TypeAlias = NDArray[Any]
"""(h, w), float32 or float64."""

_ROW = 4096
_LEAST_VARIANCE = 1e-4
_UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
_SHARPEN = 4.0
"""Contrast between passes: a step over about one cell of the reduced grid."""


@dataclass(frozen=True, eq=False)
class Windows:
    """What the windows about each cell of a guide have in common, whatever is fitted in them.

    Attributes:
        planes: three (h, w) float32, the guide.
        minus: of each, its mean in the window, negative.
        factors: of the covariances with eps added, as `factored` gives them.
        radius: half width of a window.
    """

    planes: list[Floats]
    minus: list[Floats]
    factors: tuple[Floats, ...]
    radius: int

    @classmethod
    def of(cls, guide: Floats, radius: int, eps: float) -> Windows:
        """Of a (h, w, 3) guide in 0..1; `eps` is the variance below which a window is flat."""
        planes = [*np.ascontiguousarray(guide.transpose(2, 0, 1))]
        means = [_mean(plane, radius) for plane in planes]
        minus = [-mean for mean in means]
        matrix = []
        for i, j in _UPPER:
            matrix.append(_mean(planes[i] * planes[j], radius))
            _add_product(means[i], minus[j], matrix[-1])
            if i == j:
                matrix[-1] += np.float32(eps)
        return cls(planes, minus, factored(matrix), radius)

    def fit(self, goal: Floats) -> Fit:
        """The best fit of a (h, w) goal."""
        mean = _mean(goal, self.radius)
        cross = [_mean(plane * goal, self.radius) for plane in self.planes]
        for covariance, minus in zip(cross, self.minus, strict=True):
            _add_product(minus, mean, covariance)
        slope, offset = solved(self.factors, cross), mean.copy()
        for own, minus in zip(slope, self.minus, strict=True):
            _add_product(own, minus, offset)
        linear = [_mean(plane, self.radius) for plane in (*slope, offset)]
        return Fit(self, goal, mean, cross, slope, linear)


@dataclass(frozen=True, eq=False)
class Fit:
    """goal ~ slope . guide + offset, window means of what each window says.

    Attributes:
        windows: what it was fitted in.
        goal, mean: what was fitted, and its window means.
        cross: three planes, its covariances with the guide.
        slope: three planes, of each channel in each cell's own window.
        linear: four planes: the slopes and the offset, means of the windows that hold a cell.
    """

    windows: Windows
    goal: Floats
    mean: Floats
    cross: list[Floats]
    slope: list[Floats]
    linear: list[Floats]

    @property
    def trust(self) -> Floats:
        """(h, w) in [0, 1], the share of the goal's variance that the guide explains."""
        variance = _mean(self.goal * self.goal, self.windows.radius) - self.mean * self.mean
        np.maximum(variance, _LEAST_VARIANCE, out=variance)
        share = np.divide(_dot(self.slope, self.cross), variance, out=variance)
        return _mean(np.clip(share, 0.0, 1.0, out=share), self.windows.radius)

    @property
    def found(self) -> Floats:
        """(h, w): the goal as the guide tells it."""
        return _dot(self.linear[:3], self.windows.planes) + self.linear[3]

    def again(self) -> Fit:
        """A further pass: a fit of what this one found, its edge made sharp again."""
        sharp = (self.found - np.float32(0.5)) * np.float32(_SHARPEN) + np.float32(0.5)
        return self.windows.fit(np.clip(sharp, 0.0, 1.0, out=sharp))


def _dot(some: Sequence[Floats], others: Sequence[Floats]) -> Floats:
    total = some[0] * others[0]
    for a, b in zip(some[1:], others[1:], strict=True):
        _add_product(a, b, total)
    return total


def _add_product(a: Planes, b: Planes, total: Planes) -> None:
    """total += a * b, in place: one pass over memory, which is what all of this waits for."""
    cv2.accumulateProduct(a, b, total)


def _mean(plane: Floats, radius: int) -> Floats:
    size = (2 * radius + 1, 2 * radius + 1)
    # Reflection: replicating the last row would weigh it as a flat, textureless margin.
    averaged = cv2.boxFilter(plane, -1, size, borderType=cv2.BORDER_REFLECT)
    return np.asarray(averaged, np.float32)


@dataclass(frozen=True, eq=False)
class GuidedFit:
    """A `Fit` at reduced size, read at single pixels of the photo.

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
        cls, goal: NDArray[Any], rgb: Pixels, radius: int, *, eps: float, step: int
    ) -> GuidedFit:
        """Fit (H, W) `goal` (uint8 0..255 or float32 0..1) to (H, W, 3) `rgb`.

        Args:
            goal: what to explain.
            rgb: the guide.
            radius: half width of the windows in photo pixels.
            eps: variance of the guide (0..1 units) below which a window counts as flat.
            step: photo pixels along one cell of the reduced grid.
        """
        height, width = goal.shape
        small = max(1, round(width / step)), max(1, round(height / step))
        guide, target = (scaled(resized(a, small, cv2.INTER_AREA)) for a in (rgb, goal))
        return cls.between(target, guide, (height, width), max(1, radius // step), eps)

    @classmethod
    def between(
        cls, goal: Floats, guide: Floats, size: tuple[int, ...], radius: int, eps: float
    ) -> GuidedFit:
        """Fit (h, w) `goal` to (h, w, 3) colors in 0..1 that are (H, W) = `size` made small."""
        fit = Windows.of(guide, radius, eps).fit(goal)
        return cls(np.dstack(fit.linear), fit.trust, (size[0], size[1]))

    def at(self, rgb: Pixels, rows: Places, columns: Places) -> Floats:
        """(N,) float32, not clipped: the filtered goal at pixels of the (H, W, 3) photo part."""
        linear = sample(self.linear, self.size, rows, columns)
        red, green, blue = scaled(rgb[rows, columns].T)
        found = linear[:, 0] * red + linear[:, 1] * green + linear[:, 2] * blue
        filtered: Floats = found + linear[:, 3]
        return filtered


def scaled(levels: NDArray[Any]) -> Floats:
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


def factored(matrix: Sequence[Planes]) -> tuple[Planes, ...]:
    """L D L' of symmetric 3 x 3 matrices, given as planes of the upper triangle by rows, which are
    overwritten: what lies under the diagonal of L, negative, and 1 / D.

    Written out; numpy's solve, made for large matrices, takes ten times as long.
    """
    a, b, c, d, e, f = matrix
    first = 1 / a
    low, lower = -first * b, -first * c
    for rest, row, column in ((d, b, low), (e, c, low), (f, c, lower)):
        _add_product(row, column, rest)
    second = 1 / d
    last = -second * e
    _add_product(e, last, f)
    return low, lower, last, first, second, 1 / f


def solved(factors: Sequence[Planes], right: Sequence[Planes]) -> list[Planes]:
    """Three planes that the matrices of `factored` take to the three given."""
    low, lower, last, first, second, third = factors
    x, y, z = right[0], right[1].copy(), right[2].copy()
    _add_product(low, x, y)
    _add_product(lower, x, z)
    _add_product(last, y, z)
    x, y, z = x * first, y * second, z * third
    _add_product(last, z, y)
    _add_product(low, y, x)
    _add_product(lower, z, x)
    return [x, y, z]
