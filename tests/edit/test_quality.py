"""One photo, two analyses: edits outlive a change of quality, recipes know theirs."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from dmlseg_core.edit.store import SessionStore
from dmlseg_core.ui.handlers import Handlers
from tests.ui.pages import painted

from dmlseg_core.color import delta_e_2000, parse_color
from dmlseg_core.config import QUALITIES, SceneConfig
from dmlseg_core.edit.recipe_file import save_recipe
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.frame import Frame
from dmlseg_core.ui import actions
from dmlseg_core.ui.page import Page
from tests import synth
from tests.edit.test_session import BLUE, CAT, PERSON, RED, picture

QUALITY = SceneConfig(connected=False, overlap=0.5)


def analysed(config):
    """The synthetic scene on the grid of a config: each cell has what lies at its point."""
    coarse = synth.scene()
    frame = Frame.fit(coarse.frame.photo_size, config.long_side)
    h, w = frame.grid_size
    cells = [coarse.frame.cell_of(*frame.point_of(i, j)) for i in range(h) for j in range(w)]
    y, x = torch.tensor(cells).T
    vectors = coarse.embedding[:, y, x].unflatten(1, (h, w))
    return replace(
        coarse, frame=frame, config=config, class_probs=coarse.class_probs[:, :, y, x].unflatten(
            2, (h, w)), embedding=torch.cat([vectors, vectors]) / 2**0.5 if config.flip else vectors
    )  # fmt: skip


def quality(name):
    return analysed(QUALITY.with_quality(name))


class FakeSegmenter:
    """Analyses known scenes; counts how often."""

    def __init__(self):
        self.config, self.asked = QUALITY, []

    def analyze(self, photo, *, config):
        self.asked.append(config)
        return analysed(config)


def start(name="balanced"):
    return EditSession(load_photo(picture()), quality(name))


def two_objects(session):
    session.select(*CAT)
    session.set_color(RED)
    session.select(*PERSON)
    session.set_tau(0.4)
    session.set_color(BLUE)
    return session


def things(session):
    return [session.mask_of(k).to_photo() for k in range(len(session.selections))]


@pytest.mark.parametrize("name", ["fast", "best"])
def test_edits_outlive_a_change_of_quality(name):
    session = two_objects(start())
    selections, before, masks = session.selections, session.render(full=True), things(session)
    session.see(quality(name))
    assert session.selections == selections and session.active == 1
    for old, new in zip(masks, things(session), strict=True):
        assert (old & new).sum() > 0.85 * (old | new).sum()
    for point, color in ((CAT, RED), (PERSON, BLUE)):
        pixel = session.render(full=True)[point] / 255
        assert delta_e_2000(pixel, np.array(parse_color(color))) < 6
    session.undo(), session.undo(), session.undo()  # person: color, tau, selection
    assert session.selections == selections[:1]
    session.redo(), session.redo(), session.redo()
    session.see(quality("balanced"))
    assert session.selections == selections
    np.testing.assert_array_equal(session.render(full=True), before)


def test_a_scene_of_another_photo_is_refused():
    session = start()
    with pytest.raises(ParameterError, match="another photo"):
        session.see(replace(quality("fast"), photo_digest="other"))
    assert session.scene.config.quality == "balanced"


def test_points_that_fall_into_one_cell_stay_two_selections():
    session = start("best")
    for x in (PERSON[1], PERSON[1] + 2):  # one cell of the fast grid, two of the best one
        session.select(PERSON[0], x)
        session.set_tau(0.9)
        session.set_color(RED)
    session.select(*CAT)
    kept = session.selections
    session.see(quality("fast"))
    session.render()
    session.see(quality("best"))
    assert session.selections == kept


def test_a_recipe_knows_its_quality_and_replays_in_it():
    session = two_objects(start("best"))
    recipe = session.to_recipe()
    assert recipe.scene == QUALITY.with_quality("best")
    other = start("fast")
    with pytest.raises(RecipeError, match=f"long_side {QUALITIES['best']['long_side']}"):
        other.apply(recipe)
    assert other.selections == () and other.scene.config.quality == "fast"
    assert other.apply(recipe, quality("best")) == 2
    assert other.scene.config.quality == "best"
    np.testing.assert_array_equal(other.render(full=True), session.render(full=True))


def test_a_recipe_that_selects_nothing_leaves_the_scene_too():
    session, other = two_objects(start("best")), start("fast")
    recipe = replace(session.to_recipe(), edits=())
    with pytest.raises(RecipeError, match="selects nothing"):
        other.apply(recipe, quality("best"))
    assert other.scene.config.quality == "fast" and not other.can_undo


class TestPage:
    """The control of the page, without a browser."""

    @pytest.fixture
    def segmenter(self):
        return FakeSegmenter()

    def test_looking_again_runs_the_network_only_where_it_must(self, segmenter):
        session = two_objects(start())
        for name in ("balanced", "best", "best", "fast"):
            actions.look(session, name, segmenter=segmenter)
            assert session.scene.config.quality == name
        assert [c.quality for c in segmenter.asked] == ["best", "fast"]
        assert len(session.selections) == 2

    @pytest.mark.parametrize("name", QUALITIES)
    def test_a_recipe_brings_its_quality(self, name, segmenter, tmp_path):
        made = two_objects(start(name))
        path = save_recipe(made.to_recipe(), tmp_path / "r.json")
        session = start()
        actions.apply(session, str(path), segmenter=segmenter)
        assert session.scene.config.quality == name
        assert len(segmenter.asked) == (name != "balanced")
        np.testing.assert_array_equal(session.render(), made.render())

    def test_a_strangers_recipe_cannot_ask_for_more_than_the_page(self, segmenter, tmp_path):
        made = two_objects(EditSession(load_photo(picture()), analysed(QUALITY)))
        huge = replace(made.to_recipe(), scene=replace(QUALITY, long_side=4096))
        path = save_recipe(huge, tmp_path / "r.json")
        with pytest.raises(RecipeError, match="long_side 4096"):
            actions.apply(made, str(path), segmenter=segmenter)
        assert segmenter.asked == []

    def test_what_does_not_fit_is_told_before_the_network_runs(self, segmenter, tmp_path):
        recipe = two_objects(start("best")).to_recipe()
        session = start()
        for wrong in (replace(recipe, weights="abc"),
                      replace(recipe, photo=replace(recipe.photo, digest="0"))):  # fmt: skip
            path = save_recipe(wrong, tmp_path / "r.json")
            with pytest.raises(RecipeError):
                actions.apply(session, str(path), segmenter=segmenter)
        assert segmenter.asked == []

    @pytest.fixture
    def handlers(self, segmenter, tmp_path):
        return Handlers(segmenter, SessionStore(), tmp_path, 100)

    @pytest.fixture
    def request_(self):
        return SimpleNamespace(session_hash="ann", headers={})

    def shown(self, handlers, view):
        """What a view makes of the control."""
        with gr.Blocks():
            page = Page(handlers)
        assert page.quality.value == "balanced"
        return view[page.outputs.index(page.quality)]["value"]

    def test_a_photo_opens_in_the_chosen_quality_and_the_control_follows(
        self, handlers, segmenter, request_
    ):
        view = handlers.open(picture(), "fast", request_)
        assert self.shown(handlers, view) == "fast" == segmenter.asked[-1].quality
        handlers.edit(painted)(True, request_)
        look = handlers.edit(lambda s: actions.look(s, "best", segmenter=segmenter))
        assert self.shown(handlers, look(True, request_)) == "best"
        assert handlers.store.get("ann").selections[0].color == RED

    def test_what_cannot_be_shown_brings_the_old_quality_back(self, handlers, request_):
        handlers.open(picture(), "balanced", request_)
        session = handlers.store.get("ann")
        handlers.edit(painted)(True, request_)

        scene = session.scene
        gate = handlers.edit(lambda s: (s.see(quality("best")),
                                        actions.gate(s, "except", "#969696", 2.0)))  # fmt: skip
        with pytest.raises(gr.Error):
            gate(True, request_)
        assert session.scene is scene

    def test_sessions_that_grow_push_the_longest_unused_out(self, handlers, segmenter, request_):
        handlers.open(picture(), "fast", request_)
        other = SimpleNamespace(session_hash="bob", headers={})
        handlers.open(picture(), "fast", other)
        handlers.store.limit = 2 * handlers.store.get("bob").nbytes
        assert handlers.store.get("ann") is not None
        look = handlers.edit(lambda s: actions.look(s, "best", segmenter=segmenter))
        look(True, other)
        assert handlers.store.get("ann") is None
        assert handlers.store.get("bob").scene.config.quality == "best"
