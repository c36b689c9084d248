"""How much of each material lies at a pixel: one where it is told, two along the borders.

It is told by the small picture's votes, and by color where they are divided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import srgb_to_linear
from dmlseg_core.paint.materials.clusters import largest_of, nearness_of
from dmlseg_core.paint.materials.mixtures import mixed_along, reach_in
from dmlseg_core.paint.materials.small import features_of
from dmlseg_core.paint.materials.tiles import Box, around, for_each

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
_WHOLE = 0.9
"""Alpha under which too much of a pixel is background for its color to be asked."""


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
        labels = _labels_in(rgb, alpha, votes, centers, materials)
        return cls(labels, *mixed_along(rgb, alpha, labels, len(votes), reach_in(alpha.shape)))

    def share(self, wanted: NDArray[np.bool_]) -> Floats:
        """(h, w) float32 in [0, 1]: how much of each pixel is of the materials that are True."""
        table = np.zeros(256, np.float32)
        table[: wanted.size] = wanted
        share = np.asarray(cv2.LUT(self.labels, table), np.float32).reshape(self.labels.shape)
        own, other = wanted[self.labels.reshape(-1)[self.places]], wanted[self.others]
        share.reshape(-1)[self.places] = own * self.parts + other * (1 - self.parts)
        return share


def _labels_in(
    rgb: Pixels, alpha: Floats, votes: Floats, centers: Floats, materials: Labels
) -> Bytes:
    """(h, w) uint8 labels of a box of the photo; arguments as of `Members.of`."""
    small, most = largest_of(votes)
    labels = _nearest(small, alpha.shape)
    unsure = ~_agreed(small, most)
    if not unsure.any():
        return labels
    undecided = _nearest(unsure.view(np.uint8), alpha.shape).view(np.bool_)
    vote = _Vote(_widened(votes, alpha.shape[1]), centers, materials)

    def decide(tile: Box) -> None:
        mine = undecided[tile] & (alpha[tile] > 0)
        if mine.any():
            vote.on(rgb, alpha, labels, tile, np.flatnonzero(mine))

    for_each(alpha.shape, decide)
    return np.asarray(cv2.medianBlur(labels, 3), np.uint8).reshape(alpha.shape)


def _nearest(small: Bytes, size: tuple[int, ...]) -> Bytes:
    """The small picture at the photo's size."""
    large = cv2.resize(small, size[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8).reshape(size)


def _agreed(small: Bytes, most: Floats) -> NDArray[np.bool_]:
    """Cells whose neighbors are all as sure of the same: so are all pixels between."""
    window = np.ones((3, 3), np.uint8)
    same = np.equal(cv2.dilate(small, window), cv2.erode(small, window))
    sure = cv2.erode((most >= _SURE).view(np.uint8), window)
    return np.asarray(same.reshape(small.shape) & (sure.reshape(small.shape) > 0))


def _widened(votes: Floats, width: int) -> Floats:
    """(K, h', w') -> (K, h', width): a photo's columns, the small picture's rows."""
    height = votes.shape[1]
    wide = [cv2.resize(v, (width, height), interpolation=cv2.INTER_LINEAR) for v in votes]
    return np.asarray(wide, np.float32).reshape(len(votes), height, width)


@dataclass(frozen=True, eq=False)
class _Vote:
    """Asks votes and colors for the labels of a tile.

    Attributes:
        wide: see `_widened`.
        centers, materials: as of `Members.of`.
    """

    wide: Floats
    centers: Floats
    materials: Labels

    def on(self, rgb: Pixels, alpha: Floats, labels: Bytes, tile: Box, at: Places) -> None:
        """Find the labels of a tile's undecided pixels, given by (N,) flat indices in it."""
        mine = labels[tile].copy()
        own, sure = largest_of(heard := self._heard(tile, at, alpha.shape[0]))
        asked = np.flatnonzero((sure < _SURE) & (alpha[tile].take(at) > _WHOLE))
        if asked.size:
            outer, inner = around(tile, 1)
            calm = cv2.medianBlur(np.ascontiguousarray(rgb[outer]), 3)
            calm = np.ascontiguousarray(calm.reshape(rgb[outer].shape)[inner])
            pixels = calm.reshape(-1, 3).take(at[asked], axis=0)
            own[asked] = self._by_color(pixels, heard[:, asked])
        mine.put(at, own)
        labels[tile] = mine

    def _heard(self, tile: Box, places: Places, height: int) -> Floats:
        """(K, N) votes at places of a tile: linear between the rows of the small picture."""
        count = self.wide.shape[1]
        at = np.arange(tile[0].start, tile[0].stop)
        at = np.clip((at + 0.5) * count / height - 0.5, 0, count - 1)
        low = np.minimum(at.astype(np.intp), max(count - 2, 0))
        near = self.wide[:, low[0] : low[-1] + 2, tile[1]]
        width = near.shape[2]
        rows, columns = np.divmod(places, width)
        rest = (at - low).astype(np.float32).take(rows)
        first = (low - low[0]).take(rows) * width + columns
        near = near.reshape(len(near), -1)
        heard: Floats = near.take(first, axis=1)
        if count > 1:
            heard += rest * (near.take(first + width, axis=1) - heard)
        return heard

    def _by_color(self, pixels: Pixels, heard: Floats) -> Bytes:
        """(N,) labels of (N, 3) pixels with (K, N) votes."""
        near = nearness_of(features_of(srgb_to_linear(pixels.T)), self.centers)
        score = np.log(heard + np.float32(_LEAST))
        for k in range(len(heard)):
            score[k] += near[self.materials == k].max(axis=0) * np.float32(2 / _ALIKE**2)
        return largest_of(score)[0]
