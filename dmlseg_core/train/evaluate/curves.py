"""The numbers behind the report's plots, from the very scores that `evaluate` averages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dmlseg_core.config import CLASSES
from dmlseg_core.measure import (
    MAX_CLICKS,
    FloatArray,
    IntArray,
    PhotoDetections,
    Score,
    match,
    mean_score,
)
from dmlseg_core.train.evaluate.photo_scores import PhotoScores

SIZES: tuple[float, ...] = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Bounds of the size classes: share of the photo that an object covers, each about three times
the one before."""
UNKNOWN = "class unknown"


@dataclass(frozen=True)
class Group:
    """Mean IoU after one click on some of a set's objects.

    Attributes:
        name: what they have in common.
        score: the mean and its 95 % interval over photos, which is NaN where one photo has them.
        objects: how many they are, >= 1.
    """

    name: str
    score: Score
    objects: int


def precision_recall(
    photos: Sequence[PhotoDetections], class_ids: Sequence[int], threshold: float
) -> tuple[FloatArray, FloatArray] | None:
    """Precision against recall, mean over the classes that have an object; the area is mAP^r.

    Each class's curve is VOC's envelope, a step function of recall, so their mean at the recalls
    where any of them steps is exact.

    Args:
        photos: detections against objects, a photo each.
        class_ids: classes that count.
        threshold: IoU at which a detection is right.

    Returns:
        recall: (M,) ascending, in (0, 1].
        precision: (M,) in [0, 1]; precision[k] holds for recalls in (recall[k - 1], recall[k]].
        None where no class has an object.
    """
    found = [_class_curve(photos, c, threshold) for c in class_ids]
    curves = [curve for curve in found if curve is not None]
    if not curves:
        return None
    recall = np.unique(np.concatenate([r for r, _ in curves] + [np.ones(1)]))
    recall = recall[recall > 0]
    steps = [np.append(p, 0.0)[np.searchsorted(r, recall)] for r, p in curves]
    return recall, np.asarray(np.mean(steps, axis=0), np.float64)


def _class_curve(
    photos: Sequence[PhotoDetections], class_id: int, threshold: float
) -> tuple[FloatArray, FloatArray] | None:
    matches = [match(photo, class_id, threshold) for photo in photos]
    positives = sum(m[2] for m in matches)
    if not positives:
        return None
    order = np.argsort(-np.concatenate([m[0] for m in matches]), kind="stable")
    hits = np.cumsum(np.concatenate([m[1] for m in matches])[order])
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return hits / positives, envelope


def after_clicks(photos: Sequence[PhotoScores], most: int = MAX_CLICKS) -> list[Score]:
    """Mean IoU after 1, 2, ... `most` clicks.

    A run that was good enough keeps its last IoU for the clicks that it did not need.
    """
    columns = [[np.array([r.after(n) for r in p.runs]) for p in photos] for n in range(1, most + 1)]
    return [score for score in map(mean_score, columns) if score is not None]


def first_ious(photos: Sequence[PhotoScores]) -> FloatArray:
    """(N,) IoU after one click on each object."""
    return np.array([run.ious[0] for p in photos for run in p.runs], np.float64)


def by_size(photos: Sequence[PhotoScores]) -> list[Group]:
    """Mean 1-click IoU of the objects of each size that the set has, small to large."""
    names = [f"{100 * low:g}-{100 * high:g}" for low, high in pairwise(SIZES)]
    bins = [np.digitize(p.shares, SIZES[1:-1], right=True) for p in photos]  # (low, high]
    return _groups(photos, bins, names)


def by_class(photos: Sequence[PhotoScores]) -> list[Group]:
    """Mean 1-click IoU of the objects of each class that the set has, in class order."""
    return _groups(photos, [np.asarray(p.kinds, np.int64) for p in photos], (UNKNOWN, *CLASSES))


def _groups(
    photos: Sequence[PhotoScores], labels: Sequence[IntArray], names: Sequence[str]
) -> list[Group]:
    """A group for each label k that an object has, called `names[k]`; labels go with `runs`."""
    pairs = [(first_ious([p]), own) for p, own in zip(photos, labels, strict=True) if len(own)]
    groups = []
    for k, name in enumerate(names):
        values = [ious[own == k] for ious, own in pairs]
        score = mean_score(values) if values else None
        if score is None:
            continue
        if sum(map(bool, map(len, values))) < 2:  # redrawing one photo says nothing
            score = Score(score.value, np.nan, np.nan)
        groups.append(Group(name, score, sum(map(len, values))))
    return groups
