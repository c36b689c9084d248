"""The nested outlines that are offered at the pointer."""

from skimage import data

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
