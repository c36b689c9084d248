"""Masks and their overlaps against pixel-by-pixel loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.errors import ParameterError
from dmlseg_core.model.metric import log_similarity, radius2
from dmlseg_core.scene.masks import (
    connected_part,
    grow_masks,
    level_of,
    levels,
    resolve_overlap,
    seed_distances2,
    stop_taus,
    with_sign,
)
from tests import oracles, synth

TAUS = (0.25, 0.5, 0.75, 0.9)


def grown_masks(embedding, points, taus):
    return torch.from_numpy(grow_masks(seed_distances2(embedding, points).numpy(), taus))


def vectors(number, shape=(3, 9, 11)):
    return np.random.default_rng(number).normal(0, 0.8, shape).astype(np.float32)


# ---------------------------------------------------------------- growing


@pytest.mark.parametrize("tau", [0.05, *TAUS, 0.99])
def test_a_mask_by_two_loops(tau):
    embedding = vectors(0)
    points = [(0, 0), (4, 5), (8, 10)]
    grown = grown_masks(torch.from_numpy(embedding), points, [tau] * 3).numpy()
    assert grown.shape == (3, 9, 11) and grown.dtype == bool
    for mask, point in zip(grown, points, strict=True):
        assert (mask == oracles.mask(embedding, point, tau)).all()
        assert mask[point]
    if tau in (0.25, 0.5):
        assert 1 < grown[0].sum() < 99


def test_each_seed_has_its_own_tau():
    embedding = torch.from_numpy(vectors(1))
    both = grown_masks(embedding, [(4, 5), (4, 5)], [0.25, 0.75])
    assert (both[1] <= both[0]).all() and both[1].sum() < both[0].sum()


@given(st.integers(0, 10**6), st.floats(0.01, 0.98), st.floats(0.01, 0.98))
@settings(max_examples=30, deadline=None)
def test_a_higher_tau_gives_a_subset(number, a, b):
    low, high = sorted((a, b))
    small, large = grown_masks(torch.from_numpy(vectors(number)), [(3, 3)] * 2, [high, low])
    assert (small <= large).all() and small[3, 3]


def test_distances_are_zero_on_the_seed():
    embedding = torch.from_numpy(100 + vectors(2))  # far from 0, where A^2 + B^2 - 2AB is noisy
    points = [(y, x) for y in range(9) for x in range(11)]
    d2 = seed_distances2(embedding, points)
    assert (d2.flatten(1).diagonal() == 0).all() and (d2 >= 0).all()
    assert grown_masks(embedding, points, [0.999] * 99).flatten(1).diagonal().all()


def test_no_seeds_no_masks():
    assert grown_masks(torch.from_numpy(vectors(0)), [], []).shape == (0, 9, 11)


def test_points_and_taus_that_are_none():
    embedding = torch.from_numpy(vectors(0))
    for point in ((9, 0), (0, 11), (-1, 0)):
        with pytest.raises(ParameterError, match="grid of 9 x 11"):
            grown_masks(embedding, [point], [0.5])
    for tau in (0, 1, math.nan):
        with pytest.raises(ParameterError, match="tau must lie"):
            grown_masks(embedding, [(0, 0)], [tau])


# ---------------------------------------------------------------- connected


@given(st.integers(0, 10**6), st.floats(0.3, 0.8))
@settings(max_examples=40, deadline=None)
def test_the_connected_part_by_flood_fill(number, share):
    rng = np.random.default_rng(number)
    mask = rng.random((12, 15)) < share
    start = tuple(rng.integers(0, (12, 15)).tolist())
    assert (connected_part(mask, [start]) == oracles.component(mask, start)).all()
    other = tuple(rng.integers(0, (12, 15)).tolist())
    both = oracles.component(mask, start) | oracles.component(mask, other)
    assert (connected_part(mask, [start, other]) == both).all()


def test_corners_do_not_connect():
    mask = np.eye(3, dtype=bool)
    assert connected_part(mask, [(1, 1)]).sum() == 1
    assert not connected_part(mask, [(0, 1)]).any()  # a cell outside the mask has no part


def test_a_connected_part_leaves_its_mask_as_it_was_however_it_lies_in_memory():
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 1]], bool).T  # columns first
    before = mask.copy()
    assert connected_part(mask, [(0, 0)]).sum() == 3
    assert (mask == before).all()


# ---------------------------------------------------------------- overlap


def overlapping(number, n=5, shape=(8, 9), whole=False):
    """Random distances and masks; whole-number distances tie often."""
    rng = np.random.default_rng(number)
    d2 = rng.integers(0, 4, (n, *shape)) if whole else rng.random((n, *shape))
    masks = rng.random((n, *shape)) < rng.uniform(0.1, 0.7, (n, 1, 1))
    return d2.astype(np.float32), masks


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.booleans())
@settings(max_examples=80, deadline=None)
def test_overlap_by_loops(number, overlap, whole):
    d2, masks = overlapping(number, whole=whole)
    resolution = resolve_overlap(d2, masks, overlap=overlap)
    kept, owner = oracles.owners(d2, masks, overlap)
    assert resolution.kept == kept
    assert (resolution.owner == owner).all()
    for y, x in np.ndindex(owner.shape):
        held = sorted(d2[k, y, x] for k in kept if masks[k, y, x])
        held += [np.inf, np.inf]
        assert (resolution.nearest[y, x], resolution.second[y, x]) == tuple(held[:2])


def test_a_contested_pixel_goes_to_the_nearest_seed():
    masks = np.array([[[1, 1, 1, 1, 0, 0]], [[0, 0, 1, 1, 1, 1]]], bool)
    d2 = np.array([[[0, 0.2, 0.5, 0.9, 2, 2]], [[2, 2, 0.9, 0.5, 0.2, 0]]], np.float32)
    assert resolve_overlap(d2, masks, overlap=0.5).owner.tolist() == [[0, 0, 0, 1, 1, 1]]
    d2[:, 0, 2:4] = 0.5  # an exact tie: the better mask, that is the first
    assert resolve_overlap(d2, masks, overlap=0.5).owner.tolist() == [[0, 0, 0, 0, 1, 1]]


def test_duplicates_are_dropped():
    masks = np.zeros((3, 1, 10), bool)
    masks[0, 0, :6], masks[1, 0, 1:6], masks[2, 0, 3:] = True, True, True
    d2 = np.stack([np.full((1, 10), v, np.float32) for v in (0.5, 0.1, 0.3)])
    half = resolve_overlap(d2, masks, overlap=0.5)
    assert half.kept == (0, 2)  # the second shares all of itself with the first, the third 3 of 7
    assert half.owner.tolist() == [[0, 0, 0, 2, 2, 2, 2, 2, 2, 2]]
    assert resolve_overlap(d2, masks, overlap=0.4).kept == (0,)
    assert resolve_overlap(d2, masks, overlap=1.0).kept == (0, 1, 2)


def test_a_mask_that_wins_nothing_is_no_rival():
    """Two equal masks survive overlap 1.0; the loser must not flatten the winner's level."""
    masks = np.ones((2, 1, 3), bool)
    d2 = np.tile(np.array([0, 0.1, 0.2], np.float32), (2, 1, 1))
    resolution = resolve_overlap(d2, masks, overlap=1.0)
    assert resolution.kept == (0,) and np.isinf(resolution.second).all()
    assert (levels(d2, [0.5, 0.5], resolution)[0] > 0.4).all()


def test_masks_of_nothing():
    empty = resolve_overlap(np.zeros((2, 3, 3), np.float32), np.zeros((2, 3, 3), bool), overlap=0.5)
    assert empty.kept == () and (empty.owner == -1).all()


# ---------------------------------------------------------------- levels


def test_a_level_is_zero_at_the_radius_and_greatest_on_the_seed():
    d2 = torch.tensor([0, radius2(0.5), 0.5, 3.0, 1e6])
    level = level_of(log_similarity(d2).numpy(), 0.5)
    top = math.log(2)
    slow = [min(max(oracles.log_sigma(min(v, 1e3)) + top, -top), top) for v in d2.tolist()]
    assert level == pytest.approx(slow, abs=1e-6)
    assert level[0] == pytest.approx(top) and level[1] == pytest.approx(0, abs=1e-6)
    assert level[4] == pytest.approx(-top)


@pytest.mark.parametrize("number", range(4))
def test_levels_by_loops(number):
    rng = np.random.default_rng(number)
    embedding = torch.from_numpy(vectors(number))
    points = [tuple(rng.integers(0, (9, 11)).tolist()) for _ in range(4)]
    taus = [0.25, 0.5, 0.25, 0.4]
    d2 = seed_distances2(embedding, points).numpy()
    masks = grown_masks(embedding, points, taus).numpy()
    resolution = resolve_overlap(d2, masks, overlap=0.9)
    maps = levels(d2, taus, resolution)
    assert maps.shape == (len(resolution.kept), 9, 11)
    for k, level in zip(resolution.kept, maps, strict=True):
        limit = -math.log(taus[k])
        for y, x in np.ndindex(9, 11):
            own = oracles.log_sigma(d2[k, y, x])
            value = own + limit
            rivals = [d2[r, y, x] for r in resolution.kept if r != k and masks[r, y, x]]
            if rivals:
                value = min(value, own - oracles.log_sigma(min(rivals)))
            assert level[y, x] == pytest.approx(min(max(value, -limit), limit), abs=1e-5)
        own = resolution.owner == k
        assert (level[own] >= -1e-6).all() and (level[~own] <= 1e-6).all()


@given(st.integers(0, 10**6))
def test_the_sign_agrees_with_the_mask(number):
    rng = np.random.default_rng(number)
    level, inside = rng.normal(size=(4, 5)).astype(np.float32), rng.random((4, 5)) < 0.5
    level[0] = 0
    signed = with_sign(level, inside)
    assert ((signed >= 0) == inside).all()
    right = (level > 0) == inside
    assert (signed[right & (level != 0)] == level[right & (level != 0)]).all()


# ---------------------------------------------------------------- stops


def test_stops_find_the_three_plateaus():
    """A part inside an object inside a group: rings at d2 = .05, .6 and 2.2."""
    d2 = np.full((40, 40), 9.0)
    d2[4:34, 4:34], d2[8:26, 8:26], d2[12:18, 12:18] = 2.2, 0.6, 0.05
    log_sigma = log_similarity(torch.from_numpy(d2.astype(np.float32))).numpy()
    areas = [int((d2 <= radius2(t)).sum()) for t in stop_taus(log_sigma, 0.5)]
    assert areas == [36, 18 * 18, 30 * 30]


@given(st.integers(0, 10**6), st.floats(0.03, 0.97))
@settings(max_examples=40, deadline=None)
def test_stops_are_ordered_and_legal(number, tau):
    scene = synth.smooth_scene(number)
    d2 = seed_distances2(scene.embedding, [(9, 12)])[0]
    part, whole, group = stop_taus(log_similarity(d2).numpy(), tau)
    assert 0 < group <= whole <= part < 1


def test_a_tau_beyond_the_curve_is_its_own_stop():
    assert stop_taus(np.zeros((3, 3), np.float32), 0.9999) == (0.9999,) * 3
