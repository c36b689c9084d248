"""Scenes with known answers: proposals, clicks, tau, stops, overrides."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import oracles
import pytest
import synth
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core import proposals as proposals_module
from dmlseg_core.config import CLASSES, TAUS
from dmlseg_core.errors import ParameterError
from dmlseg_core.scene import Mask, Override, Scene
from dmlseg_core.similarity import radius2
from dmlseg_core.train.evaluate import evaluate

LABELS = synth.labels()
FIRST, SECOND, PERSON, DOG = (k == LABELS for k in (1, 2, 3, 4))
INSIDE = {1: (20, 20), 2: (20, 56), 3: (72, 60), 4: (18, 104)}  # photo pixels on each object


def nearest_tau(tau):
    return min(TAUS, key=lambda t: abs(radius2(t) - radius2(tau)))


def covering(proposals, point):
    found = proposals.instance_at(*point)
    assert found is not None
    return found


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


# ---------------------------------------------------------------- clicks


@pytest.mark.parametrize("k", INSIDE)
def test_a_click_gives_the_object_under_it(k):
    mask = synth.scene().mask_at(*INSIDE[k])
    assert (mask.grid == (k == LABELS)).all()
    assert mask.class_name == CLASSES[synth.THINGS[k - 1].class_id - 1]
    assert mask.to_photo()[INSIDE[k]]


def test_a_click_never_reads_the_proposals(monkeypatch):
    """Also where nothing is proposed, and on the background."""

    def forbidden(*_, **__):
        raise AssertionError("a click made proposals")

    scene = synth.scene(seediness_floor=1.0)
    assert len(scene.propose()) == 0
    monkeypatch.setattr(Scene, "propose", forbidden)
    monkeypatch.setattr("dmlseg_core.scene.make_proposals", forbidden)
    monkeypatch.setattr("dmlseg_core.scene.pick_seeds", forbidden)
    monkeypatch.setattr(proposals_module, "resolve_overlap", forbidden)
    assert (scene.mask_at(*INSIDE[3]).grid == PERSON).all()
    assert (scene.mask_at(0, 0).grid == (LABELS == 0)).all()
    assert [s.grid.sum() for s in scene.stops(*INSIDE[4])][1] == DOG.sum()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("tau", [0.1, 0.5, 0.8])
def test_a_click_by_the_oracle(number, tau):
    scene = synth.smooth_scene(number)
    cell = scene.frame.cell_of(37, 81)
    slow = oracles.mask(scene.embedding.numpy(), cell, tau)
    assert (scene.mask_at(37, 81, tau).grid == slow).all()
    assert 1 < slow.sum() < slow.size


@given(
    st.integers(0, 10**6), st.floats(0.02, 0.98), st.floats(0.02, 0.98),
    st.integers(0, 95), st.integers(0, 127),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_a_higher_tau_gives_a_subset(number, a, b, y, x):
    scene = synth.smooth_scene(number % 5)
    low, high = sorted((a, b))
    small, large = scene.mask_at(y, x, high), scene.mask_at(y, x, low)
    assert (small.grid <= large.grid).all()
    assert small.grid[scene.frame.cell_of(y, x)]


def test_tau_moves_the_mask_strictly_on_a_graded_scene():
    scene = synth.smooth_scene(1)
    areas = [int(scene.mask_at(37, 81, t).grid.sum()) for t in (0.05, 0.3, 0.6, 0.9)]
    assert areas == sorted(areas, reverse=True) and len(set(areas)) == 4


def test_added_points_unite():
    scene = synth.scene()
    mask = scene.mask_at(*INSIDE[1], add=[INSIDE[3], INSIDE[4]])
    assert (mask.grid == (FIRST | PERSON | DOG)).all()
    assert mask.class_name == "cat"  # it stays the first click's
    assert mask.seed.tau == scene.best_tau(*INSIDE[1])
    assert ((mask.level >= 0) == mask.grid).all()


def test_subtracted_points_take_away():
    scene = synth.scene()
    both = scene.mask_at(*INSIDE[1], add=[INSIDE[2]], subtract=[INSIDE[4]])
    assert (both.grid == (FIRST | SECOND)).all()
    # the two cats become one mask at a tau whose radius exceeds 32; a cut parts them again
    tau = 1e-15
    assert scene.mask_at(*INSIDE[1], tau).grid.all()
    cut = scene.mask_at(*INSIDE[1], tau, subtract=[INSIDE[2]])
    assert (cut.grid == ~SECOND).all() and ((cut.level >= 0) == cut.grid).all()
    more = scene.mask_at(*INSIDE[1], tau, subtract=[INSIDE[2], INSIDE[3], (0, 0), INSIDE[4]])
    assert (more.grid == FIRST).all()


@pytest.mark.parametrize("number", range(3))
def test_further_clicks_by_the_oracle(number):
    """Gaussian-process regression written as loops over all pairs of cells and clicks."""
    scene = synth.smooth_scene(number)
    plus, minus = [(10, 10), (50, 90)], [(80, 20), (30, 120)]
    mask = scene.mask_at(*plus[0], 0.2, add=plus[1:], subtract=minus)
    cells = [scene.frame.cell_of(*p) for p in (*plus, *minus)]
    level = oracles.clicked_level(scene.embedding.numpy(), cells, [1, 1, -1, -1], 0.2)
    sure = np.abs(level) > 1e-4
    assert (mask.grid == (level >= 0))[sure].all() and sure.mean() > 0.9
    assert 1 < mask.grid.sum() < mask.grid.size
    assert [bool(mask.grid[c]) for c in cells] == [True, True, False, False]


@given(st.integers(0, 10**6), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_clicked_cells_are_as_they_were_clicked(number, count):
    rng = np.random.default_rng(number)
    scene = synth.smooth_scene(number % 5)
    points = [(int(y), int(x)) for y, x in rng.integers((0, 0), (96, 128), (count + 1, 2))]
    signs = [1, *rng.choice([-1, 1], count)]
    cells = [scene.frame.cell_of(*p) for p in points]
    positive = {c for c, s in zip(cells, signs, strict=True) if s > 0}
    add = [p for p, s in zip(points[1:], signs[1:], strict=True) if s > 0]
    cut = [p for p, s in zip(points[1:], signs[1:], strict=True) if s < 0]
    mask = scene.mask_at(*points[0], add=add, subtract=cut)
    for cell in cells:
        assert mask.grid[cell] == (cell in positive)
    assert np.isfinite(mask.level).all()


def test_the_connected_switch():
    """Two islands of one vector: a click gives both, or only the one under it."""
    island = synth.THINGS[3]
    vectors = synth.embedding()
    vectors[:, 20:22, 1:4] = vectors[:, *(s.start for s in island.where)][:, None, None]
    scene = synth.scene(vectors=vectors)
    there = np.zeros(synth.GRID, bool)
    there[20:22, 1:4] = True
    assert (scene.mask_at(*INSIDE[4]).grid == (DOG | there)).all()
    assert (scene.mask_at(*INSIDE[4], connected=True).grid == DOG).all()
    assert (scene.mask_at(*INSIDE[4], connected=True, add=[(84, 8)]).grid == (DOG | there)).all()
    assert (replace(scene, config=replace(scene.config, connected=True))
            .mask_at(*INSIDE[4]).grid == DOG).all()  # fmt: skip
    loose, tight = scene.propose(), scene.propose(connected=True)
    assert (covering(loose, INSIDE[4]).grid == (DOG | there)).all()
    assert (covering(tight, INSIDE[4]).grid == DOG).all()


def test_answers_are_remembered_but_not_mixed_up():
    scene = synth.smooth_scene(2)
    points = [(y, x) for y in (5, 45, 85) for x in (5, 45, 85, 125)]  # more than it remembers
    first = [scene.mask_at(*p, t).grid for p in points for t in (0.3, 0.7)]
    again = [scene.mask_at(*p, t).grid for p in points for t in (0.3, 0.7)]
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    fresh = synth.smooth_scene(2)
    for point, grid in zip(points, first[::2], strict=True):
        assert (fresh.mask_at(*point, 0.3).grid == grid).all()


def test_mean_shift_steadies_a_click():
    """With steps, clicks on either rim of a cloud give one mask."""
    ramp = torch.linspace(-0.6, 0.6, 32).expand(1, *synth.GRID).contiguous()
    masks = {}
    for steps in (0, 3):
        scene = synth.scene(vectors=ramp, shift_steps=steps)
        masks[steps] = [scene.mask_at(40, x, 0.6).grid for x in (0, 124)]
    assert not (masks[0][0] == masks[0][1]).all()
    assert (masks[3][0] == masks[3][1]).all()


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


# ---------------------------------------------------------------- stops, partition


def rings():
    """A part inside an object inside a group, at distances tau .25 .. .9 tell apart."""
    d2 = np.full(synth.GRID, 9.0)
    d2[2:22, 3:29], d2[6:18, 7:25], d2[10:14, 13:19] = 2.2, 0.6, 0.0
    things = (synth.Thing((slice(2, 22), slice(3, 29)), synth.CAT, 1),)
    return d2, synth.scene(things, vectors=torch.from_numpy(np.sqrt(d2)[None]).float())


def test_stops_are_part_object_and_group():
    d2, scene = rings()
    part, whole, group = scene.stops(48, 64)
    assert (part.grid == (d2 == 0)).all()
    assert (whole.grid == (d2 <= 0.6)).all()
    assert (group.grid == (d2 <= 2.2)).all()


@given(st.integers(0, 30), st.integers(0, 95), st.integers(0, 127))
@settings(max_examples=40, deadline=None)
def test_stops_are_ordered_by_area(number, y, x):
    part, whole, group = synth.smooth_scene(number).stops(y, x)
    assert part.grid.sum() <= whole.grid.sum() <= group.grid.sum()
    assert (part.grid <= whole.grid).all() and (whole.grid <= group.grid).all()


@pytest.mark.parametrize("tau", TAUS)
def test_a_perfect_partition_is_the_label_map(tau):
    regions = synth.scene().partition(tau)
    assert regions.dtype == np.int32 and regions.shape == synth.GRID
    pairs = set(zip(regions.ravel().tolist(), LABELS.ravel().tolist(), strict=True))
    assert len(pairs) == 5 and len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 5
    assert set(np.unique(regions)) == set(range(5))


def test_a_partition_gives_each_cell_to_its_nearest_seed():
    scene = synth.noise_scene(3)  # more than 256 regions: several blocks of seeds
    regions = scene.partition(0.6)
    assert regions.max() > 300
    assert set(np.unique(regions)) == set(range(regions.max() + 1))
    finer, coarser = synth.smooth_scene(1).partition(0.9), synth.smooth_scene(1).partition(0.2)
    assert finer.max() > coarser.max() > 0


# ---------------------------------------------------------------- scores


def scores(*scenes):
    samples = [synth.sample(i) for i in range(len(scenes))]
    result = evaluate(synth.Scenes(*scenes), {"synthetic": samples}, quick=True, progress=False)
    return result["sets"]["synthetic"]


def test_a_perfect_embedding_scores_and_noise_does_not():
    """The heads alone find nothing: with right classes over noise vectors there is no mask."""
    perfect = scores(synth.scene(), synth.scene())
    assert perfect["map_r"]["0.5"] == perfect["map_r_agnostic"]["0.5"] == 1
    assert perfect["map_r"]["0.7"] == 1
    assert perfect["iou_after_clicks"]["1"] > 0.85
    noise = scores(synth.noise_scene(0), synth.noise_scene(1))
    assert noise["map_r"]["0.5"] < 0.1 and noise["map_r_agnostic"]["0.5"] < 0.1
    assert noise["iou_after_clicks"]["1"] < 0.2


def test_wrong_classes_cost_the_score_but_not_the_clicks():
    scene = synth.scene()
    order = [0, *range(2, 22), 1]  # every class under its neighbour's name
    wrong = scores(replace(scene, class_probs=scene.class_probs[:, order]))
    assert wrong["map_r"]["0.5"] == 0 and wrong["map_r_agnostic"]["0.5"] == 1
    assert wrong["iou_after_clicks"]["1"] > 0.85


# ---------------------------------------------------------------- the value itself


def test_a_scene_is_frozen_and_knows_its_size():
    scene = synth.scene()
    with pytest.raises(AttributeError):
        scene.embedding = None
    vectors, probs = scene.embedding.clone(), scene.class_probs.clone()
    size = scene.nbytes
    assert size >= 4 * (vectors.numel() + probs.numel())
    scene.propose(overrides=[Override(*INSIDE[3], add=(INSIDE[1],), subtract=(INSIDE[2],))])
    scene.stops(*INSIDE[1])
    scene.partition(0.5)
    assert torch.equal(scene.embedding, vectors) and torch.equal(scene.class_probs, probs)
    assert scene.nbytes == size


def test_seediness_is_the_best_foreground_probability():
    found = synth.scene().seediness
    assert found.shape == synth.GRID and found.dtype == np.float32
    assert found[LABELS == 0].max() == 0
    for k, thing in enumerate(synth.THINGS, 1):
        assert (found[k == LABELS] == np.float32(thing.sure)).all()


def test_a_mask_is_a_value():
    mask = synth.scene().mask_at(*INSIDE[1])
    assert isinstance(mask, Mask) and mask.to_level().dtype == np.float32
    assert (mask.to_photo() == (mask.to_level() >= 0)).all()
    with pytest.raises(AttributeError):
        mask.score = 1


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("tau", [0, 1, -0.5, 2, math.nan, "wide"])
def test_tau_outside_its_range(tau):
    scene = synth.scene()
    calls = (
        lambda: scene.mask_at(10, 10, tau),
        lambda: scene.mask_at(10, 10, tau, add=[(5, 5)]),
        lambda: scene.propose(tau=tau),
        lambda: scene.propose(overrides=[Override(10, 10, tau)]),
        lambda: scene.partition(tau),
    )
    for call in calls:
        with pytest.raises(ParameterError, match=r"tau must .*\(0, 1\)"):
            call()


@pytest.mark.parametrize("point", [(-1, 5), (96, 5), (5, 128), (5, -0.6), (math.nan, 5)])
def test_clicks_outside_the_photo(point):
    scene = synth.scene()
    calls = (
        lambda: scene.mask_at(*point),
        lambda: scene.mask_at(5, 5, add=[point]),
        lambda: scene.mask_at(5, 5, subtract=[point]),
        lambda: scene.best_tau(*point),
        lambda: scene.stops(*point),
        lambda: scene.propose(overrides=[Override(*point)]),
        lambda: scene.propose(overrides=[Override(5, 5, add=(point,))]),
    )
    for call in calls:
        with pytest.raises(ParameterError, match="outside the photo of 96 x 128"):
            call()


@pytest.mark.parametrize(
    "options", [{"budget": 0}, {"alpha": -1}, {"seediness_floor": 1.5}, {"alpha": math.nan}]
)
def test_options_out_of_range(options):
    with pytest.raises(ParameterError, match=f"{next(iter(options))} must lie"):
        synth.scene().propose(**options)
