"""The page as a person meets it: select, recolor, take back, reload, be told what went wrong."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import WAIT, disc

NAVY = "#1f3a93"


def paint(tab, color=NAVY):
    tab.color.fill(color)
    tab.edit(lambda: tab.color.press("Enter"))


def middle_color(tab, *place):
    """Median color about the middle of the stage, or another share of it."""
    picture, (x, y) = tab.seen(), tab.middle(*place)
    return np.median(picture[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7], axis=(0, 1))


def rgb(text):
    return np.array([int(text[k : k + 2], 16) for k in (1, 3, 5)])


def test_the_color_that_is_picked_is_the_color_that_is_painted_and_undone(visit):
    tab = visit()
    tab.open(disc())
    plain = middle_color(tab)
    tab.click()
    assert tab.chosen.count() == 1
    paint(tab)
    tab.edit(lambda: tab.page.keyboard.press("Control+z"))  # from the field
    assert np.abs(rgb(tab.color.input_value()) - plain).max() <= 6
    tab.press("Redo")
    assert tab.color.input_value() == NAVY
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
    assert "ΔE" in tab.page.locator(".color .note").inner_text()
    tab.press("Undo")
    assert np.abs(middle_color(tab) - plain).max() <= 3
    assert np.abs(rgb(tab.color.input_value()) - plain).max() <= 6
    tab.press("Redo")
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
    tab.page.keyboard.down("\\")
    tab.rest()
    shot = np.asarray(Image.open(io.BytesIO(tab.page.screenshot())).convert("RGB")).astype(int)
    tab.page.keyboard.up("\\")
    x, y = (int(v) for v in tab.middle())
    assert np.abs(shot[y + 9, x + 9] - plain).max() <= 8


def test_a_color_drag_is_shown_before_it_is_an_edit(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    area = tab.page.get_by_role("slider", name="Lightness and chroma").bounding_box()
    tab.page.mouse.move(area["x"] + 0.8 * area["width"], area["y"] + 0.4 * area["height"])
    tab.page.mouse.down()
    tab.page.mouse.move(area["x"] + 0.9 * area["width"], area["y"] + 0.5 * area["height"], steps=3)
    tab.rest()
    shot = np.asarray(Image.open(io.BytesIO(tab.page.screenshot())).convert("RGB")).astype(int)
    x, y = (int(v) for v in tab.middle())
    wanted = rgb(tab.color.input_value())
    assert all(edit["op"] != "style" for edit in tab.edits)
    assert (
        np.abs(np.median(shot[y + 20 : y + 30, x + 20 : x + 30], axis=(0, 1)) - wanted).max() <= 4
    )
    tab.edit(tab.page.mouse.up)
    assert np.abs(middle_color(tab) - wanted).max() <= 3


def test_a_click_on_a_painted_object_activates_it_and_keeps_its_mask(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    paint(tab)
    tau = tab.tau.input_value()
    tab.edit(lambda: tab.page.get_by_role("application").press("Escape"))
    assert tab.chosen.count() == 0
    tab.click(0.52, 0.5)
    assert tab.chosen.count() == 1
    assert tab.tau.input_value() == tau
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3


def test_hover_shows_the_mask_of_a_click_and_asks_for_nothing(visit):
    tab = visit()
    tab.open(disc())
    before = tab.seen()
    sent = []
    # of the stage: Gradio's frame comes when it comes
    tab.page.on("request", lambda r: "/stage/" in r.url and sent.append(r.url))
    tab.page.mouse.move(*tab.middle(0.5, 0.45))
    tab.page.mouse.move(*tab.middle(0.5, 0.5))
    tip = tab.page.locator(".tip")
    tip.wait_for(state="visible", timeout=WAIT)
    assert re.search(r"\d %$", tip.inner_text())
    shot = np.asarray(Image.open(io.BytesIO(tab.page.screenshot())).convert("RGB")).astype(int)
    x, y = (int(v) for v in tab.middle())
    changed = np.abs(shot - before).max(axis=2) > 20
    assert changed[y - 60 : y + 60, x - 100 : x + 100].mean() > 0.5
    assert sent == []


def test_what_was_found_glows_before_a_hand_comes(visit):
    tab = visit(frame=False)
    tab.open(disc())
    glowing = np.asarray(Image.open(io.BytesIO(tab.page.screenshot())).convert("RGB")).astype(int)
    lines = np.abs(glowing - tab.seen()).max(axis=2)[100:700, 100:900] > 40
    assert 500 < lines.sum() < 0.05 * lines.size


def test_work_survives_a_reload_and_a_new_tab(visit):
    tab = visit()
    tab.open(disc(color=(30, 120, 60)), "leaf.png")
    tab.click()
    paint(tab)
    tab.rest(kept=True)
    for _ in range(2):
        tab.page.reload()
        tab.chosen.or_(tab.instances.get_by_role("option").first).first.wait_for(timeout=WAIT)
        tab.rest()
        assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
        # the next round finds no session: the photo and the work come from the browser
        tab.page.evaluate("sessionStorage.clear()")
    tab.press("Undo")
    assert np.abs(middle_color(tab) - (30, 120, 60)).max() <= 6
    tab.press("Redo")
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
    assert "leaf.png" in tab.page.locator(".photo-name").inner_text()


def test_a_duplicated_tab_goes_on_by_itself(visit):
    tab = visit()
    tab.open(disc(color=(30, 120, 60)), "leaf.png")
    tab.click()
    paint(tab)
    with (
        tab.context.expect_page() as opened
    ):  # the browser copies the tab's memory, as it does for a duplicate
        tab.page.evaluate("window.open(location.href)")
    twin = opened.value
    twin.locator(".from-to i + i").first.wait_for(state="attached", timeout=WAIT)
    assert "leaf.png" in twin.locator(".photo-name").inner_text()
    tokens = [page.evaluate("sessionStorage['dmlseg.session']") for page in (tab.page, twin)]
    assert tokens[0] != tokens[1]
    twin.get_by_role("listbox", name="Instances").get_by_role("option").first.click()
    with twin.expect_response(lambda r: r.url.endswith("/stage/work"), timeout=WAIT):
        twin.get_by_role("button", name="Remove", exact=True).click()
    twin.close()
    tab.page.reload()
    tab.instances.get_by_role("option").first.wait_for(timeout=WAIT)
    tab.rest()
    assert tab.page.evaluate("sessionStorage['dmlseg.session']") == tokens[0]
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3


def test_a_bad_file_is_one_toast_over_an_intact_page(visit):
    tab = visit()
    tab.open(disc())
    tab.click()
    before = tab.chosen.inner_text()
    with tab.page.expect_file_chooser() as chooser:
        tab.button("Open photo").click()
    chooser.value.set_files(
        {"name": "<b>broken</b>.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff not one"}
    )
    toast = tab.page.get_by_role("alert").locator(".toast")
    toast.wait_for(state="visible", timeout=WAIT)
    told = toast.inner_text()
    assert "<b>broken</b>.jpg" in told
    assert "Traceback" not in told and "/tmp" not in told
    assert tab.chosen.inner_text() == before
    toast.get_by_role("button", name="Dismiss").click()
    assert not toast.is_visible()


def test_words_and_colors_that_are_none(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    paint(tab, "rebeccapurple")
    assert np.abs(middle_color(tab) - rgb("#663399")).max() <= 3
    before = len(tab.edits)
    paint(tab, "深蓝")
    assert len(tab.edits) == before + 1  # Enter is "change", too
    blue = middle_color(tab)
    assert blue[2] > 1.3 * blue[0]
    paint(tab, "no such color")
    assert tab.page.get_by_role("alert").locator(".toast").is_visible()
    assert tab.color.get_attribute("aria-invalid") == "true"
    tab.page.get_by_role("application").focus()
    assert tab.color.input_value() == "深蓝" and not tab.color.get_attribute("aria-invalid")
    assert np.abs(middle_color(tab) - blue).max() <= 3


@pytest.mark.parametrize(("locale", "name"), [("zh-CN", "打开照片"), ("zh-TW", "打开照片")])
def test_chinese(browser, address, locale, name):
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name=name).wait_for(timeout=WAIT)
    page.get_by_role("listbox", name="实例").wait_for(state="attached", timeout=WAIT)
    # Gradio writes zh-CN where it comes later
    assert page.evaluate("document.documentElement.lang").startswith("zh")
    context.close()


def test_a_scene_that_the_server_put_aside_comes_back_by_itself(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    paint(tab)
    tab.rest(kept=True)
    gone = {"status": 409, "json": {"code": "gone", "message": "put aside"}}
    tab.page.route("**/stage/edit", lambda route: route.fulfill(**gone), times=1)
    with tab.page.expect_response(lambda r: "/stage/photo" in r.url and r.ok, timeout=WAIT):
        tab.edit(lambda: tab.page.get_by_role("application").press("Escape"))
    tab.rest()
    assert not tab.page.get_by_role("alert").locator(".toast").is_visible()
    assert tab.chosen.count() == 0
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
