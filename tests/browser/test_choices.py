"""The nested outlines that are offered at the pointer."""

from skimage import data

from tests.browser.conftest import disc

NAMES = {"Smaller part", "Larger part", "Part", "Object", "Group"}


def test_what_a_click_may_mean_is_offered_and_taken(visit):
    tab = visit(frame=False)
    tab.open(data.astronaut())
    tab.click(0.3, 0.8)
    choices = tab.page.get_by_role("group", name="Selected")
    buttons = choices.get_by_role("button")
    names = buttons.all_inner_texts()
    assert 2 <= len(names) <= 3 and set(names) <= NAMES and len(set(names)) == len(names)
    pressed = [b.inner_text() for b in buttons.all() if b.get_attribute("aria-pressed") == "true"]
    assert pressed == ["Object"]
    before = float(tab.tau.input_value())
    tab.edit(buttons.first.click)
    assert tab.edits[-1]["op"] == "tau" and tab.edits[-1]["tau"] > before
    assert float(tab.tau.input_value()) > before and choices.is_hidden()
    tab.press("Undo")
    assert float(tab.tau.input_value()) == before


def test_what_was_shown_and_clicked_is_the_object_wherever_that_was(visit):
    tab = visit(frame=False)
    tab.open(data.coffee())
    marks = tab.page.get_by_role("group", name="Tau").get_by_role("button", pressed=True)
    for place in ((0.5, 0.5), (0.2, 0.6), (0.8, 0.3), (0.45, 0.75)):
        tab.click(*place)
        assert marks.all_inner_texts() == ["Object"]
        tab.edit(lambda: tab.page.keyboard.press("Escape"))
    tab.open(disc())  # without a part of its own
    tab.click()
    assert marks.all_inner_texts() == ["Object"]


def test_what_a_finger_was_offered_goes(visit):
    """Nothing tells that a finger went away: a press elsewhere does, or a while."""
    tab = visit(frame=False, has_touch=True)
    tab.open(data.astronaut())
    choices = tab.page.get_by_role("group", name="Selected")
    place = tab.middle(0.3, 0.8)
    tab.edit(lambda: tab.page.touchscreen.tap(*place))
    choices.wait_for()
    tab.page.get_by_role("tab", name="Look").tap()
    choices.wait_for(state="hidden", timeout=1000)
    tab.press("Undo")
    tab.edit(lambda: tab.page.touchscreen.tap(*place))
    choices.wait_for()
    choices.wait_for(state="hidden")
