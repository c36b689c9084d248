"""The library's sentences on the page, in both languages."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from dmlseg_core.ui.sentences import told
from dmlseg_core.ui.status import status
from PIL import Image
from tests.ui.pages import assert_told, brush, painted, tile

from dmlseg_core.edit.recipe_file import save_recipe
from dmlseg_core.errors import DmlsegError, RecipeError
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.save import losses, save_photo
from dmlseg_core.ui import actions, files
from tests.edit.test_session import CAT


def _damaged():
    data = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(data, "PNG")
    return data.getvalue()[:500]


def recipe_with(session, tmp_path, change=lambda values: None, by="point"):
    """A recipe file of a recolored cat, its JSON changed in some way."""
    path = save_recipe(painted(session).to_recipe(by), tmp_path / "some.json")
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    return path


def put(*keys, value):
    def change(values):
        for key in keys[:-1]:
            values = values[key]
        values[keys[-1]] = value

    return change


MISTAKES = {
    "zero bytes": lambda *_: load_photo(b""),
    "no photo": lambda *_: load_photo(b"these are words, not pixels"),
    "truncated": lambda *_: load_photo(_damaged()),
    "too large": lambda *_: load_photo(np.zeros((200, 200, 3), np.uint8), max_megapixels=0.01),
    "color": lambda s, _: painted(s, color="bluish"),
    "clear color": lambda s, _: painted(s, color="#11223344"),
    "channels": lambda s, _: painted(s, color="color(display-p3 2 0 0)"),
    "negative chroma": lambda s, _: painted(s, color="oklch(1.5 0.1 30)"),
    "tau first": lambda s, _: s.set_tau(0.5),
    "cut first": lambda s, _: s.extend(*CAT, subtract=True),
    "outside": lambda s, _: s.select(-1, 5),
    "no folder": lambda s, _: save_photo(s.photo.rgb, "/nowhere/at/all.png"),
    "range": lambda s, _: painted(s, strength=2.0),
    "no pattern": lambda s, _: painted(s, mode="pattern"),
    "gate": lambda s, _: (
        actions.gate(painted(s), "only", "", 0.0), actions.gate(s, "only", "#00ffff", 0.0),
        s.render(),
    ),
    "large tile": lambda s, folder: painted(
        s, mode="pattern", tile=tile(folder), scale=50.0
    ).render(),
    "nothing painted": lambda s, folder: files.write("layers", s, folder, "", "en"),
    "no mask": lambda s, folder: files.write("mask", s, folder, "", "en"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_users_mistake_is_told_in_chinese_too(name, session, tmp_path):
    with pytest.raises(DmlsegError) as caught:
        MISTAKES[name](session, tmp_path)
    assert_told(str(caught.value))


POINT = ("edits", 0, "select")
RECIPES = {
    "version": put("version", value=0),
    "newer": put("version", value=99),
    "not ours": put("format", value="cake"),
    "weights": put("weights", value="0" * 64),
    "scene": put("scene", "budget", value=7),
    "size": put("photo", "width", value=5),
    "digest": put("photo", "digest", value="0" * 64),
    "no photo": put("photo", value=None),
    "unknown field": put("sugar", value=1),
    "missing field": lambda values: values.pop("weights"),
    "type": put(*POINT, "at", value="left"),
    "mode": put("edits", 0, "style", "mode", value="sparkle"),
    "outside": put(*POINT, "at", value=[5000, 5]),
    "class": put(*POINT, value={"by": "proposals", "class": "unicorn"}),
    "vector": put(*POINT, value={"by": "proposals", "like": [1.0]}),
    "nothing": put(*POINT, value={"by": "proposals", "rank": 99}),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_that_does_not_fit_changes_nothing_and_is_told_in_both(name, session, tmp_path):
    path = recipe_with(session, tmp_path, RECIPES[name])
    before = session.selections
    with pytest.raises(RecipeError) as caught:
        actions.apply(session, str(path))
    assert_told(str(caught.value))
    assert str(tmp_path) not in str(caught.value)  # folders of the server are nobody's business
    assert session.selections == before


def test_no_json_and_no_file_are_told_in_both(session, tmp_path):
    (tmp_path / "cake.json").write_text("flour")
    for name in ("cake.json", "missing.json"):
        with pytest.raises(RecipeError) as caught:
            actions.apply(session, str(tmp_path / name))
        assert_told(str(caught.value))


@pytest.mark.parametrize(("suffix", "count"), [(".jpg", 2), (".webp", 2), (".png", 0)])
def test_what_a_format_does_not_hold_is_told_in_both(suffix, count, tmp_path):
    Image.new("LA", (8, 8)).save(tmp_path / "gray.png", dpi=(300, 300))
    photo = replace(load_photo(tmp_path / "gray.png"), deep=np.zeros((8, 8, 3), np.uint16))
    found = losses(photo, tmp_path / f"out{suffix}")
    assert len(found) == count
    for sentence in found:
        assert_told(sentence)


def test_a_color_outside_srgb_is_painted_and_told(session):
    session.select(*CAT)
    actions.name_color(session, "color(display-p3 0 1 0)", *brush(mode="lightness"))
    session.render()
    (note,) = session.measured.notes
    assert_told(note)
    assert note in status(session, "en")
    assert told("zh", note) in status(session, "zh")
    # the picker's version of that color is no other color
    actions.repaint(session, *brush(color="#00fb00", strength=0.5), drag="strength")
    assert session.selections[0].color != "color(display-p3 0 1 0)"
    actions.name_color(session, "color(display-p3 0 1 0)", *brush())
    mapped = note.rpartition(" ")[2]
    actions.repaint(session, *brush(color=mapped, strength=0.5), drag="strength")
    assert session.selections[0].color == "color(display-p3 0 1 0)"


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "I;16"])
def test_notes_on_a_photo_are_told_in_chinese_too(mode):
    data = io.BytesIO()
    picture = Image.new("RGB", (8, 8), "teal")
    picture = Image.new(mode, (8, 8)) if mode == "I;16" else picture.convert(mode)
    picture.save(data, "TIFF" if mode == "CMYK" else "PNG")
    notes = load_photo(data.getvalue()).notes
    assert notes and all("\u4e00" <= told("zh", n)[0] <= "\u9fff" for n in notes)


def test_a_sentence_without_translation_is_kept():
    assert told("zh", "something new happened") == "something new happened"
