"""Brush strokes and boxes against loops over cells."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.errors import ParameterError
from dmlseg_core.scene.proposals import Override
from dmlseg_core.scene.strokes import Stroke, brushed, within
from tests import synth

CAT = (20, 20)
PIXEL = st.tuples(st.integers(0, 95), st.integers(0, 127))


def gap(point, start, end):
    """Distance of a point from a segment: the least over a fine walk along it."""
    steps = np.linspace(0, 1, 2001)
    walk = np.array(start) + steps[:, None] * (np.array(end) - np.array(start))
    return float(np.hypot(*(walk - point).T).min())


@given(st.lists(PIXEL, min_size=1, max_size=4), st.floats(0.5, 30), st.booleans())
@settings(max_examples=15, deadline=None)
def test_cells_within_the_radius_of_the_path_are_painted(points, radius, subtract):
    frame = synth.scene().frame
    before = np.where(np.random.default_rng(0).random(synth.GRID) < 0.5, 0.3, -0.3)
    stroke = Stroke(tuple(points), radius, subtract)
    after = brushed(before.astype(np.float32), 0.7, frame, [stroke])
    reach = max(radius, math.sqrt(2) * 2)  # a cell is 4 pixels wide
    ends = points[1:] or points
    for cell in np.ndindex(synth.GRID):
        center = np.array(frame.point_of(*cell))
        near = min(gap(center, a, b) for a, b in zip(points, ends, strict=False))
        if abs(near - reach) > 0.05:
            painted = -0.7 if subtract else 0.7
            assert after[cell] == pytest.approx(painted if near < reach else before[cell]), cell


def test_strokes_are_applied_in_order_and_a_box_cuts():
    frame = synth.scene().frame
    level = np.full(synth.GRID, -0.5, np.float32)
    on, off = Stroke(((40, 10), (40, 110)), 8), Stroke(((40, 60),), 8, subtract=True)
    last_off = brushed(level, 0.5, frame, [on, off])
    last_on = brushed(level, 0.5, frame, [off, on])
    assert last_off[10, 15] < 0 < last_on[10, 15] and last_off[10, 5] > 0
    boxed = within(last_on, 0.5, frame, (0, 0, 95, 50))
    rows, columns = np.nonzero(boxed > 0)
    assert len(rows) and 4 * columns.max() <= 50
    assert (boxed[:, :12] == last_on[:, :12]).all()


def test_a_selection_is_painted_cut_and_kept_whole():
    scene = synth.scene(connected=True)
    plain = scene.mask_at(*CAT).grid
    away = Stroke(((88, 120), (88, 124)), 3)  # not connected to the cat: it stays all the same
    added = scene.mask_at(*CAT, strokes=[away])
    assert (plain <= added.grid).all() and added.grid[22, 30]
    assert ((added.level >= 0) == added.grid).all()
    y, x = CAT
    cut = scene.mask_at(*CAT, box=(y - 6, x - 6, y + 6, x + 6)).grid
    rows, columns = np.nonzero(cut)
    assert 0 < cut.sum() < plain.sum() and (cut <= plain).all()
    assert 4 * rows.max() <= y + 6 and 4 * columns.min() >= x - 6
    mine = scene.propose(overrides=[Override(*CAT, strokes=(away,))])
    assert mine.labels[22, 30] == 1


def test_what_a_brush_added_is_told_from_what_was_there():
    scene = synth.scene(connected=True)
    rgb = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    plain = scene.mask_at(*CAT)
    assert plain.brushed_on(rgb) is None
    strokes = [Stroke(((20, 20), (88, 120)), 5, soft=0.5), Stroke(((40, 40),), 4, subtract=True)]
    brushed_ = scene.mask_at(*CAT, strokes=strokes)
    cover, before = brushed_.brushed_on(rgb)
    assert cover[88, 118] == 1 and before[88, 118] == 0 and cover[40, 40] == 0
    left = cover > 0
    np.testing.assert_allclose(
        (brushed_.to_alpha(rgb) * before)[left],
        np.minimum(plain.to_alpha(rgb), brushed_.to_alpha(rgb))[left],
        atol=1e-5,
    )


@pytest.mark.parametrize("wrong", [
    lambda: Stroke((), 3), lambda: Stroke(((1, 1),), 0), lambda: Stroke(((1, 1),), float("nan")),
    lambda: Override(5, 5, box=(9, 0, 3, 20)), lambda: Override(5, 5, box=(10, 10, 20, 20)),
    lambda: Override(5, 5, box=(0, 0, float("nan"), 9)),
    lambda: synth.scene().mask_at(5, 5, strokes=[Stroke(((5, 5), (5, 500)), 3)]),
])  # fmt: skip
def test_wrong_strokes_and_boxes_are_told(wrong):
    with pytest.raises(ParameterError):
        wrong()
