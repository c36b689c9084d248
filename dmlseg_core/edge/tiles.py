"""Tiles of a picture that meet an edge: an edge is a line, most of the picture is not.

They are laid side by side, each with a margin, so that filters run over long rows of all of them.
What a filter reads beyond a tile is wrong as far as it reaches: the margin is as wide as that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Box: TypeAlias = tuple[slice, slice]
Bools: TypeAlias = NDArray[np.bool_]

_BLOCKS = 8
"""Blocks along a tile, in which an edge is looked for."""
_BATCH = 1 << 17
"""Pixels that are worked on at once: many enough for numpy, few enough for a processor's cache."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """Where tiles lie in a picture.

    Attributes:
        corners: (top, left) of each, without its margin.
        size: (height, width) of each, without its margin.
        margin: pixels on every side.
    """

    corners: list[tuple[int, int]]
    size: tuple[int, int]
    margin: int

    @classmethod
    def about(cls, inside: Bools, step: int, side: int, margin: int) -> Tiles:
        """Tiles that hold what is within an eighth of a tile of the edge of (H, W) `inside`; the
        whole picture as one, without a margin, where that is less.

        Args:
            inside: the mask.
            step: sides of tiles, of the whole picture too, and margins are multiples of it.
            side, margin: of a tile, in pixels.
        """
        height, width = inside.shape
        near = _near_edge(inside.view(np.uint8), side // _BLOCKS)
        used = near.reshape(len(near) // _BLOCKS, _BLOCKS, -1, _BLOCKS).any(axis=(1, 3))
        if used.sum() * (side + 2 * margin) ** 2 >= height * width:
            whole = -(-height // step) * step, -(-width // step) * step
            return cls([(0, 0)], whole, 0)
        corners = [(int(y) * side, int(x) * side) for y, x in zip(*np.nonzero(used), strict=True)]
        return cls(corners, (side, side), margin)

    def batches(self) -> Iterator[Tiles]:
        """Some of the tiles at a time."""
        most = max(1, _BATCH // (self._full[0] * self._full[1]))
        for first in range(0, len(self.corners), most):
            yield replace(self, corners=self.corners[first : first + most])

    @property
    def rows(self) -> int:
        """Height of what `gather` makes."""
        return self._full[0]

    @property
    def _full(self) -> tuple[int, int]:
        return self.size[0] + 2 * self.margin, self.size[1] + 2 * self.margin

    def gather(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The tiles of a (H, W, ...) picture with their margins, side by side: (h, N * w, ...).
        Beyond its rim a picture is mirrored.
        """
        height, width = self._full
        out = np.empty((height, len(self.corners), width, *picture.shape[2:]), picture.dtype)
        for k, (top, left) in enumerate(self.corners):
            out[:, k] = _part(picture, top - self.margin, left - self.margin, height, width)
        return out.reshape(height, -1, *picture.shape[2:])

    def own(self, gathered: NDArray[Any], keep: int = 0) -> NDArray[Any]:
        """(h, N, w, ...): of what was gathered, tiles without their margins, but for `keep` pixels.

        A picture made smaller by a step is one of tiles and margins smaller by that step.
        """
        height = len(gathered)
        tiles = gathered.reshape(height, len(self.corners), -1, *gathered.shape[2:])
        cut = self.margin * height // self._full[0] - keep
        return tiles[cut : height - cut, :, cut : tiles.shape[2] - cut] if cut > 0 else tiles

    def put(self, values: NDArray[Any], picture: NDArray[Any]) -> None:
        """Write (h, N, w) tiles without margins into a picture."""
        height, width = self.size
        for k, (top, left) in enumerate(self.corners):
            place = picture[top : top + height, left : left + width]
            place[...] = values[: place.shape[0], k, : place.shape[1]]


def _near_edge(mask: NDArray[np.uint8], side: int) -> Bools:
    """Which blocks, as many as whole tiles have, hold an edge or lie beside one that does."""
    high, low = (_blocks(mask, side, how) for how in (np.maximum, np.minimum))
    around = np.ones((3, 3), np.uint8)
    near = cv2.dilate(high, around) != cv2.erode(low, around)
    rows, columns = (-n % _BLOCKS for n in near.shape)
    return np.pad(near, ((0, rows), (0, columns)))


def _blocks(mask: NDArray[np.uint8], side: int, how: np.ufunc) -> NDArray[np.uint8]:
    """Blocks of `side` pixels as one each: (ceil(H / side), ceil(W / side))."""
    for _ in "yx":
        whole = len(mask) // side
        blocks = mask[: whole * side].reshape(whole, side, mask.shape[1])
        made = [how.reduce(blocks, axis=1)]
        if len(rest := mask[whole * side :]):
            made.append(how.reduce(rest, axis=0, keepdims=True))
        mask = np.ascontiguousarray(np.concatenate(made).T)
    return mask


def _part(picture: NDArray[Any], top: int, left: int, height: int, width: int) -> NDArray[Any]:
    rows, columns = picture.shape[:2]
    inner = picture[max(0, top) : top + height, max(0, left) : left + width]
    above, before = max(0, -top), max(0, -left)
    below, after = max(0, top + height - rows), max(0, left + width - columns)
    if not (above or before or below or after):
        return inner
    return np.asarray(cv2.copyMakeBorder(inner, above, below, before, after, cv2.BORDER_REFLECT))
