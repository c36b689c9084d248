"""Second clicks, boxes, lists, locks, and selections that lie over one another."""

from dataclasses import replace

import numpy as np
import pytest

from dmlseg_core.config import SceneConfig
from dmlseg_core.edit.pointing import choose_in_box, select_alike, step, stop
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.iou import mask_iou
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.strokes import Stroke
from tests import synth
from tests.edit.test_session import BLUE, CAT, PERSON, RED, WALL, grid, picture


@pytest.fixture
def smooth():
    """A session on a scene whose masks grow with tau, so that points have parts."""
    return EditSession(load_photo(picture()), synth.smooth_scene(1, connected=False))


def test_second_clicks_walk_through_the_outlines_and_come_back(smooth):
    smooth.select(40, 50)
    seen = []
    for _ in range(6):
        step(smooth, 40, 50)
        seen.append(grid(smooth, 0))
    again = [k for k in range(1, 6) if mask_iou(seen[k], seen[0]) > 0.999]
    assert again and 1 < again[0] <= 3, "it never comes back, or never changes"
    assert len(smooth.selections) == 1


def test_a_second_click_elsewhere_takes_the_part_there_and_keeps_the_style(smooth):
    smooth.select(40, 50)
    smooth.set_color(RED)
    y, x = np.argwhere(grid(smooth, 0))[0]
    point = smooth.scene.frame.point_of(int(y), int(x))
    step(smooth, *point)
    (made,) = smooth.selections
    assert (made.where.y, made.where.x) == point and made.color == RED
    smooth.undo()
    assert smooth.selections[0].where.y == 40


def test_stops_are_nested(smooth):
    smooth.select(40, 50)
    areas = {}
    for name in ("part", "object", "group"):
        stop(smooth, name)
        areas[name] = grid(smooth, 0).sum()
    assert areas["part"] <= areas["object"] <= areas["group"]


@pytest.mark.parametrize("thing", synth.INSIDE)
def test_a_box_around_a_thing_selects_it(session, thing):
    where = synth.THINGS[thing - 1].where
    top, left = (4 * s.start - 3 for s in where)
    bottom, right = (4 * s.stop + 2 for s in where)
    choose_in_box(session, (top, left, bottom, right), "new")
    assert mask_iou(grid(session, 0), synth.labels() == thing) > 0.9


@pytest.mark.parametrize("asked", [None, True, False])
def test_a_box_around_a_pair_selects_both(asked):
    """Two shoes: neither fills the box, and the floor between them leaves it."""
    scene = synth.scene()
    embedding = scene.embedding.clone()
    embedding[:] = embedding[:, :1, :1]
    floor = embedding[:, 0, 0].clone()
    pair = np.zeros(embedding.shape[1:], bool)
    pair[8:14, 6:10] = pair[8:14, 20:24] = True
    embedding[:, pair] = (floor + 40)[:, None]
    made = replace(scene, embedding=embedding, config=SceneConfig(connected=True))
    session = EditSession(load_photo(picture()), made)
    session.connected = asked
    choose_in_box(session, (32, 24, 55, 95), "new")
    found = grid(session, 0)
    assert not (found & ~pair).any()
    assert found.sum() == pair.sum() * (0.5 if asked else 1)
    assert session.keeps_connected is bool(asked)
    session.activate(None)
    assert session.keeps_connected is (asked is not False)


@pytest.mark.parametrize("box", [(10, 140, 40, 150), (-30, 10, -5, 40), (96, 10, 120, 40)])
def test_a_box_beside_the_photo_is_told_whether_that_is_transparent_or_not(session, box):
    clear = synth.scene()
    seen = replace(clear, visible=np.ones(clear.frame.photo_size, bool))
    for scene in (clear, seen):
        with pytest.raises(ParameterError, match="beside the photo"):
            choose_in_box(EditSession(session.photo, scene), box, "new")


def test_the_same_for_all_like_this(session):
    session.select(*CAT)
    session.set_color(RED)
    select_alike(session, 0)
    assert len(session.selections) == 2  # the other cat, neither dog nor person
    np.testing.assert_array_equal(grid(session, 1), synth.labels() == 2)
    assert session.selections[1].color == RED and session.active == 0
    assert len({s.id for s in session.selections}) == 2
    select_alike(session, 0)
    assert len(session.selections) == 2
    session.undo()
    assert len(session.selections) == 1


def test_a_locked_selection_is_not_changed(session):
    session.select(*CAT)
    session.set_fields(0, label="lock", locked=True)
    for edit in (lambda: session.set_tau(0.4), lambda: session.set_color(RED), session.remove,
                 lambda: session.extend(*PERSON), lambda: session.extend(*PERSON, subtract=True),
                 lambda: session.brush(Stroke((CAT,), 5))):  # fmt: skip
        with pytest.raises(ParameterError, match="locked"):
            edit()
    session.set_fields(0, label="lock", locked=False)
    session.set_color(RED)


def test_hidden_ones_are_neither_painted_nor_found_by_clicks(session):
    session.select(*CAT)
    session.set_color(RED)
    session.set_fields(0, label="visible", visible=False)
    assert session.render() is session.preview
    session.select(*CAT)
    assert len(session.selections) == 2


def test_reordering_keeps_the_active_one(session):
    for point in (CAT, PERSON, WALL):
        session.select(*point)
    cat, person, wall = session.selections
    session.activate(0)
    session.reorder([2, 0, 1])
    assert session.selections == (wall, cat, person) and session.active == 1
    for wrong in ([0, 1], [0, 0, 1], [1, 2, 3]):
        with pytest.raises(ParameterError):
            session.reorder(wrong)


class TestOver:
    """A small selection over a large one that holds it."""

    @pytest.fixture
    def nested(self, session):
        session.select(*WALL)
        session.set_tau(0.001)  # everything
        session.set_connected(False)
        session.brush(Stroke(tuple((y, 0) for y in range(0, 96, 4)), 300))
        session.select(*CAT, new=True)
        return session

    def test_selecting_alone_changes_no_pixel(self, nested):
        nested.activate(0)
        nested.set_color(RED)
        before = nested.render()
        nested.select(*PERSON, new=True)
        np.testing.assert_array_equal(nested.render(), before)

    def test_what_is_over_is_painted_from_the_photo_itself(self, nested):
        nested.set_color(BLUE)
        alone = nested.render()
        nested.activate(0)
        nested.set_color(RED)
        both = nested.render()
        inside = np.s_[20:28, 20:40]
        np.testing.assert_array_equal(both[inside], alone[inside])
        assert (both[-4:, :4] != alone[-4:, :4]).any()
        nested.set_fields(1, label="visible", visible=False)
        assert (nested.render()[inside] != both[inside]).any()

    def test_preview_and_file_are_the_same_pixels(self, nested):
        nested.set_color(BLUE)
        nested.activate(0)
        nested.set_color(RED)
        np.testing.assert_array_equal(nested.render(), nested.render(full=True))


def test_strokes_are_exact_to_the_pixel_and_soft(session):
    session.select(*CAT)
    bare = session.mask_of(0).to_alpha(session.photo.rgb)
    session.brush(Stroke(((80, 100),), 6.0))
    session.brush(Stroke(((50, 100), (50, 110)), 8.0, soft=1.0))
    alpha = session.mask_of(0).to_alpha(session.photo.rgb)
    np.testing.assert_array_equal(alpha[:36], bare[:36])  # the cat itself
    y, x = np.mgrid[:96, :128]
    apart = np.hypot(y - 80, x - 100)
    assert (alpha[apart <= 5.5] == 1).all() and (alpha[(apart >= 7) & (apart < 12)] == 0).all()
    column = alpha[50:60, 105]
    assert column[0] == 1 and (np.diff(column) <= 0).all() and 0.3 < column[4] < 0.7
    session.brush(Stroke(((80, 100),), 3.0, subtract=True))
    assert session.mask_of(0).to_alpha(session.photo.rgb)[80, 100] == 0
    assert alpha[80, 105] == 1


def test_labels_say_what_was_done(session):
    session.select(*CAT)
    session.set_tau(0.4)
    session.extend(*PERSON)
    session.set_color(RED)
    session.remove()
    labels = [step.label for step in session.history.steps]
    assert labels == ["", "select", "tau", "add", "style", "remove"]
