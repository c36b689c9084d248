"""Corrections by hand: brush strokes and a box, applied to the grid after all clicks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import Range
from dmlseg_core.errors import ParameterError
from dmlseg_core.scene.frame import Frame

Floats: TypeAlias = NDArray[np.float32]
Box: TypeAlias = tuple[float, float, float, float]
"""(top, left, bottom, right) in photo pixels."""
SOFTNESS = Range("soft", 0.0, 1.0)
WIDEST = 1e5
"""Radius that covers any photo."""


@dataclass(frozen=True)
class Stroke:
    """A brush stroke: what lies under it belongs to the object, or does not.

    Attributes:
        points: (y, x) photo pixels along it, one or more.
        radius: of the brush in photo pixels, > 0 and at most WIDEST; thinner than a grid cell, it
            takes the cells that it passes.
        subtract: takes away instead of adding.
        soft: share of the radius, in [0, 1], over which it fades out.

    Raises:
        ParameterError: no point, or a radius or softness outside its range.
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    subtract: bool = False
    soft: float = 0.0

    def __post_init__(self) -> None:
        if not self.points:
            raise ParameterError("a brush stroke needs a point or more")
        if not 0 < self.radius <= WIDEST:
            raise ParameterError(
                f"a brush's radius must be > 0 and at most {WIDEST:g} pixels; got {self.radius!r}"
            )
        SOFTNESS.check(self.soft)


def check_box(box: Box, y: float, x: float) -> None:
    """Raise ParameterError unless `box` has an inside and (y, x) lies in it."""
    top, left, bottom, right = box
    if not (top < bottom and left < right):  # NaN fails too
        raise ParameterError(f"a box is (top, left, bottom, right) with an inside; got {box}")
    if not (top <= y <= bottom and left <= x <= right):
        raise ParameterError(f"the clicked point ({y}, {x}) must lie in the box {box}")


def within(level: Floats, limit: float, frame: Frame, box: Box) -> Floats:
    """`level` (h, w) cut to a box: -limit, surely out, in the cells whose center lies outside."""
    (y, x), (top, left, bottom, right) = _centers(frame), box
    outside = (y < top) | (y > bottom) | (x < left) | (x > right)
    return np.where(outside, np.float32(-limit), level)


def brushed(level: Floats, limit: float, frame: Frame, strokes: Sequence[Stroke]) -> Floats:
    """`level` (h, w) with strokes applied in order; +-limit is surely in, out.

    Raises:
        ParameterError: a stroke leaves the photo.
    """
    y, x = _centers(frame)
    level = level.copy()
    for stroke in strokes:
        level[_under(stroke, frame, y, x)] = -limit if stroke.subtract else limit
    return level


def without_strokes(
    level: Floats, under: Floats, frame: Frame, strokes: Sequence[Stroke]
) -> Floats:
    """`level` (h, w), with `under` in the cells that a stroke touches."""
    y, x = _centers(frame)
    touched = np.logical_or.reduce([_under(stroke, frame, y, x) for stroke in strokes])
    return np.where(touched, under, level)


def stroked(alpha: Floats, strokes: Sequence[Stroke], photo_size: tuple[int, int]) -> Floats:
    """Alpha with strokes over it, in order, exact to the pixel.

    Args:
        alpha: (H, W) float32 on a copy of the photo of any size.
        strokes: in photo pixels.
        photo_size: of the photo itself.
    """
    if not strokes:
        return alpha
    alpha = alpha.copy()
    scale = alpha.shape[0] / photo_size[0], alpha.shape[1] / photo_size[1]
    for stroke in strokes:
        box, cover = _covered(stroke, alpha.shape, scale)
        part = alpha[box]
        if stroke.subtract:
            np.minimum(part, 1 - cover, out=part)
        else:
            np.maximum(part, cover, out=part)
    return alpha


def _covered(
    stroke: Stroke, shape: tuple[int, ...], scale: tuple[float, float]
) -> tuple[tuple[slice, slice], Floats]:
    """A box, and how much a stroke covers of each of its pixels: 1 along the path, 0 beyond the
    radius, in between over `soft` of the radius, and over a pixel at least.
    """
    radius = max(stroke.radius * (scale[0] * scale[1]) ** 0.5, 0.5)
    path = (np.array(stroke.points, float) + 0.5) * scale - 0.5
    path = path.repeat(2, axis=0) if len(path) == 1 else path  # a line needs two ends
    margin = math.ceil(radius) + 2
    top, left = np.maximum(np.floor(path.min(0)).astype(int) - margin, 0)
    bottom, right = np.minimum(np.ceil(path.max(0)).astype(int) + margin + 1, shape[:2])
    away = np.full((max(bottom - top, 1), max(right - left, 1)), 255, np.uint8)
    fixed = np.rint((path - (top, left)) * (1 << _SHIFT)).astype(np.int32)
    ends = fixed[:, ::-1].reshape(-1, 1, 2)
    cv2.polylines(away, [ends], False, (0,), 1, cv2.LINE_8, _SHIFT)
    apart = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    fade = max(stroke.soft * radius, 1.0)
    cover = np.clip((radius + 0.5 - apart) / fade, 0, 1).astype(np.float32)
    return (slice(top, bottom), slice(left, right)), cover


_SHIFT = 4
"""Bits of a pixel's fraction that paths are drawn with."""


def _centers(frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Photo rows (h, 1) and columns (1, w) of the cells' centers."""
    h, w = frame.grid_size
    rows = np.array([frame.point_of(i, 0)[0] for i in range(h)])
    columns = np.array([frame.point_of(0, j)[1] for j in range(w)])
    return rows[:, None], columns[None]


def _under(
    stroke: Stroke, frame: Frame, y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Cells whose center lies within the brush's radius of its path."""
    for point in stroke.points:
        frame.cell_of(*point)
    half = 0.5 * frame.stride * max(
        p / i for p, i in zip(frame.photo_size, frame.input_size, strict=True)
    )  # fmt: skip
    reach2 = max(stroke.radius, 2**0.5 * half) ** 2
    found = np.zeros(frame.grid_size, np.bool_)
    ends = stroke.points[1:] or stroke.points
    for (y0, x0), (y1, x1) in zip(stroke.points, ends, strict=False):
        along2 = (y1 - y0) ** 2 + (x1 - x0) ** 2
        share = ((y - y0) * (y1 - y0) + (x - x0) * (x1 - x0)) / max(along2, 1e-12)
        share = share.clip(0, 1)
        gap2 = (y - y0 - share * (y1 - y0)) ** 2 + (x - x0 - share * (x1 - x0)) ** 2
        found |= gap2 <= reach2
    return found
