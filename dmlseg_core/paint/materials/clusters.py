"""Clusters of an object's colors: more than it has materials, so that none holds two of them."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
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
    sample = np.ascontiguousarray(features[:, :: max(1, features.shape[1] // _SAMPLE)])
    centers = [np.median(sample, axis=1)]
    away = _away(sample, centers[0])
    while len(centers) < MOST:
        rank = int(_RARE * (away.size - 1))
        at = np.argpartition(away, rank)[rank]
        if away[at] < _FAR**2:
            break
        centers.append(sample[:, at])
        away = np.minimum(away, _away(sample, centers[-1]))
    found = np.array(centers, np.float32)
    for _ in range(_ROUNDS):
        nearest = nearest_of(sample, found)
        sizes = np.bincount(nearest, minlength=len(found))
        sums = [np.bincount(nearest, plane, len(found)) for plane in sample]
        found[sizes > 0] = (np.stack(sums, axis=1)[sizes > 0] / sizes[sizes > 0, None]).astype("f4")
    return found


def _away(features: Floats, center: Floats) -> Floats:
    away: Floats = ((features - center[:, None]) ** 2).sum(axis=0)
    return away


def nearness_of(features: Floats, centers: Floats) -> Floats:
    """(K, N): how near (3, N) features are to each center: half the squared distance, taken from
    what is the same for all centers.
    """
    near: Floats = centers @ features
    near -= 0.5 * (centers**2).sum(axis=1, keepdims=True)
    return near


def nearest_of(features: Floats, centers: Floats) -> Bytes:
    """(N,) uint8, the number of the nearest center."""
    return largest_of(nearness_of(features, centers))[0]


def largest_of(planes: NDArray[Any]) -> tuple[Bytes, NDArray[Any]]:
    """Of (K, ...): the number of the largest, uint8, the first of equals; and its value.

    Plane by plane this takes a fifth of numpy's argmax and max along the first axis.
    """
    best = planes[0].copy()
    which = np.zeros(best.shape, np.uint8)
    for k, plane in enumerate(planes[1:], 1):
        np.copyto(which, np.uint8(k), where=plane > best)
        np.maximum(best, plane, out=best)
    return which, best


def labels_of(features: Floats, inside: Mask, centers: Floats) -> Labels:
    """(h, w) number of the nearest center, after a vote of neighbors; -1 outside."""
    labels = np.full(inside.shape, -1, np.int8)
    labels[inside] = nearest_of(features[:, inside], centers)
    voted = largest_of(counts_of(labels, len(centers), _SMOOTH))[0].astype(np.intp)
    voted[~inside] = -1
    return voted


def counts_of(labels: NDArray[np.integer[Any]], count: int, side: int) -> Bytes:
    """(count, h, w): how many of each label lie in a square window; outside nobody does."""
    size, beyond = (side, side), cv2.BORDER_CONSTANT
    planes = [np.equal(labels, k).view(np.uint8) for k in range(count)]
    counts = [cv2.boxFilter(p, -1, size, normalize=False, borderType=beyond) for p in planes]
    return np.stack(counts).astype(np.uint8, copy=False)


def cores_of(labels: Labels, count: int) -> NDArray[np.intp]:
    """(count,) pixels of each label that lie two or more from any other's."""
    window = np.ones((5, 5), np.uint8)
    planes = [np.equal(labels, k).view(np.uint8) for k in range(count)]
    cores = [cv2.erode(plane, window, borderValue=1) for plane in planes]
    return np.array([cv2.countNonZero(core) for core in cores], np.intp)
