"""How much of each material lies at a pixel: labels, and mixtures along the borders.

A border pixel shows m F + (1 - m) G in linear light, F and G the two materials' colors nearby, in
whatever light falls there: m is what fits best (least squares; the sum of both parts is held near
1, which decides where F and G differ in light alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import srgb_to_linear
from dmlseg_core.paint.materials.clusters import distances_of
from dmlseg_core.paint.materials.small import features_of

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.intp]
Places: TypeAlias = NDArray[np.intp]
Pixels: TypeAlias = NDArray[Any]

_SURE = 0.99
"""Share of the small picture's votes from which on a pixel is not looked at."""
_ALIKE = 0.08
"""Distance of features that speaks as loud as a vote e times as large."""
_LEAST = 0.01
"""Vote of a material that is nowhere near: color alone must not scatter it."""
_BAND = 3
"""Pixels on both sides of a border that may be mixed; more where the photo is large."""
_LIGHT = 0.15
"""How firmly the parts sum to 1, against light that changes across the border."""
_DULL, _DULLEST = 0.02, 4.0
"""Of another color, less than this is taken for none; where that is darker, and so looks like
shade, up to so many times more."""
_NOISE, _NOISY, _CLOSE = 4.0, 0.2, 0.3
"""More of it by the median of the noise, at most; less at the border itself, where most mixtures
are. The places farthest from a border are pure in most photos: what they seem to hold is noise."""
_STRIP = 1 << 18


@dataclass(frozen=True, eq=False)
class Members:
    """Which material a pixel is of.

    Attributes:
        labels: (h, w) uint8, of a box; in the whole of it.
        places: (N,) flat indices of mixed pixels.
        others: (N,) uint8, the second material there.
        parts: (N,) float32 in [0, 1], how much of them is the first.
    """

    labels: Bytes
    places: Places
    others: Bytes
    parts: Floats

    @classmethod
    def of(
        cls, rgb: Pixels, alpha: Floats, votes: Floats, centers: Floats, materials: Labels
    ) -> Members:
        """Label the pixels of a box.

        Args:
            rgb: (h, w, 3) uint8 or uint16.
            alpha: (h, w), the object.
            votes: (K, h', w') each material's share about a place of the smaller picture.
            centers: (n, 3) features of colors.
            materials: (n,) whose they are.
        """
        labels = _labels(rgb, alpha, votes, centers, materials)
        reach = reach_in(alpha.shape)
        return cls(labels, *mixed_along(rgb, alpha, labels, len(votes), reach))

    def share(self, wanted: NDArray[np.bool_]) -> Floats:
        """(h, w) float32 in [0, 1]: how much of each pixel is of the materials that are True."""
        share = wanted.astype(np.float32)[self.labels]
        own, other = wanted[self.labels.reshape(-1)[self.places]], wanted[self.others]
        share.reshape(-1)[self.places] = own * self.parts + other * (1 - self.parts)
        return share


def _labels(rgb: Pixels, alpha: Floats, votes: Floats, centers: Floats, materials: Labels) -> Bytes:
    """(h, w): by the small picture's votes, and by color where they are divided."""
    size = alpha.shape[::-1]
    large = [cv2.resize(vote, size, interpolation=cv2.INTER_LINEAR) for vote in votes]
    labels: Bytes = np.argmax(large, axis=0).astype(np.uint8)
    unsure = np.flatnonzero((np.max(large, axis=0) < _SURE) & (alpha > 0.9))
    if unsure.size:
        calm = cv2.medianBlur(np.ascontiguousarray(rgb), 3).reshape(-1, 3)
        for first in range(0, unsure.size, _STRIP):
            at = unsure[first : first + _STRIP]
            away = distances_of(features_of(srgb_to_linear(calm[at].T)), centers)
            nearest = np.stack([away[materials == k].min(axis=0) for k in range(len(votes))])
            heard = np.stack([vote.reshape(-1)[at] for vote in large])
            labels.reshape(-1)[at] = (np.log(heard + _LEAST) - nearest / _ALIKE**2).argmax(axis=0)
        labels = np.asarray(cv2.medianBlur(labels, 3), np.uint8).reshape(alpha.shape)
    return labels


def reach_in(size: tuple[int, ...]) -> int:
    """Pixels on both sides of a border that may be mixed, in a picture of a size."""
    return _BAND + round(max(size) / 2000)


def mixed_along(
    rgb: Pixels, alpha: Floats, labels: Bytes, count: int, reach: int
) -> tuple[Places, Bytes, Floats]:
    """Places along the borders of (h, w) labels below `count`: flat indices (N,), the other label
    there, and how much of the pixel is its own label's.
    """
    border = _border(labels, reach)
    places = np.flatnonzero(border & (alpha > 0))
    own, others = _neighbors(labels, places, count, reach)
    shown = srgb_to_linear(rgb.reshape(-1, 3)[places].T)
    first, second = np.zeros_like(shown), np.zeros_like(shown)
    for k in range(count):
        pure = (labels == k) & ~border & (alpha >= 0.99)
        colors = _nearby(rgb, pure, places, reach)
        first[:, own == k], second[:, others == k] = colors[:, own == k], colors[:, others == k]
    close, near = (_border(labels, r).reshape(-1)[places] for r in (1, reach - 1))
    dull = _dull(first, second)
    parts = _parts(shown, first, second)
    for k in range(count):
        noise = parts[~near & (own == k) & np.isfinite(parts)] - 1
        if noise.size:
            away = np.where(close, _CLOSE, 1)[own == k]
            dull[own == k] += away * min(_NOISE * float(np.median(np.abs(noise))), _NOISY)
    clear = np.clip(parts / (1 - dull), 0, 1)
    return places, others, np.nan_to_num(clear, nan=1.0).astype(np.float32)


def _border(labels: Bytes, reach: int) -> NDArray[np.bool_]:
    """(h, w): whether another label lies within reach."""
    window = np.ones((2 * reach + 1,) * 2, np.uint8)
    return np.not_equal(cv2.dilate(labels, window), cv2.erode(labels, window))


def _neighbors(labels: Bytes, places: Places, count: int, reach: int) -> tuple[Bytes, Bytes]:
    """(N,) labels of places, and the one that is commonest about them beside it."""
    own = labels.reshape(-1)[places]
    window = (2 * reach + 1,) * 2
    near = np.stack(
        [cv2.blur(np.equal(labels, k).astype(np.float32), window).reshape(-1)[places]
         for k in range(count)]
    )  # fmt: skip
    near[own, np.arange(places.size)] = -1
    return own, near.argmax(axis=0).astype(np.uint8)


def _nearby(rgb: Pixels, pure: NDArray[np.bool_], places: Places, reach: int) -> Floats:
    """(3, N) linear light: means of pure pixels about places; NaN where none are near."""
    cell = 2 if pure.size > 4e5 else 1
    size = tuple(-(-n // cell) for n in pure.shape[::-1])
    weight = pure.astype(np.float32)
    planes = srgb_to_linear(rgb) * weight[..., None]
    side = 2 * ((2 * reach + 2) // cell) + 1
    sums = [
        cv2.blur(cv2.resize(v, size, interpolation=cv2.INTER_AREA), (side, side))
        for v in (planes, weight)
    ]
    rows, columns = (v // cell for v in np.divmod(places, pure.shape[1]))
    total = sums[1][rows, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (sums[0][rows, columns] / total[:, None]).T
    found[:, total < 1e-4] = np.nan
    return found


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
        return np.asarray(u / (u + v), np.float32)


def _dull(first: Floats, second: Floats) -> Floats:
    """(N,) how much of (3, N) second colors is taken for none, next to the first."""
    with np.errstate(invalid="ignore", divide="ignore"):
        bright = np.sqrt((first**2).sum(axis=0) / (second**2).sum(axis=0))
    return np.asarray(_DULL * np.clip(bright, 1 / _DULLEST, _DULLEST), np.float32)
