"""Which colors objects have: the same in another light and size, others in another color."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlseg_core.color import encode_srgb, srgb_to_linear
from dmlseg_core.folder.develop.colors import colors_of, overlap


def striped(*colors, size=(40, 60)):
    rgb = np.zeros((*size, 3), np.uint8)
    for k, color in enumerate(colors):
        rgb[:, k :: len(colors)] = color
    return rgb


def colors(rgb, labels=None):
    labels = np.ones(rgb.shape[:2], np.int32) if labels is None else labels
    return colors_of(rgb, labels, 1)[0]


RED_CAR, BLUE_CAR = striped((180, 20, 30), (60, 60, 60)), striped((20, 40, 170), (60, 60, 60))


def test_the_same_object_darker_and_smaller_and_another_one():
    darker = encode_srgb(0.4 * srgb_to_linear(RED_CAR), np.uint8)[::2, :30]
    assert overlap(colors(RED_CAR), colors(RED_CAR)) == pytest.approx(1)
    assert overlap(colors(RED_CAR), colors(darker)) > 0.95
    # the gray half is common to both
    assert overlap(colors(RED_CAR), colors(BLUE_CAR)) == pytest.approx(0.5, abs=0.02)
    assert overlap(colors(striped((180, 20, 30))), colors(striped((20, 40, 170)))) < 0.01


def test_each_object_by_itself_and_one_without_pixels():
    labels = np.zeros((40, 60), np.int32)
    labels[:, 30:] = 2
    rgb = np.where((labels == 2)[..., None], BLUE_CAR, RED_CAR)
    none, second = colors_of(rgb, labels, 2)
    assert not none.any()
    assert overlap(second, colors(BLUE_CAR)) == pytest.approx(1, abs=1e-3)
    assert overlap(none, second) == 0


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=4))
def test_shares_and_range(found):
    made = colors(striped(*found))
    assert made.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= overlap(made, colors(RED_CAR)) <= 1 + 1e-6
