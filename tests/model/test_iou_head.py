"""The IoU head: its features against a slow oracle, and what a scene makes of its answers."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from dmlseg_core.config import CLASSES, TAUS
from dmlseg_core.model.iou_head import IoUHead, best_pair, describe_point, radii_of
from dmlseg_core.model.metric import radius2, tau_of
from dmlseg_core.scene.seeds import click_tau
from tests import synth

RADII = radii_of()


def telling(whole, part):
    """A head that expects most of one radius for the thing and of one for the part, everywhere."""
    head = IoUHead(len(TAUS), len(CLASSES)).eval()
    for parameter in head.parameters():
        parameter.zero_()
    bias = head.layers[-1].bias
    bias[whole] = bias[len(RADII) + part] = 3
    return head


def features_of(scene, y, x):
    distances = (scene.embedding - scene.embedding[:, y, x, None, None]).square().sum(0)
    return describe_point(
        distances.numpy(), scene.class_probs.numpy(), y, x, RADII
    ), distances.numpy()


def test_radii_ascend_between_their_taus():
    assert list(RADII) == sorted(RADII)
    assert tau_of(RADII[0]) == pytest.approx(0.98) and tau_of(RADII[-1]) == pytest.approx(0.03)


@pytest.mark.parametrize(("y", "x"), [(0, 0), (5, 7), (23, 31)])
def test_features_against_loops(y, x):
    scene = synth.smooth_scene()
    found, distances = features_of(scene, y, x)
    probs = scene.class_probs.numpy()
    best = probs[:, 1:, y, x].max(0)
    h, w = distances.shape
    rows = found[: len(RADII) * (len(TAUS) + 4)].reshape(len(RADII), -1)
    for k in (0, 7, 15, len(RADII) - 1):
        cells = [(i, j) for i in range(h) for j in range(w) if distances[i, j] <= RADII[k]]
        away = [math.hypot(i - y, j - x) / max(h, w) for i, j in cells]
        wanted = [
            math.log(len(cells) / (h * w)),
            *(np.mean([1 - probs[t, 0, i, j] for i, j in cells]) for t in range(len(TAUS))),
            np.mean([probs[:, 1 + best.argmax(), i, j].max() for i, j in cells]),
            np.mean(away),
            np.mean(np.square(away)),
        ]
        np.testing.assert_allclose(rows[k], wanted, rtol=1e-4, atol=1e-5)
    rest = found[rows.size :]
    np.testing.assert_allclose(rest[: len(TAUS)], 1 - probs[:, 0, y, x], atol=1e-6)
    np.testing.assert_allclose(rest[len(TAUS) : -3], best, atol=1e-6)
    np.testing.assert_allclose(rest[-3:], [y / h, x / w, math.log(h * w)], rtol=1e-6)


def test_of_a_large_grid_every_second_cell_tells_about_the_same():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:150, :200]
    distances = (((y - 71) ** 2 + (x - 90) ** 2) / 900).astype(np.float32)
    probs = rng.dirichlet(np.ones(len(CLASSES) + 1), (len(TAUS), 150, 200)).transpose(0, 3, 1, 2)
    probs = np.ascontiguousarray(probs, np.float32)
    large = describe_point(distances, probs, 71, 90, RADII)
    small = describe_point(distances[1::2, ::2], probs[..., 1::2, ::2], 35, 45, RADII)
    assert large.shape == small.shape
    np.testing.assert_allclose(large[:-3], small[:-3], rtol=1e-4, atol=1e-5)
    assert large[-1] == pytest.approx(math.log(150 * 200))


def test_the_head_takes_what_describe_point_gives():
    scene = synth.smooth_scene()
    head = IoUHead(len(TAUS), len(CLASSES)).eval()
    expected = head(torch.from_numpy(features_of(scene, 3, 3)[0]))
    assert expected.shape == (2, len(RADII)) and ((expected >= 0) & (expected <= 1)).all()
    assert not any(p.requires_grad for p in head.parameters())


def test_without_a_head_the_class_head_says_tau():
    scene = synth.smooth_scene()
    assert scene.best_tau(20, 20) == click_tau(scene.class_probs, TAUS, 5, 5)


def test_a_scene_asks_its_head():
    whole, part = 17, 6
    scene = replace(synth.smooth_scene(), iou_head=telling(whole, part))
    assert scene.best_tau(20, 20) == pytest.approx(tau_of(RADII[whole]))
    assert scene.mask_at(20, 20).seed.tau == pytest.approx(tau_of(RADII[whole]))
    taus = [mask.seed.tau for mask in scene.stops(20, 20)]
    assert taus[:2] == pytest.approx([tau_of(RADII[part]), tau_of(RADII[whole])])
    assert radius2(taus[2]) >= RADII[whole] - 1e-6
    # a tau of the user's own is never overruled
    assert scene.mask_at(20, 20, 0.6).seed.tau == 0.6


def test_a_part_is_never_more_than_the_thing():
    scene = replace(synth.smooth_scene(), iou_head=telling(whole=4, part=15))
    part, whole, _ = scene.stops(20, 20)
    assert not (part.grid & ~whole.grid).any() and part.seed.tau == whole.seed.tau


def expected_best(a, b, steps):
    """Of two IoUs by drawing them, as `best_pair` says that they are spread."""
    rng = np.random.default_rng(steps)
    together = math.exp(-steps / 4)
    x, y = rng.standard_normal((2, 400_000))
    return np.maximum(
        a + 0.25 * x, b + 0.25 * (together * x + math.sqrt(1 - together**2) * y)
    ).mean()


@pytest.mark.parametrize("seed", range(6))
def test_the_best_pair_against_drawing(seed):
    expected = np.random.default_rng(seed).uniform(0, 0.8, 6).astype(np.float32)
    every = list(itertools.combinations(range(6), 2))
    worth = [expected_best(expected[i], expected[j], j - i) for i, j in every]
    assert worth[every.index(best_pair(expected))] > max(worth) - 2e-3


def test_a_pair_is_apart_where_the_head_is_unsure():
    unsure = np.full(len(RADII), 0.5, np.float32)
    i, j = best_pair(unsure)
    assert j - i == len(RADII) - 1
    sure = np.where(np.arange(len(RADII)) == 9, 0.99, 0.0).astype(np.float32)
    assert 9 in best_pair(sure)


def test_what_a_point_may_mean_ascends():
    scene = replace(synth.smooth_scene(), iou_head=telling(18, 9))
    for y, x in ((3, 3), (40, 61)):
        meant = scene.meant_by(y, x)
        assert meant.small_part >= meant.large_part >= meant.object >= meant.group
        assert meant.object == scene.best_tau(y, x) == tau_of(RADII[18])
        assert tau_of(RADII[9]) == meant.part and meant.part in (meant.small_part, meant.large_part)
        taus = meant.part, meant.object, meant.group
        assert tuple(mask.seed.tau for mask in scene.stops(y, x)) == taus
    without = replace(scene, iou_head=None).meant_by(3, 3)
    assert without.part == without.small_part == without.large_part >= without.object


def test_what_a_point_means_is_asked_once(monkeypatch):
    scene = replace(synth.smooth_scene(), iou_head=telling(18, 9))
    asked = []
    monkeypatch.setattr(IoUHead, "forward", lambda *_: asked.append(1) or torch.rand(2, len(RADII)))
    scene.mask_at(40, 61)
    scene.stops(40, 61)
    scene.best_tau(40, 61)
    assert len(asked) == 1
