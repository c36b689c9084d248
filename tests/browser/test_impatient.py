"""People who do not wait, do not use a mouse, or bring what nobody expects."""

import json

import numpy as np
import pytest

from tests.browser.conftest import WAIT, disc, png
from tests.browser.test_gestures import opened
from tests.browser.test_page import NAVY, middle_color, paint, rgb

FOCUS = """() => { const e = document.querySelector("body > .stage-host").shadowRoot.activeElement;
  return e && (e.ariaLabel ?? e.textContent); }"""


def told(tab):
    return tab.page.locator(".toast").text_content()


def test_a_click_while_another_photo_comes_is_no_click_on_that_one(visit):
    tab = visit(frame=False)
    tab.open(disc())
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    sent = tab.hold("**/stage/photo?*")

    def impatient():
        tab.choose_file("noise.png", png(noise))
        for _ in range(2):
            with tab.page.expect_response("**/stage/edit"):
                tab.page.mouse.click(*tab.middle())
            tab.page.wait_for_timeout(450)  # no double click
        sent[0].continue_()

    opened(tab, impatient)
    tab.rest(kept=True)
    assert "noise.png" in tab.page.locator(".photo-name").inner_text()
    assert told(tab) == ""
    seen = json.loads(tab.page.evaluate("JSON.stringify(localStorage)"))
    assert sum(name.startswith("dmlseg.work.") for name in seen) <= 1  # of the disc alone


@pytest.mark.parametrize("known", [True, False])
def test_a_photo_that_is_brought_before_the_page_has_its_session_is_the_one_that_stays(
    visit, known
):
    """The page knows its session late; then neither the photo before nor the sample takes over."""
    tab = visit(frame=False)
    tab.open(disc())
    if not known:
        tab.page.evaluate("sessionStorage.clear(); localStorage.clear()")
    asked = tab.hold("**/stage/session")
    tab.page.reload()

    def early():
        tab.choose_file("leaf.png", png(disc(color=(30, 120, 60))))
        asked[0].continue_()

    opened(tab, early)
    assert "leaf.png" in tab.page.locator(".photo-name").inner_text()
    assert np.abs(middle_color(tab) - [30, 120, 60]).max() <= 4
    assert told(tab) == ""


def test_a_bad_file_does_not_stop_the_analysis_of_the_photo_before_it(visit):
    tab = visit(frame=False)

    def both():
        tab.choose_file("leaf.png", png(disc(color=(30, 120, 60))))
        with tab.page.expect_response(lambda r: r.status == 422, timeout=WAIT):
            tab.page.locator(".photo-name").filter(has_text="leaf").wait_for(timeout=WAIT)
            tab.choose_file("broken.jpg", b"\xff\xd8\xff no photo")
        tab.page.locator(".toast").filter(has_text="broken.jpg").wait_for()

    opened(tab, both)
    tab.click()
    assert tab.chosen.count() == 1


def test_dialogs_stay_under_a_double_click_and_a_selection_of_text(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    tab.button("Export").dblclick()
    dialog = tab.page.get_by_role("dialog")
    assert dialog.is_visible()
    tab.page.keyboard.press("Escape")
    tab.button("Colorways").click()
    field = dialog.get_by_role("textbox").bounding_box()
    tab.page.wait_for_timeout(600)  # longer than a double click
    tab.page.mouse.move(field["x"] + 200, field["y"] + 12)
    tab.page.mouse.down()
    tab.page.mouse.move(5, field["y"] + 12, steps=4)
    tab.page.mouse.up()
    assert dialog.is_visible()
    tab.page.mouse.click(5, 300)
    assert dialog.count() == 0


def test_a_word_that_is_no_color_leaves_the_other_colorways(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    tab.button("Colorways").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("colr, 深蓝, navy")
    dialog.get_by_role("button", name="Show").click()
    dialog.locator(".card").nth(2).locator(".delta").filter(has_text="ΔE").wait_for(timeout=WAIT)
    cards = dialog.locator(".card")
    assert cards.nth(0).locator(".delta").inner_text() == "no color" and cards.nth(0).is_disabled()
    dots = [card.locator("i").evaluate("i => i.style.backgroundColor") for card in cards.all()]
    assert dots[1:] == ["rgb(0, 0, 139)", "rgb(0, 0, 128)"]


def test_a_photo_of_a_mask_is_a_photo(visit):
    tab = visit(frame=False)
    tab.open(disc())
    opened(tab, lambda: tab.choose_file("face-mask.png", png(disc(color=(30, 120, 60)))))
    assert "face-mask.png" in tab.page.locator(".photo-name").inner_text()


def test_the_focus_is_never_lost(visit):
    tab = visit()
    tab.open(disc())
    tab.click()
    keys = tab.page.keyboard

    def focus():
        return tab.page.evaluate(FOCUS)

    swatch = tab.page.get_by_role("group", name="Palettes").get_by_role("button")
    for color in ("#c8102e", "#1f3a93"):
        swatch.and_(tab.button(color)).focus()
        tab.edit(lambda: keys.press("Enter"))
        assert focus() == color
    tab.color.press("Escape")
    assert focus() == "Point at a thing, give it another color"
    tab.page.get_by_role("tab", name="Look").click()
    how = tab.page.get_by_label("How", exact=True)
    how.focus()
    tab.edit(lambda: keys.press("ArrowDown"))
    assert focus() and how.input_value() == "tint"
    tab.edit(lambda: keys.press("Control+z"))  # a list of choices has nothing to undo
    assert how.input_value() == "match"
    tab.page.get_by_role("tab", name="History").click()
    tab.page.locator(".past button").nth(1).focus()
    tab.edit(lambda: keys.press("Enter"))
    assert focus() == tab.page.locator(".past button").nth(1).inner_text()
    tab.button("Undo").focus()
    tab.edit(lambda: keys.press("Enter"))
    assert tab.button("Undo").is_disabled() and focus() == "Redo"
    tab.page.get_by_role("tab", name="Color").click()
    tab.page.get_by_role("application").focus()
    keys.press("i")
    tab.page.get_by_role("application").focus()
    keys.press("Enter")  # the dropper by keys takes the color at the crosshair
    assert np.abs(rgb(tab.color.input_value()) - [170, 40, 40]).max() <= 3


def test_a_control_whose_edit_failed_shows_what_is_so(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    paint(tab)
    refused = {"status": 422, "json": {"code": "value", "message": "not now"}}
    box = tab.page.get_by_role("checkbox", name="Connected only")
    before = box.is_checked()
    tab.page.route("**/stage/edit", lambda route: route.fulfill(**refused), times=1)
    tab.edit(box.click)
    assert told(tab) == "not now" and box.is_checked() == before
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
