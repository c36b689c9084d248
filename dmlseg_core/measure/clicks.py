"""Simulated clicks: where a careful user clicks, and how good the answers are.

A click goes to the pixel deepest inside what is wrong: the argmax of the exact Euclidean distance
transform, photo border and void counting as outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.iou import BoolArray, IntArray, mask_iou

Point = tuple[int, int]
"""(y, x), photo pixels."""
MAX_CLICKS = 20
MIN_OBJECT_PIXELS = 100
"""Objects smaller than this are left out of the click figures, and counted."""
JITTER_DRAWS = 5
Predictor = Callable[[Sequence[Point], Sequence[Point]], BoolArray]
"""(positive points, the first click first; negative points) -> (H, W) bool."""


@dataclass(frozen=True, eq=False)
class Depth:
    """Squared distance to the outside, in the bounding box of a region.

    Attributes:
        top: (y, x) of the box in the photo.
        squared: (bh, bw) int64, exact; 0 outside the region.
    """

    top: Point
    squared: IntArray

    @property
    def peak(self) -> int:
        """Largest squared distance; 0 for an empty region."""
        return int(self.squared.max(initial=0))

    def deepest(self) -> Point:
        """Photo pixel of the peak; ties go to the smallest (y, x)."""
        y, x = np.unravel_index(int(self.squared.argmax()), self.squared.shape)
        return self.top[0] + int(y), self.top[1] + int(x)


def depth(region: BoolArray) -> Depth:
    """Exact Euclidean distance transform of a region, everything outside the photo being outside.

    Only the bounding box is transformed: the nearest outside pixel of an inside pixel is never
    further away than the ring around the box. Distances are squared and rounded, because the
    square of a distance between pixels is an integer: ties are then exact.

    Args:
        region: (H, W) bool.
    """
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if not len(rows):
        return Depth((0, 0), np.zeros((1, 1), np.int64))
    y, x = int(rows[0]), int(columns[0])
    box = region[y : rows[-1] + 1, x : columns[-1] + 1].astype(np.uint8)
    ringed = cv2.copyMakeBorder(box, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0.0,))
    distance = cv2.distanceTransform(ringed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return Depth((y, x), np.rint(np.square(distance, dtype=np.float64)).astype(np.int64))


def first_click(truth: BoolArray) -> Point:
    """The pixel deepest inside an object; ParameterError when the object has no pixel."""
    if not truth.any():
        raise ParameterError("an object without pixels cannot be clicked")
    return depth(truth).deepest()


def jittered_clicks(
    truth: BoolArray, generator: np.random.Generator, draws: int = JITTER_DRAWS
) -> list[Point]:
    """First clicks of hasty users: uniform over the pixels at least half as deep as the deepest.

    Args:
        truth: (H, W) bool, not empty.
        generator: random state; the caller fixes it per object, so that one object's clicks do
            not depend on which other objects are scored.
        draws: number of clicks.
    """
    if not truth.any():
        raise ParameterError("an object without pixels cannot be clicked")
    inside = depth(truth)
    ys, xs = np.nonzero(4 * inside.squared >= inside.peak)  # d >= max / 2, in squares
    picks = generator.integers(len(ys), size=draws)
    return [(inside.top[0] + int(ys[i]), inside.top[1] + int(xs[i])) for i in picks]


def next_click(
    mask: BoolArray, truth: BoolArray, valid: BoolArray | None = None
) -> tuple[Point, bool] | None:
    """The click that corrects most: deepest pixel of the wrongly labelled component.

    Missed and overshot pixels are transformed apart. Within each, no component needs to be
    labelled: on the way from a pixel to the nearest pixel of another component lies an outside
    pixel that is nearer, so the transform of all components at once is that of each.

    Returns:
        ((y, x), positive): positive where the object was missed; None when nothing is wrong.
    """
    missed, overshot = truth & ~mask, mask & ~truth
    if valid is not None:
        missed, overshot = missed & valid, overshot & valid
    found = [(depth(missed), True), (depth(overshot), False)]
    found.sort(key=lambda pair: (-pair[0].peak, pair[0].deepest()))
    deepest, positive = found[0]
    return (deepest.deepest(), positive) if deepest.peak else None


@dataclass
class ClickRun:
    """IoU after each click on one object.

    Attributes:
        ious: IoU after 1, 2, ... clicks; a run that ended early was perfect or good enough.
        clicks: the points with their sign.
    """

    ious: list[float] = field(default_factory=list)
    clicks: list[tuple[Point, bool]] = field(default_factory=list)

    def after(self, clicks: int) -> float:
        """IoU after exactly so many clicks; a perfect answer stays as it is."""
        return self.ious[min(clicks, len(self.ious)) - 1]

    def clicks_to(self, iou: float, most: int = MAX_CLICKS) -> int:
        """NoC: clicks until `iou` is reached, `most` when it never is."""
        reached = [n for n, value in enumerate(self.ious[:most], 1) if value >= iou]
        return reached[0] if reached else most


def simulate(
    predict: Predictor,
    truth: BoolArray,
    valid: BoolArray | None = None,
    *,
    first: Point | None = None,
    clicks: int = MAX_CLICKS,
    at_least: int = 5,
    enough: float = 0.9,
) -> ClickRun:
    """Click on one object until it is right, good enough, or the clicks are used up.

    Args:
        predict: recomputes the answer from all points.
        truth: (H, W) bool, not empty.
        valid: (H, W) bool, False where void.
        first: first click; None for the deepest pixel.
        clicks: at most so many.
        at_least: make so many even when the answer is good enough (for iou_after_clicks).
        enough: IoU at which no further click is needed.
    """
    run = ClickRun()
    step: tuple[Point, bool] | None = (first or first_click(truth), True)
    while step is not None:
        run.clicks.append(step)
        positive = [point for point, sign in run.clicks if sign]
        mask = predict(positive, [point for point, sign in run.clicks if not sign])
        run.ious.append(mask_iou(mask, truth, valid))
        if len(run.ious) >= clicks or (len(run.ious) >= at_least and max(run.ious) >= enough):
            break
        step = next_click(mask, truth, valid)
    return run


def components(labels: IntArray, minimum: int = MIN_OBJECT_PIXELS) -> list[BoolArray]:
    """Connected components (8-neighbours) of each positive label, at least `minimum` pixels.

    Args:
        labels: (H, W) integers; 0 and below are nothing.

    Returns:
        (H, W) bool masks, by label and then in scan order.
    """
    out = []
    for label in np.unique(labels[labels > 0]):
        _, parts, stats, _ = cv2.connectedComponentsWithStats((labels == label).astype(np.uint8))
        big = np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= minimum) + 1
        out += [np.asarray(parts == k) for k in big]
    return out


def parts_of(instances: IntArray, labels: IntArray) -> list[tuple[Point, BoolArray, BoolArray]]:
    """Every labelled part with where it is clicked and the object that it lies in.

    Args:
        instances: (H, W) object numbers; 0 and below are nothing.
        labels: (H, W) part labels; what lies in no object counts for nothing.

    Returns:
        (first click, part, whole) by label and then in scan order. An object that is its one part
        is among them: `whole & ~part` is empty then, and there is nothing to tell apart.
    """
    found = []
    for part in components(np.where(instances > 0, labels, 0)):
        y, x = first_click(part)
        found.append(((y, x), part, np.asarray(instances == instances[y, x])))
    return found
