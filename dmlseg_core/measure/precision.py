"""Average precision of masks: mAP^r (Hariharan et al. 2014), judged as PASCAL VOC judges boxes.

A photo is reduced once to the IoU table of its detections and objects; everything after that
(five thresholds, twenty classes, a thousand bootstrap draws) reads those small tables and never a
mask again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.iou import (
    DRAWS,
    BoolArray,
    FloatArray,
    IntArray,
    Score,
    bootstrap_weights,
    iou_table,
    score_of,
)

THRESHOLDS: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9)
"""IoU thresholds of mAP^r."""
_CHUNK = 4_000_000  # weights held at once by the bootstrap: 32 MB


@dataclass(frozen=True, eq=False)
class PhotoDetections:
    """One photo's detections against its objects: all that AP and its bootstrap need.

    Attributes:
        scores: (N,) float, any order.
        classes: (N,) class id of each detection.
        ious: (N, n) float in [0, 1] over non-void pixels.
        object_classes: (n,) class id of each object.
        unknown: (n,) bool, the object's class is not known.
    """

    scores: FloatArray
    classes: IntArray
    ious: FloatArray
    object_classes: IntArray
    unknown: BoolArray

    def __post_init__(self) -> None:
        n, m = len(self.scores), len(self.object_classes)
        if self.ious.shape != (n, m) or len(self.classes) != n or len(self.unknown) != m:
            raise ParameterError(
                f"ious must be (detections, objects) = ({n}, {m}); got {self.ious.shape}, "
                f"{len(self.classes)} classes and {len(self.unknown)} flags"
            )

    @classmethod
    def from_masks(
        cls,
        masks: Sequence[BoolArray],
        scores: Sequence[float],
        classes: Sequence[int],
        *,
        instances: IntArray,
        object_classes: IntArray,
        unknown: BoolArray,
    ) -> PhotoDetections:
        """Reduce masks to their IoU table.

        A mask without a single non-void pixel is dropped: void counts for nothing. So is an
        object without a pixel (a gap in the numbering).

        Args:
            masks: N of (H, W) bool.
            scores: N floats.
            classes: N class ids.
            instances: (H, W), 0 background, 1..n objects, VOID void.
            object_classes: (n + 1,) class id per object number, entry 0 is the background's.
            unknown: (n + 1,) bool, class not known.
        """
        ious, areas = iou_table(masks, instances)
        numbers = np.unique(instances)
        numbers = numbers[numbers > 0]
        rows = np.flatnonzero(areas > 0)
        return cls(
            np.asarray(scores, np.float64)[rows],
            np.asarray(classes, np.int64)[rows],
            ious[rows][:, numbers - 1],
            np.asarray(object_classes, np.int64)[numbers],
            np.asarray(unknown, bool)[numbers],
        )

    def agnostic(self) -> PhotoDetections:
        """The same photo with one class for everything: is it an object?"""
        return PhotoDetections(
            self.scores,
            np.ones_like(self.classes),
            self.ious,
            np.ones_like(self.object_classes),
            np.zeros_like(self.unknown),
        )


def match(
    photo: PhotoDetections, class_id: int, threshold: float
) -> tuple[FloatArray, BoolArray, int]:
    """Judge one photo's detections of one class, PASCAL VOC's way.

    Best score first, a detection goes to the object of its class that it overlaps most; it is
    right when that IoU >= threshold and nobody took the object before, else wrong. A detection
    that is not over an object of its class but over one of unknown class is ignored.

    Returns:
        scores: (M,) descending, of the detections that count.
        right: (M,) bool.
        positives: objects of this class.
    """
    mine = np.flatnonzero(photo.classes == class_id)
    mine = mine[np.argsort(-photo.scores[mine], kind="stable")]
    objects = np.flatnonzero((photo.object_classes == class_id) & ~photo.unknown)
    ious = photo.ious[np.ix_(mine, objects)]
    over = ious.max(axis=1, initial=0.0) >= threshold
    right = np.zeros(len(mine), bool)
    if over.any():
        hits = np.flatnonzero(over)
        _, first = np.unique(ious[hits].argmax(axis=1), return_index=True)
        right[hits[first]] = True
    strange = photo.ious[np.ix_(mine, np.flatnonzero(photo.unknown))].max(axis=1, initial=0.0)
    counts = over | (strange < threshold)
    return photo.scores[mine][counts], right[counts], len(objects)


def average_precision(
    scores: FloatArray, right: BoolArray, positives: int, *, recalls: int | None = None
) -> float:
    """Area under the precision envelope, all points (VOC 2010 and later).

    Args:
        scores: (M,) float; ties keep their order.
        right: (M,) bool.
        positives: objects to be found, >= 1.
        recalls: sample the envelope at so many recalls in [0, 1] instead (COCO: 101).

    Returns:
        AP in [0, 1].

    Raises:
        ParameterError: there is nothing to be found.

    >>> average_precision(np.array([.9, .8, .7]), np.array([True, False, True]), 2)
    0.8333333333333333
    """
    if positives < 1:
        raise ParameterError("average precision needs at least one object to be found")
    right = right[np.argsort(-scores, kind="stable")]
    ones = np.ones((1, len(right)))
    recall, envelope = _curve(right, ones, np.array([positives], np.float64))
    if recalls is None:
        return float(_area(recall, envelope)[0])
    where = np.searchsorted(recall[0], np.linspace(0, 1, recalls), side="left")
    return float(np.append(envelope[0], 0.0)[where].mean())


def _curve(
    right: BoolArray, weights: FloatArray, positives: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Recall and precision envelope, (B, M) each, of M sorted detections under B weightings."""
    hits = np.cumsum(weights * right, axis=1)
    seen = np.cumsum(weights, axis=1)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return hits / np.maximum(positives, 1e-12)[:, None], envelope


def _area(recall: FloatArray, envelope: FloatArray) -> FloatArray:
    area: FloatArray = (np.diff(recall, axis=1, prepend=0.0) * envelope).sum(axis=1)
    return area


@dataclass(frozen=True, eq=False)
class _ClassMatches:
    """Every detection of one class over all photos, best score first."""

    right: BoolArray  # (M,)
    photo: IntArray  # (M,) photo index
    positives: FloatArray  # (P,) objects per photo

    @classmethod
    def gather(
        cls, photos: Sequence[PhotoDetections], class_id: int, threshold: float
    ) -> _ClassMatches:
        found = [match(photo, class_id, threshold) for photo in photos]
        scores = np.concatenate([f[0] for f in found])
        order = np.argsort(-scores, kind="stable")
        owner = np.repeat(np.arange(len(photos)), [len(f[0]) for f in found])
        right = np.concatenate([f[1] for f in found])
        return cls(right[order], owner[order], np.array([f[2] for f in found], np.float64))

    def average_precisions(self, draws: FloatArray) -> FloatArray:
        """AP under each of (B, P) photo weightings; NaN where no object of the class is drawn.

        Copies of one photo's detection stand next to each other in the sorted list, so a weight
        is exactly as good as the copies.
        """
        step = max(1, _CHUNK // max(len(self.right), 1))
        out = []
        for start in range(0, len(draws), step):
            part = draws[start : start + step]
            positives = part @ self.positives
            area = _area(*_curve(self.right, part[:, self.photo], positives))
            out.append(np.where(positives > 0, area, np.nan))
        return np.concatenate(out)


def mean_average_precision(
    photos: Sequence[PhotoDetections],
    class_ids: Sequence[int],
    threshold: float,
    *,
    draws: int = DRAWS,
) -> Score | None:
    """mAP^r: all-point AP, mean over those of `class_ids` that have an object in the set.

    Returns:
        The figure with its interval; None when no class has an object.
    """
    if not photos:
        return None
    weights = np.concatenate([np.ones((1, len(photos))), bootstrap_weights(len(photos), draws)])
    tables = [_ClassMatches.gather(photos, c, threshold) for c in class_ids]
    tables = [t for t in tables if t.positives.sum() > 0]
    if not tables:
        return None
    return score_of(_nanmean(np.stack([t.average_precisions(weights) for t in tables]), axis=0))


def _nanmean(values: FloatArray, axis: int) -> FloatArray:
    """np.nanmean without its warning: NaN where every entry is NaN."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: FloatArray = np.full(total.shape, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
