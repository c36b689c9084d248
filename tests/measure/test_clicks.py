"""Simulated clicks against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.clicks import (
    ClickRun,
    components,
    depth,
    first_click,
    jittered_clicks,
    next_click,
    simulate,
)


def slow_depth(region):
    """Squared distance to the nearest outside pixel, two loops; outside the photo is outside."""
    padded = np.pad(region, 1)
    outside = np.argwhere(~padded)
    out = np.zeros(region.shape, int)
    for y, x in np.argwhere(region):
        out[y, x] = ((outside - (y + 1, x + 1)) ** 2).sum(axis=1).min()
    return out


def blob(rng, shape=(24, 31)):
    import cv2

    field = cv2.GaussianBlur(rng.random(shape), (0, 0), rng.uniform(1, 4))
    return field > np.quantile(field, rng.uniform(0.2, 0.9))


@pytest.mark.parametrize("case", range(12))
def test_first_click_by_brute_force(case):
    region = blob(np.random.default_rng(case))
    slow = slow_depth(region)
    inside = depth(region)
    full = np.zeros(region.shape, int)
    h, w = inside.squared.shape
    full[inside.top[0] : inside.top[0] + h, inside.top[1] : inside.top[1] + w] = inside.squared
    assert (full == slow).all()
    ties = [tuple(p) for p in np.argwhere(slow == slow.max()).tolist()]
    assert first_click(region) == min(ties)


def test_ties_go_to_the_smallest_point():
    assert first_click(np.ones((4, 6), bool)) == (1, 1)
    truth = np.zeros((9, 20), bool)
    truth[3:6, 12:15] = truth[3:6, 2:5] = True
    assert first_click(truth) == (4, 3)


def slow_next_click(mask, truth, valid):
    """Label components, transform each alone, take the largest maximum."""
    from scipy.ndimage import label

    best = None
    for wrong, positive in ((truth & ~mask & valid, True), (mask & ~truth & valid, False)):
        parts, count = label(wrong, np.ones((3, 3)))
        for k in range(1, count + 1):
            slow = slow_depth(parts == k)
            point = tuple(np.argwhere(slow == slow.max())[0].tolist())
            key = (-slow.max(), point)
            if best is None or key < best[0]:
                best = (key, (point, positive))
    return best and best[1]


@pytest.mark.parametrize("case", range(12))
def test_next_click_by_brute_force(case):
    rng = np.random.default_rng(100 + case)
    mask, truth, valid = blob(rng), blob(rng), rng.random((24, 31)) < 0.97
    assert next_click(mask, truth, valid) == slow_next_click(mask, truth, valid)


def test_a_right_answer_needs_no_click():
    truth = np.zeros((5, 5), bool)
    truth[1:3, 1:3] = True
    assert next_click(truth, truth) is None
    assert next_click(~truth, truth, np.zeros((5, 5), bool)) is None


def test_jittered_clicks_are_deep_and_fixed():
    truth = blob(np.random.default_rng(3), (60, 60))
    slow = slow_depth(truth)
    points = jittered_clicks(truth, np.random.default_rng(0), 200)
    assert all(4 * slow[p] >= slow.max() for p in points)
    assert points == jittered_clicks(truth, np.random.default_rng(0), 200)
    assert len(set(points)) > 20
    deep = {tuple(p) for p in np.argwhere(4 * slow >= slow.max()).tolist()}
    assert set(jittered_clicks(truth, np.random.default_rng(0), 20 * len(deep))) == deep


def test_clicks_until_it_is_right():
    truth = np.zeros((30, 30), bool)
    truth[5:25, 5:25] = True
    asked = []

    def predict(add, subtract):
        """The first click gives everything, each negative one takes a quarter's worth away."""
        asked.append((len(add), len(subtract)))
        mask = np.ones((30, 30), bool)
        if len(subtract) >= 2:
            mask = truth.copy()
        return mask

    run = simulate(predict, truth)
    assert asked == [(1, 0), (1, 1), (1, 2)]
    assert run.ious == pytest.approx([400 / 900, 400 / 900, 1])
    assert run.clicks_to(0.85) == 3 and run.clicks_to(0.4) == 1
    assert run.after(1) == pytest.approx(400 / 900) and run.after(5) == 1


def test_hopeless_objects_cost_twenty_clicks_and_good_ones_five():
    truth = np.zeros((30, 30), bool)
    truth[5:25, 5:25] = True
    near = truth.copy()
    near[5, 5] = False
    assert len(simulate(lambda a, s: ~truth, truth).ious) == 20
    assert simulate(lambda a, s: ~truth, truth).clicks_to(0.85) == 20
    assert len(simulate(lambda a, s: near, truth).ious) == 5
    assert len(simulate(lambda a, s: near, truth, clicks=1).ious) == 1


def test_clicks_to_looks_at_the_first_time():
    assert ClickRun([0.2, 0.9, 0.3]).clicks_to(0.85) == 2
    with pytest.raises(ParameterError, match="without pixels"):
        first_click(np.zeros((3, 3), bool))
    with pytest.raises(ParameterError, match="without pixels"):
        jittered_clicks(np.zeros((3, 3), bool), np.random.default_rng(0))


def test_components_by_label():
    labels = np.zeros((20, 30), int)
    labels[:10, :10] = labels[:10, 20:] = 4
    labels[15, 15] = 5
    labels[:, 15] = -1
    assert [c.sum() for c in components(labels)] == [100, 100]
