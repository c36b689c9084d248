"""The page's words, colors and drawing, without a browser."""

import io
import json
import string
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from dmlseg_core.batch_output import palette
from dmlseg_core.cli import main
from dmlseg_core.config import CLASSES, MODES
from dmlseg_core.errors import DmlsegError, ParameterError, RecipeError
from dmlseg_core.export import losses, save_photo
from dmlseg_core.images import load_photo
from dmlseg_core.recipe_json import load_recipe, save_recipe
from dmlseg_core.recolor import ColorGate
from dmlseg_core.session import EditSession
from dmlseg_core.session_store import SessionStore
from dmlseg_core.ui import actions, files, text
from dmlseg_core.ui.draw import SHOWN, draw, shown_masks, swatch
from dmlseg_core.ui.handlers import Handlers
from dmlseg_core.ui.page import Page
from dmlseg_core.ui.sentences import told
from dmlseg_core.ui.status import status
from dmlseg_core.ui.theme import css
from tests import synth
from tests.test_session import CAT, PERSON, picture


def fields(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_text_is_there_in_both_languages_with_the_same_fields():
    tables = text.translations()
    assert tables["en"].keys() == tables["zh"].keys()
    for key, english in tables["en"].items():
        chinese = tables["zh"][key]
        assert english and chinese and english != chinese, key
        assert fields(english) == fields(chinese), key
        assert any("\u4e00" <= c <= "\u9fff" for c in chinese) or key == "tau", key


def test_every_class_has_a_chinese_name():
    names = [text.class_label("zh", c) for c in CLASSES]
    assert len(set(names)) == len(CLASSES)
    assert not set(names) & set(CLASSES)
    assert text.class_label("zh", "not one of ours") == "not one of ours"


@pytest.mark.parametrize(("header", "wanted"), [
    ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de-DE,de;q=0.9,en;q=0.8,zh;q=0.1", "en"),
    ("fr", "en"), ("", "en"), ("ZH-tw", "zh"),
])  # fmt: skip
def test_the_browsers_first_language_that_we_speak(header, wanted):
    assert text.language_of({"accept-language": header}) == wanted
    assert text.language_of(None) == "en"


@pytest.mark.parametrize(("sent", "wanted"), [
    ("#c8102e", "#c8102e"), ("rgba(200.4, 16, 46, 1)", "#c8102e"), ("rgb(255,255,255)", "#ffffff"),
])  # fmt: skip
def test_colors_as_the_picker_sends_them(sent, wanted):
    assert actions.hex_color(sent) == wanted


def _damaged():
    data = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(data, "PNG")
    return data.getvalue()[:500]


def brush(color="#c8102e", mode="match", strength=1.0, **more):
    usual = {"amount": 0.0, "tile": None, "scale": 1.0}
    return actions.Brush(color, mode, strength, **{**usual, **more})


def painted(session, **how):
    session.select(*CAT)
    actions.paint(session, *brush(**how))
    return session


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
        s, mode="pattern", tile=_tile(folder), scale=50.0
    ).render(),
    "nothing painted": lambda s, folder: files.write("layers", s, folder, "", "en"),
    "no mask": lambda s, folder: files.write("mask", s, folder, "", "en"),
}  # fmt: skip


def _tile(folder, size=(200, 200)):
    noise = np.random.default_rng(3).integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(noise).save(folder / "tile.png")
    return str(folder / "tile.png")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_users_mistake_is_told_in_chinese_too(name, session, tmp_path):
    with pytest.raises(DmlsegError) as caught:
        MISTAKES[name](session, tmp_path)
    assert_told(str(caught.value))


def assert_told(english):
    assert told("en", english) == english
    chinese = told("zh", english)
    assert chinese != english and any("\u4e00" <= c <= "\u9fff" for c in chinese)
    assert "{" not in chinese


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


def test_swatches_of_the_list_are_the_colors_of_the_outlines():
    sheet, colors = css(), palette(SHOWN)
    for k in range(1, SHOWN + 1):
        assert swatch(k) == tuple(colors[k])
        assert f"nth-of-type({k}) {{ --swatch: rgb{swatch(k)}; }}" in sheet


@pytest.fixture
def session():
    return EditSession(load_photo(picture()), synth.scene())


def test_the_outline_runs_along_the_edge_in_the_things_color(session):
    shown = draw(session, session.preview)
    assert shown.shape == session.preview.shape
    for number, mask in enumerate(shown_masks(session), 1):
        ys, xs = np.nonzero(mask.grid)
        # half way down the left edge; the line is a pixel wide, rims and smoothing beside it
        row, column = 4 * int(ys.mean()), 4 * int(xs.min())
        around = shown[row, max(0, column - 5) : column + 3].astype(int)
        distance = np.abs(around - swatch(number)).sum(1).min()
        assert distance < 120, number
    background = shown[-4:, :4]
    np.testing.assert_array_equal(background, session.preview[-4:, :4])


def test_actions_reach_the_session(session):
    with pytest.raises(ParameterError):
        actions.stop(session, "part")
    actions.set_tau(session, 0.4)  # a slider moved with nothing selected: means nothing
    actions.repaint(session, *brush(), drag="color")
    actions.set_option(session, 0.5, name="protect_highlights")
    actions.gate(session, "only", "#112233", 0.3)
    assert not session.can_undo
    session.select(*CAT)
    actions.repaint(session, *brush(), drag="color")
    assert session.selections[0].color is None
    actions.paint(session, *brush("rgba(17, 34, 51, 1)", "tint", 0.5))
    assert session.selections[0].color == "#112233"
    actions.stop(session, "object")
    assert session.selections[0].where.tau is not None
    session.select(*PERSON)
    number = next(k for k, m in enumerate(shown_masks(session), 1) if m is session.mask_of(0))
    actions.choose(session, number)
    assert session.active == 0
    actions.choose(session, None)
    actions.choose(session, 99)
    assert session.active == 0


def steps(session):
    count = 0
    while session.can_undo:
        session.undo()
        count += 1
    return count


def test_each_control_is_a_step_and_each_drag_is_one(session):
    painted(session)  # two steps
    for strength in (0.9, 0.8, 0.7):
        actions.repaint(session, *brush(strength=strength), drag="strength")
    actions.repaint(session, *brush("#1f4e9e", strength=0.7), drag="color")
    actions.repaint(session, *brush("#1f4e9e", strength=0.7), drag="color")  # the same again
    for share in (0.5, 0.4):
        actions.set_option(session, share, name="protect_highlights")
    actions.gate(session, "except", "#ffffff", 0.35)
    for near in (0.3, 0.2):
        actions.gate(session, "except", "#ffffff", near, drag="tolerance")
    session.undo()
    assert session.selections[0].gates[0].tolerance == ColorGate.tolerance
    session.undo()
    assert session.selections[0].gates == ()
    session.undo()
    assert session.selections[0].protect_highlights == 1
    session.undo()
    assert (session.selections[0].color, session.selections[0].strength) == ("#c8102e", 0.7)
    session.undo()
    assert session.selections[0].strength == 1
    assert steps(session) == 2


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_the_page_changes_the_picture(mode, session, tmp_path):
    how = {"mode": mode, "amount": -0.4, "tile": _tile(tmp_path, (9, 9)), "scale": 2.0}
    painted(session, color="#b03060", mode="match")
    actions.set_mode(session, *brush(**how))  # an amount of another mode counts as none
    assert session.selections[0].amount in (None, 0)
    if mode == "hue_shift":
        how["amount"] = 90
    actions.repaint(session, *brush(**how), drag="amount")
    grayish = mode in ("hue_shift", "saturation")  # a gray cat has no hue to turn
    assert (session.render() != session.preview).any() or grayish
    assert session.selections[0].painted
    for language in text.LANGUAGES:
        assert session.measured.result_anchor in status(session, language)


def test_own_color_comes_back_and_the_gate_stays(session):
    painted(session)
    actions.gate(session, "except", "#ffffff", 0.1)
    actions.uncolor(session)
    np.testing.assert_array_equal(session.render(), session.preview)
    assert len(session.selections[0].gates) == 1
    assert not session.selections[0].painted


def test_a_sampled_color_is_the_photos_under_the_click(session):
    with pytest.raises(ParameterError):
        actions.sample(session, *CAT)
    session.select(*CAT)
    actions.gate(session, "only", "#ffffff", 0.2)
    for point in (CAT, (2, 2)):  # what was clicked to select, then what is sampled
        (gate,) = session.selections[0].gates
        assert gate.tolerance == 0.2 and not gate.exclude
        sampled = np.frombuffer(bytes.fromhex(gate.color[1:]), np.uint8)
        assert np.abs(sampled.astype(int) - session.photo.rgb[point]).max() <= 2
        actions.sample(session, 2, 2)


class TestFiles:
    """Each kind of download, opened again."""

    def write(self, what, session, folder, language="en"):
        return files.write(what, painted(session), folder, "", language)

    def test_photo(self, session, tmp_path):
        path = self.write("photo", session, tmp_path)
        np.testing.assert_array_equal(np.asarray(Image.open(path)), session.render(full=True))

    def test_cutout(self, session, tmp_path):
        rgba = np.asarray(Image.open(self.write("cutout", session, tmp_path)))
        alpha = session.mask_of(0).to_alpha(session.photo.rgb)
        np.testing.assert_array_equal(rgba[..., 3], np.rint(alpha * 255))
        np.testing.assert_array_equal(rgba[CAT][:3], session.render(full=True)[CAT])
        assert rgba[CAT][3] == 255 and rgba[0, 0].sum() == 0

    def test_mask(self, session, tmp_path):
        gray = np.asarray(Image.open(self.write("mask", session, tmp_path)))
        assert gray[CAT] == 255 and gray[0, 0] == 0

    def test_layers(self, session, tmp_path):
        path = self.write("layers", session, tmp_path, "zh")
        with zipfile.ZipFile(path) as archive:
            assert archive.read("mimetype") == b"image/openraster"
            stack = archive.read("stack.xml").decode()
            merged = np.asarray(Image.open(archive.open("mergedimage.png")))
        assert text.class_label("zh", session.mask_of(0).class_name) in stack
        np.testing.assert_array_equal(merged[..., :3], session.render(full=True))

    @pytest.mark.parametrize(("what", "by"), [("recipe", True), ("recipe_class", False)])
    def test_recipe(self, what, by, session, tmp_path):
        path = self.write(what, session, tmp_path)
        assert load_recipe(path).bound is by
        wanted = session.render()
        session.clear()
        actions.apply(session, str(path))
        if by:
            np.testing.assert_array_equal(session.render(), wanted)
        assert session.selections[0].color == "#c8102e"
        session.undo()
        assert session.selections == ()


class TestHandlers:
    """Handlers without a server: a request is a session's hash and its headers."""

    @pytest.fixture
    def request_(self):
        return SimpleNamespace(session_hash="ann", headers={"accept-language": "zh"})

    @pytest.fixture
    def handlers(self, tmp_path):
        made = Handlers(None, SessionStore(), tmp_path, 100)
        made.store.put("ann", load_photo(picture()), synth.scene())
        return made

    def test_there_is_an_update_for_each_control(self, handlers, request_, tmp_path):
        with gr.Blocks():
            outputs = Page(handlers).outputs
        run = handlers.edit(lambda s: painted(s, mode="pattern", tile=_tile(tmp_path, (9, 9))))
        assert len(run(True, request_)) == len(outputs)
        assert len(handlers.edit(lambda s: s.undo())(True, request_)) == len(outputs)
        assert len(handlers.edit(lambda s: s.clear())(True, request_)) == len(outputs)
        request_.session_hash = "a stranger"
        assert len(run(True, request_)) == len(outputs)

    def test_a_gate_that_leaves_nothing_is_told_and_taken_back(self, handlers, request_):
        session = handlers.store.get("ann")
        handlers.edit(painted)(True, request_)
        with pytest.raises(gr.Error) as caught:
            handlers.edit(actions.gate)("except", "#969696", 2.0, True, request_)
        assert "容差" in str(caught.value)
        assert session.selections[0].gates == ()
        handlers.edit(actions.nothing)(True, request_)  # the page goes on

    def test_what_the_format_loses_is_told(self, handlers, request_, monkeypatch):
        told_ = []
        monkeypatch.setattr(gr, "Info", lambda text, **_: told_.append(text))
        data = io.BytesIO()
        Image.fromarray(picture()).convert("RGBA").save(data, "PNG")
        handlers.store.put("ann", load_photo(data.getvalue()), synth.scene())
        handlers.save("photo", ".png", request_)
        assert told_ == []
        handlers.save("photo", ".jpg", request_)
        assert told_ == ["JPEG 不支持透明，已略去透明度。"]

    @pytest.mark.parametrize("what", files.KINDS)
    def test_every_download_is_in_the_users_own_folder(self, what, handlers, request_):
        handlers.edit(painted)(True, request_)
        path = handlers.save(what, ".jpg", request_)
        assert path.startswith(str(handlers.folder / "ann"))
        handlers.close(request_)
        assert handlers.store.get("ann") is None
        assert not (handlers.folder / "ann").exists()


@pytest.mark.parametrize("words", [
    ["--auth", "nobody"], ["--max-megapixels", "0"], ["--weights", "missing.safetensors"],
])  # fmt: skip
def test_wrong_flags_of_the_app_are_one_sentence(words, capsys):
    assert main(["app", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Traceback" not in err
