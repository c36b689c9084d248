"""What a photo may not take from a mask: the core of a slim part, and what somebody pointed at.

Both sides of a leg, a strap or a tail lie within one window of the edge filters. Where it looks
like what is about it, they explain all of it away. A mask's edge may move by a quarter of how thick
the mask is there; where the photo took more, the mask stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edge.guided import resized
from dmlseg_core.edge.tiles import Box

Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]
Point: TypeAlias = tuple[float, float]

_FINE = 4
"""Pixels along a grid cell of the small copies that are compared."""
_SLIM = ((4, 1), (8, 2), (12, 3), (16, 4), (24, 6))
"""Half a side of the square that a slim part does not hold, and what the part may lose on a side: a
quarter. In thicker ones the band ends before their core."""
_AROUND = 2
"""Cells about a point within which its mask stands."""
_BLUR = 3
"""Pixels over which alpha rises where no edge of the photo says how far."""
_STRIP = 256


def keep_slim(alpha: Floats, inside: Bools, *, cell: float, points: Sequence[Point] = ()) -> None:
    """Put back, in place, what filters took from a mask and may not.

    Args:
        alpha: (H, W) in [0, 1], what the filters made of `inside`.
        inside: (H, W) bool.
        cell: pixels along a cell of the network's grid, at least 1.
        points: (y, x) pixels, inside of the mask or not: there the mask is surely right.
    """
    height, width = inside.shape
    fine = min(1.0, _FINE / cell)
    size = max(1, round(width * fine)), max(1, round(height * fine))
    # a few pixels each: what is compared is as smooth as a cell, and means of all take long
    given = resized(inside.view(np.uint8), size, cv2.INTER_LINEAR)
    found = (resized(alpha, size, cv2.INTER_LINEAR) >= np.float32(0.5)).view(np.uint8)
    stays = _lost(given, found)
    for y, x in points:
        row, column = min(int(y + 0.5), height - 1), min(int(x + 0.5), width - 1)
        if (alpha[row, column] >= np.float32(0.5)) != inside[row, column]:
            at = int((x + 0.5) * size[0] / width), int((y + 0.5) * size[1] / height)
            cv2.circle(stays, at, round(_AROUND * cell * fine), (1,), -1)
    if stays.any():
        _restore(alpha, inside, stays)


def _lost(given: Bytes, found: Bytes) -> Bytes:
    """Where (h, w) `found` lacks the core of a slim part of `given`: the part about it."""
    lost: Bytes = np.zeros_like(given)
    for thick, trim in _SLIM:
        slim = given & ~np.asarray(
            cv2.morphologyEx(given, cv2.MORPH_OPEN, _square(thick)), np.uint8
        )
        core = np.asarray(cv2.erode(given, _square(trim)), np.uint8) & slim & ~found
        if core.any():
            lost |= np.asarray(cv2.dilate(core, _square(trim)), np.uint8)
    return lost & given


def _square(half: int) -> Bytes:
    return np.ones((2 * half + 1, 2 * half + 1), np.uint8)


def _restore(alpha: Floats, inside: Bools, stays: Bytes) -> None:
    """Alpha of the mask alone, where the small (h, w) picture `stays` is 1."""
    (height, width), (h, w) = inside.shape, stays.shape
    across, down = w / width, h / height
    for top in range(0, height, _STRIP):
        bottom = min(height, top + _STRIP)
        used = stays[max(0, int(top * down) - 1) : int(bottom * down) + 2].any(axis=0)
        if not used.any():
            continue
        columns = np.flatnonzero(used)
        left = max(0, int((columns[0] - 1) / across))
        right = min(width, int((columns[-1] + 2) / across) + 1)
        place = np.array([
            [across, 0, (left + 0.5) * across - 0.5], [0, down, (top + 0.5) * down - 0.5],
        ])  # fmt: skip
        there = cv2.warpAffine(
            stays * np.uint8(255), place, (right - left, bottom - top),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        soft = _blurred(inside, (slice(top, bottom), slice(left, right)))
        np.copyto(alpha[top:bottom, left:right], soft, where=there >= 128)


def _blurred(inside: Bools, box: Box) -> Floats:
    """Means over _BLUR pixels, in a box of the mask, on the mask's side of a half."""
    starts = [max(0, side.start - _BLUR) for side in box]
    part = inside[starts[0] : box[0].stop + _BLUR, starts[1] : box[1].stop + _BLUR]
    soft = cv2.blur(part.astype(np.float32), (_BLUR, _BLUR))
    rows, columns = (
        slice(side.start - start, side.stop - start)
        for side, start in zip(box, starts, strict=True)
    )
    half = np.float32(0.5)
    mask, soft = inside[box], soft[rows, columns]
    return np.where(mask, np.maximum(soft, half), np.minimum(soft, half - np.float32(1e-3)))
