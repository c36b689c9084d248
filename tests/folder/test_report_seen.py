"""report.html as Chromium shows it from the disk: by keyboard, sorted, in Chinese, on paper."""

import numpy as np
import pytest

from dmlseg_core.folder.report.page import write_report
from tests.folder.report_rows import ROWS, RUN, painted, summarize, thumb


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    """The report in Chromium, from the disk, with pictures; faults are what it complained of."""
    out = tmp_path_factory.mktemp("out")
    rows = [*ROWS, *(painted(f"n{k}.png", ("navy", "#1b2a55", 0.1)) for k in range(40))]
    rng = np.random.default_rng(1)
    for row in rows:
        for path in row.files.get("thumbs", ()):
            thumb(out / path, rng.integers(0, 255, (30, 40, 3), np.uint8))
    write_report(summarize(rows), RUN, out)
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    # the photos of these rows do not exist: only their small pictures do
    missing = "net::ERR_FILE_NOT_FOUND"
    page.on("console", lambda s: missing in s.text or page.faults.append(s.text))
    page.goto((out / "report.html").as_uri())
    yield page
    page.close()


def test_it_is_used_by_keyboard_alone(tab):
    focused = "document.activeElement.closest('.card').dataset.name"
    tab.evaluate("document.querySelector('.open').focus()")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(focused) == "a.png"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowUp")
    assert tab.evaluate(focused) == "a.png"
    tab.keyboard.press("Enter")
    viewer = tab.locator(".viewer")
    assert viewer.locator("h2").inner_text() == "a.png"
    shown = viewer.locator(".above")
    assert "a.png.red" in shown.get_attribute("src")
    tab.keyboard.press("ArrowDown")
    assert "a.png.navy" in shown.get_attribute("src")
    tab.keyboard.press("Space")
    assert tab.evaluate("document.querySelector('.stage input').value") == "100"
    tab.keyboard.press("ArrowRight")
    assert viewer.locator("h2").inner_text() == "n0.png"
    tab.keyboard.press("Escape")
    assert not viewer.is_visible() and tab.evaluate(focused) == "n0.png"
    tab.keyboard.press("/")
    tab.keyboard.type("red")
    assert tab.locator(".card:visible").count() == 1
    tab.keyboard.press("Escape")
    assert tab.locator(".card:visible").count() == 43
    assert tab.title().endswith("dmlseg") and tab.faults == []


def test_it_is_sorted_filtered_and_said_in_chinese(tab):
    first = tab.locator(".card").first
    tab.select_option("#order", "seconds")
    assert first.get_attribute("data-name") == "a.png"
    tab.select_option("#show", "over")
    assert tab.locator(".card:visible").count() == 1
    tab.select_option("#show", "")
    tab.select_option("#order", "delta_e")
    tab.click("#language")
    assert "批处理报告" in tab.inner_text("header.top")
    assert tab.get_attribute("html", "lang") == "zh"
    tab.click("#language")
    assert "Batch report" in tab.inner_text("header.top")


def test_paper_has_every_picture_and_no_tools(tab):
    tab.emulate_media(media="print")
    assert not tab.locator(".tools").is_visible() and not tab.locator("#language").is_visible()
    assert len(tab.pdf(format="A4", print_background=True)) > 20_000
    missing = "[...document.images].filter(i => i.closest('.sheet') && i.src && !i.complete).length"
    assert tab.evaluate(missing) == 0
    tab.emulate_media(media="screen")
