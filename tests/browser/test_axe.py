"""axe-core finds nothing, in any state that a person can bring the page into."""

import pytest

from tests.browser.conftest import WAIT, disc

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ALL = {}
COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}  # all that a scheme changes
WORDS = {"rules": {"color-contrast": {"enabled": False}}}  # and all that a language does


def check(tab, state, rules):
    """No rule of axe is broken, best practices among them, Gradio's frame behind the stage too."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    options = {"resultTypes": ["violations"], **rules}  # what passes is long, and told to nobody
    found = axe.Axe().run(tab.page, options=options).response["violations"]
    told = [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in found]
    assert not told, (state, told)


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({}, ALL),
        ({"color_scheme": "dark"}, COLORS),
        ({"locale": "zh-HK"}, WORDS),
        (PHONE, ALL),
        ({**PHONE, "color_scheme": "dark"}, COLORS),
    ],
    ids=["light", "dark", "zh", "phone", "dark phone"],
)
def test_axe_finds_nothing(visit, options, rules):
    tab = visit(**options)
    tab.open(disc())
    tab.page.locator("gradio-app main").wait_for(state="attached", timeout=WAIT)
    check(tab, "opened", rules)
    tab.click()
    check(tab, "selected", rules)
    tabs = tab.page.get_by_role("tab")
    for k in (1, 2, 4, 5):  # the first of both rows are open
        tabs.nth(k).click()
        check(tab, f"tab {k}", rules)
    assert tabs.count() == 6
    tabs.nth(3).click()
    tab.edit(tab.page.locator(".swatches:not(.recent) .swatch").nth(4).click)
    tabs.nth(0).click()
    check(tab, "painted", rules)
    for opener in (
        ".bar .primary",
        ".bar button:nth-of-type(2)",
        ".bar .help",
        ".line button:last-child",
    ):
        tab.page.locator(opener).dispatch_event("click")
        tab.page.get_by_role("dialog").wait_for(timeout=WAIT)
        tab.rest()
        check(tab, opener, rules)
        tab.page.keyboard.press("Escape")
    tab.choose_file("notes.txt", b"no photo")
    tab.page.get_by_role("alert").locator("button").wait_for(timeout=WAIT)
    tab.rest()
    check(tab, "refused", rules)
