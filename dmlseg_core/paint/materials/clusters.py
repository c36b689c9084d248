"""Clusters of an object's colors: more than it has materials, so that none holds two of them."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]
Labels: TypeAlias = NDArray[np.intp]

MOST = 10
_SAMPLE = 4000
_ROUNDS = 8
_FAR = 0.07
"""Distance of features within which colors need no second cluster."""
_RARE = 0.993
"""The farthest color is the one at this quantile of distance: beyond it are specks."""
_SMOOTH = 5
"""Side of the window in which labels vote."""


def clusters_of(features: Floats) -> Floats:
    """Centers (K, 3) of the colors of (3, N) features, 1 <= K <= MOST.

    Starting points are taken one after the other, each as far as can be from those before it
    (Gonzalez 1985): always the same ones, and small materials get theirs. Then k-means.
    """
    sample = features[:, :: max(1, features.shape[1] // _SAMPLE)]
    centers = [np.median(sample, axis=1)]
    away = _away(sample, centers[0])
    while len(centers) < MOST:
        at = np.argsort(away)[int(_RARE * (away.size - 1))]
        if away[at] < _FAR**2:
            break
        centers.append(sample[:, at])
        away = np.minimum(away, _away(sample, centers[-1]))
    found = np.array(centers)
    for _ in range(_ROUNDS):
        nearest = nearest_of(sample, found)
        means = [sample[:, nearest == k].mean(axis=1) for k in np.unique(nearest)]
        found[np.unique(nearest)] = means
    return found.astype(np.float32)


def _away(features: Floats, center: Floats) -> Floats:
    away: Floats = ((features - center[:, None]) ** 2).sum(axis=0)
    return away


def distances_of(features: Floats, centers: Floats) -> Floats:
    """(K, N) squared distances of (3, N) features."""
    return np.stack([_away(features, center) for center in centers])


def nearest_of(features: Floats, centers: Floats) -> Labels:
    """(N,) number of the nearest center."""
    return np.asarray(np.argmin(distances_of(features, centers), axis=0), np.intp)


def labels_of(features: Floats, inside: Mask, centers: Floats) -> Labels:
    """(h, w) number of the nearest center, after a vote of neighbors; -1 outside."""
    labels = np.full(inside.shape, -1)
    labels[inside] = nearest_of(features[:, inside], centers)
    voted: Labels = np.asarray(votes_of(labels, len(centers), _SMOOTH).argmax(axis=0), np.intp)
    voted[~inside] = -1
    return voted


def votes_of(labels: Labels, count: int, side: int) -> Floats:
    """(count, h, w): the share of each label in a square window; outside nobody votes."""
    planes = [np.equal(labels, k).astype(np.float32) for k in range(count)]
    return np.stack(
        [cv2.blur(p, (side, side), borderType=cv2.BORDER_CONSTANT) for p in planes]
    ).astype(np.float32)


def cores_of(labels: Labels, count: int) -> NDArray[np.intp]:
    """(count,) pixels of each label that lie two or more from any other's."""
    window = np.ones((5, 5), np.uint8)
    planes = [np.equal(labels, k).astype(np.uint8) for k in range(count)]
    return np.array([int(cv2.erode(p, window, borderValue=1).sum()) for p in planes], np.intp)
