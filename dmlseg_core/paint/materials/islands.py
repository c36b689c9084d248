"""Pieces of one paint that lie apart within another, and are the other one in other light.

A dark rim of coffee in a cup that is dark red outside is as near to the red as to the coffee's
usual color. But light changes slowly and paint changes at a border: what counts is how the piece
differs from what lies around it, where both are one thing. A hand on a coat as brown is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.paint.materials.same import difference
from dmlseg_core.paint.materials.things import ONE_THING, Things

Floats: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]

_LEAST, _MOST = 0.002, 0.5
"""Of the object: smaller pieces are left to the votes of their neighbors. Of its paint: a larger
piece is what that paint is."""
_AROUND = 0.95
"""Share of what a piece touches that must be of one paint for it to lie within that."""
_NEAR = 2
"""Pixels from a border at which both sides are looked at: next to it they are mixed."""
_REACH = 2 * _NEAR + 1


def without_islands(features: Floats, labels: Labels, things: Things) -> Labels:
    """(h, w) labels, such pieces given to the paint around them.

    Args:
        features: (3, h, w).
        labels: (h, w) materials, -1 outside.
        things: of the pixels inside.
    """
    kinds = np.zeros(labels.shape, np.uint8)
    kinds[labels >= 0] = things.labels
    found, sizes = labels.copy(), np.bincount(labels[labels >= 0])
    for k, size in enumerate(sizes):
        plane = np.equal(labels, k).view(np.uint8)
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=8)
        areas = stats[1:, cv2.CC_STAT_AREA]
        for n in 1 + np.flatnonzero((areas >= _LEAST * sizes.sum()) & (areas <= _MOST * size)):
            box = _box(*stats[n, :4])
            around = _Around.of(np.equal(pieces[box], n), labels[box])
            if around and around.is_same(features[:, box[0], box[1]], kinds[box], things.apart):
                found[box][around.piece] = around.paint
    return found


def _box(left: int, top: int, width: int, height: int) -> tuple[slice, slice]:
    """A piece's, with as much around it as is looked at."""
    rows = slice(max(top - _REACH, 0), top + height + _REACH)
    return rows, slice(max(left - _REACH, 0), left + width + _REACH)


@dataclass(frozen=True, eq=False)
class _Around:
    """A piece of the labels of a box, and the paint that it lies within.

    Attributes:
        piece: (h, w).
        inner, outer: (h, w), both sides of its border.
        paint: that lies around it.
    """

    piece: Mask
    inner: Mask
    outer: Mask
    paint: int

    @classmethod
    def of(cls, piece: Mask, labels: Labels) -> _Around | None:
        """None where no single paint lies around it."""
        touched = labels[grown(piece, 1) & ~piece & (labels >= 0)]
        counts = np.bincount(touched, minlength=1)
        paint = int(counts.argmax())
        inner = ~grown(~piece, _NEAR) & grown(~piece, 2 * _NEAR)
        outer = grown(piece, 2 * _NEAR) & ~grown(piece, _NEAR) & np.equal(labels, paint)
        alone = not touched.size or counts[paint] < _AROUND * touched.size
        return (
            None if alone or not (inner.any() and outer.any()) else cls(piece, inner, outer, paint)
        )

    def is_same(self, features: Floats, kinds: Bytes, apart: Floats) -> bool:
        """Whether both sides are one paint of one thing."""
        here, there = (np.median(features[:, s], axis=1) for s in (self.inner, self.outer))
        one, other = (
            np.bincount(kinds[s], minlength=len(apart)) / s.sum() for s in (self.inner, self.outer)
        )
        return difference(here, there) < 1 and bool(one @ apart @ other < ONE_THING)


def grown(mask: Mask, by: int) -> Mask:
    """With all that is at most so many pixels away."""
    window = np.ones((2 * by + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(mask.view(np.uint8), window), np.uint8).view(np.bool_)
