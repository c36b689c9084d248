"""The library's sentences on the page, in both languages."""

import io
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from dmlseg_core.color.swatches import read_swatches
from dmlseg_core.edit.limits import MAX_EDITS
from dmlseg_core.edit.recipe_file import save_recipe
from dmlseg_core.edit.style import Pattern
from dmlseg_core.errors import DmlsegError, RecipeError
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.save import losses, save_photo
from dmlseg_core.stage.asked import Asked
from dmlseg_core.stage.bring import import_mask, read_recipe, use_recipe
from dmlseg_core.stage.desks import Work
from dmlseg_core.stage.export import exported
from dmlseg_core.stage.ops import edit
from dmlseg_core.words import told
from tests.edit.test_session import CAT


def styled(session, **style):
    edit(session, {"op": "style", "style": style})
    return session


def painted(session, **style):
    session.select(*CAT)
    return styled(session, **{"color": "#c8102e", **style})


def apply(session, path):
    use_recipe(session, read_recipe(path.read_bytes()), None)


def export(session, kind):
    return exported(Work(session.photo, "a.png", session), session, Asked({"kind": kind}), "en")


def large(session):
    noise = np.random.default_rng(3).integers(0, 255, (200, 200, 3), np.uint8)
    own = painted(session).selections[0].style
    session.set_style(replace(own, color=None, mode="pattern", pattern=Pattern.of(noise, 50.0)))
    session.render()


def assert_told(english):
    assert told("en", english) == english
    chinese = told("zh", english)
    assert chinese != english and any("\u4e00" <= c <= "\u9fff" for c in chinese)
    assert "{" not in chinese


def png(pixels):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


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
    "too heavy": lambda *_: load_photo(
        cv2.imencode(".png", np.zeros((600, 600, 4), np.uint16))[1].tobytes(), max_megapixels=0.36),
    "color": lambda s, _: painted(s, color="bluish"),
    "clear color": lambda s, _: painted(s, color="#11223344"),
    "channels": lambda s, _: painted(s, color="color(display-p3 2 0 0)"),
    "negative chroma": lambda s, _: painted(s, color="oklch(1.5 0.1 30)"),
    "tau first": lambda s, _: s.set_tau(0.5),
    "cut first": lambda s, _: s.extend(*CAT, subtract=True),
    "outside": lambda s, _: s.select(-1, 5),
    "beside": lambda s, _: edit(s, {"op": "box", "x0": -9, "y0": 5, "x1": -5, "y1": 9}),
    "no folder": lambda s, _: save_photo(s.photo.rgb, "/nowhere/at/all.png"),
    "range": lambda s, _: painted(s, strength=2.0),
    "gate": lambda s, _: painted(
        s, gates=[{"color": "#00ffff", "tolerance": 0, "softness": 0}]).render(),
    "large tile": lambda s, _: large(s),
    "nothing painted": lambda s, _: export(s, "ora"),
    "no mask": lambda s, _: export(s, "mask"),
    "locked": lambda s, _: (
        painted(s), s.set_fields(0, label="lock", locked=True), s.set_tau(0.5)),
    "full": lambda s, _: [s.select(*CAT, new=True) for _ in range(MAX_EDITS + 1)],
    "black mask": lambda s, _: import_mask(s, png(np.zeros(s.photo.size, np.uint8)), "m", 100),
    "colored mask": lambda s, _: import_mask(s, png(s.photo.rgb), "m", 100),
    "other mask": lambda s, _: import_mask(s, png(np.ones((9, 90), np.uint8)), "m", 100),
    "nothing like it": lambda s, _: edit(s, {"op": "tau", "id": 99, "tau": 0.5}),
    "swatches": lambda *_: read_swatches(b"", "x.ase"),
    "no swatches": lambda *_: read_swatches(b"words", "x.doc"),
    "no color in it": lambda *_: read_swatches(b"name,hex\n", "x.csv"),
    "number": lambda s, _: edit(s, {"op": "click", "x": "left", "y": 2}),
    "word": lambda s, _: edit(s, {"op": "dance"}),
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
        apply(session, path)
    assert_told(str(caught.value))
    assert str(tmp_path) not in str(caught.value)  # folders of the server are nobody's business
    assert session.selections == before


@pytest.mark.parametrize("data", [b"flour", b"\xff\xfe", b"[1]"])
def test_no_recipe_is_told_in_both(data):
    with pytest.raises(RecipeError) as caught:
        read_recipe(data)
    assert_told(str(caught.value))


@pytest.mark.parametrize(("suffix", "count"), [(".jpg", 2), (".webp", 2), (".png", 0)])
def test_what_a_format_does_not_hold_is_told_in_both(suffix, count, tmp_path):
    Image.new("LA", (8, 8)).save(tmp_path / "gray.png", dpi=(300, 300))
    photo = replace(load_photo(tmp_path / "gray.png"), deep=np.zeros((8, 8, 3), np.uint16), bits=16)
    found = losses(photo, tmp_path / f"out{suffix}")
    assert len(found) == count
    for sentence in found:
        assert_told(sentence)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_lost_depth_and_stale_pieces_are_told_in_both(bits, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    photo = load_photo(tmp_path / "a.png")
    photo = replace(photo, deep=np.zeros((8, 8, 3), np.uint16), bits=bits,
                    about=replace(photo.about, stale=("tIME", "sBIT")))  # fmt: skip
    found = losses(photo, tmp_path / "a.jpg")
    assert len(found) == 3
    for sentence in found:
        assert_told(sentence)


def test_a_color_outside_srgb_is_painted_and_told(session):
    painted(session, color="color(display-p3 0 1 0)")
    (note,) = session.measured.notes
    assert_told(note)
    styled(session, strength=0.5)  # the words stay
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
