"""Mask IoU, and intervals of figures by a bootstrap over photos.

Detections are scored in `measure.precision`, clicks in `measure.clicks`, partitions in
`measure.partitions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dmlseg_core.errors import ParameterError

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float64]

DRAWS = 1000
"""Bootstrap draws; the generator is fixed, so an interval is a function of the data alone."""
VOID = -1
"""Value of a pixel that counts for nothing, in an instance map."""


def mask_iou(mask: BoolArray, truth: BoolArray, valid: BoolArray | None = None) -> float:
    """Intersection over union over the valid pixels.

    Args:
        mask: (H, W) bool, the answer.
        truth: (H, W) bool, the object.
        valid: (H, W) bool, False where a pixel is void; None when no pixel is.

    Returns:
        IoU in [0, 1]; 0 when both masks are empty on the valid pixels.

    Raises:
        ParameterError: the shapes differ.

    >>> mask_iou(np.array([[True, True, False]]), np.array([[False, True, True]]))
    0.3333333333333333
    """
    if mask.shape != truth.shape:
        raise ParameterError(f"masks must have one shape; got {mask.shape} and {truth.shape}")
    both, either = mask & truth, mask | truth
    if valid is not None:
        both, either = both & valid, either & valid
    union = np.count_nonzero(either)
    return float(np.count_nonzero(both) / union) if union else 0.0


def iou_table(masks: Iterable[BoolArray], instances: IntArray) -> tuple[FloatArray, IntArray]:
    """IoU of every mask with every object over the non-void pixels.

    Args:
        masks: N arrays (H, W) bool; they may overlap.
        instances: (H, W) integers, 0 background, 1..n objects, VOID void.

    Returns:
        ious: (N, n) float64 in [0, 1]; column k - 1 is object k, all 0 where object k is empty.
        areas: (N,) non-void pixels of each mask.

    Raises:
        ParameterError: a mask does not have the shape of `instances`.
    """
    flat = instances.ravel().astype(np.int64) + 1  # void lands in bin 0, background in bin 1
    n = max(int(flat.max(initial=1)) - 1, 0)
    objects = np.bincount(flat, minlength=n + 2)[2:]
    rows, areas = [], []
    for mask in masks:
        if mask.shape != instances.shape:
            raise ParameterError(f"a mask must be {instances.shape}; got {mask.shape}")
        counts = np.bincount(flat[mask.ravel()], minlength=n + 2)
        area = int(counts[1:].sum())
        rows.append(counts[2:] / np.maximum(objects + area - counts[2:], 1))
        areas.append(area)
    return np.array(rows, np.float64).reshape(len(rows), n), np.array(areas, np.int64)


@dataclass(frozen=True)
class Score:
    """A figure and its 95 % bootstrap interval over photos."""

    value: float
    low: float
    high: float


def mean_score(values: Sequence[FloatArray], *, draws: int = DRAWS) -> Score | None:
    """Mean over all values (objects), with an interval from redrawing the photos they are in.

    Args:
        values: one array per photo, each of any length.
        draws: bootstrap draws.

    Returns:
        The mean and its interval; None when there is no value at all.
    """
    counts = np.array([len(v) for v in values], np.float64)
    if counts.sum() == 0:
        return None
    sums = np.array([np.sum(v) for v in values], np.float64)
    weights = np.concatenate([np.ones((1, len(values))), bootstrap_weights(len(values), draws)])
    total = weights @ counts
    return score_of(
        np.divide(weights @ sums, total, out=np.full_like(total, np.nan), where=total > 0)
    )


def bootstrap_weights(photos: int, draws: int = DRAWS) -> FloatArray:
    """How often each photo is drawn: (draws, photos) float64, each row sums to `photos`."""
    generator = np.random.default_rng(20170330)
    return generator.multinomial(photos, np.full(photos, 1 / photos), size=draws).astype(np.float64)


def score_of(samples: FloatArray) -> Score:
    """First sample is the figure itself, the others are the draws; NaN draws say nothing."""
    drawn = samples[1:][~np.isnan(samples[1:])]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
    return Score(float(samples[0]), float(low), float(high))
