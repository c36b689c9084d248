"""How much of two materials a pixel along their border holds.

It shows m F + (1 - m) G in linear light, F and G the two materials' colors nearby, in whatever
light falls there: m is what fits best (least squares; the sum of both parts is held near 1, which
decides where F and G differ in light alone).
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import srgb_to_linear
from dmlseg_core.paint.materials.clusters import largest_of
from dmlseg_core.paint.materials.tiles import Box, around, for_each

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.intp]
Pixels: TypeAlias = NDArray[Any]

_BAND = 3
"""Pixels on both sides of a border that may be mixed; more where the photo is large."""
_LIGHT = 0.15
"""How firmly the parts sum to 1, against light that changes across the border."""
_SAME = 1e-3
"""Of two colors' own squares: where the square of their difference is that, a mixture is half
believed. Things of one color tell nothing of how much of each a pixel holds."""
_DULL, _DULLEST = 0.02, 4.0
"""Of another color, less than this is taken for none; where that is darker, and so looks like
shade, up to so many times more."""
_NOISE, _NOISY, _CLOSE = 4.0, 0.2, 0.3
"""More of it by the median of the noise, at most; less at the border itself, where most mixtures
are. The places farthest from a border are pure in most photos: what they seem to hold is noise."""
_LARGE = 4e5
"""Pixels of a box from which on colors nearby are means of 2 x 2 pixels first."""
_PURE, _LEAST = 0.99, 1e-4
"""Alpha of what is one material alone; share of such pixels about a place that is none."""


class _Found(NamedTuple):
    """Of the places in one tile, all (N,): see `mixed_along`; and `close` to the border, `far`."""

    places: Places
    own: Bytes
    others: Bytes
    parts: Floats
    dull: Floats
    close: Mask
    far: Mask


def reach_in(size: tuple[int, ...]) -> int:
    """Pixels on both sides of a border that may be mixed, in a picture of a size."""
    return _BAND + round(max(size) / 2000)


def mixed_along(
    rgb: Pixels, alpha: Floats, labels: Bytes, count: int, reach: int
) -> tuple[Places, Bytes, Floats]:
    """Places along the borders of (h, w) labels below `count`: flat indices (N,), the other label
    there, and how much of the pixel is its own label's.
    """
    tiles = _Tiles(rgb, alpha, labels, count, reach)
    pieces = [piece for piece in for_each(labels.shape, tiles.found) if piece is not None]
    if not pieces:
        return np.zeros(0, np.intp), np.zeros(0, np.uint8), np.zeros(0, np.float32)
    found = _Found(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))
    del pieces
    parts, dull = found.parts, found.dull
    for k in range(count):
        mine = found.own == k
        noise = parts[found.far & mine] - 1
        noise = noise[np.isfinite(noise)]
        if noise.size:
            more = np.float32(min(_NOISE * float(np.median(np.abs(noise))), _NOISY))
            dull[mine] += np.where(found.close[mine], np.float32(_CLOSE) * more, more)
    parts /= 1 - dull
    clear = np.clip(parts, 0, 1, out=parts)
    return found.places, found.others, np.nan_to_num(clear, copy=False, nan=1.0)


class _Tiles(NamedTuple):
    """The arguments of `mixed_along`."""

    rgb: Pixels
    alpha: Floats
    labels: Bytes
    many: int
    reach: int

    def found(self, tile: Box) -> _Found | None:
        """What lies in a tile; None where no border does."""
        reach = self.reach
        if not _differ(self.labels[around(tile, reach)[0]]):
            return None
        # Even, so that means of 2 x 2 pixels are the same in every tile.
        outer, inner = around(tile, 3 * reach + 6 & ~1)
        labels, alpha = np.ascontiguousarray(self.labels[outer]), self.alpha[outer]
        border = _border(labels, reach)
        mixed = np.zeros_like(border)
        mixed[inner] = border[inner] & (alpha[inner] > 0)
        at = np.flatnonzero(mixed)
        if not at.size:
            return None
        both = self._neighbors(labels, at)
        pure = (~border & (alpha >= _PURE)).view(np.uint8)
        rgb = np.ascontiguousarray(self.rgb[outer])
        first, second = self._nearby(rgb, labels, pure, at, both)
        rows, columns = np.divmod(at, labels.shape[1])
        places = (rows + outer[0].start) * self.labels.shape[1] + columns + outer[1].start
        shown = srgb_to_linear(rgb.reshape(-1, 3).take(at, axis=0).T)
        close, near = (_border(labels, r).take(at) for r in (1, reach - 1))
        parts = _parts(shown, first, second)
        return _Found(places, *both, parts, _dull(first, second), close, ~near)

    def _neighbors(self, labels: Bytes, at: Places) -> tuple[Bytes, Bytes]:
        """(N,) labels of places, and the one that is commonest about them beside it."""
        own = labels.take(at)
        masks = {k: np.equal(labels, k).view(np.uint8) for k in range(self.many)}
        present = [k for k, mask in masks.items() if cv2.countNonZero(mask)]
        names = np.array(present, np.uint8)
        if len(present) == 2:
            return own, names[(own == names[0]).view(np.uint8)]
        window = (2 * self.reach + 1,) * 2
        near = np.zeros((len(present), own.size), np.uint16)
        for plane, k in zip(near, present, strict=True):
            counts = cv2.boxFilter(masks[k], cv2.CV_16U, window, normalize=False)
            np.multiply(np.asarray(counts).take(at), own != k, out=plane)
        return own, names[largest_of(near)[0]]

    def _nearby(
        self, rgb: Pixels, labels: Bytes, pure: Bytes, at: Places, both: tuple[Bytes, Bytes]
    ) -> tuple[Floats, Floats]:
        """(3, N) linear light of each place's two labels: means of their pure pixels about it; NaN
        where none are near.
        """
        cell = 2 if self.labels.size > _LARGE else 1
        side = 2 * ((2 * self.reach + 2) // cell) + 1
        sums = _sums(cv2.copyTo(rgb, pure), pure, cell)
        rows, columns = np.divmod(at, labels.shape[1])
        # All pixels of a cell with a pure one are of its label: others are within reach of none.
        labels = np.ascontiguousarray(labels[::cell, ::cell])
        places = (rows // cell) * labels.shape[1] + columns // cell
        found = np.zeros((2, 4, places.size), np.float32)
        for k in range(self.many):
            wanted = [np.flatnonzero(which == k) for which in both]
            if any(some.size for some in wanted):
                mine = cv2.copyTo(sums, np.equal(labels, k).view(np.uint8))
                about = cv2.blur(mine, (side, side)).reshape(-1, 4)
                for total, some in zip(found, wanted, strict=True):
                    total[:, some] = about.take(places[some], axis=0).T
        found[:, 3][found[:, 3] < _LEAST] = np.nan
        return found[0, :3] / found[0, 3], found[1, :3] / found[1, 3]


def _sums(rgb: Pixels, pure: Bytes, cell: int) -> Floats:
    """(h, w, 4) linear light and number of a tile's pure pixels; the others are black in `rgb`."""
    parts = [srgb_to_linear(rgb.reshape(*pure.shape, 3)), pure.astype(np.float32)]
    if cell == 2:
        parts = [_halved(part) for part in parts]
    return np.dstack(parts)


def _halved(picture: Floats) -> Floats:
    """Means of 2 x 2 pixels; beyond the picture there is nothing."""
    down, right = (n % 2 for n in picture.shape[:2])
    if down or right:
        picture = np.asarray(cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_CONSTANT))
    size = picture.shape[1] // 2, picture.shape[0] // 2
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _differ(labels: Bytes) -> bool:
    """Whether there are two."""
    low, high, _, _ = cv2.minMaxLoc(np.ascontiguousarray(labels))
    return low != high


def _border(labels: Bytes, reach: int) -> Mask:
    """(h, w): whether another label lies within reach."""
    window = np.ones((2 * reach + 1,) * 2, np.uint8)
    wide = np.not_equal(cv2.dilate(labels, window), cv2.erode(labels, window))
    return np.asarray(wide.reshape(labels.shape))


def _parts(shown: Floats, first: Floats, second: Floats) -> Floats:
    """(N,) how much of (3, N) colors is the first, of two; below 0 and above 1 beyond them."""
    step = first - second
    pull = _LIGHT * (step**2).sum(axis=0)
    a, b, c = (first**2).sum(axis=0), (first * second).sum(axis=0), (second**2).sum(axis=0)
    p, q = (first * shown).sum(axis=0) + pull, (second * shown).sum(axis=0) + pull
    a, b, c = a + pull, b + pull, c + pull
    # With parts u and v, and the determinant left out of both.
    u, v = c * p - b * q, a * q - b * p
    with np.errstate(invalid="ignore", divide="ignore"):
        told = (step**2).sum(axis=0)
        told /= told + _SAME * 0.5 * ((first**2).sum(axis=0) + (second**2).sum(axis=0))
        return np.asarray(1 - told * (v / (u + v)), np.float32)


def _dull(first: Floats, second: Floats) -> Floats:
    """(N,) how much of (3, N) second colors is taken for none, next to the first."""
    with np.errstate(invalid="ignore", divide="ignore"):
        bright = np.sqrt((first**2).sum(axis=0) / (second**2).sum(axis=0))
    return np.asarray(_DULL * np.clip(bright, 1 / _DULLEST, _DULLEST), np.float32)
