"""The page's words, colors and drawing, without a browser."""

import io
import string

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.batch_output import palette
from dmlseg_core.cli import main
from dmlseg_core.config import CLASSES
from dmlseg_core.errors import DmlsegError, ParameterError
from dmlseg_core.export import save_photo
from dmlseg_core.images import load_photo
from dmlseg_core.session import EditSession
from dmlseg_core.ui import actions, text
from dmlseg_core.ui.draw import SHOWN, draw, shown_masks, swatch
from dmlseg_core.ui.sentences import told
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


MISTAKES = {
    "zero bytes": lambda _: load_photo(b""),
    "no photo": lambda _: load_photo(b"these are words, not pixels"),
    "truncated": lambda _: load_photo(_damaged()),
    "too large": lambda _: load_photo(np.zeros((200, 200, 3), np.uint8), max_megapixels=0.01),
    "color": lambda session: (session.select(*CAT), session.set_color("bluish")),
    "tau first": lambda session: session.set_tau(0.5),
    "cut first": lambda session: session.extend(*CAT, subtract=True),
    "outside": lambda session: session.select(-1, 5),
    "no folder": lambda s: save_photo(s.photo.rgb, "/nowhere/at/all.png"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_users_mistake_is_told_in_chinese_too(name, session):
    with pytest.raises(DmlsegError) as caught:
        MISTAKES[name](session)
    english = str(caught.value)
    assert told("en", english) == english
    chinese = told("zh", english)
    assert chinese != english and any("\u4e00" <= c <= "\u9fff" for c in chinese)
    assert "{" not in chinese


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
    actions.repaint(session, "#112233", "match", 1.0)
    assert not session.can_undo
    session.select(*CAT)
    actions.repaint(session, "#112233", "match", 1.0)
    assert session.selections[0].color is None
    actions.paint(session, "rgba(17, 34, 51, 1)", "tint", 0.5)
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


@pytest.mark.parametrize("words", [
    ["--auth", "nobody"], ["--max-megapixels", "0"], ["--weights", "missing.safetensors"],
])  # fmt: skip
def test_wrong_flags_of_the_app_are_one_sentence(words, capsys):
    assert main(["app", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Traceback" not in err
