"""Escape, and undo before there is something to undo, take back what the hand is doing."""

import numpy as np
import pytest

from tests.browser.conftest import disc
from tests.browser.test_let_go import grab, middle_color
from tests.browser.test_page import NAVY, paint, rgb

KEYS = ["Escape", "Control+z"]


@pytest.fixture
def painted(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    paint(tab)
    return tab


def so(tab):
    """What must be as it was: mask, color, what is active, and what can be undone."""
    tab.rest()
    steps = tab.page.locator(".past li").evaluate_all("all => all.map(li => li.textContent)")
    now = tab.page.locator(".past [aria-current]").text_content()
    listed = tab.instances.get_by_role("option").all_inner_texts()
    return steps, now, tab.tau.input_value(), tab.color.input_value(), listed, tab.chosen.count()


def sideways(tab):
    x, y = tab.middle()
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + 30, y, steps=4)
    tab.rest()
    return lambda: tab.page.mouse.move(x + 60, y, steps=3)


def along(tab, slider):
    x, y = grab(tab, slider)
    tab.page.mouse.move(x - 40, y, steps=4)
    tab.rest()
    return lambda: tab.page.mouse.move(x - 60, y, steps=3)


def over(tab):
    area = tab.page.get_by_role("slider", name="Lightness and chroma").bounding_box()
    tab.page.mouse.move(area["x"] + 10, area["y"] + 10)
    tab.page.mouse.down()
    tab.page.mouse.move(area["x"] + 60, area["y"] + 20, steps=4)
    tab.rest()
    return lambda: tab.page.mouse.move(area["x"] + 90, area["y"] + 20, steps=3)


def box(tab):
    x, y = tab.middle(0.3, 0.2)
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + 60, y + 90, steps=4)
    return lambda: tab.page.mouse.move(x + 80, y + 95, steps=3)


def stroke(tab):
    tab.page.keyboard.press("b")
    return box(tab)


DRAGS = {
    "tau on the photo": sideways,
    "tau": lambda tab: along(tab, tab.tau),
    "hue": lambda tab: along(tab, tab.page.get_by_role("slider", name="Hue")),
    "color": over,
    "box": box,
    "stroke": stroke,
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("drag", DRAGS)
def test_a_drag_that_is_taken_back_leaves_everything_as_it_was(painted, drag, key):
    tab = painted
    before = so(tab)
    go_on = DRAGS[drag](tab)
    tab.page.keyboard.press(key)
    go_on()
    tab.page.mouse.up()
    assert so(tab) == before
    tab.page.keyboard.press("v")
    assert np.abs(middle_color(tab) - rgb(NAVY)).max() <= 3
    tab.press("Undo")  # the color, the last thing that was done
    assert np.abs(middle_color(tab) - [170, 40, 40]).max() <= 6


def test_a_second_finger_takes_back_what_the_first_began(visit):
    """Two fingers zoom: what the first did until the second came was no drag of tau."""
    tab = visit(frame=False, has_touch=True)
    tab.open(disc())
    tab.click()
    before, zoom = so(tab), tab.page.get_by_role("group", name="Zoom")
    fitted = zoom.inner_text()
    (x, y), line = tab.middle(), tab.context.new_cdp_session(tab.page)

    def fingers(kind, *places):
        points = [{"x": px, "y": py, "id": k} for k, (px, py) in enumerate(places)]
        line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (x, y))
    for k in range(1, 5):
        fingers("touchMove", (x + 8 * k, y))
    tab.rest()
    assert tab.edits[-1]["op"] == "tau"
    fingers("touchStart", (x + 32, y), (x - 60, y))
    fingers("touchMove", (x + 60, y), (x - 90, y))
    fingers("touchEnd")
    assert so(tab) == before
    assert zoom.inner_text() != fitted


def test_a_box_beside_the_photo_is_no_edit(painted):
    tab = painted
    before, edits, (left, y) = so(tab), len(tab.edits), tab.middle(0.0, 0.5)
    tab.page.keyboard.press("Control+-")
    tab.page.mouse.move(left + 10, y - 100)
    tab.page.mouse.down()
    tab.page.mouse.move(left + 40, y + 100, steps=5)
    tab.page.mouse.up()
    assert so(tab) == before
    assert len(tab.edits) == edits
