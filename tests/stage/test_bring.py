"""Recipes and the analysis they ask for: a stranger's file costs no more than the page."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.config import QUALITIES
from dmlseg_core.edit.recipe_file import to_json
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import RecipeError
from dmlseg_core.photo.encode import image_bytes
from dmlseg_core.photo.load import load_photo
from dmlseg_core.stage.bring import import_mask, read_recipe, use_recipe
from dmlseg_core.stage.desks import Desk
from dmlseg_core.stage.ops import edit
from dmlseg_core.stage.state import fingerprint
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
