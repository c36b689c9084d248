"""One photo, two analyses: edits outlive a change of quality, recipes know theirs."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from dmlseg_core.color import delta_e_2000, parse_color
from dmlseg_core.config import QUALITIES, SceneConfig
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.frame import Frame
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


def test_an_earlier_analysis_is_let_go():
    session = two_objects(start())
    session.see(replace(quality("fast")))
    session.render()
    earlier = weakref.ref(session.scene)
    session.see(quality("balanced"))
    gc.collect()
    assert earlier() is None


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
