"""Tiles of a picture: what fits into the caches, shared out to OpenCV's threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

import cv2

T = TypeVar("T")
Box: TypeAlias = tuple[slice, slice]

_SIDE = 256
"""Pixels along a tile; even, so that pairs of rows and columns are the picture's own."""


def tiles_of(size: tuple[int, ...]) -> Iterator[Box]:
    """Of a picture of (height, width)."""
    for top in range(0, size[0], _SIDE):
        for left in range(0, size[1], _SIDE):
            yield slice(top, min(top + _SIDE, size[0])), slice(left, min(left + _SIDE, size[1]))


def around(tile: Box, margin: int) -> tuple[Box, Box]:
    """The tile with a margin, of which only the end is not held within the picture, as slices are;
    and where the tile lies within that.
    """
    starts = [max(0, s.start - margin) for s in tile]
    rows, columns = (slice(a, s.stop + margin) for a, s in zip(starts, tile, strict=True))
    own = [slice(s.start - a, s.stop - a) for a, s in zip(starts, tile, strict=True)]
    return (rows, columns), (own[0], own[1])


def for_each(size: tuple[int, ...], work: Callable[[Box], T]) -> list[T]:
    """What `work` makes of each tile, in their order."""
    with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
        return list(pool.map(work, tiles_of(size)))
