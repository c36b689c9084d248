"""Recipes and the analysis they ask for: a stranger's file costs no more than the page."""

from dataclasses import replace

import numpy as np
import pytest

from dmlseg_core.config import QUALITIES
from dmlseg_core.edit.recipe_file import to_json
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import RecipeError
from dmlseg_core.photo.load import load_photo
from dmlseg_core.stage.bring import read_recipe, use_recipe
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
