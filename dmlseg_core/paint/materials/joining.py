"""Groups of alike colors made one, nearest first, until what is left are materials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.paint.materials.same import differences
from dmlseg_core.paint.materials.things import Things

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.intp]

MOST = 5
_TINY = 0.012
"""Of the object: smaller things are no material."""
_NEAR, _FAR = 0.3, 0.6
"""Mean squared distance in the embedding up to which two groups are of one thing; from which on of
two."""
_MORE, _APART = 2.0, 0.6
"""How much more the difference of two things' colors counts; what it begins with."""


def joined(features: Floats, labels: Labels, things: Things | None = None) -> Labels:
    """(N,) labels of groups, those of alike colors made one: 0 the largest.

    Args:
        features: (3, N) of the pixels inside.
        labels: (N,) their groups.
        things: of the same pixels; colors of different things must be more alike.
    """
    if things is not None:
        labels = labels * len(things.apart) + things.labels
    _, pieces = np.unique(labels, return_inverse=True)
    groups = _Groups.of(features, pieces, things)
    while (pair := groups.nearest()) is not None:
        groups.join(*pair)
    order = np.argsort(np.argsort(-groups.sizes, kind="stable"))
    return order[groups.names[pieces]]


@dataclass(eq=False)
class _Groups:
    """Groups of pixels that become fewer, and the distances between them.

    Attributes:
        names: (n,) of each piece at the start, the group that it is of now.
        parts: of each group, (3, m) features of its pixels; none where it is joined to another.
        colors: (n, 3) their medians.
        kinds: (n, K) how many of them are of each thing.
        apart: (n, n) distances above the diagonal; infinite below, and where there is nobody.
        foreign: (K, K) squared distances of things.
    """

    names: Labels
    parts: list[Floats]
    colors: Floats
    kinds: Doubles
    apart: Doubles
    foreign: Floats

    @classmethod
    def of(cls, features: Floats, pieces: Labels, things: Things | None) -> _Groups:
        """Each piece, of (N,) numbers without gaps, by itself."""
        sizes = np.bincount(pieces)
        count, kinds = len(sizes), 1 if things is None else len(things.apart)
        labels = 0 if things is None else things.labels.astype(np.intp)
        ordered = features[:, np.argsort(pieces, kind="stable")]
        parts = np.split(ordered, np.cumsum(sizes)[:-1], axis=1)
        made = cls(
            np.arange(count),
            parts,
            np.stack([np.median(part, axis=1) for part in parts]),
            np.bincount(pieces * kinds + labels, minlength=count * kinds)
            .reshape(count, kinds).astype(np.float64),
            np.full((count, count), np.inf),
            np.zeros((1, 1), np.float32) if things is None else things.apart,
        )  # fmt: skip
        for k in range(count):
            made._measure(k)
        return made

    @property
    def sizes(self) -> Doubles:
        """(n,) pixels; 0 of those that are joined to others."""
        return np.asarray(self.kinds.sum(axis=1))

    def nearest(self) -> tuple[int, int] | None:
        """The two that are to be one next; None where all are materials of their own."""
        i, j = (int(v) for v in np.unravel_index(self.apart.argmin(), self.apart.shape))
        enough = self.apart[i, j] > 1 and np.count_nonzero(self.sizes) <= MOST
        return None if enough or not np.isfinite(self.apart[i, j]) else (i, j)

    def join(self, i: int, j: int) -> None:
        """Make the second a part of the first."""
        self.names[self.names == j] = i
        self.parts[i] = np.hstack([self.parts[i], self.parts[j]])
        self.parts[j] = self.parts[j][:, :0]
        self.kinds[i] += self.kinds[j]
        self.kinds[j] = 0
        self.apart[j] = self.apart[:, j] = np.inf
        self.colors[i] = np.median(self.parts[i], axis=1)
        self._measure(i)

    def _measure(self, k: int) -> None:
        """The distances of group k to all others."""
        alive = np.flatnonzero(self.sizes)
        alive = alive[alive != k]
        sizes = self.sizes[alive]
        shares = self.kinds[alive] / sizes[:, None]
        away = shares @ (self.foreign @ (self.kinds[k] / self.sizes[k]))
        foreign = np.clip((away - _NEAR) / (_FAR - _NEAR), 0, 1)
        apart = differences(self.colors[k], self.colors[alive])
        apart += foreign * (_MORE * apart + _APART)
        # A tiny one is part of whatever is nearest to it.
        tiny = np.minimum(sizes, self.sizes[k]) < _TINY * self.sizes.sum()
        apart = np.where(tiny, apart / (1 + apart) - 1, apart)
        self.apart[np.minimum(alive, k), np.maximum(alive, k)] = apart
