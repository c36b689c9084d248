"""Recipes and the analysis they ask for: a stranger's file costs no more than the page."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.config import QUALITIES
from dmlseg_core.edit.limits import MAX_EDITS
from dmlseg_core.edit.recipe_file import to_json
from dmlseg_core.edit.selection import Selection
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.photo.encode import image_bytes
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.scene import Scene
from dmlseg_core.stage.bring import import_mask, read_recipe, use_file, use_recipe, work_of
from dmlseg_core.stage.desks import Desk, Work
from dmlseg_core.stage.ops import edit
from dmlseg_core.stage.state import fingerprint, page_state
from tests.edit.test_quality import QUALITY, analysed, quality, start, two_objects
from tests.edit.test_session import picture


class Analyses:
    """Known scenes; counts how often they are asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, photo, config):
        self.asked.append(config)
        return analysed(config)


def bring(session, recipe, analyze):
    use_recipe(session, read_recipe(to_json(recipe).encode()), analyze)


@pytest.mark.parametrize("name", QUALITIES)
def test_a_recipe_brings_its_quality(name):
    made, session, analyze = two_objects(start(name)), start(), Analyses()
    bring(session, made.to_recipe(), analyze)
    assert session.scene.config == quality(name).config
    assert len(analyze.asked) == (name != "balanced")
    np.testing.assert_array_equal(session.render(), made.render())


def test_a_strangers_recipe_cannot_ask_for_more_than_the_page():
    made = two_objects(EditSession(load_photo(picture()), analysed(QUALITY)))
    huge, analyze = replace(made.to_recipe(), scene=replace(QUALITY, long_side=4096)), Analyses()
    before = made.selections
    with pytest.raises(RecipeError, match="long_side 4096"):
        bring(made, huge, analyze)
    assert analyze.asked == [] and made.selections == before


def test_what_does_not_fit_is_told_before_the_network_runs():
    recipe, session, analyze = two_objects(start("best")).to_recipe(), start(), Analyses()
    for wrong in (replace(recipe, weights="abc"),
                  replace(recipe, photo=replace(recipe.photo, digest="0"))):  # fmt: skip
        with pytest.raises(RecipeError):
            bring(session, wrong, analyze)
    assert analyze.asked == [] and session.selections == ()


def full():
    """As many selections as a photo takes, the last one painted."""
    session = start()
    height, width = session.photo.size
    for k in range(MAX_EDITS):
        session.select(k % height, 7 * k % width, 0.5, new=True)
    session.set_color("red")
    return session


def test_work_that_can_be_done_can_be_kept():
    """A lost session is brought back from what its browser kept, however much it was."""
    made, session = full(), start()
    use_file(session, work_of(made).encode(), Analyses())
    assert session.selections == made.selections
    assert len(session.selections) == MAX_EDITS > 250
    made.activate(0)
    made.remove()
    session, again = start(), start()
    use_file(session, work_of(made).encode(), Analyses())
    made.undo(), session.undo()
    assert session.selections == made.selections
    bring(again, made.to_recipe(), Analyses())
    np.testing.assert_array_equal(again.render(), made.render())


def test_one_more_is_refused_and_changes_nothing():
    session = full()
    before = session.selections
    with pytest.raises(ParameterError, match="remove one first"):
        session.select(5, 5, 0.5, new=True)
    assert session.selections == before
    session.activate(3)
    session.set_tau(0.4)
    session.remove()
    session.select(5, 5, 0.5, new=True)


def test_a_state_of_many_selections_asks_for_no_mask_twice(monkeypatch):
    """Nor compares each selection with all others: it is made after every edit."""
    session, asked = full(), []
    desk = Desk("token")
    desk.lay(work := Work(session.photo, "a.png", session))
    page_state(desk, work)
    answer, same = Scene.answer, Selection.__eq__
    monkeypatch.setattr(Scene, "answer", lambda *of: asked.append("mask") or answer(*of))
    monkeypatch.setattr(Selection, "__eq__", lambda *of: asked.append("same") or same(*of))
    names = [s["name"] for s in page_state(desk, work)["selections"]]
    assert len(set(names)) == len(names)
    assert asked.count("mask") == 0 and asked.count("same") < 10 * MAX_EDITS


def white(session, *boxes):
    """PNG of a mask that is white in boxes of rows and columns."""
    mask = np.zeros(session.photo.size, np.uint8)
    for rows, columns in boxes:
        mask[rows, columns] = 255
    return image_bytes(Image.fromarray(mask), "PNG")


def brought(*boxes):
    session = start()
    import_mask(session, white(session, *boxes), "m.png", 100)
    return session


def test_a_click_on_a_mask_that_was_brought_does_not_replace_it():
    """It is somebody's work, painted or not; a slider's outline is not grown from its point."""
    session = brought((slice(20, 40), slice(16, 60)))
    before = session.selections
    assert not before[0].simple
    edit(session, {"op": "click", "y": 30, "x": 30})
    assert session.selections == before


def test_masks_that_begin_at_one_pixel_are_not_shown_as_one_another():
    """Pictures are kept in the browser by this name."""
    small, large = (brought((slice(20, 40), slice(16, end))) for end in (60, 80))
    assert small.selections[0].where.y == large.selections[0].where.y
    names = {fingerprint(Desk("a"), s, s.selections) for s in (small, large)}
    assert len(names) == 2
