"""Which clusters of color are one material: light changes slowly, paint changes at a border.

Two clusters that meet in a slow change of color are one paint under changing light, a gradient, a
highlight or another color's bounce. Two that never meet, or at a sharp border only, are one if
their colors are alike. When in doubt, one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.paint.materials.clusters import cores_of
from dmlseg_core.paint.materials.small import LOG_LIGHT
from dmlseg_core.paint.materials.things import Things

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.intp]

MOST = 5
_REACH = 4
"""Pixels across a border over which a change of color is measured."""
_SOLID, _LARGE = 0.25, 0.004
"""Shares of a cluster that must be core, and of the object that this must be, to be any material
rather than the mixture along a border."""
_STEPS = (0.5, 0.36, 0.2), (1.0, 1.4, 2.2)
"""Share of the difference of two clusters that lies within _REACH: below it they are one, by how
different they are."""
_SHINE_STEP = 0.55
"""The same where one lies within the other, with white light added."""
_WHITE = 0.4
"""Least over largest channel of light that may be a lamp's."""
_BORDER = 0.2
"""Share of the smaller one's borders that must be common for this to tell anything."""
_WITHIN = 0.8
"""The same for shine, which lies within its paint."""
_TINY = 0.012
"""Of the object: smaller things are no material."""
_FAINT, _LAMPS, _HUES = 0.08, 0.05, 0.45
"""Saturation that counts as much as the colors' own; more of it where one is warm and the other
cool, as lamps, sky and ground tint one paint; the relative difference that tells two."""
_NEAR, _FAR = 0.3, 0.6
"""Mean squared distance in the embedding up to which two groups are of one thing; from which on of
two."""
_MORE, _APART = 2.0, 0.6
"""How much more the difference of two things' colors counts; what it begins with."""
_NEUTRAL, _DARKER = 0.12, np.log(6.0)
"""Saturation from which lightness does not count; between neutral colors this ratio tells two."""


def difference(first: Floats, second: Floats) -> float:
    """Of two features, whatever the light: 1 is as different as two materials must be."""
    sizes = float(np.hypot(*first[:2])), float(np.hypot(*second[:2]))
    against = max(-float(first[:2] @ second[:2]) / max(sizes[0] * sizes[1], 1e-6), 0.0)
    faint = _FAINT + _LAMPS * against
    hue = np.hypot(*(first[:2] - second[:2])) / (0.5 * sum(sizes) + faint) / _HUES
    neutral = min(max(1 - max(sizes) / _NEUTRAL, 0.0), 1.0)
    return float(np.hypot(hue, neutral * abs(first[2] - second[2]) / LOG_LIGHT / _DARKER))


def groups_of(features: Floats, labels: Labels, centers: Floats, colors: Doubles) -> Labels:
    """(K,) group of each cluster; clusters of one group are one paint in changing light.

    Args:
        features: (3, h, w).
        labels: (h, w), the clusters (see `without_mixtures`), -1 outside.
        centers: (K, 3) features.
        colors: (K, 3) linear light.
    """
    met, steps = _borders(features, labels, centers)
    groups = np.arange(len(centers))
    most = met.sum(axis=1)
    for i, j in zip(*np.nonzero(np.triu(met)), strict=True):
        common = met[i, j] / max(min(most[i], most[j]), 1)
        within = common > _WITHIN and _is_shine(colors[i], colors[j])
        limit = _SHINE_STEP if within else _limit(centers[i], centers[j])
        if common > _BORDER and steps[i, j] < limit:
            groups[groups == groups[j]] = groups[i]
    return groups


def without_mixtures(labels: Labels, centers: Floats) -> Labels:
    """(K,) for each cluster itself, or the nearest that is more than a line along a border."""
    count = len(centers)
    sizes = np.bincount(labels[labels >= 0], minlength=count)
    cores = cores_of(labels, count)
    solid = (cores > _SOLID * sizes) & (cores > _LARGE * sizes.sum())
    if not solid.any():
        solid[sizes.argmax()] = True
    away = ((centers[:, None] - centers[None]) ** 2).sum(axis=2)
    away[:, ~solid] = np.inf
    return np.asarray(np.argmin(away, axis=1), np.intp)


def _limit(first: Floats, second: Floats) -> float:
    """The step below which two clusters are one."""
    return float(np.interp(difference(first, second), _STEPS[1], _STEPS[0]))


def _is_shine(first: Doubles, second: Doubles) -> bool:
    """Whether the brighter of two linear colors is the other one and light that is nearly white."""
    more = np.abs(first - second) if (first <= second).all() or (first >= second).all() else None
    return more is not None and bool(more.min() > _WHITE * more.max())


def _borders(features: Floats, labels: Labels, centers: Floats) -> tuple[Doubles, Doubles]:
    """(K, K) pixel pairs across the border of two clusters, and how much of their difference lies
    between those pixels: 1 where the color jumps.
    """
    count, width = len(centers), labels.shape[1]
    met, steps = np.zeros(count**2), np.zeros(count**2)
    flat = features.reshape(len(features), -1)
    for down, right in (
        (0, _REACH),
        (_REACH, 0),
        (_REACH - 1, _REACH - 1),
        (_REACH - 1, 1 - _REACH),
    ):
        at = _meetings(labels, down, right)
        there = at + down * width + right
        i, j = labels.reshape(-1)[at], labels.reshape(-1)[there]
        axis = (centers[j] - centers[i]).T
        change = flat.take(there, axis=1) - flat.take(at, axis=1)
        step = (change * axis).sum(axis=0) / np.maximum((axis**2).sum(axis=0), 1e-6)
        met += np.bincount(i * count + j, minlength=count**2)
        steps += np.bincount(i * count + j, np.clip(step, 0, 1), minlength=count**2)
    both = [v.reshape(count, count) + v.reshape(count, count).T for v in (met, steps)]
    return both[0], both[1] / np.maximum(both[0], 1)


def _meetings(labels: Labels, down: int, right: int) -> Labels:
    """(N,) flat indices of places whose neighbor so far down and right has another label."""
    ends = slice(None, -right or None) if right >= 0 else slice(-right, None)
    starts = slice(right, None) if right >= 0 else slice(None, right)
    one, other = labels[: -down or None, ends], labels[down:, starts]
    rows, columns = np.nonzero((one >= 0) & (other >= 0) & (one != other))
    return np.asarray(rows * labels.shape[1] + columns + max(-right, 0), np.intp)


def joined(features: Floats, labels: Labels, things: Things | None = None) -> Labels:
    """(N,) labels of groups, those of alike colors made one: 0 the largest.

    Args:
        features: (3, N) of the pixels inside.
        labels: (N,) their groups.
        things: of the same pixels; colors of different things must be more alike.
    """
    if things is not None and len(things.apart) > 1:
        labels = labels * len(things.apart) + things.labels
    colors = {int(k): _usual(features, labels == k) for k in np.unique(labels)}
    while True:
        names, inverse, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        usual, foreign = [colors[int(k)] for k in names], _foreign(inverse, sizes, things)
        pairs = [
            (_distance(usual[i], usual[j], foreign[i, j], sizes[[i, j]] / len(labels)), i, j)
            for j in range(len(names)) for i in range(j)
        ]  # fmt: skip
        if not pairs or (min(pairs)[0] > 1 and len(names) <= MOST):
            return np.argsort(np.argsort(-sizes, kind="stable"))[inverse]
        _, i, j = min(pairs)
        labels = np.where(labels == names[j], names[i], labels)
        colors[int(names[i])] = _usual(features, labels == names[i])


def _usual(features: Floats, mine: NDArray[np.bool_]) -> Floats:
    """(3,) median of some of (3, N)."""
    return np.asarray(np.median(features[:, mine], axis=1))


def _foreign(groups: Labels, sizes: Labels, things: Things | None) -> Doubles:
    """(n, n): 0 for two groups within one thing, 1 for two things."""
    count = len(sizes)
    if things is None:
        return np.zeros((count, count))
    kinds = len(things.apart)
    counts = np.bincount(groups * kinds + things.labels, minlength=count * kinds)
    shares = counts.reshape(count, kinds) / sizes[:, None]
    apart = shares @ things.apart @ shares.T
    return np.asarray(np.clip((apart - _NEAR) / (_FAR - _NEAR), 0, 1))


def _distance(first: Floats, second: Floats, foreign: float, shares: Doubles) -> float:
    """Of two groups: below 1 they are one; a tiny one is part of whatever is nearest to it."""
    apart = difference(first, second)
    apart += foreign * (_MORE * apart + _APART)
    return apart / (1 + apart) - 1 if shares.min() < _TINY else apart
