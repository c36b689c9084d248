"""The colors behind an edge: what the object and the background look like where both show.

Only tiles near the edge band are read; away from it a pixel is its own color.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import encode_srgb, srgb_to_linear
from dmlseg_core.edge.alpha import check_photo, mask_box
from dmlseg_core.edge.guided import Pixels, Places, resized, sample
from dmlseg_core.edge.tiles import Box

Floats: TypeAlias = NDArray[np.float32]
Grids: TypeAlias = tuple[Floats, Floats]
"""(h, w, 4): color and how surely it is that; (h, w, 3): its variance."""

_PYRAMID = 4
"""Photo pixels along one cell of the finest level of the foreground pyramid."""
_TILE = 8 * _PYRAMID
"""Pixels along a tile: it is read when it or a neighbor meets the band, so that sure colors on
both sides of the edge are seen."""
_SIDE = _TILE // _PYRAMID
"""Cells along a tile."""
_BATCH = 1 << 19
"""Photo pixels that are read at a time."""
_SURE = 0.99
_ALPHA_OFF = 0.2
"""By how much alpha is usually off inside the band."""
_BEYOND = 2.0
"""Variance of a color at the edge over that of the sure pixels next to it."""
_UNSEEN, _LEVEL = 0.1, 2e-3
"""What a color varies by besides: a share of it, and linear light as of a few levels near black."""
_ENOUGH = 4.0
"""One over the share of a cell's pixels from which on their color is sure."""


class Seen(NamedTuple):
    """What one side of the edge looks like at N pixels."""

    color: Floats
    """(3, N) linear light."""
    variance: Floats
    """(3, N)"""
    sure: Floats
    """(N,) 0..1: whether the color was seen next to the pixel."""


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
    model, step = None, max(1, _BATCH // alpha.shape[1])
    for top in range(0, len(alpha), step):
        part = alpha[top : top + step]
        rows, columns = np.nonzero((part > 0) & (part < 1))
        if rows.size:
            model, rows = model or ForegroundModel.of(rgb, alpha), rows + top
            estimate[rows, columns] = encode_srgb(model.at(rows, columns)[0], rgb.dtype).T
    return estimate


class ForegroundModel:
    """Smooth guesses of the object's and the background's color along the edge, in linear light.

    Colors of sure pixels and their squares are averaged into pyramids and filled outwards
    (pull-push, Gortler et al., "The lumigraph", 1996), so that each side has a mean and a variance
    at an edge pixel. What that shows beyond them is shared out among both colors and alpha by how
    much each may be off, as in Bayesian matting (Chuang et al. 2001), but read at single pixels.
    """

    def __init__(self, rgb: Pixels, alpha: Floats, box: Box, fore: Grids, back: Grids) -> None:
        self._rgb, self._alpha, self._box = rgb, alpha, box
        self._fore, self._back = fore, back

    @classmethod
    def of(cls, rgb: Pixels, alpha: Floats) -> ForegroundModel:
        """Gather the model of (H, W, 3) uint8 or uint16 and (H, W) alpha around the edge band."""
        box, near = _where(alpha)
        sides = _gather(rgb[box], alpha[box], near)
        # each goes as its guess is there
        return cls(rgb, alpha, box, _guess(*sides.pop(0)), _guess(*sides.pop(0)))

    def at(self, rows: Places, columns: Places) -> tuple[Floats, Floats]:
        """Of the pixels (rows, columns): (3, N) float32 linear foreground color, and (N,) how much
        of them it is: alpha, or a little off it where that explains the pixel better.
        """
        mixed, alpha = srgb_to_linear(self._rgb[rows, columns].T), self._alpha[rows, columns]
        fore, back = (self._sample(side, rows, columns) for side in (self._fore, self._back))
        return _explained(mixed, alpha, fore, back)

    def _sample(self, side: Grids, rows: Places, columns: Places) -> Seen:
        """Bilinear samples of the grids at photo pixels."""
        size = tuple(length * _PYRAMID for length in side[0].shape[:2])
        top, left = (edge.start for edge in self._box)
        at = rows - top, columns - left
        color, variance = (np.ascontiguousarray(sample(grid, size, *at).T) for grid in side)
        return Seen(color[:3], variance, color[3])


def _explained(mixed: Floats, alpha: Floats, fore: Seen, back: Seen) -> tuple[Floats, Floats]:
    """The most probable foreground (3, N) and share (N,) of mixed pixels.

    Both colors and alpha are normally distributed about their guesses; one step of Newton's, which
    is exact but for the product of their errors.
    """
    axis = fore.color - back.color
    rest = mixed - back.color - alpha * axis
    own = alpha * fore.variance
    loose = alpha * own + (1 - alpha) ** 2 * back.variance
    rest /= loose
    turn = axis / loose
    unsure = _ALPHA_OFF**2 * np.minimum(fore.sure, back.sure)
    off = unsure * (axis * rest).sum(axis=0) / (1 + unsure * (axis * turn).sum(axis=0))
    color = fore.color + own * (rest - off * turn)
    return np.clip(color, 0, 1), np.clip(alpha + off, 0, 1)


def _where(alpha: Floats) -> tuple[Box, NDArray[np.bool_]]:
    """The box of tiles around the edge band, and which of its tiles are read."""
    band = alpha > 0
    band &= alpha < 1
    box = _whole_tiles(mask_box(band, margin=_TILE) or np.s_[0:1, 0:1])
    return box, _near(band[box])


def _whole_tiles(box: Box) -> Box:
    """The box with its sides moved out to multiples of _TILE, if need be beyond the photo."""
    rows, columns = (slice(s.start // _TILE * _TILE, -(-s.stop // _TILE) * _TILE) for s in box)
    return rows, columns


def _near(band: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which tiles meet the band or touch one that does."""
    eights = _filled(band.view(np.uint8), 0).view(np.uint64)  # eight pixels at a time
    down, across = eights.shape[0] // _TILE, eights.shape[1] * 8 // _TILE
    met = np.asarray(eights.reshape(down, _TILE, across, _TILE // 8).any(axis=(1, 3)))
    return cv2.dilate(met.view(np.uint8), np.ones((3, 3), np.uint8)).reshape(met.shape) > 0


def _gather(rgb: Pixels, alpha: Floats, near: NDArray[np.bool_]) -> list[Floats]:
    """Weighted color means of object and background per pyramid cell of the tiles `near`.

    Returns:
        Of object and background (2, h, w, 4) float32, of colors and their squares:
        (w r, w g, w b, w), 0 in other tiles.
    """
    shape = (2, near.shape[0], _SIDE, near.shape[1], _SIDE, 4)
    sides = [np.zeros(shape, np.float32) for _ in range(2)]
    step = max(1, _BATCH // (near.shape[1] * _TILE**2))
    for top in range(0, near.shape[0], step):
        i, j = np.nonzero(near[top : top + step])
        if i.size:
            rows = slice(top * _TILE, (top + step) * _TILE)
            linear = srgb_to_linear(_tiles(rgb[rows], i, j, 0))
            share = _tiles(alpha[rows], i, j, np.nan)
            for side, means in zip(sides, _cell_means(linear, share), strict=True):
                side[:, top + i, :, j] = means.transpose(1, 0, 2, 3, 4)
    inside = np.s_[:, : -(-rgb.shape[0] // _PYRAMID), : -(-rgb.shape[1] // _PYRAMID)]
    whole = 2, near.shape[0] * _SIDE, near.shape[1] * _SIDE, 4
    return [side.reshape(whole)[inside] for side in sides]


def _tiles(plane: NDArray[Any], i: Places, j: Places, beyond: float) -> NDArray[Any]:
    """The tiles (i, j) of a (H, W) or (H, W, 3) array, stacked: (N * _TILE, _TILE) or (.., 3)."""
    tiles = _split(_filled(plane, beyond), _TILE)[i, :, j]
    return tiles.reshape(-1, _TILE, *plane.shape[2:])


def _filled(plane: NDArray[Any], beyond: float) -> NDArray[Any]:
    """Filled up to whole tiles."""
    down, right = (-length % _TILE for length in plane.shape[:2])
    if not (down or right):
        return np.ascontiguousarray(plane)
    value = (beyond,) * 3
    return cv2.copyMakeBorder(plane, 0, down, 0, right, cv2.BORDER_CONSTANT, value=value)


def _split(plane: NDArray[Any], side: int) -> NDArray[Any]:
    """(n * side, m * side, ...) -> (n, side, m, side, ...)."""
    down, across = (length // side for length in plane.shape[:2])
    return plane.reshape(down, side, across, side, *plane.shape[2:])


def _cell_means(linear: Floats, share: Floats) -> Floats:
    """Means over cells of (w r, w g, w b, w), where w tells how surely a pixel is of the part.

    Args:
        linear: (N * _TILE, _TILE, 3), tiles one above the other.
        share: (N * _TILE, _TILE), the object's part; NaN beyond the photo.

    Returns:
        (2, 2, N, _SIDE, _SIDE, 4) float32, of object and background, of colors and their squares.
    """
    size = _SIDE, len(share) // _PYRAMID
    inside = resized(share, size, cv2.INTER_AREA)
    # Where a cell is of one part alone, that was all; few are not.
    i, j = np.nonzero((inside != 0) & (inside != 1))
    weights = [_weight(part) for part in _both(_split(share, _PYRAMID)[i, :, j])]
    means = np.empty((2, 2, *inside.shape, 4), np.float32)
    for k, values in enumerate((linear, linear**2)):
        color = resized(values, size, cv2.INTER_AREA)
        own = _split(values, _PYRAMID)[i, :, j]
        for mean, part, weight in zip(means[:, k], _both(inside), weights, strict=True):
            mean[..., :3] = color * part[..., None]
            mean[..., 3] = part
            mean[i, j, :3] = np.einsum("nyx,nyxc->nc", weight, own) / _PYRAMID**2
            mean[i, j, 3] = weight.mean(axis=(1, 2))
    return means.reshape(2, 2, -1, _SIDE, _SIDE, 4)


def _both(share: Floats) -> tuple[Floats, Floats]:
    """The object's part and the background's."""
    return share, 1 - share


def _weight(part: Floats) -> Floats:
    """A mixed pixel counts only where no sure one is near; one beyond the photo (NaN) never."""
    weight = np.fmax(part, 0) ** 2 * np.float32(1e-3)
    weight[part >= _SURE] = 1
    return weight


def _guess(sums: Floats, squares: Floats) -> Grids:
    """What a side looks like on the whole (h, w) grid."""
    sure = np.minimum(_ENOUGH * sums[..., 3], 1)
    level, spread = _pull_push(sums), _pull_push(squares)[..., :3].copy()
    for k in range(3):  # a channel at a time is all that is held besides
        color, plane = level[..., k], spread[..., k]
        plane -= color**2
        np.maximum(plane, 0, out=plane)
        plane *= _BEYOND
        plane += (_UNSEEN * color + _LEVEL) ** 2
    level[..., 3] = cv2.dilate(sure, np.ones((3, 3), np.uint8))
    return level, spread


def _pull_push(sums: Floats, doubt: float = 0.02) -> Floats:
    """Fill a (h, w, 4) grid of weighted sums: mean colors and a 1, empty cells from coarser ones.

    `doubt` is the weight of the coarser level's color in each cell.
    """
    height, width = sums.shape[:2]
    if height * width == 1:
        color = sums[..., :3] / np.maximum(sums[..., 3:], 1e-12)
        return np.concatenate([color, np.ones_like(sums[..., 3:])], axis=2)
    half = (-(-width // 2), -(-height // 2))
    below = _pull_push(resized(sums, half, cv2.INTER_AREA), doubt)
    filled = resized(below, (width, height), cv2.INTER_LINEAR)
    filled = filled.reshape(sums.shape)
    cv2.addWeighted(sums, 1, filled, doubt, 0, dst=filled)
    filled /= cv2.extractChannel(filled, 3)[..., None]
    return filled
