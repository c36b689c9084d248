"""What of a thing takes the color: its materials, and what a brush went over."""

import numpy as np

from tests.browser.conftest import WAIT, disc
from tests.browser.test_page import NAVY, middle_color, paint, rgb


def test_brush_and_eraser_paint_what_the_hand_went_over(visit):
    """A second disc of the same paint is brushed in, and taken out again."""
    tab = visit(frame=False)
    tab.open(np.concatenate([disc(240, 240)] * 2, axis=1))
    plain = middle_color(tab, 0.75, 0.5)
    tab.click(0.25, 0.5)
    paint(tab)
    tab.page.get_by_role("application").focus()
    for key, mode in (("b", "add"), ("e", "erase")):
        tab.page.keyboard.press(key)
        tab.page.mouse.move(*tab.middle(0.75, 0.4))
        tab.page.mouse.down()
        tab.page.mouse.move(*tab.middle(0.75, 0.6), steps=5)
        tab.edit(tab.page.mouse.up)
        assert tab.edits[-1]["op"] == "stroke" and tab.edits[-1]["mode"] == mode
        far = np.abs(middle_color(tab, 0.75, 0.5) - plain).max()
        assert far > 40 if mode == "add" else far <= 3


def printed_disc(ink=(22, 22, 24)):
    """A white disc with a bar across it."""
    photo = disc(240, 240, (225, 222, 218))
    inside = (np.abs(np.arange(240) - 120) < 18)[:, None] & (np.abs(np.arange(240) - 120) < 40)
    photo[inside] = ink
    return photo


def test_a_brush_paints_what_was_kept(visit):
    tab = visit(frame=False)
    ink = np.array((190, 60, 50))
    tab.open(printed_disc(ink))
    tab.click(0.5, 0.3)
    paint(tab)
    assert np.abs(middle_color(tab) - ink).max() <= 4  # kept
    tab.page.get_by_role("application").focus()
    tab.page.keyboard.press("b")
    tab.page.mouse.move(*tab.middle(0.42, 0.5))
    tab.page.mouse.down()
    tab.page.mouse.move(*tab.middle(0.58, 0.5), steps=5)
    tab.edit(tab.page.mouse.up)
    painted = middle_color(tab)
    assert painted[2] > painted[0] + 30
    tab.press("Undo")
    assert np.abs(middle_color(tab) - ink).max() <= 4


def test_materials_of_an_object_are_kept_or_painted_one_by_one(visit):
    tab = visit(frame=False)
    tab.open(printed_disc())
    tab.click(0.3, 0.35)
    tab.page.get_by_role("tab", name="Limits").click()
    group = tab.page.get_by_role("group", name="Materials")
    boxes = group.get_by_role("checkbox")
    boxes.nth(1).wait_for(timeout=WAIT)
    assert [box.is_checked() for box in boxes.all()] == [True, False]
    bar, cloth = (0.5, 0.5), (0.3, 0.35)
    before = middle_color(tab, *bar)
    tab.page.get_by_role("tab", name="Color").click()
    paint(tab)
    assert np.abs(np.subtract(middle_color(tab, *bar), before)).max() < 12  # the print stays
    assert np.abs(np.subtract(middle_color(tab, *cloth), rgb(NAVY))).max() < 60
    tab.hold("**/stage/materials/**")  # the hand is faster than the new palette
    tab.page.get_by_role("tab", name="Limits").click()
    with tab.page.expect_request("**/stage/edit", timeout=WAIT):
        group.locator("input[type=color]").nth(1).fill("#c8102e")
    tab.page.unroute("**/stage/materials/**")  # lets go what was held
    tab.rest()
    (target,) = tab.edits[-1]["style"]["targets"]
    assert target["target"] == "#c8102e"
    red, _, blue = middle_color(tab, *bar)
    assert red > blue + 25
    assert [box.is_checked() for box in boxes.all()] == [True, True]
    tab.edit(lambda: boxes.nth(1).uncheck())
    assert np.abs(np.subtract(middle_color(tab, *bar), before)).max() < 12
    assert not tab.faults
