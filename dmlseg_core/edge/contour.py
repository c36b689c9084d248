"""Where the photo's own edge lies about a mask's contour, measured on lines across it.

An exact mask has the photo's edge on its contour, as wide as the camera blurred it; a network's
mask has it somewhere near. Both are read off one profile, and say how wide an edge band must be.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edge.guided import Pixels

Floats: TypeAlias = NDArray[np.float32]

_LINES = 3000
"""Lines across the contour at most: the mean of so many is steady, and costs 3 ms."""
_LONGEST = 1 << 15
"""A side in pixels that cv2.remap cannot read: the band stays as wide as it may be."""
_HALF = 16
"""Samples along a line on each side of the contour."""
_NOISE = 30 / 255**2
"""Sum of squared steps along a line (0..1 units, three channels) below which it says nothing."""
_LEAST = 2
"""Half width of the narrowest band: less than this is the resampling of the photo itself."""
_REACH = 2.5
"""Half width of a band over the spread of the edges in it."""
_OVER = 1.25
"""The profile counts where it is so many times its floor."""
_CLEAR = 0.04
"""Share of the profile above its floor under which the photo shows no edge there."""


def band_radius(inside: NDArray[np.bool_], rgb: Pixels, widest: int) -> int:
    """Half width in pixels of the band that holds the photo's edge about a mask's contour.

    Args:
        inside: (H, W) bool.
        rgb: (H, W, 3) uint8 or uint16.
        widest: how far off the edge may be at most.

    Returns:
        2 to `widest`: small for an exact mask of a sharp edge, larger for a defocused edge or for a
        contour that is off; `widest` where the photo shows no edge.
    """
    if max(inside.shape) >= _LONGEST:
        return widest
    radius = widest
    while radius > _LEAST:
        spread = _spread(edge_profile(inside, rgb, radius), radius)
        if spread is None:
            return radius
        found = max(_LEAST, min(radius, math.ceil(_REACH * spread)))
        if found > radius / 2:
            return found
        radius = found
    return max(_LEAST, radius)


def edge_profile(inside: NDArray[np.bool_], rgb: Pixels, reach: float) -> Floats:
    """Where on lines across the contour the photo's steps lie: (33,) float32, sum at most 1.

    Entry 16 is the contour, 0 is `reach` (at least 16) pixels inside it. Each line has the same
    vote, however strong its edge.
    """
    spacing = max(1.0, reach / _HALF)
    points, normals = _lines(inside, max(3, round(reach / 2)))
    offsets = spacing * (np.arange(2 * _HALF + 2, dtype=np.float32) - _HALF - 0.5)
    # each axis by itself: numpy is slow on a last axis of two
    x, y = (p[:, None] + offsets * n[:, None] for p, n in zip(points.T, normals.T, strict=True))
    if not len(points):
        return np.zeros(2 * _HALF + 1, np.float32)
    read = cv2.remap(rgb, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    steps = cv2.absdiff(read[:, 1:], read[:, :-1])
    squares = cv2.multiply(steps, steps, dtype=cv2.CV_32F)
    sums = cv2.transform(squares, np.ones((1, 3), np.float32)).reshape(len(points), -1)
    noise = np.float32(_NOISE * float(np.iinfo(rgb.dtype).max) ** 2)
    votes: Floats = (1 / (sums.sum(axis=1) + noise)) @ sums / np.float32(len(points))
    return votes


def _lines(inside: NDArray[np.bool_], smooth: int) -> tuple[Floats, Floats]:
    """Points (N, 2) of the contour as (x, y), and unit normals that point outwards."""
    contours, _ = cv2.findContours(inside.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    step = max(1, -(-sum(map(len, contours)) // _LINES))
    lines = [_lines_of(c[:, 0], smooth, step, inside) for c in contours if len(c) >= 16]
    if not lines:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    points, normals = (np.concatenate(part)[: _LONGEST - 1] for part in zip(*lines, strict=True))
    return points + np.float32(0.5) * normals, normals  # contour pixels are inside by half a pixel


def _lines_of(
    contour: NDArray[Any], smooth: int, step: int, inside: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """The same of one closed contour (N, 2), every `step`-th pixel, the photo's rim left out."""
    smooth = min(smooth, len(contour) // 4)
    at = np.arange(0, len(contour), step)
    along = contour[(at + smooth) % len(contour)] - contour[at - smooth]
    length = np.hypot(along[:, 0], along[:, 1])
    limit = np.array(inside.shape[::-1]) - 2
    own = contour[at]
    good = (length > smooth / 2) & (own > 1).all(axis=1) & (own < limit).all(axis=1)
    # OpenCV walks outer contours and holes alike with the object on the same hand.
    normals = np.stack([-along[good, 1], along[good, 0]], axis=1) / length[good, None]
    return own[good].astype(np.float32), normals.astype(np.float32)


def _spread(profile: Floats, reach: float) -> float | None:
    """Mean distance of the profile's peak from the contour in pixels; None without a peak."""
    offsets = np.arange(-_HALF, _HALF + 1)
    outer = _HALF // 2
    # Texture makes a floor, on each side its own.
    inner_floor, outer_floor = np.median(profile[:outer]), np.median(profile[-outer:])
    floor = np.where(offsets < 0, inner_floor, outer_floor)
    floor[_HALF] = min(inner_floor, outer_floor)
    above = np.maximum(profile - _OVER * floor, 0)
    if above.sum() < _CLEAR:
        return None
    spread = float((above * np.abs(offsets)).sum() / above.sum())
    return spread * max(1.0, reach / _HALF)
