"""Files that are no recipe, and those that are."""

import base64

import pytest
from PIL import Image

from dmlseg_core.config import SceneConfig
from dmlseg_core.edit.recipe import Edit, Recipe, Style
from dmlseg_core.edit.recipe_file import VERSION, from_json, load_recipe, save_recipe
from dmlseg_core.errors import ExportError, RecipeError
from dmlseg_core.photo.encode import image_bytes
from dmlseg_core.scene.proposals import Override
from tests.edit.test_recipe import changed, edited

PNG = base64.b64encode(image_bytes(Image.new("RGB", (2, 2)), "PNG")).decode()
STYLE, SELECT = ("edits", 0, "style"), ("edits", 0, "select")


@pytest.mark.parametrize(("path", "value", "words"), [
    (("version",), VERSION + 1, "newer"), (("version",), 0, "version"),
    (("version",), "1", "version"), (("version",), True, "version"),
    (("format",), "other", "no recipe"), (("extra",), 1, "unknown field 'extra'"),
    (("weights",), ..., "'weights' is missing"), (("weights",), 3, "weights"),
    (("edits",), {}, "edits"), (("edits",), [3], r"edits\[0\]"),
    (("photo",), None, "name its photo"),
    (("photo", "width"), "x", "width"), (("photo", "digest"), ..., "digest"),
    (("scene", "long_side"), 1, "long_side"), (("scene", "connected"), "yes", "connected"),
    (("scene", "magic"), 1, "magic"), (("scene", "budget"), 1.5, "budget"),
    ((*SELECT, "by"), "magic", "by"), ((*SELECT, "at"), [1], r"\[x, y\]"),
    ((*SELECT, "at"), ["a", 1], "numbers"), ((*SELECT, "tau"), 1.0, "tau"),
    ((*SELECT, "add"), [[1, float("nan")]], "numbers"), ((*SELECT, "box"), [], "box"),
    ((*STYLE, "color"), "nocolor", "edits.0..style"), ((*STYLE, "mode"), "magic", "mode"),
    ((*STYLE, "strength"), 2, "strength"), ((*STYLE, "strength"), True, "strength"),
    ((*STYLE, "protect_highlights"), float("nan"), "protect_highlights"),
    ((*STYLE, "gates"), [{"color": "red", "tolerance": -1}], "tolerance"),
    ((*STYLE, "gates"), [{"tolerance": 1}], "'color' is missing"),
    ((*STYLE, "gates"), 1, "gates"), ((*STYLE, "pattern"), {"png": "!"}, "base64"),
    ((*STYLE, "pattern"), {"png": "QUJD"}, "base64 of a PNG"),
    ((*STYLE, "pattern"), {"png": PNG, "scale": 0}, "scale"),
    ((*STYLE, "glow"), 1, "glow"), ((*STYLE, "materials"), "most", "materials"),
    ((*STYLE, "targets"), [{"color": "red"}], "'target' is missing"),
    ((*STYLE, "targets"), [{"color": "red", "target": "x"}], "x"),
    ((*STYLE, "targets"), [{"color": "red", "target": None}] * 17, "may hold 16"),
])  # fmt: skip
def test_malformed_recipes_name_the_place(path, value, words):
    with pytest.raises(RecipeError, match=words) as caught:
        from_json(changed(path, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("choice", [
    {"by": "proposals"}, {"by": "proposals", "rank": 0}, {"by": "proposals", "class": 3},
    {"by": "proposals", "like": ["a"]}, {"by": "proposals", "rank": 1, "threshold": 1.0},
])  # fmt: skip
def test_malformed_choices(choice):
    with pytest.raises(RecipeError, match="select"):
        from_json(changed(SELECT, choice))


def test_a_pattern_that_is_no_picture():
    style = {"mode": "pattern", "pattern": {"png": "QUJD"}}
    with pytest.raises(RecipeError, match="pattern"):
        from_json(changed(STYLE, style))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100000, '"x"'])
def test_no_json_or_no_recipe(text):
    with pytest.raises(RecipeError) as caught:
        from_json(text)
    assert "\n" not in str(caught.value)


def test_files(tmp_path):
    for bad in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(RecipeError, match="cannot be read"):
            load_recipe(bad)
    (tmp_path / "x.json").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="is no text"):
        load_recipe(tmp_path / "x.json")
    with pytest.raises(ExportError):
        save_recipe(edited().to_recipe(), tmp_path / "no" / "r.json")
    with pytest.raises(RecipeError, match="name its photo"):
        Recipe("", SceneConfig(), (Edit(Override(1, 2), Style()),))
