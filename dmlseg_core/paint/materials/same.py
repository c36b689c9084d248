"""Which clusters of color are one material: light changes slowly, paint changes at a border.

Two clusters that meet in a slow change of color are one paint under changing light, a gradient, a
highlight or another color's bounce. Two that never meet, or at a sharp border only, are one if
their colors are alike. When in doubt, one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.paint.materials.clusters import cores_of
from dmlseg_core.paint.materials.small import ABYSS, LOG_LIGHT

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.intp]

_REACH = 4
"""Pixels across a border over which a change of color is measured."""
_SOLID, _LARGE = 0.25, 0.004
"""Shares of a cluster that must be core, and of the object that this must be, to be any material
rather than the mixture along a border."""
_PRINT = 0.12, 0.04
"""Core of what is unlike all that is solid, so that no mixture looks like it; and share of the
object: what is smaller may be shine, which has such shades too.
"""
_KIN = 0.25
"""Difference of two colors up to which they are one in light and shade."""
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
_FAINT, _LAMPS, _HUES = 0.08, 0.05, 0.45
"""Saturation that counts as much as the colors' own; more of it where one is warm and the other
cool, as lamps, sky and ground tint one paint; the relative difference that tells two."""
_ROUNDING = 1e-3
"""Linear light that rounding and flare make of nothing: a few levels near black."""
_NEUTRAL, _DARKER = 0.12, np.log(7.5)
"""Saturation from which lightness does not count; between neutral colors this ratio tells two."""


def difference(first: Floats, second: Floats) -> float:
    """Of two features, whatever the light: 1 is as different as two materials must be."""
    return float(differences(first, second[None])[0])


def differences(first: Floats, others: Floats) -> Doubles:
    """The same of one feature (3,) and (n, 3) others: (n,)."""
    one, many = np.asarray(first, np.float64), np.asarray(others, np.float64)
    size, sizes = np.hypot(*one[:2]), np.hypot(*many[:, :2].T)
    against = np.maximum(-(many[:, :2] @ one[:2]) / np.maximum(size * sizes, 1e-6), 0)
    hue = np.hypot(*(many[:, :2] - one[:2]).T)
    unsure, doubt = _doubt(one), _doubt(many.T)
    hue /= (0.5 * (size + sizes) + _FAINT + _LAMPS * against + np.maximum(unsure, doubt)) * _HUES
    # A dark one that is hardly colored for sure is at least as neutral as the other.
    colored = np.maximum(np.maximum(size - unsure, sizes - doubt), np.minimum(size, sizes))
    neutral = np.clip(1 - colored / _NEUTRAL, 0, 1)
    return np.asarray(np.hypot(hue, neutral * np.abs(many[:, 2] - one[2]) / (LOG_LIGHT * _DARKER)))


def _doubt(features: Doubles) -> Any:
    """(...,) saturation of (3, ...) features that a few levels more or less make: in the dark it
    tells nothing.
    """
    return _ROUNDING / np.maximum(np.exp(features[2] / LOG_LIGHT), ABYSS)


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
    """(K,) for each cluster itself, or the nearest that is more than a line along a border.

    Clusters of alike colors are as solid as they are together: of a small red flower light and
    shade are two, and hardly more than a line each. So are those of a print in several shades that
    are all unlike what is solid.
    """
    every = np.ones(len(centers), np.bool_)
    solid = _solid(labels, _families(centers, _KIN, every), _SOLID)
    if not solid.any():
        solid[np.bincount(labels[labels >= 0], minlength=len(centers)).argmax()] = True
    prints = ~solid & np.array([differences(c, centers[solid]).min() > 1 for c in centers])
    solid |= prints & _solid(labels, _families(centers, 1.0, prints), *_PRINT)
    away = ((centers[:, None] - centers[None]) ** 2).sum(axis=2)
    away[:, ~solid] = np.inf
    return np.asarray(np.argmin(away, axis=1), np.intp)


def _solid(labels: Labels, family: Labels, core: float, least: float = 0.0) -> NDArray[np.bool_]:
    """(K,) of clusters of the same families, whether these have so much core, are more than specks,
    and than so much of the object.
    """
    kin, count = np.append(family, -1)[labels], len(family)
    sizes, cores = np.bincount(kin[kin >= 0], minlength=count), cores_of(kin, count)
    large = (sizes >= least * sizes.sum()) & (cores > _LARGE * sizes.sum())
    return np.asarray(((cores > core * sizes) & large)[family])


def _families(centers: Floats, alike: float, some: NDArray[np.bool_]) -> Labels:
    """(K,) for each cluster the first of those that it is alike, or alike to one that is; of some,
    the others are alone.
    """
    family = np.arange(len(centers))
    for i in np.flatnonzero(some):
        near = some & (differences(centers[i], centers) < alike)
        family[np.isin(family, family[near])] = family[i]
    return family


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
