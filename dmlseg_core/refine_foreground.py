"""The colors behind an edge: what the object and the background look like where both show.

Only tiles near the edge band are read; away from it a pixel is its own color.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.colorspace_srgb import decode_table, encode_srgb
from dmlseg_core.refine import Box, check_photo, mask_box
from dmlseg_core.refine_guided import Pixels, Places, resized, sample

Floats: TypeAlias = NDArray[np.float32]

_PYRAMID = 4
"""Photo pixels along one cell of the finest level of the foreground pyramid."""
_TILE = 8 * _PYRAMID
"""Pixels along a tile: it is read when it or a neighbor meets the band, so that sure colors on
both sides of the edge are seen."""
_SURE = 0.99


def estimate_foreground(rgb: Pixels, alpha: Floats) -> Pixels:
    """The object's own color under every pixel of the edge band, background taken out.

    Args:
        rgb: (H, W, 3) uint8 or uint16 sRGB photo.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 3) of the photo's dtype: the estimate where 0 < alpha < 1, elsewhere a copy of `rgb`.

    Raises:
        ParameterError: the sizes differ, another dtype, or NaN.
    """
    check_photo(alpha, rgb, "alpha")
    estimate = rgb.copy()
    rows, columns = np.nonzero((alpha > 0) & (alpha < 1))
    if rows.size:
        colors = ForegroundModel.of(rgb, alpha).at(rows, columns)
        estimate[rows, columns] = encode_srgb(colors, rgb.dtype)
    return estimate


class ForegroundModel:
    """Smooth guesses of the object's and the background's color along the edge, in linear light.

    Sure pixels are averaged into a pyramid and filled outwards (pull-push, Gortler et al., "The
    lumigraph", 1996); an edge pixel then splits what it shows between the two guesses, as in the
    last step of blur fusion (Forte 2021). docs/edges.md has it against PyMatting's multi-level
    estimate: a tenth behind it in error, but read at single pixels of the edge band.
    """

    def __init__(self, rgb: Pixels, alpha: Floats, box: Box, fore: Floats, back: Floats) -> None:
        self._rgb, self._alpha, self._box = rgb, alpha, box
        self._fore, self._back = fore, back

    @classmethod
    def of(cls, rgb: Pixels, alpha: Floats) -> ForegroundModel:
        """Gather the model of (H, W, 3) uint8 or uint16 and (H, W) alpha around the edge band."""
        band = (alpha > 0) & (alpha < 1)
        box = mask_box(band, margin=_TILE) or np.s_[0:1, 0:1]
        fore, back = _gather(rgb[box], alpha[box], _runs(band[box]))
        return cls(rgb, alpha, box, _pull_push(fore), _pull_push(back))

    def at(self, rows: Places, columns: Places) -> Floats:
        """(N, 3) float32 linear foreground color of the pixels (rows, columns)."""
        mixed = decode_table(self._rgb.dtype)[self._rgb[rows, columns]]
        alpha = self._alpha[rows, columns][:, None]
        fore, back = (self._sample(level, rows, columns) for level in (self._fore, self._back))
        rest = mixed - alpha * fore - (1 - alpha) * back
        # The smallest change of the two guesses that explains the pixel exactly.
        fore += rest * alpha / (alpha**2 + (1 - alpha) ** 2)
        return np.clip(fore, 0.0, 1.0, out=fore)

    def _sample(self, level: Floats, rows: Places, columns: Places) -> Floats:
        """Bilinear samples of the finest pyramid level (h, w, 3) at photo pixels."""
        size = level.shape[0] * _PYRAMID, level.shape[1] * _PYRAMID
        top, left = (side.start or 0 for side in self._box)
        return sample(level, size, rows - top, columns - left)


def _runs(band: NDArray[np.bool_]) -> Iterator[Box]:
    """The tiles that meet the band or touch one that does, joined along the rows, in pixels."""
    met = np.logical_or.reduceat(band, range(0, band.shape[0], _TILE), axis=0)
    met = np.logical_or.reduceat(met, range(0, band.shape[1], _TILE), axis=1)
    near = cv2.dilate(met.astype(np.uint8), np.ones((3, 3), np.uint8)).reshape(met.shape)
    ends = np.diff(np.pad(near.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.argwhere(ends == 1), np.argwhere(ends == -1)
    for (i, first), (_, last) in zip(starts.tolist(), stops.tolist(), strict=True):
        yield slice(i * _TILE, (i + 1) * _TILE), slice(first * _TILE, last * _TILE)


def _gather(rgb: Pixels, alpha: Floats, runs: Iterable[Box]) -> tuple[Floats, Floats]:
    """Weighted color means per pyramid cell, (h, w, 4) = (w r, w g, w b, w): object, background."""
    cells = -(-rgb.shape[0] // _PYRAMID), -(-rgb.shape[1] // _PYRAMID)
    both = np.zeros((*cells, 4), np.float32), np.zeros((*cells, 4), np.float32)
    table = decode_table(rgb.dtype)
    for run in runs:
        # Padding is -1: neither object nor background.
        linear, share = _padded(table[rgb[run]], 0), _padded(alpha[run], -1)
        top, left = (side.start // _PYRAMID for side in run)
        for sums, part in zip(both, (share, np.where(share < 0, 0, 1 - share)), strict=True):
            cell_sums = _cell_means(linear, part)
            sums[top:, left:][: cell_sums.shape[0], : cell_sums.shape[1]] = cell_sums
    return both


def _cell_means(linear: Floats, part: Floats) -> Floats:
    """Means over cells of (w r, w g, w b, w), where w tells how surely a pixel is of the part."""
    # A mixed pixel counts only where no sure one is near.
    weight = np.maximum(part, 0) ** 2 * np.float32(1e-3)
    weight[part >= _SURE] = 1
    stack = np.empty((*part.shape, 4), np.float32)
    np.multiply(linear, weight[..., None], out=stack[..., :3])
    stack[..., 3] = weight
    size = part.shape[1] // _PYRAMID, part.shape[0] // _PYRAMID
    return resized(stack, size, cv2.INTER_AREA)


def _padded(tile: Floats, value: float) -> Floats:
    """A tile at the photo's rim filled up to whole cells."""
    pad = [(0, -length % _PYRAMID) for length in tile.shape[:2]] + [(0, 0)] * (tile.ndim - 2)
    return np.pad(tile, pad, constant_values=value) if any(high for _, high in pad) else tile


def _pull_push(sums: Floats, doubt: float = 0.02) -> Floats:
    """Fill a (h, w, 4) grid of weighted sums: mean colors (h, w, 3), empty cells from coarser ones.

    `doubt` is the weight of the coarser level's color in each cell.
    """
    height, width = sums.shape[:2]
    if height * width == 1:
        return np.asarray(sums[..., :3] / np.maximum(sums[..., 3:], 1e-12), np.float32)
    half = (-(-width // 2), -(-height // 2))
    below = _pull_push(resized(sums, half, cv2.INTER_AREA), doubt)
    coarse = resized(below, (width, height), cv2.INTER_LINEAR)
    filled: Floats = (sums[..., :3] + doubt * coarse) / (sums[..., 3:] + doubt)
    return filled
