"""Proposals of scenes with known answers, a user's own among them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.config import CLASSES, TAUS
from dmlseg_core.errors import ParameterError
from dmlseg_core.model.metric import radius2
from dmlseg_core.scene.scene import Override
from tests import synth
from tests.synth import INSIDE, covering

LABELS = synth.labels()
FIRST, SECOND, PERSON, DOG = (k == LABELS for k in (1, 2, 3, 4))


def nearest_tau(tau):
    return min(TAUS, key=lambda t: abs(radius2(t) - radius2(tau)))


# ---------------------------------------------------------------- proposals


def test_a_perfect_scene_is_proposed_exactly():
    found = synth.scene().propose()
    assert len(found) == len(synth.THINGS)
    for k, (mask, thing) in enumerate(zip(found, synth.THINGS, strict=True), 1):  # best first
        assert (mask.grid == (k == LABELS)).all()
        assert mask.class_name == CLASSES[thing.class_id - 1]
        assert mask.score == pytest.approx(thing.sure)
        assert mask.seed.tau == TAUS[thing.row]
        assert mask.grid[mask.seed.y, mask.seed.x]
        assert ((mask.level >= 0) == mask.grid).all()
    assert (found.labels == LABELS).all() and found.labels.dtype == np.int32


def test_proposals_are_a_sequence_and_answer_points():
    found = synth.scene().propose()
    assert found[0] is next(iter(found)) and found[-1] is list(found)[3] and len(found[1:3]) == 2
    for k, point in INSIDE.items():
        assert found.instance_at(*point) is found[k - 1]
    assert found.instance_at(0, 0) is None
    with pytest.raises(ParameterError, match="outside the photo"):
        found.instance_at(96, 0)


def test_masks_at_photo_resolution_have_the_objects_edges():
    """Cell i is centred on pixel 4i: the edge between cells 9 and 10 lies at pixel 38."""
    for mask, k in zip(synth.scene().propose(), (1, 2, 3, 4), strict=True):
        full, truth = mask.to_photo(), synth.sample().instances == k
        assert full.shape == truth.shape == (96, 128)
        rows, columns = np.nonzero(full)
        ys, xs = np.nonzero(truth)
        for ours, theirs in ((rows, ys), (columns, xs)):
            assert abs(ours.min() - theirs.min()) <= 1 and abs(ours.max() - theirs.max()) <= 1
        # its corners are rounded: a good part of an object of 2 x 2 cells
        least = 0.75 if k == 4 else 0.9
        assert (full & truth).sum() / (full | truth).sum() > least


def test_neighbours_share_their_edge():
    first, second = synth.scene().propose()[:2]
    a, b = first.to_photo(), second.to_photo()
    rows = slice(12, 36)  # both stand on photo columns 10 .. 77; their edge is at 4 * 11.5
    assert (a | b)[rows, 14:74].all()
    assert (a & b)[rows].sum() <= rows.stop - rows.start  # at most the one column on the edge


def test_the_budget_and_the_floor_limit_the_proposals():
    scene = synth.scene()
    assert [m.class_name for m in scene.propose(budget=2)] == ["cat", "cat"]
    assert len(scene.propose(seediness_floor=0.87)) == 2
    assert len(synth.scene(budget=1).propose()) == 1
    assert len(scene.propose(seediness_floor=0.99)) == 0
    assert (scene.propose(seediness_floor=0.99).labels == 0).all()


def test_one_tau_for_all():
    scene = synth.scene()
    found = scene.propose(tau=0.8)  # described by the trained .75: sure of the second cat alone
    assert [m.seed.tau for m in found] == [0.8] * 4
    assert (found[0].grid == SECOND).all() and found[0].score == pytest.approx(0.9)
    assert [m.score for m in found[1:]] == pytest.approx([synth.UNSURE] * 3)


def test_alpha_changes_the_proposals_of_a_graded_scene():
    scene = synth.smooth_scene(3, budget=6)
    few, many = (
        {(m.seed.y, m.seed.x) for m in scene.propose(alpha=a)} for a in (0.0, 1.0)
    )  # fmt: skip
    assert few != many


def test_another_order_of_thresholds_changes_the_chosen_tau():
    scene = synth.scene()
    turned = replace(scene, class_probs=scene.class_probs.flip(0))
    for point, thing in zip(INSIDE.values(), synth.THINGS, strict=True):
        assert nearest_tau(scene.best_tau(*point)) == TAUS[thing.row]
        assert nearest_tau(turned.best_tau(*point)) == TAUS[3 - thing.row]
        assert turned.mask_at(*point).seed.tau == turned.best_tau(*point)
    assert {m.seed.tau for m in turned.propose()} == {TAUS[3 - t.row] for t in synth.THINGS}


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 1.0]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_proposals_are_disjoint_and_hold_together(number, overlap, connected):
    generator = torch.Generator().manual_seed(number)
    logits = torch.randn((4, 22, *synth.GRID), generator=generator)
    scene = synth.smooth_scene(number, overlap=overlap, budget=12, connected=connected)
    scene = replace(scene, class_probs=logits.softmax(1))
    found = scene.propose()
    assert len(found) > 0
    assert np.stack([m.grid for m in found]).sum(0).max() == 1
    scores = [m.score for m in found]
    assert scores == sorted(scores, reverse=True)
    for k, mask in enumerate(found, 1):
        assert mask.grid.any() and ((found.labels == k) == mask.grid).all()
        assert ((mask.level >= 0) == mask.grid).all()
        alone = scene.mask_at(*scene.frame.point_of(mask.seed.y, mask.seed.x), mask.seed.tau)
        assert (mask.grid <= alone.grid).all()
    again = scene.propose()
    assert [m.seed for m in again] == [m.seed for m in found]
    assert (again.labels == found.labels).all()


# ---------------------------------------------------------------- overrides


def test_an_override_replaces_the_proposal_it_hits_and_the_others_stay():
    scene = synth.scene()
    before = scene.propose()
    after = scene.propose(overrides=[Override(*INSIDE[3], tau=0.9)])
    assert len(after) == 4
    assert after[0].seed.tau == 0.9 and after[0].seed.y == INSIDE[3][0] // 4  # the user's first
    assert (after[0].grid == PERSON).all()
    for k in (1, 2, 4):
        old, new = covering(before, INSIDE[k]), covering(after, INSIDE[k])
        assert (old.grid == new.grid).all() and old.class_name == new.class_name
        assert old.score == new.score


def test_an_override_on_nothing_adds_an_instance():
    found = synth.scene().propose(overrides=[Override(0, 0)])
    assert len(found) == 5 and (found[0].grid == (LABELS == 0)).all()


def test_a_smaller_override_replaces_the_whole_it_hits():
    """A graded object: the user's tight part stands for it; no automatic mask covers the click."""
    scene = synth.smooth_scene(4, budget=5)
    point = scene.frame.point_of(scene.propose()[0].seed.y, scene.propose()[0].seed.x)
    part = scene.mask_at(*point, 0.95)
    found = scene.propose(overrides=[Override(*point, tau=0.95)])
    assert (found[0].grid == part.grid).all() and found[0].seed.tau == 0.95
    cell = scene.frame.cell_of(*point)
    for mask in found[1:]:
        assert not scene.mask_at(*scene.frame.point_of(mask.seed.y, mask.seed.x)).grid[cell]


def test_points_of_an_override_are_heeded():
    joined = Override(*INSIDE[1], add=(INSIDE[2],))
    found = synth.scene().propose(overrides=[joined, Override(*INSIDE[4])])
    assert [int(m.grid.sum()) for m in found] == [
        int((FIRST | SECOND).sum()), int(DOG.sum()), int(PERSON.sum())
    ]  # fmt: skip
    cut = Override(*INSIDE[1], tau=1e-15, subtract=(INSIDE[2], INSIDE[3]))
    found = synth.scene().propose(overrides=[cut])
    assert (found[0].grid == ~(SECOND | PERSON)).all()
    assert {int(m.grid.sum()) for m in found[1:]} == {int(SECOND.sum()), int(PERSON.sum())}


def test_a_part_that_was_added_is_not_lost_to_a_nearer_automatic_seed():
    """Contested pixels count from the nearest of the user's points, not from the first alone.

    Cells: 1 (the first click), 2 (added at a tight tau), 3 (near 2 only). The automatic mask of
    3 at a loose tau holds 2 as well.
    """
    things = (
        synth.Thing((slice(2, 8), slice(2, 8)), synth.CAT, 3),
        synth.Thing((slice(2, 8), slice(8, 14)), synth.CAT, 3),
        synth.Thing((slice(8, 22), slice(8, 30)), synth.CAT, 0, 0.95),
    )
    vectors = synth.embedding(things)
    second, third = vectors[:, 2, 8].clone(), vectors[:, 8, 8].clone()
    third = second + (third - second) / (third - second).norm()  # d2 = 1: within tau .25, not .9
    vectors[:, synth.labels(things) == 3] = third[:, None]
    scene = synth.scene(things, vectors=vectors)
    two = synth.labels(things) == 2
    assert two.sum() < 0.5 * covering(scene.propose(), (60, 60)).grid.sum()  # it holds 2 and 3
    found = scene.propose(overrides=[Override(16, 16, add=((16, 40),))])
    assert (found[0].grid == (synth.labels(things) <= 2) * (synth.labels(things) > 0)).all()
    assert (covering(found, (60, 60)).grid == (synth.labels(things) == 3)).all()


def test_two_overrides_in_one_cell_are_one():
    found = synth.scene().propose(overrides=[Override(72, 60), Override(72, 61)])
    assert len(found) == 4
    assert len({id(m) for m in found}) == 4 and (found[0].grid == PERSON).all()
