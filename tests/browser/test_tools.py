"""Tools, list, files: what a person does after the first click."""

import io
import json
import zipfile

import numpy as np
from PIL import Image

from tests.browser.conftest import WAIT, disc
from tests.browser.test_page import NAVY, middle_color, paint, rgb


def saved(tab, kind):
    """The bytes of a kind of file from the export dialog, and its name."""
    tab.button("Export").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("What").select_option(kind)
    with tab.page.expect_download(timeout=WAIT) as download:
        dialog.get_by_role("button", name="Download").click()
    dialog.wait_for(state="hidden", timeout=WAIT)
    return download.value.path().read_bytes(), download.value.suggested_filename


def two_discs():
    left, right = disc(240, 240), disc(240, 240, (40, 60, 160))
    return np.concatenate([left, right], axis=1)


def test_keys_buttons_and_drags_add_take_away_and_frame(visit):
    tab = visit(frame=False)
    tab.open(two_discs())
    tab.click(0.25, 0.5)
    tab.page.keyboard.down("Shift")
    tab.click(0.75, 0.5)
    tab.page.keyboard.up("Shift")
    assert tab.edits[-1]["mode"] == "add" and tab.chosen.count() == 1
    tab.click(0.75, 0.5, button="right")
    assert tab.edits[-1]["mode"] == "subtract"
    tab.page.keyboard.press("m")
    tab.page.mouse.move(*tab.middle(0.55, 0.3))
    tab.page.mouse.down()
    tab.page.mouse.move(*tab.middle(0.95, 0.7), steps=4)
    tab.edit(tab.page.mouse.up)
    box = tab.edits[-1]
    assert box["op"] == "box"
    assert abs(box["x0"] - 0.55 * 480) <= 3 and abs(box["x1"] - 0.95 * 480) <= 3
    tab.page.keyboard.press("v")


def test_the_dropper_takes_the_color_that_is_seen_and_limits_the_one_that_was(visit):
    tab = visit(frame=False)
    tab.open(two_discs())
    plain = middle_color(tab, 0.25, 0.5)
    tab.click(0.25, 0.5)
    paint(tab)
    tab.click(0.75, 0.5)
    tab.page.get_by_role("application").focus()
    tab.page.keyboard.press("i")
    tab.click(0.25, 0.5)
    assert np.abs(middle_color(tab, 0.75, 0.5) - rgb(NAVY)).max() <= 4
    tab.page.get_by_role("tab", name="Limits").click()
    tab.button("Not a color").click()
    tab.click(0.25, 0.5)
    (gate,) = tab.edits[-1]["style"]["gates"]
    assert np.abs(rgb(gate["color"]) - plain).max() <= 4


def test_a_picture_is_printed_on_a_thing(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    tile = io.BytesIO()
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = (255, 220, 0)
    stripes[:, 1::2] = (0, 60, 255)
    Image.fromarray(stripes).save(tile, "PNG")
    plain = middle_color(tab)
    tab.page.get_by_role("tab", name="Look").click()
    with tab.page.expect_file_chooser() as chooser:
        tab.page.get_by_label("How", exact=True).select_option("pattern")
    with tab.page.expect_response(lambda r: "/stage/pattern/" in r.url, timeout=WAIT) as answer:
        chooser.value.set_files(
            {"name": "t.png", "mimeType": "image/png", "buffer": tile.getvalue()}
        )
    assert answer.value.ok
    tab.rest()
    assert np.abs(middle_color(tab) - plain).max() > 30
    assert tab.page.get_by_label("How", exact=True).input_value() == "pattern"


def test_files_go_out_and_come_back(visit):
    tab = visit(frame=False)
    tab.open(disc(), "red.png")
    tab.click()
    paint(tab)
    data, name = saved(tab, "photo")
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert picture.shape == (240, 320, 3) and name.startswith("red") and name.endswith(".png")
    assert np.abs(picture[120, 160] - rgb(NAVY)).max() <= 6
    ora, _ = saved(tab, "ora")
    assert zipfile.ZipFile(io.BytesIO(ora)).testzip() is None
    recipe, name = saved(tab, "recipe")
    assert json.loads(recipe) and name.endswith(".json")
    tab.edit(lambda: tab.page.get_by_role("application").press("Delete"))
    assert np.abs(middle_color(tab) - [170, 40, 40]).max() <= 4
    with tab.page.expect_response(lambda r: "/stage/import" in r.url, timeout=WAIT):
        tab.choose_file(name, recipe)
    tab.rest()
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3


def test_swatches_of_a_file_paint(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    palette = "GIMP Palette\nName: mine\n#\n 10 130  90\tsea\n"
    tab.choose_file("mine.gpl", palette.encode())
    swatch = tab.page.get_by_role("button", name="sea")
    swatch.wait_for(timeout=WAIT)
    tab.edit(swatch.click)
    assert np.abs(middle_color(tab) - [10, 130, 90]).max() <= 3
    tab.button("Colorways").click()  # whoever brought swatches of their own means these
    assert tab.page.get_by_role("dialog").locator(".card b").all_inner_texts() == ["sea"]


def test_the_active_row_stays_in_sight_under_those_that_come(visit):
    tab = visit(frame=False, viewport={"width": 1280, "height": 720})
    tab.open(np.tile(disc(120, 120), (3, 4, 1)))
    tab.click(0.38, 0.5)
    paint(tab)
    tab.press("The same for all like this")
    painted = tab.page.locator(".list .from-to i + i")
    assert painted.count() > 6

    def sight(row):
        row, box = row.bounding_box(), tab.page.locator(".objects .scroll").bounding_box()
        return box["y"] <= row["y"] and row["y"] + row["height"] <= box["y"] + box["height"] + 1

    assert sight(tab.chosen)
    tab.rest(kept=True)
    tab.page.reload()
    tab.chosen.wait_for()
    tab.rest()
    assert sight(tab.chosen)


def test_a_notice_goes_with_the_next_try_and_nothing_alike_is_told(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    tab.color.fill("blurple")
    tab.edit(lambda: tab.color.press("Enter"))
    toast = tab.page.locator(".toast")
    assert "blurple" in toast.inner_text()
    paint(tab)
    assert toast.is_hidden()
    tab.press("The same for all like this")
    assert "Nothing else" in toast.inner_text()
    tab.open(disc(), "other.png")
    assert toast.is_hidden()


def test_a_size_and_enter_is_a_download(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.button("Export").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("Long side").fill("100")
    with tab.page.expect_download(timeout=WAIT) as download:
        tab.page.keyboard.press("Enter")
    assert Image.open(download.value.path()).size == (100, 75)
    dialog.wait_for(state="hidden", timeout=WAIT)


def test_eye_lock_and_name(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    paint(tab)
    tab.press("Hide its color")
    assert np.abs(middle_color(tab) - [170, 40, 40]).max() <= 4
    tab.press("Show")
    tab.press("Lock")
    assert tab.tau.is_disabled()
    tab.press("Unlock")
    tab.button("Rename").click()
    field = tab.page.get_by_role("textbox", name="Name")
    field.fill("<i>ball</i>")
    tab.edit(lambda: field.press("Enter"))
    assert "<i>ball</i>" in tab.chosen.inner_text()


def test_what_is_hidden_is_not_under_the_pointer(visit):
    tab = visit(frame=False)
    tab.open(two_discs())
    tab.click(0.25)
    tab.press("Hide its color")
    tab.page.mouse.move(*tab.middle(0.27))
    assert tab.page.locator(".tip").is_visible()  # what a click would give
    tab.click(0.27)
    assert tab.edits[-1]["tau"] > 0 and tab.instances.locator(".from-to").count() == 2


def test_eight_hundred_percent_is_crisp_and_split_shows_both(visit):
    tab = visit(frame=False)
    checks = np.indices((200, 200)).sum(0) % 2 * 255
    tab.open(np.repeat(checks[..., None], 3, 2).astype(np.uint8))
    fitted = tab.seen()[300:500, 400:600, 0]
    # a small photo that fills the stage is no heap of blocks
    assert ((fitted > 30) & (fitted < 225)).mean() > 0.5
    tab.page.mouse.move(*tab.middle())
    for _ in range(12):
        tab.page.mouse.wheel(0, -400)
    tab.page.get_by_role("button", name="800 %").wait_for()
    tab.rest()
    picture, (x, y) = tab.seen(), (int(v) for v in tab.middle())
    part = picture[y - 64 : y + 64, x - 64 : x + 64, 0]
    assert ((part < 12) | (part > 243)).mean() > 0.99  # whole squares, nothing smoothed
    runs = np.diff(np.flatnonzero(np.diff(part[30] > 128)))
    assert set(runs.tolist()) == {8}


def test_what_the_network_saw_is_shown_as_often_as_it_is_asked_for(visit):
    tab = visit(frame=False)
    tab.open(disc())
    plain = middle_color(tab)
    tab.page.get_by_role("tab", name="Why").click()
    for _ in range(2):
        tab.page.get_by_role("radio", name="Embedding").check()
        tab.rest()
        assert np.abs(middle_color(tab) - plain).max() > 20
        tab.page.get_by_role("radio", name="Photo").check()
        tab.rest()
        assert np.abs(middle_color(tab) - plain).max() <= 3
