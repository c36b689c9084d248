"""The page's words, colors, drawing and actions, without a browser."""

import string

import numpy as np
import pytest

from dmlseg_core.config import CLASSES, MODES
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.output import palette
from dmlseg_core.paint.apply import ColorGate
from dmlseg_core.ui import actions, text
from dmlseg_core.ui.draw import SHOWN, draw, shown_masks, swatch
from dmlseg_core.ui.status import status
from dmlseg_core.ui.theme import css
from tests.edit.test_session import CAT, PERSON
from tests.ui.pages import brush, painted, tile


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
    how = {"mode": mode, "amount": -0.4, "tile": tile(tmp_path, (9, 9)), "scale": 2.0}
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
