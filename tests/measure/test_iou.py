"""IoU and intervals against hand-worked figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.iou import iou_table, mask_iou, mean_score

BOOLS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(st.data(), BOOLS)
def test_iou_is_symmetric_and_one_only_for_equal_masks(data, a):
    b = data.draw(arrays(np.bool_, a.shape))
    assert mask_iou(a, b) == mask_iou(b, a)
    assert (mask_iou(a, b) == 1) == (a.any() and bool((a == b).all()))


def test_void_pixels_count_for_nothing():
    mask = np.array([[True, True, True, False]])
    truth = np.array([[True, True, False, False]])
    assert mask_iou(mask, truth) == pytest.approx(2 / 3)
    assert mask_iou(mask, truth, np.array([[True, True, False, True]])) == 1
    ious, areas = iou_table([mask], np.array([[1, 1, -1, 0]]))
    assert ious.tolist() == [[1.0]] and areas.tolist() == [2]


def test_iou_table_equals_mask_iou():
    rng = np.random.default_rng(0)
    instances = rng.integers(-1, 4, (20, 30))
    masks = [rng.random((20, 30)) < share for share in (0.1, 0.5, 0.9, 0.0)]
    ious, areas = iou_table(masks, instances)
    for i, mask in enumerate(masks):
        assert areas[i] == (mask & (instances >= 0)).sum()
        for k in range(3):
            assert ious[i, k] == pytest.approx(mask_iou(mask, instances == k + 1, instances >= 0))


def test_shapes_must_agree():
    with pytest.raises(ParameterError, match="one shape"):
        mask_iou(np.ones((2, 2), bool), np.ones((2, 3), bool))
    with pytest.raises(ParameterError, match="must be"):
        iou_table([np.ones((2, 2), bool)], np.ones((2, 3), int))


def test_mean_score_interval_covers_like_the_normal_one():
    rng = np.random.default_rng(1)
    values = [rng.normal(0.6, 0.2, 1) for _ in range(400)]
    score = mean_score(values)
    error = np.std(np.concatenate(values)) / 20
    assert score.high - score.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert mean_score(values) == score  # fixed generator
    assert mean_score([np.zeros(0)]) is None
