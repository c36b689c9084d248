"""EditSession on a scene whose objects are known."""

import numpy as np
import pytest

from dmlseg_core.color import delta_e_2000, parse_color
from dmlseg_core.edit.session import PREVIEW_SIDE, EditSession
from dmlseg_core.edit.style import Pattern, Style
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.apply import ColorGate
from dmlseg_core.photo.load import load_photo
from tests import synth

RED, BLUE = "#c8102e", "#1f4e9e"
CAT, PERSON, WALL = (24, 28), (72, 64), (92, 4)  # photo points (y, x) of two things, of neither
GRAY = 150


def picture():
    """The synthetic scene's photo: gray things with a little shading, on green."""
    height, width = (4 * n for n in synth.GRID)
    rgb = np.full((height, width, 3), (60, 140, 60), np.uint8)
    shade = np.linspace(-20, 20, width).astype(int)[None, :, None]
    things = np.kron(synth.labels(), np.ones((4, 4), int))[..., None] > 0
    return np.where(things, np.clip(GRAY + shade, 0, 255), rgb).astype(np.uint8)


def grid(session, k):
    mask = session.mask_of(k)
    assert mask is not None
    return mask.grid


def test_a_click_selects_the_thing_and_the_rest_stays_proposed(session):
    session.select(*CAT)
    assert session.active == 0
    np.testing.assert_array_equal(grid(session, 0), synth.labels() == 1)
    assert len(session.proposals) == len(synth.THINGS)


def test_a_click_on_a_selection_makes_it_active_and_changes_nothing(session):
    session.select(*CAT)
    session.set_tau(0.4)
    session.extend(*PERSON)
    session.set_color(RED)
    made = session.selections
    session.select(*WALL)
    assert session.active == 1
    session.select(CAT[0] + 4, CAT[1] + 4)
    assert session.active == 0
    assert session.selections[:1] == made
    session.undo()  # the wall, not the activation
    assert session.selections == made


def test_other_selections_keep_their_masks_and_colors(session):
    session.select(*CAT)
    session.set_color(RED)
    before = grid(session, 0)
    session.select(*PERSON)
    session.set_color(BLUE)
    np.testing.assert_array_equal(grid(session, 0), before)
    assert [s.color for s in session.selections] == [RED, BLUE]
    assert session.active == 1


def test_extend_adds_and_takes_away(session):
    session.select(*CAT)
    session.extend(*PERSON)
    labels = synth.labels()
    np.testing.assert_array_equal(grid(session, 0), (labels == 1) | (labels == 3))


def test_a_subtracted_point_takes_its_own_thing_away():
    near = synth.scene(vectors=synth.embedding(gap=0.5))  # d2 = .5: one mask at tau .3
    session = EditSession(load_photo(picture()), near)
    session.select(*CAT)
    session.set_tau(0.3)
    assert grid(session, 0).all()
    session.extend(*PERSON, subtract=True)
    np.testing.assert_array_equal(grid(session, 0), synth.labels() != 3)


def test_choosing_a_proposal_takes_its_own_seed_and_tau_and_only_once(session):
    mask = session.proposals[2]
    session.choose(mask)
    np.testing.assert_array_equal(grid(session, 0), mask.grid)
    assert session.selections[0].where.tau == mask.seed.tau
    session.select(*PERSON) if not mask.grid[18, 16] else session.select(*CAT)
    session.choose(session.mask_of(0))
    assert (session.active, len(session.selections)) == (0, 2)


def test_render_hits_the_color_and_leaves_the_rest_bit_for_bit(session):
    session.select(*CAT)
    session.set_color(RED)
    out = session.render(full=True)
    core = np.kron(synth.labels() == 1, np.ones((4, 4), bool))
    core[: 4 * 3] = core[4 * 9 :] = False
    median = np.median(out[core], axis=0) / 255
    assert delta_e_2000(median, np.array(parse_color(RED))) < 3
    assert session.measured is not None
    assert session.measured.delta_e < 2
    far = np.kron(synth.labels() != 1, np.ones((4, 4), bool))
    far[: 4 * 12, : 4 * 22] = False  # the edge band of the thing itself
    np.testing.assert_array_equal(out[far], session.photo.rgb[far])


def test_without_colors_the_photo_comes_back_as_it_is(session):
    session.select(*CAT)
    assert session.render(full=True) is session.photo.rgb


def test_undo_and_redo_walk_through_every_state(session):
    states = [(session.selections, session.active)]

    def note():
        states.append((session.selections, session.active))

    for step in (
        lambda: session.select(*CAT),
        lambda: session.set_color(RED),
        lambda: session.select(*PERSON),
        lambda: session.set_tau(0.4),
        session.remove,
        session.clear,
    ):
        step()
        note()
    for wanted in states[-2::-1]:
        session.undo()
        assert (session.selections, session.active) == wanted
    assert not session.can_undo
    session.undo()
    for wanted in states[1:]:
        session.redo()
        assert (session.selections, session.active) == wanted
    assert not session.can_redo


def test_a_dragged_slider_is_one_step_and_a_new_edit_ends_redo(session):
    session.select(*CAT)
    for tau in (0.3, 0.4, 0.5):
        session.set_tau(tau)
    session.undo()
    assert session.selections[0].where.tau is None
    session.set_color(RED)
    assert not session.can_redo


@pytest.mark.parametrize("edit", [
    lambda s: s.set_tau(0.5), lambda s: s.set_color(RED), lambda s: s.remove(),
    lambda s: s.extend(*CAT, subtract=True),
])  # fmt: skip
def test_edits_of_nothing_are_told(session, edit):
    with pytest.raises(ParameterError, match="nothing is selected"):
        edit(session)


def test_illegal_values_change_nothing(session):
    session.select(*CAT)
    before = session.selections
    for edit in (
        lambda: session.select(-5, 3),
        lambda: session.set_tau(1.0),
        lambda: session.set_color(RED, strength=2),
        lambda: session.set_color("no color at all"),
        lambda: session.set_color(RED, mode="sparkle"),
    ):
        with pytest.raises(ParameterError):
            edit()
        assert session.selections == before
    session.render()


def test_the_preview_is_small_and_the_file_is_not(session):
    wide = np.repeat(np.repeat(picture(), 20, 0), 20, 1)
    big = EditSession(load_photo(wide), synth.scene())
    assert max(big.preview.shape) == PREVIEW_SIDE
    assert session.preview is session.photo.rgb


def test_every_style_is_rendered_and_told(session):
    session.select(*CAT)
    for style in (
        Style(mode="hue_shift", amount=40),
        Style(mode="lightness", amount=0.15),
        Style(color=RED, gates=(ColorGate("#969696"),), protect_highlights=0.2),
        Style(mode="pattern", pattern=Pattern.of(picture()[:8, :8].copy())),
    ):
        session.set_style(style)
        assert session.selections[0].style == style
        out = session.render(full=True)
        assert (out != session.photo.rgb).any()
        assert session.measured is not None
    session.undo()  # one drag of the controls is one step
    assert not session.selections[0].painted
    session.set_style(Style(mode="saturation", amount=0.5))
    session.set_color(RED)  # a color asks for a mode that takes one
    assert session.selections[0].mode == "match"


def test_a_gate_that_leaves_nothing_is_told(session):
    session.select(*CAT)
    session.set_style(Style(color=RED, gates=(ColorGate("#00ffff", 0.0, 0.0),)))
    with pytest.raises(ParameterError, match="gate"):
        session.render()
    session.undo()
    session.render()


def test_files_are_rendered_in_the_depth_of_the_photo():
    deep = picture().astype(np.uint16) * 257 + 3
    session = EditSession(load_photo(deep), synth.scene())
    assert session.render(full=True) is session.photo.deep
    session.select(*CAT)
    session.set_color(RED)
    full, shown = session.render(full=True), session.render()
    assert (full.dtype, shown.dtype) == (np.uint16, np.uint8)
    assert np.abs(full / 257 - shown).max() < 3
    far = np.kron(synth.labels() == 0, np.ones((4, 4), bool))
    far[: 4 * 12] = False
    np.testing.assert_array_equal(full[far], deep[far])


def test_paint_gives_one_layer_for_each_styled_selection(session):
    session.select(*CAT)
    session.set_color(RED)
    session.select(92, 4)  # the wall stays as it is
    session.select(*PERSON)
    session.set_color(BLUE)
    first, second = session.paint()
    assert (first.index, second.index) == (0, 2)
    assert (second.made.rgb == session.render(full=True)).all()
    assert first.alpha.shape == session.photo.size
    assert (first.made.rgb != second.made.rgb).any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("connected", [True, False])
def test_a_lone_selection_is_the_scenes_own_answer(seed, connected):
    """What `dmlseg recolor --at` paints is what its recipe replays."""
    scene = synth.smooth_scene(seed, connected=connected)
    session = EditSession(load_photo(picture()), scene)
    session.select(40, 50)
    session.set_tau(0.5)
    direct, mask = scene.mask_at(40, 50, 0.5), session.mask_of(0)
    np.testing.assert_array_equal(mask.grid, direct.grid)
    np.testing.assert_array_equal(mask.level, direct.level)
