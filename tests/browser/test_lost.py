"""What takes long says so, and is no fault; what is lost comes back, or it is told why not."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import WAIT, disc, png
from tests.browser.test_page import NAVY, middle_color, paint, rgb

MANY = 120
CLICKS = """async (count) => {
  const headers = { "X-Dmlseg-Session": sessionStorage["dmlseg.session"],
    "Content-Type": "application/json" };
  for (let k = 0; k < count; k++) {
    const edit = { seq: Date.now() % 1e9 * 100 + 1e6 + k, op: "click", mode: "new", tau: 0.6,
      x: (37 * k) % 320, y: (53 * k) % 240 };
    const body = JSON.stringify(edit);
    const answer = await fetch("stage/edit", { method: "POST", headers, body });
    if (!answer.ok) throw new Error(await answer.text());
  }
}"""
GONE = {"status": 409, "json": {"code": "gone", "message": "put aside"}}


@pytest.fixture
def tab(visit):
    made = visit(frame=False)
    made.open(disc())
    return made


def lose(tab):
    """The server was started anew: it knows neither the edit's session nor the photo's."""
    for path in ("edit", "photo?*"):
        tab.page.route(f"**/stage/{path}", lambda route: route.fulfill(**GONE), times=1)


def toast(tab):
    return tab.page.locator(".toast")


def progress(tab, text):
    return tab.page.get_by_role("status").filter(has_text=text)


def test_more_than_a_hundred_selections_come_back_from_a_lost_session(tab):
    tab.page.evaluate(CLICKS, MANY)
    tab.page.reload()
    tab.instances.get_by_role("option").nth(MANY - 1).wait_for(state="attached", timeout=WAIT)
    tab.click(0.6, 0.4)
    tab.rest(kept=True)
    before = tab.instances.get_by_role("option").all_inner_texts()
    lose(tab)
    with tab.page.expect_response(lambda r: "/stage/import" in r.url, timeout=WAIT) as told:
        tab.page.get_by_role("application").press("Escape")
    tab.rest(kept=True)
    assert told.value.ok and not toast(tab).is_visible()
    assert len(before) >= MANY
    tab.page.reload()
    tab.instances.get_by_role("option").nth(MANY - 1).wait_for(state="attached", timeout=WAIT)
    tab.rest()
    assert tab.instances.get_by_role("option").all_inner_texts() == before


def test_that_work_is_brought_back_is_told_while_it_takes_long(tab):
    tab.click()
    paint(tab)
    tab.rest(kept=True)
    lose(tab)
    held = tab.hold("**/stage/import")
    with tab.page.expect_request("**/stage/import", timeout=WAIT):
        tab.page.get_by_role("application").press("Escape")
    progress(tab, "Bringing your work back").wait_for(timeout=WAIT)
    held[0].continue_()
    tab.rest()
    assert not progress(tab, "Bringing").is_visible() and not toast(tab).is_visible()
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3


@pytest.mark.parametrize("how", ["reload", "lost"])
def test_work_that_the_server_does_not_take_is_told_and_not_shown(tab, how):
    """It may have been started with other weights."""
    tab.click()
    tab.rest(kept=True)
    refused = {"status": 422, "json": {"code": "recipe", "message": "other weights"}}
    tab.page.route("**/stage/import", lambda route: route.fulfill(**refused))
    if how == "reload":
        tab.page.evaluate("sessionStorage.removeItem('dmlseg.session')")
        tab.page.reload()
    else:
        lose(tab)
        tab.page.get_by_role("application").press("Escape")
    toast(tab).filter(has_text="cannot be brought back: other weights").wait_for(timeout=WAIT)
    tab.rest()
    assert tab.page.get_by_role("alert").locator(toast(tab)).count() == 1
    assert tab.chosen.count() == 0 and tab.button("Undo").is_disabled()


def test_why_a_photo_could_not_be_brought_back_is_what_is_told(tab):
    tab.click()
    lose(tab)
    tab.page.evaluate("indexedDB.deleteDatabase('dmlseg')")
    tab.page.get_by_role("application").press("Escape")
    toast(tab).filter(has_text="no longer in this browser").wait_for(timeout=WAIT)
    tab.rest()
    assert "no longer in this browser" in toast(tab).inner_text()


def test_a_file_that_is_asked_for_during_the_analysis_waits_for_it(tab):
    tab.hold("**/stage/state?after=*")
    tab.choose_file("leaf.png", png(disc(color=(30, 120, 60))))
    tab.page.locator(".photo-name").filter(has_text="leaf").wait_for(timeout=WAIT)
    tab.button("Export").click()
    with tab.page.expect_download(timeout=WAIT) as file:
        tab.button("Download").click()
        progress(tab, re.compile(".")).wait_for(timeout=WAIT)
        assert not toast(tab).is_visible()
        tab.page.unroute("**/stage/state?after=*")  # lets go what was held
    assert file.value.suggested_filename.startswith("leaf")
    tab.rest()
    assert not toast(tab).is_visible()


def test_what_is_good_to_know_of_a_file_is_no_alarm(visit):
    tab = visit(frame=False)
    clear = np.dstack([disc(), np.full(disc().shape[:2], 255, np.uint8)])
    clear[:40, :40, 3] = 0
    out = io.BytesIO()
    Image.fromarray(clear).save(out, "PNG")
    tab.open(out.getvalue())
    tab.click()
    paint(tab)
    tab.button("Export").click()
    tab.page.get_by_label("Format").select_option("jpeg")
    with tab.page.expect_download(timeout=WAIT):
        tab.button("Download").click()
    toast(tab).filter(has_text="alpha was left out").wait_for(timeout=WAIT)
    assert tab.page.get_by_role("alert").count() == 0
    assert toast(tab).locator(".icon").count() == 1  # of the button alone: no sign of a fault
    assert "alpha was left out" in tab.page.get_by_role("log").inner_text()
    tab.choose_file("notes.txt", b"no photo")
    tab.page.get_by_role("alert").locator(toast(tab)).filter(has_text="notes.txt").wait_for()
    assert toast(tab).locator(".icon").count() == 2


@pytest.mark.parametrize(("what", "told"), [("tile/**", "detail"), ("explain?*", "Looking")])
def test_a_picture_that_is_long_in_coming_is_announced(tab, what, told):
    tab.open(disc(900, 1200))
    tab.hold(f"**/stage/{what}")
    if what == "tile/**":
        tab.page.mouse.move(*tab.middle())
        for _ in range(6):
            tab.page.mouse.wheel(0, -240)
    else:
        tab.page.get_by_role("tab", name="Why").click()
        tab.page.get_by_label("Embedding").check()
    progress(tab, told).wait_for(timeout=WAIT)
    tab.page.unroute(f"**/stage/{what}")  # lets go what was held
    tab.rest()
    assert not progress(tab, told).is_visible()


def test_a_screen_reader_hears_the_end_of_a_drag_not_its_way(tab):
    tab.click()
    log, (x, y) = tab.page.get_by_role("log"), tab.middle()
    before = log.inner_text()
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    for k in range(1, 9):
        tab.page.mouse.move(x + 14 * k, y)
        tab.rest()
    assert log.inner_text() == before
    tab.page.mouse.up()
    tab.rest()
    assert log.inner_text() != before
