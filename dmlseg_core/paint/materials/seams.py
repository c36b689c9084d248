"""Where pieces of an object touch, and whether anything is to be seen there.

Two things that touch show a border: their colors, or the light on them, jump. Where an embedding
changes and the picture does not, it has drawn a line through one thing.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.intp]

_REACH = 4
"""Pixels across which a change of color is measured; as in `same`."""
_HIDDEN, _PLAIN = 1.5, 3.0
"""Change across a border over that within the calmer of both sides: up to the first nothing is
there to be seen, from the second on all of it is."""
_CALM = 0.01
"""Features change by that much where nothing does."""
_COMMON = 0.05
"""Share of the smaller one's borders that two must have in common to touch."""


class Seams(NamedTuple):
    """Pairs of pixels _REACH apart, down or across: of two pieces, and of one on the diagonal.

    Attributes:
        pairs: (n, n) how many.
        change: (n, n) the sum of their differences.
    """

    pairs: Doubles
    change: Doubles

    @classmethod
    def of(cls, features: Floats, pieces: Labels, count: int) -> Seams:
        """Of (3, h, w) features and the (h, w) numbers of `count` pieces, -1 outside."""
        sums = np.zeros((2, count**2))
        for ends, starts in (
            (np.s_[..., _REACH:], np.s_[..., :-_REACH]),
            (np.s_[..., _REACH:, :], np.s_[..., :-_REACH, :]),
        ):
            both = (pieces[ends] >= 0) & (pieces[starts] >= 0)
            step = features[ends][:, both] - features[starts][:, both]
            at = pieces[ends][both] * count + pieces[starts][both]
            sums[0] += np.bincount(at, minlength=count**2)
            sums[1] += np.bincount(at, np.sqrt((step**2).sum(axis=0)), count**2)
        pairs, change = sums.reshape(2, count, count)
        return cls(pairs + pairs.T, change + change.T)

    def join(self, i: int, j: int) -> None:
        """Make the second piece a part of the first."""
        for plane in self:
            plane[i] += plane[j]
            plane[:, i] += plane[:, j]
            plane[j] = plane[:, j] = 0

    def seen(self, k: int, others: Labels) -> Doubles:
        """(n,) 0..1, how far a border is to be seen between k and each of (n,) others; 1 where they
        do not touch, and nothing can be seen.
        """
        within = np.diag(self.pairs)
        usual = np.diag(self.change) / np.maximum(within, 1)
        calm = np.maximum(np.minimum(usual[k], usual[others]), _CALM)
        across = self.change[k, others] / np.maximum(self.pairs[k, others], 1)
        seen = np.clip((across / calm - _HIDDEN) / (_PLAIN - _HIDDEN), 0, 1)
        around = self.pairs.sum(axis=1) - within
        least = _COMMON * np.maximum(np.minimum(around[k], around[others]), 1)
        return np.where(self.pairs[k, others] > least, seen, 1.0)
