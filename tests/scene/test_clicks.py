"""Clicks on scenes with known answers: one point, several, tau, the connected switch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.config import CLASSES
from dmlseg_core.model.sheet import DataSheet
from dmlseg_core.scene import proposals as proposals_module
from dmlseg_core.scene.clicks import reach
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.scene import Scene
from tests import oracles, synth
from tests.synth import INSIDE, covering

LABELS = synth.labels()
FIRST, SECOND, PERSON, DOG = (k == LABELS for k in (1, 2, 3, 4))


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
    monkeypatch.setattr("dmlseg_core.scene.scene.make_proposals", forbidden)
    monkeypatch.setattr("dmlseg_core.scene.scene.pick_seeds", forbidden)
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


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_every_click_is_obeyed_to_the_pixel(number):
    """Whatever the photo looks like there, and however the process would have it."""
    scene, rng = synth.smooth_scene(number % 5), np.random.default_rng(number)
    rgb = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    spots = 16 * np.stack(np.unravel_index(rng.permutation(48)[:6], (6, 8)), 1)
    clicks = [(int(y), int(x)) for y, x in spots + rng.integers(2, 14, (6, 2))]  # apart
    mask = scene.mask_at(*clicks[0], add=clicks[1:4], subtract=clicks[4:], connected=False)
    alpha = mask.to_alpha(rgb)
    found = [bool(alpha[y, x] >= 0.5) for y, x in clicks[1:]]
    assert found == [True] * 3 + [False] * 2


@pytest.mark.parametrize(
    ("number", "minus"),
    [(0, [(80, 20), (30, 120)]), (1, [(80, 20), (30, 120)]), (2, [(50, 82), (30, 120)])],
)
def test_further_clicks_by_the_oracle(number, minus):
    """Gaussian-process regression written as loops over all pairs of cells and clicks."""
    scene = synth.smooth_scene(number)
    plus = [(10, 10), (50, 90)]
    mask = scene.mask_at(*plus[0], 0.2, add=plus[1:], subtract=minus)
    cells = [scene.frame.cell_of(*p) for p in (*plus, *minus)]
    level = oracles.clicked_level(scene.embedding.numpy(), cells, [1, 1, -1, -1], 0.2)
    sure = np.abs(level) > 1e-4
    for y, x in cells:  # what lies about a click gives way to it
        sure[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = False
    assert (mask.grid == (level >= 0))[sure].all() and sure.mean() > 0.9
    assert 1 < mask.grid.sum() < mask.grid.size
    assert [bool(mask.grid[c]) for c in cells] == [True, True, False, False]


def test_how_far_a_click_reaches():
    """As far as `sheet.reach`, and not over the nearest click of the other sign."""
    sheet = DataSheet()
    grid, near = (96, 128), [(45, 45), (45, 60), (45, 48)]
    assert (
        reach(grid, near[:1], [1], sheet)
        == reach(grid, near, [1, 1, 1], sheet)
        == sheet.reach * 128
    )
    assert (
        reach(grid, [(45, 45), (90, 9)], [1, -1], sheet) == sheet.reach * 128
    )  # too far to matter
    assert reach(grid, near, [1, 1, -1], sheet) == pytest.approx(sheet.apart * 3)
    assert reach(grid, [(45, 45)] * 2, [1, -1], sheet) == sheet.reach * 128


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


def test_a_hard_mask_ends_where_the_photo_does():
    """Cells lie 4 pixels apart, the thing's edges 1 from where bilinear cuts between two."""
    y, x = np.indices((96, 128))
    thing = (x >= 53) & (y >= 37)
    photo = np.where(thing[..., None], (200, 60, 50), (70, 90, 110)).astype(np.uint8)
    frame = Frame.fit(thing.shape, 128)
    embedding = 3 * thing[np.ix_(*frame.centres())].astype(np.float32)[None]
    scene = replace(synth.scene(vectors=torch.from_numpy(embedding)), frame=frame)
    mask = scene.mask_at(70, 100, 0.5)
    smooth, sharp = ((m != thing).sum() for m in (mask.to_photo(), mask.to_photo(photo)))
    assert sharp < 0.2 * smooth
