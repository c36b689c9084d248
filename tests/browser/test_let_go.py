"""When the hand lets go, every control and figure says what is so: late answers, lost requests."""

import numpy as np
import pytest

from tests.browser.conftest import WAIT, disc
from tests.browser.test_hand import DRAGS, throttle
from tests.browser.test_page import NAVY, middle_color, paint, rgb
from tests.browser.test_tools import two_discs


@pytest.fixture
def painted(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    paint(tab)
    return tab


def late(tab, milliseconds):
    """Answers that come so much later."""
    values = {"offline": False, "latency": milliseconds}
    values |= {"downloadThroughput": -1, "uploadThroughput": -1}
    tab.context.new_cdp_session(tab.page).send("Network.emulateNetworkConditions", values)


def grab(tab, slider, share=None):
    """The pointer pressed on a slider's thumb, or at a share of its width: its place."""
    box = slider.bounding_box()
    value, low, high = (
        float(slider.evaluate(f"s => s.{name}")) for name in ("value", "min", "max")
    )
    at = (value - low) / (high - low) if share is None else share
    if share is None and slider.get_attribute("dir") == "rtl":
        at = 1 - at
    x, y = box["x"] + 8 + at * (box["width"] - 16), box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    return x, y


def measured(tab):
    """Back when the note says how well the color was met, and nothing is on its way."""
    tab.page.locator(".color .note").filter(has_text="ΔE₀₀").wait_for(timeout=WAIT)
    tab.rest()
    return "ΔE₀₀" in tab.page.locator(".color .note").inner_text()


def drag_slider(tab, rng):
    x, y = grab(tab, tab.tau, rng.uniform(0.2, 0.8))
    for _ in range(rng.integers(1, 8)):
        tab.page.mouse.move(x + rng.uniform(-40, 40), y)
        tab.page.wait_for_timeout(float(rng.uniform(0, 60)))
    tab.page.mouse.up()


def drag_sideways(tab, rng):
    x, y = tab.middle()
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    for _ in range(rng.integers(2, 8)):
        tab.page.mouse.move(x + rng.uniform(10, 60), y)
        tab.page.wait_for_timeout(float(rng.uniform(0, 60)))
    tab.page.mouse.up()


def turn_wheel(tab, rng):
    box = tab.tau.bounding_box()
    tab.page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2)
    for delta in rng.choice([-60, 60], 3):
        tab.page.mouse.wheel(0, float(delta))


def press_keys(tab, rng):
    tab.page.get_by_role("application").focus()
    tab.page.keyboard.press(str(rng.choice([",", "."])))


def test_what_a_color_met_is_told_again_after_a_drag_of_tau(painted):
    tab, rng = painted, np.random.default_rng(7)
    assert measured(tab)
    throttle(tab, 2)
    for milliseconds in (0, 120):
        late(tab, milliseconds)
        for act in (drag_slider, drag_sideways, turn_wheel, press_keys) * max(1, DRAGS // 4):
            with tab.page.expect_request("**/stage/edit", timeout=WAIT):
                act(tab, rng)
            tab.rest()
            assert tab.edits[-1]["drag"] and measured(tab)


def test_a_drag_that_ends_where_it_began_has_ended(visit):
    """The browser tells no change then; the next drag is another one, of what is active then."""
    tab = visit(frame=False)
    tab.open(two_discs())
    for x, color in ((0.25, NAVY), (0.75, "#c8102e")):
        tab.click(x)
        paint(tab, color)
    x, y = grab(tab, tab.tau)
    tab.page.mouse.move(x - 20, y, steps=3)
    tab.page.mouse.move(x, y, steps=3)
    tab.page.mouse.up()
    tab.rest()
    first = tab.edits[-1]
    tab.click(0.25)
    assert tab.tau.input_value() == tab.page.locator(".tau input[type=range]").input_value()
    x, y = grab(tab, tab.tau)
    tab.page.mouse.move(x + 20, y, steps=3)
    tab.page.mouse.up()
    tab.rest()
    last = tab.edits[-1]
    assert last["op"] == "tau"
    assert last["id"] != first["id"] and last["drag"] != first["drag"]


def test_live_sliders_of_the_look_let_go_too(painted):
    tab = painted
    tab.page.get_by_role("tab", name="Look").click()
    strength = tab.page.get_by_role("slider", name="Strength")
    x, y = grab(tab, strength)
    tab.page.mouse.move(x - 60, y, steps=3)
    tab.page.mouse.move(x, y, steps=3)
    tab.page.mouse.up()
    tab.rest()
    x, y = grab(tab, strength)
    tab.page.mouse.move(x - 100, y, steps=3)
    tab.page.mouse.up()
    tab.rest()
    assert float(strength.input_value()) < 0.8
    assert "strength" in tab.page.locator(".color .note").text_content()
    tab.press("Undo")
    assert strength.input_value() == "1"
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3


def test_a_refused_color_leaves_no_paint_of_its_own(painted):
    """What was shown while the hand dragged goes when the edit is refused."""
    tab = painted
    refused = {"status": 422, "json": {"code": "value", "message": "not this one"}}
    tab.page.route("**/stage/edit", lambda route: route.fulfill(**refused), times=1)
    area = tab.page.get_by_role("slider", name="Lightness and chroma").bounding_box()
    tab.page.mouse.move(area["x"] + 10, area["y"] + 10)
    tab.page.mouse.down()
    tab.page.mouse.move(area["x"] + 40, area["y"] + 20, steps=4)
    tab.rest()
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() > 60
    tab.page.mouse.move(area["x"] + 42, area["y"] + 20)
    tab.edit(tab.page.mouse.up)
    assert tab.page.get_by_role("alert").inner_text() == "not this one"
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
    assert tab.color.input_value() == NAVY


@pytest.mark.parametrize("arrived", [False, True])
def test_a_request_that_the_line_dropped_is_sent_again_and_done_once(painted, arrived):
    """Whether it had come to the server or not."""
    tab = painted
    steps = tab.page.get_by_role("list").locator("li").count

    def drop(route):
        if arrived:
            route.fetch()
        route.abort("connectionreset")

    tab.page.get_by_role("tab", name="History").click()
    before = steps()
    tab.page.route("**/stage/edit", drop, times=1)
    tab.page.get_by_role("application").focus()
    with tab.page.expect_response(lambda r: r.url.endswith("/stage/edit") and r.ok):
        tab.press("Undo")
    tab.rest()
    assert not tab.page.get_by_role("alert").locator(".toast").is_visible()
    assert [edit.get("again", False) for edit in tab.edits[-2:]] == [False, True]
    current = tab.page.locator(".past [aria-current]")
    assert steps() == before
    assert current.evaluate("b => [...b.parentElement.parentElement.children]"
                            ".indexOf(b.parentElement)") == before - 2  # fmt: skip
