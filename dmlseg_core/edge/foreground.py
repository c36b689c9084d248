"""The colors behind an edge: what the object and the background look like where both show.

Only tiles near the edge band are read; away from it a pixel is its own color.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import encode_srgb, srgb_to_linear
from dmlseg_core.edge.alpha import check_photo, mask_box
from dmlseg_core.edge.guided import Pixels, Places, resized, sample
from dmlseg_core.edge.tiles import Box

Floats: TypeAlias = NDArray[np.float32]

_PYRAMID = 4
"""Photo pixels along one cell of the finest level of the foreground pyramid."""
_TILE = 8 * _PYRAMID
"""Pixels along a tile: it is read when it or a neighbor meets the band, so that sure colors on
both sides of the edge are seen."""
_SIDE = _TILE // _PYRAMID
"""Cells along a tile."""
_BATCH = 1 << 19
"""Photo pixels whose tiles are read at a time."""
_SURE = 0.99
_SAMPLE = 60_000
"""Pixels that the object's range of colors is measured on."""
_LEVEL, _SLACK = 4e-4, 0.01
"""Linear light by which colors differ at random: an 8-bit level next to black; and how much more
of it where there is more."""
_ALIKE = 0.01
"""Linear light by which two colors must differ to tell shares."""
_ENOUGH = 4.0
"""One over the share of a cell's pixels from which on their color is sure."""
_FEW = 50
"""Fewer sure pixels tell no range."""


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
        colors = ForegroundModel.of(rgb, alpha).at(rows, columns)[0]
        estimate[rows, columns] = encode_srgb(colors, rgb.dtype).T
    return estimate


class ForegroundModel:
    """Smooth guesses of the object's and the background's color along the edge, in linear light.

    Sure pixels are averaged into a pyramid and filled outwards (pull-push, Gortler et al., "The
    lumigraph", 1996); an edge pixel then splits what it shows between the two guesses, as in the
    last step of blur fusion (Forte 2021). `bench_edges.py composites` has it against PyMatting's
    multi-level estimate: a tenth behind it in error, but read at single pixels of the edge band.
    """

    def __init__(self, rgb: Pixels, alpha: Floats, box: Box, fore: Floats, back: Floats) -> None:
        self._rgb, self._alpha, self._box = rgb, alpha, box
        self._fore, self._back = fore, back
        self._least, self._most = _range(rgb[box], alpha[box])

    @classmethod
    def of(cls, rgb: Pixels, alpha: Floats) -> ForegroundModel:
        """Gather the model of (H, W, 3) uint8 or uint16 and (H, W) alpha around the edge band."""
        band = (alpha > 0) & (alpha < 1)
        box = _whole_tiles(mask_box(band, margin=_TILE) or np.s_[0:1, 0:1])
        fore, back = _gather(rgb[box], alpha[box], _near(band[box]))
        return cls(rgb, alpha, box, _guess(fore), _guess(back))

    def at(self, rows: Places, columns: Places) -> tuple[Floats, Floats]:
        """Of the pixels (rows, columns): (3, N) float32 linear foreground color, and (N,) how much
        of them it is.

        That is alpha, where the object has the color that alpha asks for.
        """
        mixed, alpha = srgb_to_linear(self._rgb[rows, columns].T), self._alpha[rows, columns]
        (fore, known), (back, near) = (
            self._sample(level, rows, columns) for level in (self._fore, self._back)
        )
        color = _explained(mixed, alpha, fore, back)
        # An alpha that is a little off asks for colors that the object has nowhere: painted, they
        # would be a dark or a light line along the edge. As far as it does, the guesses tell alpha.
        held = self._held(color)
        over = np.maximum(np.abs(color - held) - _LEVEL - _SLACK * held, 0).max(axis=0)
        over /= np.maximum(np.abs(color - self._held(fore)).max(axis=0), _LEVEL)
        over *= np.minimum(known, near)
        axis = fore - back
        more = ((mixed - back - alpha * axis) * axis).sum(axis=0)
        more /= (axis**2).sum(axis=0) + _ALIKE**2
        share = np.clip(alpha + over * more, 0, 1)
        return self._held(_explained(mixed, share, fore, back)), share

    def _held(self, colors: Floats) -> Floats:
        """Within what the object has."""
        held: Floats = np.clip(colors, self._least[:, None], self._most[:, None])
        return held

    def _sample(self, level: Floats, rows: Places, columns: Places) -> tuple[Floats, Floats]:
        """Bilinear samples (3, N) and (N,) of a `_guess` at photo pixels."""
        size = level.shape[0] * _PYRAMID, level.shape[1] * _PYRAMID
        top, left = (side.start for side in self._box)
        found = np.ascontiguousarray(sample(level, size, rows - top, columns - left).T)
        return found[:3], found[3]


def _explained(mixed: Floats, alpha: Floats, fore: Floats, back: Floats) -> Floats:
    """The foreground after the smallest change of both guesses that explains the pixel exactly."""
    rest: Floats = mixed - alpha * fore - (1 - alpha) * back
    rest *= alpha / (alpha**2 + (1 - alpha) ** 2)
    return np.add(fore, rest, out=rest)


def _range(rgb: Pixels, alpha: Floats) -> Floats:
    """The 1st and the 99th percentile of the object's own linear colors: (2, 3)."""
    step = max(1, int((alpha.size / _SAMPLE) ** 0.5))
    some, sure = rgb[::step, ::step].reshape(-1, 3), alpha[::step, ::step].reshape(-1) >= _SURE
    own = some.take(np.flatnonzero(sure), axis=0)
    if len(own) < _FEW:
        return np.array([[0.0] * 3, [1.0] * 3], np.float32)
    levels = np.quantile(np.ascontiguousarray(own.T), (0.01, 0.99), axis=1)
    return srgb_to_linear(np.asarray(levels / np.iinfo(rgb.dtype).max, np.float32))


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


def _gather(rgb: Pixels, alpha: Floats, near: NDArray[np.bool_]) -> Floats:
    """Weighted color means of object and background per pyramid cell of the tiles `near`.

    Returns:
        (2, h, w, 4) float32: (w r, w g, w b, w), 0 in other tiles.
    """
    sums = np.zeros((2, near.shape[0], _SIDE, near.shape[1], _SIDE, 4), np.float32)
    step = max(1, _BATCH // (near.shape[1] * _TILE**2))
    for top in range(0, near.shape[0], step):
        i, j = np.nonzero(near[top : top + step])
        if i.size:
            rows = slice(top * _TILE, (top + step) * _TILE)
            linear = srgb_to_linear(_tiles(rgb[rows], i, j, 0))
            means = _cell_means(linear, _tiles(alpha[rows], i, j, np.nan))
            sums[:, top + i, :, j] = means.transpose(1, 0, 2, 3, 4)
    cells = sums.reshape(2, near.shape[0] * _SIDE, near.shape[1] * _SIDE, 4)
    return cells[:, : -(-rgb.shape[0] // _PYRAMID), : -(-rgb.shape[1] // _PYRAMID)]


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
        (2, N, _SIDE, _SIDE, 4) float32, object and background.
    """
    size = _SIDE, len(share) // _PYRAMID
    inside = resized(share, size, cv2.INTER_AREA)
    color = np.ones((*inside.shape, 4), np.float32)
    color[..., :3] = resized(linear, size, cv2.INTER_AREA)
    means = np.stack([color * part[..., None] for part in (inside, 1 - inside)])
    # Where a cell is of one part alone, that was all; few are not.
    i, j = np.nonzero((inside != 0) & (inside != 1))
    linear, share = (_split(plane, _PYRAMID)[i, :, j] for plane in (linear, share))
    for mean, part in zip(means, (share, 1 - share), strict=True):
        weight = _weight(part)
        mean[i, j, :3] = np.einsum("nyx,nyxc->nc", weight, linear) / _PYRAMID**2
        mean[i, j, 3] = weight.mean(axis=(1, 2))
    return means.reshape(2, -1, _SIDE, _SIDE, 4)


def _weight(part: Floats) -> Floats:
    """A mixed pixel counts only where no sure one is near; one beyond the photo (NaN) never."""
    weight = np.fmax(part, 0) ** 2 * np.float32(1e-3)
    weight[part >= _SURE] = 1
    return weight


def _guess(sums: Floats) -> Floats:
    """(h, w, 4) colors, and how surely they are those next to a cell: 1 where sure pixels are."""
    sure = np.minimum(_ENOUGH * sums[..., 3], 1)
    level = _pull_push(sums)
    level[..., 3] = cv2.dilate(sure, np.ones((3, 3), np.uint8)).reshape(sure.shape)
    return level


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
    coarse = resized(below, (width, height), cv2.INTER_LINEAR)
    filled = cv2.addWeighted(sums, 1, coarse, doubt, 0)
    weight = cv2.extractChannel(filled, 3)
    return np.asarray(cv2.divide(filled, cv2.merge([weight] * 4)), np.float32).reshape(sums.shape)
