"""The page in a real Chromium: what a user does first, in both languages."""

import argparse
import shutil

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.ui.launch import build_parser, prepare

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SOURCE = "document.querySelector('#canvas img')?.src"
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
    from dmlseg_core.weights import DEFAULT_WEIGHTS

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
    page.wait_for_function("document.querySelector('#canvas img').complete", timeout=WAIT)


def click(page, x=0.5, y=0.5):
    """Click the picture at a share of its width and height."""
    box = page.locator("#canvas img").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def pixels(page):
    """The shown picture as the server sent it."""
    data = page.request.get(page.evaluate(SOURCE)).body()
    import io

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def hide_outlines(page):
    after(page, lambda: page.get_by_label("Show outlines").uncheck())


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
    with page.expect_download(timeout=WAIT) as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "coffee-recolored.png"
    download.value.save_as(tmp_path / "out.png")
    written = np.asarray(Image.open(tmp_path / "out.png").convert("RGB"))
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
    assert "点击" in page.locator("#status").inner_text()
    page.context.close()
