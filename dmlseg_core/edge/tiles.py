"""Tiles of a picture that meet an edge band: a band is a line, most of the picture is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Box: TypeAlias = tuple[slice, slice]


def tiles_of(band: NDArray[np.bool_], side: int, margin: int) -> Iterator[tuple[Box, Box]]:
    """Tiles of `side` pixels that hold a pixel of the (H, W) band, each also with a margin."""
    for top in range(0, band.shape[0], side):
        if not band[top : top + side].any():
            continue
        for left in range(0, band.shape[1], side):
            own = slice(top, top + side), slice(left, left + side)
            if band[own].any():
                yield own, grown(own, margin)


def grown(box: Box, margin: int) -> Box:
    """The box with a margin; only its start is held within the picture, as slices are."""
    rows, columns = (slice(max(0, s.start - margin), s.stop + margin) for s in box)
    return rows, columns
