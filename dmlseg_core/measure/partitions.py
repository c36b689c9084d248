"""Partitions against human partitions: boundary F and covering at the best level.

After Arbelaez, Maire, Fowlkes, Malik, "Contour detection and hierarchical image segmentation"
(2011), with one simplification: a boundary pixel is matched when any boundary pixel of the other
side lies within the tolerance, without the one-to-one assignment of the original benchmark. Both
sides are one pixel thin, and rivals are scored by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.iou import BoolArray, FloatArray, IntArray

TOLERANCE = 0.0075
"""Tolerance of boundary matching, as a share of the photo's diagonal."""


def boundaries(labels: IntArray) -> BoolArray:
    """One-pixel boundaries: pixels whose right or lower neighbour has another label.

    Args:
        labels: (H, W) integers.
    """
    edges = np.zeros(labels.shape, bool)
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edges[:-1] |= labels[:-1] != labels[1:]
    return edges


def _near(edges: BoolArray, radius: float) -> BoolArray:
    """Pixels within `radius` of an edge."""
    if not edges.any():
        return np.zeros(edges.shape, bool)
    away = cv2.distanceTransform((~edges).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= radius)


def covering(labels: IntArray, truth: IntArray) -> float:
    """Covering of a human partition: each of its regions by the best one of ours.

    Args:
        labels: (H, W) non-negative integers, ours.
        truth: (H, W) non-negative integers, a person's.

    Returns:
        Mean over pixels of the best IoU of the pixel's region, in (0, 1].

    Raises:
        ParameterError: the shapes differ.
    """
    if labels.shape != truth.shape:
        raise ParameterError(f"partitions must have one shape; got {labels.shape}, {truth.shape}")
    ours = np.unique(labels, return_inverse=True)[1].ravel()
    theirs = np.unique(truth, return_inverse=True)[1].ravel()
    n, m = int(theirs.max()) + 1, int(ours.max()) + 1
    both = np.bincount(theirs * m + ours, minlength=n * m).reshape(n, m)
    sizes = both.sum(axis=1)
    union = sizes[:, None] + both.sum(axis=0)[None] - both
    return float((sizes * (both / union).max(axis=1)).sum() / labels.size)


@dataclass(frozen=True, eq=False)
class LevelScores:
    """One photo at L levels.

    Attributes:
        counts: (L, 4) float: our boundary pixels that are near a person's, all of ours, the
            people's boundary pixels that are near ours, all of theirs.
        covering: (L,) mean covering over the people.
    """

    counts: FloatArray
    covering: FloatArray


def score_levels(levels: Sequence[IntArray], people: Sequence[IntArray]) -> LevelScores:
    """Compare a photo's partitions at several levels with its human partitions.

    Args:
        levels: L of (H, W) non-negative integers.
        people: R of (H, W) non-negative integers.
    """
    radius = TOLERANCE * float(np.hypot(*people[0].shape))
    theirs = [boundaries(p) for p in people]
    zone = np.any([_near(edges, radius) for edges in theirs], axis=0)
    total = sum(np.count_nonzero(edges) for edges in theirs)
    rows = []
    for labels in levels:
        ours = boundaries(labels)
        near = _near(ours, radius)
        found = sum(np.count_nonzero(edges & near) for edges in theirs)
        rows.append((np.count_nonzero(ours & zone), np.count_nonzero(ours), found, total))
    cover = [float(np.mean([covering(labels, p) for p in people])) for labels in levels]
    return LevelScores(np.array(rows, np.float64), np.array(cover))


def boundary_f(counts: FloatArray) -> FloatArray:
    """F = 2PR / (P + R) of (..., 4) counts; 0 where nothing matches."""
    precision = counts[..., 0] / np.maximum(counts[..., 1], 1)
    recall = counts[..., 2] / np.maximum(counts[..., 3], 1)
    f: FloatArray = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return f


@dataclass(frozen=True)
class RegionScores:
    """The best level for the whole set (ODS) and for each photo (OIS), and which level ODS is."""

    boundary_ods: float
    boundary_ois: float
    covering_ods: float
    covering_ois: float
    boundary_level: int
    covering_level: int


def summarize(photos: Sequence[LevelScores]) -> RegionScores:
    """Best level per set and per photo; ParameterError for an empty list."""
    if not photos:
        raise ParameterError("no photo to summarize")
    counts = np.stack([p.counts for p in photos])  # (P, L, 4)
    cover = np.stack([p.covering for p in photos])  # (P, L)
    by_set, by_photo = boundary_f(counts.sum(axis=0)), boundary_f(counts).argmax(axis=1)
    best = counts[np.arange(len(photos)), by_photo].sum(axis=0)
    mean_cover = cover.mean(axis=0)
    return RegionScores(
        boundary_ods=float(by_set.max()),
        boundary_ois=float(boundary_f(best)),
        covering_ods=float(mean_cover.max()),
        covering_ois=float(cover.max(axis=1).mean()),
        boundary_level=int(by_set.argmax()),
        covering_level=int(mean_cover.argmax()),
    )
