"""The page in a real Chromium: what a user does first, in both languages."""

import argparse
import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.config import QUALITIES
from dmlseg_core.ui.launch import build_parser, prepare

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SOURCE = "document.querySelector('#canvas img')?.src"
# Gradio fills a component's tracker while an event is on its way to it. A typed number is two
# events, the second sent when the first one is back: hence a moment of rest, not an instant.
AT_REST = """() => {
  const busy = [...document.querySelectorAll('[data-testid="status-tracker"]')]
    .some(tracker => tracker.firstElementChild);
  if (busy || !window.restingSince) window.restingSince = performance.now();
  return !busy && performance.now() - window.restingSince > 300;
}"""
WAIT = 60_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    weights = shipped()
    args = build_parser().parse_args(["--no-inbrowser", "--weights", str(weights)])
    assert isinstance(args, argparse.Namespace)
    demo, options = prepare(args, tmp_path_factory.mktemp("app"))
    _, url, _ = demo.launch(**options, prevent_thread_lock=True, quiet=True)
    yield url
    demo.close()


def shipped():
    from dmlseg_core.model.weights import DEFAULT_WEIGHTS

    if not DEFAULT_WEIGHTS.exists():
        pytest.skip("weights/ holds no weights yet")
    return DEFAULT_WEIGHTS


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


@pytest.fixture
def page(browser, address):
    context = browser.new_context(locale="en-US", viewport={"width": 1360, "height": 1000})
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#canvas img", timeout=WAIT)
    yield page
    assert page.faults == []
    context.close()


def after(page, act):
    """Do something and wait for the new picture that it makes."""
    before = page.evaluate(SOURCE)
    act()
    page.wait_for_function(f"old => {SOURCE} && {SOURCE} !== old", arg=before, timeout=WAIT)
    page.evaluate("window.restingSince = 0")
    page.wait_for_function(AT_REST, timeout=WAIT)
    page.wait_for_function("document.querySelector('#canvas img').complete", timeout=WAIT)


def click(page, x=0.5, y=0.5):
    """Click the picture at a share of its width and height."""
    box = page.locator("#canvas img").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def pixels(page):
    """The shown picture as the server sent it."""
    data = page.request.get(page.evaluate(SOURCE)).body()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def hide_outlines(page):
    after(page, lambda: page.get_by_label("Show outlines").uncheck())


def choose(page, dropdown, number):
    """The entry at a place of a dropdown."""
    page.locator(f"{dropdown} input").click()
    page.locator("[role=option]").nth(number).click()


def saved(page, folder, name):
    """Press the download button; the file that comes down, under its own name."""
    with page.expect_download(timeout=WAIT) as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == name
    download.value.save_as(folder / name)
    return folder / name


def paint_middle(page):
    hide_outlines(page)
    after(page, lambda: click(page))
    after(page, lambda: page.locator("#paint").click())


def fill(page, control, value):
    """Type into a slider's number field."""
    field = page.locator(f"{control} input[type=number]")
    after(page, lambda: (field.fill(str(value)), field.press("Enter")))


def status(page):
    return page.locator("#status").inner_text()


def test_click_recolor_undo_download(page, tmp_path):
    hide_outlines(page)
    plain = pixels(page)
    after(page, lambda: click(page))
    assert "Selected" in page.locator("#status").inner_text()
    np.testing.assert_array_equal(pixels(page), plain)  # a selection alone changes no pixel
    after(page, lambda: page.locator("#paint").click())
    painted = pixels(page)
    assert (painted != plain).any()
    assert "ΔE" in page.locator("#status").inner_text()
    written = np.asarray(Image.open(saved(page, tmp_path, "coffee-recolored.png")).convert("RGB"))
    np.testing.assert_array_equal(written, painted)  # coffee is shown at its own size
    after(page, lambda: page.locator("#undo").click())
    np.testing.assert_array_equal(pixels(page), plain)
    after(page, lambda: page.locator("#redo").click())
    np.testing.assert_array_equal(pixels(page), painted)


def test_tau_and_stops_change_the_mask(page):
    after(page, lambda: click(page))
    tau = page.locator("#tau input[type=number]")
    tau.fill("0.9")
    after(page, lambda: tau.press("Enter"))
    assert "τ 0.90" in page.locator("#status").inner_text()
    after(page, lambda: page.get_by_role("button", name="Group").click())
    assert "τ 0.90" not in page.locator("#status").inner_text()


def test_two_tabs_do_not_share_a_selection(page, browser, address):
    after(page, lambda: click(page))
    other = browser.new_context(locale="en-US").new_page()
    other.goto(address)
    other.wait_for_selector("#canvas img", timeout=WAIT)
    assert "Click an object" in other.locator("#status").inner_text()
    assert "Selected" in page.locator("#status").inner_text()
    other.context.close()


def test_a_dropped_photo_opens_and_a_broken_one_is_told(page, tmp_path):
    Image.new("RGB", (300, 200), "navy").save(tmp_path / "navy.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    upload = page.locator("#upload input[type=file]")
    after(page, lambda: upload.set_input_files(tmp_path / "navy.jpg"))
    assert "300 × 200" in page.locator("#status").inner_text()
    page.locator("#upload").get_by_label("Clear").or_(
        page.locator("#upload button[aria-label='Remove this file']")
    ).first.click()
    page.locator("#upload input[type=file]").set_input_files(tmp_path / "broken.jpg")
    page.wait_for_selector(".toast-body.error", timeout=WAIT)
    assert "Traceback" not in page.locator(".toast-body.error").inner_text()


def test_the_page_speaks_chinese(browser, address):
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(address)
    page.wait_for_selector("#canvas img", timeout=WAIT)
    assert page.locator("#paint").inner_text() == "换色"
    assert page.locator("#quality input").input_value() == "分析：均衡"
    assert "点击" in page.locator("#status").inner_text()
    page.context.close()


def test_every_kind_of_download_opens(page, tmp_path):
    paint_middle(page)
    shown = pixels(page)
    choose(page, "#what", 1)
    page.locator("#format").wait_for(state="hidden")  # a format is the photo's affair
    rgba = np.asarray(Image.open(saved(page, tmp_path, "coffee-cutout.png")))
    assert rgba.shape == (*shown.shape[:2], 4)
    sure = rgba[..., 3] == 255
    assert sure.any() and not sure.all()
    # alpha that rounds to 255 may still be mixed a little
    assert np.abs(rgba[..., :3].astype(int) - shown)[sure].max() <= 8
    choose(page, "#what", 2)
    mask = Image.open(saved(page, tmp_path, "coffee-mask.png"))
    np.testing.assert_array_equal(np.asarray(mask), rgba[..., 3])
    choose(page, "#what", 3)
    with zipfile.ZipFile(saved(page, tmp_path, "coffee.ora")) as archive:
        assert archive.read("stack.xml").count(b"<layer ") == 2
        merged = np.asarray(Image.open(archive.open("mergedimage.png")).convert("RGB"))
    np.testing.assert_array_equal(merged, shown)
    choose(page, "#what", 0)
    choose(page, "#format", 1)
    assert Image.open(saved(page, tmp_path, "coffee-recolored.jpg")).format == "JPEG"


def test_a_recipe_comes_down_and_goes_up_again(page, tmp_path):
    paint_middle(page)
    painted = pixels(page)
    choose(page, "#what", 4)
    recipe = saved(page, tmp_path, "coffee-recipe.json")
    page.locator("#uncolor").scroll_into_view_if_needed()
    after(page, lambda: page.locator("#deselect").click())
    plain = pixels(page)
    assert (plain != painted).any()
    page.locator("#apply button").first.click()
    upload = page.locator("#recipe input[type=file]")
    after(page, lambda: upload.set_input_files(recipe))
    np.testing.assert_array_equal(pixels(page), painted)
    after(page, lambda: page.locator("#undo").click())
    np.testing.assert_array_equal(pixels(page), plain)
    values = json.loads(recipe.read_text())
    values["photo"]["digest"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(values))
    page.locator("#recipe button[aria-label='Remove this file']").or_(
        page.locator("#recipe").get_by_label("Clear")
    ).first.click()
    page.locator("#recipe input[type=file]").set_input_files(tmp_path / "other.json")
    page.wait_for_selector(".toast-body.error", timeout=WAIT)
    told = page.locator(".toast-body.error").inner_text()
    assert "another photo" in told and "Traceback" not in told


def test_another_quality_keeps_the_edit_and_comes_back_with_its_recipe(page, tmp_path):
    paint_middle(page)
    painted = pixels(page)
    after(page, lambda: choose(page, "#quality", 0))
    assert page.locator("#quality input").input_value() == "Analysis: fast"
    assert "ΔE" in status(page)
    fast = pixels(page)
    assert (fast != painted).any()
    choose(page, "#what", 4)
    recipe = saved(page, tmp_path, "coffee-recipe.json")
    assert json.loads(recipe.read_text())["scene"]["long_side"] == QUALITIES["fast"]["long_side"]
    after(page, lambda: choose(page, "#quality", 1))
    np.testing.assert_array_equal(pixels(page), painted)
    page.locator("#apply button").first.click()
    upload = page.locator("#recipe input[type=file]")
    after(page, lambda: upload.set_input_files(recipe))
    np.testing.assert_array_equal(pixels(page), fast)
    assert page.locator("#quality input").input_value() == "Analysis: fast"


def test_modes_show_what_they_take_and_a_drag_is_one_step(page):
    paint_middle(page)
    matched = pixels(page)
    after(page, lambda: choose(page, "#mode", 2))
    page.locator("#color").wait_for(state="hidden")
    assert page.locator("#amount input[type=number]").get_attribute("max") == "360"
    fill(page, "#amount", 120)
    assert "+120°" in status(page)
    turned = pixels(page)
    fill(page, "#amount", 150)
    after(page, lambda: page.locator("#undo").click())
    after(page, lambda: page.locator("#undo").click())  # the amount, then the mode
    np.testing.assert_array_equal(pixels(page), matched)
    page.locator("#color").wait_for(state="visible")
    page.locator("#amount").wait_for(state="hidden")
    assert (turned != matched).any()
    after(page, lambda: choose(page, "#mode", 3))
    assert page.locator("#amount input[type=number]").get_attribute("max") == "1"
    assert page.locator("#amount input[type=number]").input_value() == "0"
    fill(page, "#amount", -1)
    assert "saturation -1" in status(page)


def test_a_pattern_is_printed(page, tmp_path):
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, :4] = (250, 220, 40)
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    paint_middle(page)
    matched = pixels(page)
    after(page, lambda: choose(page, "#mode", 5))
    upload = page.locator("#tile input[type=file]")
    after(page, lambda: upload.set_input_files(tmp_path / "stripes.png"))
    printed = pixels(page)
    assert (printed != matched).any() and "pattern" in status(page)
    fill(page, "#scale", 3)
    assert (pixels(page) != printed).any()
    after(page, lambda: page.locator("#undo").click())
    np.testing.assert_array_equal(pixels(page), printed)


def test_a_gate_keeps_to_a_color_and_more_options_are_undone(page):
    paint_middle(page)
    whole = pixels(page)
    page.locator("#more button").first.click()
    after(page, lambda: page.locator("#gate").get_by_label("only near a color").check())
    page.locator("#kind").get_by_label("picks").check()
    after(page, lambda: click(page))
    fill(page, "#tolerance", 0)
    gated = pixels(page)
    assert (gated != whole).any()
    fill(page, "#protect", 0)
    assert (pixels(page) != gated).any()
    after(page, lambda: page.locator("#undo").click())
    np.testing.assert_array_equal(pixels(page), gated)
    after(page, lambda: page.locator("#gate").get_by_label("all of it").check())
    np.testing.assert_array_equal(pixels(page), whole)
    page.locator("#gate-row").wait_for(state="hidden")


def test_a_color_in_words_outside_srgb_is_noted(page):
    hide_outlines(page)
    after(page, lambda: click(page))
    page.locator("#more button").first.click()
    words = page.locator("#named").get_by_role("textbox")
    words.fill("color(display-p3 0 1 0)")
    after(page, lambda: words.press("Enter"))
    assert "lies outside sRGB" in status(page) and "ΔE" in status(page)


def test_the_page_fits_a_phone(browser, address):
    page = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844}).new_page()
    page.goto(address)
    page.wait_for_selector("#canvas img", timeout=WAIT)
    page.locator("#more button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for control in ("#canvas", "#quality", "#paint", "#mode", "#save", "#protect"):
        box = page.locator(control).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, control
    page.context.close()
