"""Average precision against hand-worked figures, pycocotools, and slow oracles."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.iou import bootstrap_weights
from dmlseg_core.measure.precision import (
    PhotoDetections,
    average_precision,
    match,
    mean_average_precision,
)


def photo(scores, classes, ious, object_classes, unknown=None):
    n = len(object_classes)
    return PhotoDetections(
        np.array(scores, float),
        np.array(classes, int),
        np.array(ious, float).reshape(len(scores), n),
        np.array(object_classes, int),
        np.zeros(n, bool) if unknown is None else np.array(unknown, bool),
    )


# Two photos, one class, three objects A, B (photo 1), C (photo 2); five detections, by score:
#   .9 photo 1 over A at .8  right   1 right of 1  precision 1/1  recall 1/3
#   .8 photo 1 over A at .7  wrong   (A is taken)  precision 1/2  recall 1/3
#   .7 photo 2 over C at .6  right   2 of 3        precision 2/3  recall 2/3
#   .6 photo 2 over nothing  wrong                 precision 2/4  recall 2/3
#   .5 photo 1 over B at .5  right   3 of 5        precision 3/5  recall 3/3
# Envelope from the right: 3/5 at recall 1, 2/3 at recall 2/3, 1 at recall 1/3.
# AP@.5 = 1/3 * 1 + 1/3 * 2/3 + 1/3 * 3/5 = .755555...
# At .6 the last is wrong: AP = 1/3 * 1 + 1/3 * 2/3 = .5555...; at .7 only the first is right: 1/3.
HAND = (
    photo([0.9, 0.8, 0.5], [3, 3, 3], [[0.8, 0], [0.7, 0.1], [0, 0.5]], [3, 3]),
    photo([0.7, 0.6], [3, 3], [[0.6], [0.2]], [3]),
)


@pytest.mark.parametrize(
    ("threshold", "ap"), [(0.5, 34 / 45), (0.6, 5 / 9), (0.7, 1 / 3), (0.9, 0)]
)
def test_average_precision_by_hand(threshold, ap):
    assert mean_average_precision(HAND, [3], threshold).value == pytest.approx(ap)


def test_classes_without_objects_do_not_enter_the_mean():
    assert mean_average_precision(HAND, [1, 2, 3], 0.5).value == pytest.approx(34 / 45)
    assert mean_average_precision(HAND, [1, 2], 0.5) is None
    assert mean_average_precision([], [1], 0.5) is None


def test_detections_over_an_object_of_unknown_class_are_neither_right_nor_wrong():
    both = photo([0.9, 0.8], [5, 5], [[0.9, 0.0], [0.0, 0.7]], [21, 5], [True, False])
    scores, right, positives = match(both, 5, 0.5)
    assert (scores.tolist(), right.tolist(), positives) == ([0.8], [True], 1)
    known = photo([0.9, 0.8], [5, 5], [[0.9, 0.0], [0.0, 0.7]], [21, 5])
    assert match(known, 5, 0.5)[1].tolist() == [False, True]
    # at .8 the second no longer matches its object; the first is still ignored
    assert match(both, 5, 0.8)[1].tolist() == [False]


def test_masks_in_void_alone_are_dropped_and_gaps_in_the_numbering_are_no_objects():
    instances = np.array([[-1, -1, 2, 2], [0, 0, 2, 2]])
    void, right = instances == -1, instances == 2
    found = PhotoDetections.from_masks(
        [void, right], [0.9, 0.8], [1, 1],
        instances=instances, object_classes=np.array([0, 7, 1]), unknown=np.zeros(3, bool),
    )  # fmt: skip
    assert found.object_classes.tolist() == [1]
    assert mean_average_precision([found], [1, 7], 0.9).value == 1


def random_photos(rng, photos=12, classes=3):
    """Disjoint rectangles-and-noise objects, and detections that are shifted copies of them."""
    out = []
    for _ in range(photos):
        instances = np.zeros((40, 50), int)
        for k in range(1, rng.integers(2, 6)):
            y, x = rng.integers(0, 25), rng.integers(0, 35)
            instances[y : y + rng.integers(6, 15), x : x + rng.integers(6, 15)] = k
        names = np.append(0, rng.integers(1, classes + 1, max(instances.max(), 1)))
        masks, scores, kinds = [], [], []
        for _ in range(rng.integers(1, 12)):
            k = rng.integers(1, max(instances.max(), 1) + 1)
            shift = rng.integers(-3, 4, 2)
            masks.append(np.roll(instances == k, shift, (0, 1)))
            scores.append(rng.random())
            kinds.append(names[k] if rng.random() < 0.8 else rng.integers(1, classes + 1))
        keep = [i for i, mask in enumerate(masks) if mask.any()]
        masks, scores, kinds = ([v[i] for i in keep] for v in (masks, scores, kinds))
        out.append((masks, scores, kinds, instances, names))
    return out


def coco_precision(photos, threshold):
    """AP by class from pycocotools: its matching, its 101-point interpolation."""
    mask_tools = pytest.importorskip("pycocotools.mask")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rle(mask):
        return mask_tools.encode(np.asfortranarray(mask.astype(np.uint8)))

    truth, found = [], []
    for i, (masks, scores, kinds, instances, names) in enumerate(photos, 1):
        for k in np.unique(instances[instances > 0]):
            area = float((instances == k).sum())
            truth.append({"id": len(truth) + 1, "image_id": i, "category_id": int(names[k]),
                          "segmentation": rle(instances == k), "area": area, "iscrowd": 0,
                          "bbox": [0, 0, 1, 1]})  # fmt: skip
        for mask, score, kind in zip(masks, scores, kinds, strict=True):
            found.append({"image_id": i, "category_id": int(kind), "score": score,
                          "segmentation": rle(mask)})  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        images = [{"id": i, "height": 40, "width": 50} for i in range(1, len(photos) + 1)]
        kinds = [{"id": c} for c in (1, 2, 3)]
        coco.dataset = {"images": images, "annotations": truth, "categories": kinds, "info": {}}
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(found), "segm")
        judge.params.iouThrs = np.array([threshold])
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][0, :, :, 0, -1].mean(axis=0)  # (classes,), -1: no object


@pytest.mark.parametrize("threshold", [0.55, 0.7, 0.85])
@pytest.mark.parametrize("case", [0, 1, 2])
def test_same_matches_as_pycocotools(threshold, case):
    """On disjoint objects and IoU > .5 both protocols match alike; only the interpolation differs.

    So our matches, summed up with COCO's 101 points, must give COCO's figure to the last digit.
    """
    photos = random_photos(np.random.default_rng(case))
    tables = [
        PhotoDetections.from_masks(
            m, s, k, instances=i, object_classes=n, unknown=np.zeros(len(n), bool)
        )
        for m, s, k, i, n in photos
    ]
    for class_id, theirs in zip((1, 2, 3), coco_precision(photos, threshold), strict=True):
        found = [match(table, class_id, threshold) for table in tables]
        scores, right = (np.concatenate([f[part] for f in found]) for part in (0, 1))
        positives = sum(f[2] for f in found)
        ours = average_precision(scores, right, positives, recalls=101) if positives else -1
        assert ours == pytest.approx(theirs, abs=1e-12)


def slow_average_precision(scores, right, positives):
    order = np.argsort(-scores, kind="stable")
    points, hits = [], 0
    for seen, i in enumerate(order, 1):
        hits += right[i]
        points.append((hits / positives, hits / seen))
    total, last = 0.0, 0.0
    for recall in sorted({r for r, _ in points}):
        total += (recall - last) * max(p for r, p in points if r >= recall)
        last = recall
    return total


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_average_precision_equals_its_definition(number):
    rng = np.random.default_rng(number)
    n = rng.integers(1, 30)
    scores, right = rng.random(n).round(1), rng.random(n) < 0.5
    positives = int(right.sum() + rng.integers(1, 5))
    ap = average_precision(scores, right, positives)
    assert ap == pytest.approx(slow_average_precision(scores, right, positives))
    assert 0 <= ap <= 1


def test_average_precision_of_nothing():
    assert average_precision(np.zeros(0), np.zeros(0, bool), 3) == 0
    assert average_precision(np.zeros(0), np.zeros(0, bool), 3, recalls=101) == 0
    with pytest.raises(ParameterError, match="at least one object"):
        average_precision(np.zeros(0), np.zeros(0, bool), 0)


# ---------------------------------------------------------------- bootstrap


def test_a_weight_is_as_good_as_that_many_copies():
    """The interval's fast path (weights) against photos really repeated."""
    rng = np.random.default_rng(5)
    photos = [
        photo(rng.random(6), rng.integers(1, 3, 6), rng.random((6, 4)), rng.integers(1, 3, 4))
        for _ in range(7)
    ]
    values = []
    for row in bootstrap_weights(7, 40).astype(int):
        drawn = [p for p, times in zip(photos, row, strict=True) for _ in range(times)]
        values.append(mean_average_precision(drawn, [1, 2], 0.5, draws=1).value)
    low, high = np.percentile(values, [2.5, 97.5])
    score = mean_average_precision(photos, [1, 2], 0.5, draws=40)
    assert (score.low, score.high) == pytest.approx((low, high))
    assert score.low <= score.value <= score.high
