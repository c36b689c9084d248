"""Groups of alike colors made one, nearest first, until what is left are materials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.paint.materials.same import differences
from dmlseg_core.paint.materials.seams import Seams
from dmlseg_core.paint.materials.small import lit
from dmlseg_core.paint.materials.things import ONE_THING, TOLD, Things

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.intp]

MOST = 5
_TINY = 0.012
"""Of the object: smaller things are no material."""
_FAR = 0.6
"""Mean squared distance in the embedding from which on two groups are of two things."""
_MORE, _APART = 2.0, 0.6
"""How much more the difference of two things' colors counts; what it begins with."""
_NO_PAINT = 4.0
"""How strange to each other skin, hair, bodywork and things are, where two things are so by 1."""
_LEAST = 1e-9
_SURE = 0.75, 0.95
"""Probability of any of them from which on no border need be seen."""
_MIRRORED, _PANELS = 0.05, 0.35
"""Linear light that a car's bodywork mirrors: how much more of it one panel shows than another says
little of its paint, least where that is dark. Of the difference that is left, 1 being that of two
paints: what sky and street make of one."""


def joined(
    features: Floats,
    labels: Labels,
    things: Things | None = None,
    told: Floats | None = None,
) -> Labels:
    """(h, w) labels of groups, those of alike colors made one: 0 the largest; -1 outside.

    Args:
        features: (3, h, w).
        labels: (h, w) their groups, -1 outside.
        things: of the pixels inside; colors of different things must be more alike, unless the
            things touch without a border that could be seen.
        told: `told_of` them: the same holds for skin, hair and bodywork, whatever their colors;
            panels of bodywork are one thing.
    """
    inside = labels >= 0
    tones, kinds = labels[inside], np.zeros(1, np.intp)
    if things is not None:
        kinds = things.labels.astype(np.intp)
    if told is None:
        told = np.eye(1, TOLD, dtype=np.float32).T.repeat(tones.size, axis=1)
    named = (tones * (int(kinds.max()) + 1) + kinds) * TOLD + told.argmax(axis=0)
    _, pieces = np.unique(named, return_inverse=True)
    grid = np.full(labels.shape, -1)
    grid[inside] = pieces
    foreign = np.zeros((1, 1), np.float32) if things is None else things.apart
    likely = np.stack([np.bincount(pieces, p) for p in told], axis=1).astype(np.float64)
    shares = _shares(pieces, tones), _shares(pieces, kinds), likely
    groups = _Groups.of(features, grid, shares, foreign)
    while (pair := groups.nearest()) is not None:
        groups.join(*pair)
    order = np.argsort(np.argsort(-groups.sizes, kind="stable"))
    grid[inside] = order[groups.names[pieces]]
    return grid


def _shares(pieces: Labels, kinds: Labels) -> Doubles:
    """(n, K) how many pixels of each piece are of each kind; (N,) both, or one kind for all."""
    count = int(kinds.max()) + 1
    found = np.bincount(pieces * count + kinds, minlength=(int(pieces.max()) + 1) * count)
    return found.reshape(-1, count).astype(np.float64)


@dataclass(eq=False)
class _Groups:
    """Groups of pixels that become fewer, and the distances between them.

    Attributes:
        names: (n,) of each piece at the start, the group that it is of now.
        parts: of each group, (3, m) features of its pixels; none where it is joined to another.
        colors: (n, 3) their medians.
        tones, kinds, told: (n, K) how many of them were of each label, are of each thing, and are
            likely nothing that is told, skin, hair, bodywork.
        seams: where they touch.
        apart: (n, n) distances above the diagonal; infinite below, and where there is nobody.
        foreign: (K, K) squared distances of things.
    """

    names: Labels
    parts: list[Floats]
    colors: Floats
    tones: Doubles
    kinds: Doubles
    told: Doubles
    seams: Seams
    apart: Doubles
    foreign: Floats

    @classmethod
    def of(
        cls,
        features: Floats,
        pieces: Labels,
        shares: tuple[Doubles, Doubles, Doubles],
        foreign: Floats,
    ) -> _Groups:
        """Each piece, of (h, w) numbers without gaps, by itself."""
        tones, kinds, told = shares
        inside, count = pieces >= 0, len(tones)
        ordered = features[:, inside][:, np.argsort(pieces[inside], kind="stable")]
        parts = np.split(ordered, np.cumsum(tones.sum(axis=1).astype(np.intp))[:-1], axis=1)
        # A thing that no pixel is of has no column.
        foreign = foreign[: kinds.shape[1], : kinds.shape[1]]
        made = cls(
            names=np.arange(count),
            parts=parts,
            colors=np.stack([np.median(part, axis=1) for part in parts]),
            tones=tones,
            kinds=kinds,
            told=told,
            seams=Seams.of(features, pieces, count),
            apart=np.full((count, count), np.inf),
            foreign=foreign,
        )
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
        alive = self.told[:, 1:-1].sum(axis=0)
        most = MOST + np.count_nonzero(alive > self.sizes.sum() * _TINY)
        enough = self.apart[i, j] > 1 and np.count_nonzero(self.sizes) <= most
        return None if enough or not np.isfinite(self.apart[i, j]) else (i, j)

    def join(self, i: int, j: int) -> None:
        """Make the second a part of the first."""
        self.names[self.names == j] = i
        self.parts[i] = np.hstack([self.parts[i], self.parts[j]])
        self.parts[j] = self.parts[j][:, :0]
        for counts in (self.tones, self.kinds, self.told):
            counts[i] += counts[j]
            counts[j] = 0
        self.seams.join(i, j)
        self.apart[j] = self.apart[:, j] = np.inf
        self.colors[i] = np.median(self.parts[i], axis=1)
        self._measure(i)

    def _measure(self, k: int) -> None:
        """The distances of group k to all others."""
        alive = np.flatnonzero(self.sizes)
        alive = alive[alive != k]
        sizes = self.sizes[alive]
        away = self._away(k, alive)
        # What is of one label is one paint already: light alone makes it differ.
        apart = away * (1 - self._shared(k, alive))
        apart += self._strange(k, alive) * (_MORE * away + _APART)
        # A tiny one is part of whatever is nearest to it.
        tiny = np.minimum(sizes, self.sizes[k]) < _TINY * self.sizes.sum()
        apart = np.where(tiny, apart / (1 + apart) - 1, apart)
        self.apart[np.minimum(alive, k), np.maximum(alive, k)] = apart

    def _away(self, k: int, others: Labels) -> Doubles:
        """(n,) how different the colors of k and of each of (n,) others are, 1 as of two paints."""
        away, panels = differences(self.colors[k], self.colors[others]), self._panels(k, others)
        if panels.any():
            colors = lit(self.colors.T, _MIRRORED).T
            mirrored = np.minimum(differences(colors[k], colors[others]), away)
            away += panels * (np.maximum(mirrored - _PANELS, 0) - away)
        return away

    def _shared(self, k: int, others: Labels) -> Doubles:
        """(n,) 0..1, how much of k and each of (n,) others was of the same labels."""
        own = self.tones[others] / self.sizes[others, None]
        return np.asarray(np.minimum(own, self.tones[k] / self.sizes[k]).sum(axis=1))

    def _strange(self, k: int, others: Labels) -> Doubles:
        """(n,) 0..1, how far k and each of (n,) others are different things; up to _NO_PAINT where
        one is told to be something else.
        """
        shares = self.kinds[others] / self.sizes[others, None]
        away = shares @ (self.foreign @ (self.kinds[k] / self.sizes[k]))
        strange = np.clip((away - ONE_THING) / (_FAR - ONE_THING), 0, 1)
        strange *= 1 - self._panels(k, others)
        seen = self.seams.seen(k, others)
        own, theirs = self._told(k), self._told(others)
        other = _NO_PAINT * (1 - np.minimum(own, theirs).sum(axis=1))
        surest = np.maximum(own[1:].max(), theirs[:, 1:].max(axis=1))
        sure = np.clip((surest - _SURE[0]) / (_SURE[1] - _SURE[0]), 0, 1)
        return np.asarray(np.maximum(strange * seen, other * np.maximum(seen, sure)))

    def _told(self, of: int | Labels) -> Doubles:
        """(TOLD,), or (n, TOLD), probabilities of a group, or of several; of many pixels that are
        bodywork rather than not, nearly all are.
        """
        shares = self.told[of] / self.sizes[of, None]
        panels, rest = shares[..., -1:] ** 2, (1 - shares[..., -1:]) ** 2
        rest = rest / np.maximum(panels + rest, _LEAST)
        shares[..., :-1] *= rest / np.maximum(1 - shares[..., -1:], _LEAST)
        shares[..., -1:] = 1 - rest
        return np.asarray(shares)

    def _panels(self, k: int, others: Labels) -> Doubles:
        """(n,) 0..1, how far k and each of (n,) others are panels of bodywork."""
        return np.asarray(np.minimum(self._told(k)[-1], self._told(others)[:, -1]))
