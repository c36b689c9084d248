"""The page's words, colors and drawing, without a browser."""

import string

import numpy as np
import pytest

from dmlseg_core.batch_output import palette
from dmlseg_core.cli import main
from dmlseg_core.config import CLASSES
from dmlseg_core.errors import ParameterError
from dmlseg_core.images import load_photo
from dmlseg_core.session import EditSession
from dmlseg_core.ui import actions, text
from dmlseg_core.ui.draw import SHOWN, draw, shown_masks, swatch
from dmlseg_core.ui.page import css
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
