"""Scenes with known answers: the value itself, stops, partitions, scores, errors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.config import TAUS
from dmlseg_core.errors import ParameterError
from dmlseg_core.scene.scene import Mask, Override
from dmlseg_core.train.evaluate.sets import evaluate
from tests import synth
from tests.synth import INSIDE

LABELS = synth.labels()


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
