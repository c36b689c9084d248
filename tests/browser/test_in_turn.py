"""A hand that is faster than the line: a press before an answer counts of what is so then."""

import pytest

from tests.browser.conftest import WAIT
from tests.browser.test_page import NAVY, paint
from tests.browser.test_tools import two_discs

RED = "#c8102e"


@pytest.fixture
def two(visit):
    """Two painted discs; the right one is active."""
    tab = visit(frame=False)
    tab.open(two_discs())
    for x, color in ((0.25, NAVY), (0.75, RED)):
        tab.click(x)
        paint(tab, color)
    return tab


def held(tab, *acts):
    """Do several things before the first is answered: the edits that went over the line."""
    before = len(tab.edits)
    tab.hold("**/stage/edit")
    with tab.page.expect_request("**/stage/edit", timeout=WAIT):
        acts[0]()
    for act in acts[1:]:
        act()
    tab.page.unroute("**/stage/edit")  # lets go what was held
    tab.rest()
    return tab.edits[before:]


def left(tab):
    tab.page.mouse.click(*tab.middle(0.25))


def swatches(tab):
    """Colors of the listed selections, topmost first."""
    return tab.instances.locator(".from-to i:last-child").evaluate_all(
        "all => all.map(i => i.style.backgroundColor)"
    )


def test_what_is_pressed_after_a_click_is_meant_for_what_was_clicked(two):
    tab = two
    first, second = held(tab, lambda: left(tab), lambda: tab.page.keyboard.press("Delete"))
    assert (first["op"], second["op"]) == ("click", "remove")
    assert swatches(tab) == ["rgb(200, 16, 46)"]  # the right one is left
    tab.press("Undo")
    tab.click(0.75)
    *_, style = held(tab, lambda: left(tab), tab.button("#3d8b40").click)
    assert style["style"]["color"] == "#3d8b40"
    assert swatches(tab) == ["rgb(200, 16, 46)", "rgb(61, 139, 64)"]


@pytest.mark.parametrize("known", [True, False], ids=["a selection", "new"])
def test_a_drag_of_tau_after_a_click_is_of_what_was_clicked(two, known):
    tab = two
    right = tab.tau.input_value()
    if not known:
        tab.click(0.25)
        tab.press("Remove")
        tab.click(0.75)
    (x, y), step = tab.middle(0.25), tab.page.mouse

    def drag():
        step.move(x, y)
        step.down()
        for k in range(1, 9):
            step.move(x + 4 * k, y)
        step.up()

    clicked, *moves = held(tab, lambda: left(tab), drag)
    assert clicked["op"] == "click" and moves[-1]["op"] == "tau"
    assert abs(float(tab.tau.input_value()) - moves[-1]["tau"]) < 1e-3
    tab.click(0.75)
    assert tab.tau.input_value() == right


def test_a_button_that_is_pressed_twice_is_pressed_twice(two):
    tab = two
    eye = tab.button("Hide its color").click
    assert [edit["on"] for edit in held(tab, eye, eye)] == [False, True]
    assert tab.button("Hide its color").is_visible()


def test_limits_that_are_taken_away_at_once_are_all_gone(two):
    tab = two
    tab.page.get_by_role("tab", name="Limits").click()
    for x in (0.7, 0.8):
        tab.page.locator(".keep .segments").last.get_by_role("button").last.click()
        tab.click(x)
    gates = tab.page.locator(".gate")
    assert gates.count() == 2
    remove = gates.get_by_role("button")
    held(tab, remove.nth(0).click, remove.nth(1).click)
    assert gates.count() == 0
