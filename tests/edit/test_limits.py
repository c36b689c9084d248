"""Recipes of strangers: refused in one sentence by their size, bounded where they are taken."""

import base64
import json
import os
import tracemalloc

import pytest
from PIL import Image

from dmlseg_core.edit.limits import MAX_BYTES, MAX_EDITS, MAX_GATES
from dmlseg_core.edit.recipe_file import from_json, load_recipe
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.photo.encode import image_bytes
from dmlseg_core.scene.proposals import MOST_PAINTED, MOST_POINTS, MOST_STROKES, Override
from dmlseg_core.scene.strokes import Stroke
from tests.edit.test_recipe import changed, values
from tests.edit.test_recipe_read import SELECT, STYLE

POINT = [5, 5]


def refused(text):
    with pytest.raises(RecipeError) as caught:
        from_json(text)
    sentence = str(caught.value)
    assert len(sentence) < 300
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 200_000, "[1" + ",1" * 1_000_000 + "]", '"' + "a" * MAX_BYTES + '"'],
    ids=["lists", "objects", "numbers", "text"],
)
def test_what_is_too_large_is_not_parsed(text):
    tracemalloc.start()
    assert "the recipe holds more than" in refused(text)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_a_file_is_not_read_beyond_the_cap(tmp_path):
    with (tmp_path / "sparse.json").open("wb") as file:
        file.truncate(1 << 40)
    for path in (tmp_path / "sparse.json", "/dev/zero"):
        if os.path.exists(path):  # noqa: PTH110
            with pytest.raises(RecipeError, match="more than"):
                load_recipe(path)


@pytest.mark.parametrize("most, kind", [(MOST_POINTS, "add"), (MOST_POINTS, "subtract")])
def test_points_of_a_selection(most, kind):
    from_json(changed((*SELECT, kind), [POINT] * (most - 1)))
    assert "points" in refused(changed((*SELECT, kind), [POINT] * (most + 1)))


def test_strokes_and_the_points_along_them():
    one = {"points": [POINT], "radius": 1}
    from_json(changed((*SELECT, "strokes"), [one] * MOST_STROKES))
    assert "strokes" in refused(changed((*SELECT, "strokes"), [one] * (MOST_STROKES + 1)))
    long = {"points": [POINT] * (MOST_PAINTED + 1), "radius": 1}
    assert "along its strokes" in refused(changed((*SELECT, "strokes"), [long]))


def test_edits_and_gates():
    whole = values()
    whole["edits"] = whole["edits"][:1] * (MAX_EDITS + 1)
    assert f"may hold {MAX_EDITS}" in refused(json.dumps(whole))
    gates = [{"color": "red"}] * (MAX_GATES + 1)
    assert f"may hold {MAX_GATES}" in refused(changed((*STYLE, "gates"), gates))


@pytest.mark.parametrize("number", ["1e308", "-1e308", "1e999", "NaN", "Infinity", "0", "-1",
                                    "1" * 400, "1" * 5_000, "-" + "9" * 17])  # fmt: skip
@pytest.mark.parametrize("place", ["radius", "at", "strength", "box", "long_side"])
def test_numbers_that_are_none(number, place):
    spots = {"radius": (*SELECT, "strokes"), "at": (*SELECT, "at"), "box": (*SELECT, "box"),
             "strength": (*STYLE, "strength"), "long_side": ("scene", "long_side")}  # fmt: skip
    shapes = {"radius": [{"points": [POINT], "radius": "@"}], "at": ["@", 5],
              "box": ["@", "@", "@", "@"]}  # fmt: skip
    text = changed(spots[place], shapes.get(place, "@")).replace('"@"', number)
    if (place, number) in (("strength", "0"), ("at", "0"), ("at", "-1")):
        from_json(text)  # told where the photo is known
    else:
        refused(text)


def test_texts_are_short():
    for path in ((*STYLE, "color"), (*STYLE, "mode"), (*SELECT, "by"), ("weights",), ("x" * 9000,)):
        refused(changed(path, "y" * 100_000))


def tile(side):
    png = image_bytes(Image.new("RGB", (side, side)), "PNG")
    return {"mode": "pattern", "pattern": {"png": base64.b64encode(png).decode(), "scale": 1}}


def test_patterns_together_have_a_number_of_pixels():
    whole = values()
    edit = whole["edits"][0]
    whole["edits"] = [{**edit, "style": tile(4000)}] * 5  # 5 x 16 megapixels
    assert len(json.dumps(whole)) < 600_000
    tracemalloc.start()
    assert "megapixels together" in refused(json.dumps(whole))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000  # none was decoded
    tracemalloc.stop()


def test_what_is_no_png_is_no_pattern():
    import io

    jpeg = io.BytesIO()
    Image.new("RGB", (8, 8)).save(jpeg, "JPEG")
    style = {"mode": "pattern", "pattern": {"png": base64.b64encode(jpeg.getvalue()).decode()}}
    assert "PNG" in refused(changed(STYLE, style))


def test_a_session_is_bounded_as_a_recipe_is():
    with pytest.raises(ParameterError, match="at most"):
        Override(1, 1, add=((1.0, 1.0),) * (MOST_POINTS + 1))
    with pytest.raises(ParameterError, match="radius"):
        Stroke(((1.0, 1.0),), 1e308)
