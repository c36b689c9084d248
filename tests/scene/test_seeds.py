"""Greedy seeds against the paper's formula written as loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.config import TAUS
from dmlseg_core.errors import ParameterError
from dmlseg_core.model.metric import distances2, radius2
from dmlseg_core.scene.seeds import Seed, click_tau, cover, describe, pick_seeds, seediness
from tests import oracles


def random_maps(number, shape=(13, 19), dim=3, classes=3):
    rng = np.random.default_rng(number)
    embedding = rng.normal(0, 1, (dim, *shape)).astype(np.float32)
    logits = rng.normal(0, 1.5, (len(TAUS), classes + 1, *shape))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return embedding, probs.astype(np.float32)


def flat_probs(scores):
    """One tau, one class: the seediness is `scores`."""
    scores = np.asarray(scores, np.float32)
    return torch.from_numpy(np.stack([1 - scores, scores])[None])


def pick(embedding, probs, taus=TAUS, **options):
    options = {"budget": 20, "alpha": 0.3, "floor": 0.0, **options}
    return pick_seeds(torch.as_tensor(embedding), torch.as_tensor(probs), taus, **options)


def cells(seeds):
    return [(seed.y, seed.x) for seed in seeds]


# ---------------------------------------------------------------- against the oracle


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.3, 0.6, 2.0])
@pytest.mark.parametrize("number", [0, 1])
def test_picks_by_the_formula(number, alpha):
    embedding, probs = random_maps(number)
    slow = oracles.seeds(embedding, probs, budget=12, alpha=alpha, floor=0.5)
    assert cells(pick(embedding, probs, budget=12, alpha=alpha, floor=0.5)) == slow
    assert len(slow) == 12


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_fixed_seeds_come_first_and_count(alpha):
    embedding, probs = random_maps(3)
    fixed = [(4, 7), (0, 0), (4, 7)]
    slow = oracles.seeds(embedding, probs, budget=9, alpha=alpha, floor=0.4, fixed=fixed)
    found = pick(embedding, probs, budget=9, alpha=alpha, floor=0.4, fixed=fixed)
    assert cells(found) == slow and slow[:2] == [(4, 7), (0, 0)]
    free = pick(embedding, probs, budget=9, alpha=alpha, floor=0.4)
    assert cells(free)[0] not in fixed
    if alpha:  # a fixed seed pushes the others away from it
        assert [c for c in cells(found) if c not in fixed] != cells(free)[:7]


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 0.5]), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_picks_by_the_formula_among_exact_ties(number, alpha, budget):
    """Few distinct vectors (whole numbers), one seediness: nearly everything ties."""
    rng = np.random.default_rng(number)
    embedding = rng.integers(0, 3, (2, 9, 10)).astype(np.float32)
    probs = flat_probs(np.full((9, 10), 0.5))
    slow = oracles.seeds(embedding, probs.numpy(), budget=budget, alpha=alpha, floor=0.1)
    assert cells(pick(embedding, probs, (0.5,), budget=budget, alpha=alpha, floor=0.1)) == slow


def test_tiles_change_nothing():
    """Smooth maps larger than a tile: most tiles are skipped at each step, none wrongly."""
    generator = torch.Generator().manual_seed(5)

    def smooth(channels, spread):
        coarse = spread * torch.randn((1, channels, 5, 6), generator=generator)
        size = (33, 42)
        return torch.nn.functional.interpolate(coarse, size=size, mode="bicubic")[0].numpy()

    embedding, logits = smooth(4, 3), smooth(8, 2).reshape(4, 2, 33, 42)
    probs = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
    found = pick(embedding, probs, budget=25, alpha=0.4, floor=0.3)
    score = np.log(oracles.seediness(probs))
    score[oracles.seediness(probs) < 0.3] = -np.inf
    vectors = embedding.astype(np.float64)
    for k, (y, x) in enumerate(cells(found)):
        value = score
        if k:
            chosen = np.stack([vectors[:, i, j] for i, j in cells(found)[:k]])
            gaps = ((vectors[None] - chosen[:, :, None, None]) ** 2).sum(1).min(0)
            with np.errstate(divide="ignore"):
                value = score + 0.4 * np.log(gaps)
        assert value[y, x] >= value.max() - 1e-5
    assert len(set(cells(found))) == 25


# ---------------------------------------------------------------- rules


def test_the_first_is_the_most_seedy_and_ties_go_to_the_smallest():
    embedding = np.random.default_rng(0).normal(size=(2, 10, 20)).astype(np.float32)
    scores = np.full((10, 20), 0.2)
    scores[9, 0] = scores[3, 18] = scores[3, 4] = 0.8
    assert cells(pick(embedding, flat_probs(scores), (0.5,), budget=1)) == [(3, 4)]
    at_zero = cells(pick(embedding, flat_probs(scores), (0.5,), budget=4, alpha=0))
    assert at_zero == [(3, 4), (3, 18), (9, 0), (0, 0)]


def test_the_budget_and_the_floor_end_it():
    embedding, probs = random_maps(1)
    assert len(pick(embedding, probs, budget=7)) == 7
    scores = oracles.seediness(probs)
    floor = float(np.quantile(scores, 0.9))
    found = pick(embedding, probs, budget=1000, floor=floor)
    assert len(found) == (scores >= floor).sum()
    assert all(scores[c] >= floor for c in cells(found))
    assert pick(embedding, probs, floor=1.0) == ()


def test_a_pixel_exactly_at_the_floor_counts():
    embedding = np.random.default_rng(0).normal(size=(2, 2, 2)).astype(np.float32)
    scores = [[0.3, 0.29], [0.31, 0.0]]
    assert cells(pick(embedding, flat_probs(scores), (0.5,), floor=0.3)) == [(1, 0), (0, 0)]
    # without a floor a pixel of seediness 0 (log 0) is still none
    assert (1, 1) not in cells(pick(embedding, flat_probs(scores), (0.5,), floor=0.0))


def test_a_copy_of_a_seed_is_never_picked_but_without_diversity():
    embedding = np.zeros((2, 9, 9), np.float32)
    embedding[0, 5:] = 3
    probs = flat_probs(np.full((9, 9), 0.6))
    assert cells(pick(embedding, probs, (0.5,), alpha=0.3)) == [(0, 0), (5, 0)]
    assert len(pick(embedding, probs, (0.5,), alpha=0.0)) == 20
    fixed = [(8, 8), (2, 2), (3, 3)]  # the user's are taken as they are, copies or not
    assert cells(pick(embedding, probs, (0.5,), fixed=fixed)) == fixed


def test_fixed_seeds_are_kept_below_the_floor_and_over_the_budget():
    embedding, probs = random_maps(2)
    fixed = [(0, 0), (5, 5), (12, 18)]
    assert cells(pick(embedding, probs, budget=1, floor=1.0, fixed=fixed)) == fixed


def test_diversity_changes_the_seeds():
    embedding, probs = random_maps(4)
    picks = [cells(pick(embedding, probs, budget=8, alpha=a)) for a in (0.0, 0.3, 1.5)]
    assert picks[0] != picks[1] != picks[2]
    assert picks[0][0] == picks[1][0] == picks[2][0]  # the first is the most seedy in any case
    top = np.sort(oracles.seediness(probs), axis=None)[::-1][:8]
    got = [oracles.seediness(probs)[c] for c in picks[0]]
    assert got == pytest.approx(top)


def test_another_set_of_thresholds_changes_the_seeds():
    embedding, probs = random_maps(6)
    every = pick(embedding, probs, budget=8)
    some = pick(embedding, probs[2:], TAUS[2:], budget=8)
    assert cells(every) != cells(some)
    assert {s.tau for s in some} <= {0.75, 0.9} and {s.tau for s in every} & {0.25, 0.5}


def test_the_same_twice():
    embedding, probs = random_maps(7)
    assert pick(embedding, probs) == pick(embedding.copy(), probs.copy())


# ---------------------------------------------------------------- what a seed says


def test_seediness_is_the_best_foreground():
    _, probs = random_maps(8)
    slow = oracles.seediness(probs)
    assert np.array_equal(seediness(torch.from_numpy(probs)).numpy(), slow.astype(np.float32))


def test_a_seed_carries_its_argmax():
    embedding, probs = random_maps(9)
    for seed in pick(embedding, probs, budget=6):
        best = max(
            ((probs[t, c, seed.y, seed.x], -t, -c) for t in range(4) for c in (1, 2, 3)),
        )
        assert seed == Seed(seed.y, seed.x, TAUS[-best[1]], -best[2], float(best[0]))


def test_ties_go_to_the_smallest_tau_then_class():
    probs = torch.full((4, 4, 1, 1), 0.25)
    assert describe(probs, TAUS, 0, 0) == Seed(0, 0, 0.25, 1, 0.25)


def test_a_given_tau_is_kept_and_described_by_the_nearest_trained_one():
    _, probs = random_maps(10)
    seed = describe(torch.from_numpy(probs), TAUS, 2, 3, 0.8)
    row = probs[2, 1:, 2, 3]  # .75
    assert seed == Seed(2, 3, 0.8, int(row.argmax()) + 1, float(row.max()))
    assert describe(torch.from_numpy(probs), TAUS, 2, 3, 0.99).score == probs[3, 1:, 2, 3].max()


# ---------------------------------------------------------------- errors


def test_values_that_are_none():
    embedding, probs = random_maps(0)
    with pytest.raises(ParameterError, match=r"class_probs must be \(2, C\+1, 13, 19\)"):
        pick(embedding, probs, (0.25, 0.5))
    with pytest.raises(ParameterError, match="class_probs must be"):
        pick(embedding[:, :5], probs)
    with pytest.raises(ParameterError, match="alpha must lie"):
        pick(embedding, probs, alpha=-0.1)
    with pytest.raises(ParameterError, match="seediness_floor must lie"):
        pick(embedding, probs, floor=math.nan)
    for cell in ((13, 0), (0, 19), (-1, 0)):
        with pytest.raises(ParameterError, match="fixed seeds must lie in the grid of 13 x 19"):
            pick(embedding, probs, fixed=[cell])


# ---------------------------------------------------------------- cover


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_cover_reaches_every_pixel_and_no_seed_covers_another(tau):
    embedding, probs = random_maps(11)
    vectors, scores = torch.from_numpy(embedding), seediness(torch.from_numpy(probs))
    found = cover(vectors, scores, tau)
    rows = vectors.flatten(1).T
    chosen = torch.stack([vectors[:, y, x] for y, x in found])
    assert (distances2(chosen, rows).amin(0) <= radius2(tau) + 1e-5).all()
    among = distances2(chosen, chosen) + 1e9 * torch.eye(len(chosen))
    assert among.min() > radius2(tau) - 1e-5
    assert found[0] == tuple(divmod(int(scores.argmax()), 19))
    order = [scores[c].item() for c in found]
    assert order == sorted(order, reverse=True)


@given(st.integers(0, 10**6))
def test_the_tau_of_a_click_is_the_mean_radius_weighted_by_foreground_to_the_eighth(number):
    generator = torch.Generator().manual_seed(number)
    probs = (3 * torch.randn(4, 5, 2, 3, generator=generator)).softmax(1)
    total = weights = 0.0
    for row, tau in enumerate(TAUS):
        weight = max(1 - float(probs[row, 0, 1, 2]), 1e-6) ** 8
        weights += weight
        total += weight * math.log(2 / tau - 1)
    wanted = 2 / (1 + math.exp(total / weights))
    assert click_tau(probs, TAUS, 1, 2) == pytest.approx(wanted, rel=1e-5)
    assert TAUS[0] - 1e-9 <= click_tau(probs, TAUS, 1, 2) <= TAUS[-1] + 1e-9


def test_the_tau_of_a_click_follows_a_threshold_that_stands_out_and_splits_a_tie():
    probs = torch.full((2, 3, 1, 1), 0.05)
    probs[:, 0] = 0.9  # background almost surely
    probs[1, :, 0, 0] = torch.tensor([0.1, 0.45, 0.45])  # no class stands out, an object does
    assert click_tau(probs, (0.25, 0.75), 0, 0) == pytest.approx(0.75, abs=1e-6)
    probs[0] = probs[1]
    middle = (radius2(0.25) + radius2(0.75)) / 2
    assert radius2(click_tau(probs, (0.25, 0.75), 0, 0)) == pytest.approx(middle)
