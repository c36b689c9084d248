"""The page without a mouse, without eyes, on small screens."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import disc
from tests.browser.test_page import paint, rgb

NAMELESS = """root => [...root.querySelectorAll(
    'button, input, select, textarea, [role=slider], [role=listbox], [tabindex]')]
  .filter(e => !e.closest('[hidden], [aria-hidden=true]') && e.type !== 'file')
  .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length
    || e.closest('label') || e.getAttribute('aria-labelledby')))
  .map(e => e.outerHTML)"""
CONTRAST = """root => {
  const channel = v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
  const parse = text => { const c = new OffscreenCanvas(1, 1).getContext('2d');
    c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const ground = e => { for (; e; e = e.parentElement ?? e.getRootNode().host) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; }
    return [255, 255, 255, 255]; };
  const shown = e => e.getClientRects().length
    && !e.closest('[hidden], :disabled, [aria-hidden=true]');
  return [...root.querySelectorAll('*')]
    .filter(e => shown(e) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => !e.closest('button:disabled, .veil') && e.tagName !== 'STYLE')
    .map(e => { const [a, b] = [parse(getComputedStyle(e).color), ground(e)].map(light)
      .sort((p, q) => q - p); return [(a + .05) / (b + .05), e.textContent.trim().slice(0, 30)]; })
    .filter(([ratio]) => ratio < 4.5);
}"""


PLACES = """r => [...r.querySelectorAll(
    '.bar button, .rail button, .panel .tau *, .tabs, canvas')]
  .filter(e => e.getClientRects().length && !e.closest('.ticks, .objects'))
  .map(e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.right, b.bottom]; })"""


def root(tab):
    return tab.page.locator(".page").evaluate_handle("e => e.getRootNode()")


def test_select_paint_and_undo_by_keys_alone(visit):
    tab = visit()
    tab.open(disc())
    tab.page.get_by_role("application").focus()
    for _ in range(3):
        tab.page.keyboard.press("ArrowRight")
    tab.edit(lambda: tab.page.keyboard.press("Enter"))
    assert tab.edits[-1]["op"] == "click"
    step = tab.edits[-1]["x"] - 160
    assert step > 0 and tab.edits[-1]["y"] in (119, 120)
    assert tab.chosen.count() == 1
    live = tab.page.get_by_role("log")
    assert "%" in live.inner_text()
    tab.page.keyboard.press("c")
    tab.page.keyboard.type("navy")
    tab.edit(lambda: tab.page.keyboard.press("Enter"))
    assert tab.edits[-1]["style"]["color"] == "navy"
    tab.page.get_by_role("application").focus()
    tab.edit(lambda: tab.page.keyboard.press("Control+z"))
    assert tab.edits[-1]["op"] == "undo"
    tab.page.keyboard.press("?")
    assert tab.page.get_by_role("dialog").get_by_text("Keyboard shortcuts").is_visible()
    tab.page.keyboard.press("Escape")
    assert tab.page.get_by_role("dialog").count() == 0


def test_the_list_is_a_listbox_that_arrows_walk(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    spoken = re.compile(r"^object (dark |light )?red [\d.]+ %$")
    assert tab.instances.get_by_role("option", name=spoken, selected=True).count() == 1
    tab.instances.focus()
    tab.edit(lambda: tab.page.keyboard.press("ArrowDown"))
    assert tab.edits[-1]["op"] in ("choose", "activate")
    assert tab.chosen.count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_a_name_and_enough_contrast(visit, scheme):
    tab = visit(frame=False, color_scheme=scheme)
    tab.open(disc())
    tab.click()
    assert root(tab).evaluate(NAMELESS) == []
    assert root(tab).evaluate(CONTRAST) == []
    for name in ("Look", "Limits", "History", "Why"):
        tab.page.get_by_role("tab", name=name).click()
        assert root(tab).evaluate(CONTRAST) == []
    ids = root(tab).evaluate("r => [...r.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    inside = "[role=option] :is(button, input, a, [tabindex])"
    assert root(tab).evaluate(f"r => r.querySelectorAll({inside!r}).length") == 0


@pytest.mark.parametrize("size", [(320, 568), (740, 360), (1024, 640), (3840, 2160)])
def test_it_fits_and_nothing_moves(visit, size):
    width, height = size
    tab = visit(frame=False, viewport={"width": width, "height": height})
    tab.open(disc())
    before = root(tab).evaluate(PLACES)
    assert all(x >= -0.5 and right <= width + 0.5 for x, _, right, _ in before)
    tab.click()
    after = root(tab).evaluate(PLACES)
    box = tab.stage.bounding_box()
    assert box["width"] > 0.4 * width and box["height"] > 0.25 * height
    assert len(before) == len(after)
    # the value beside the slider is text: only its own width may change
    moved = np.abs(np.array(before) - np.array(after)).max(axis=1)
    assert (moved > 0.5).sum() <= 1


@pytest.mark.parametrize("size", [(320, 568), (360, 640), (640, 360), (1024, 600), (1366, 657)])
def test_what_paints_is_seen_at_once(visit, size):
    width, height = size
    touch = width < 640
    screen = {"viewport": {"width": width, "height": height}, "is_mobile": touch}
    tab = visit(frame=False, has_touch=touch, **screen)
    tab.open(disc())
    tab.click()
    tab.page.get_by_role("tab", name="Color").click()
    pane = tab.page.locator(".pane.color").bounding_box()
    for part in (".area", ".hue", ".field", ".swatches:not(.recent) .swatch >> nth=0"):
        box = tab.page.locator(part).bounding_box()
        assert box["y"] >= pane["y"], part
        assert box["y"] + box["height"] <= min(height, pane["y"] + pane["height"]), part


GRAYING = """root => [...root.styleSheets].flatMap(sheet => [...sheet.cssRules])
  .filter(rule => /:hover/.test(rule.selectorText ?? '') && rule.style.backgroundColor)
  .map(rule => rule.selectorText)"""


def test_what_a_finger_pressed_does_not_stay_gray(visit):
    # a phone keeps :hover on what was tapped last
    assert root(visit(frame=False)).evaluate(GRAYING) == [".tabs button:hover:not(:disabled)"]


SMALL = """(root, [wide, high]) => [...root.querySelectorAll('button, select, .text, .slider, li')]
  .filter(e => e.getClientRects().length && getComputedStyle(e).visibility !== 'hidden')
  .map(e => [e.ariaLabel ?? e.textContent, e.getBoundingClientRect()])
  .filter(([, b]) => b.width < wide || b.height < high)
  .map(([name, b]) => [name, b.width, b.height])"""


@pytest.mark.parametrize(
    ("size", "touch", "least"),
    [((1280, 800), False, (24, 24)), ((390, 844), True, (36, 40)), ((320, 568), True, (30, 40))],
)
def test_everything_is_large_enough_to_hit(visit, size, touch, least):
    width, height = size
    screen = {"viewport": {"width": width, "height": height}, "is_mobile": touch}
    tab = visit(frame=False, has_touch=touch, **screen)
    tab.open(disc())
    for name in ("Color", "Look", "Limits", "History", "Objects"):
        tab.page.get_by_role("tab", name=name).click()
        assert root(tab).evaluate(SMALL, least) == []


def test_reduced_motion_stops_every_animation(visit):
    tab = visit(frame=False, reduced_motion="reduce")
    running = "r => r.getAnimations().length"
    assert root(tab).evaluate(running) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colors_leave_what_is_a_color_and_what_is_drawn_by_its_ground(visit, scheme):
    """Swatches without their color are all alike, and a slider without its thumb is none."""
    tab = visit(frame=False, forced_colors="active", color_scheme=scheme)
    tab.open(disc())
    tab.click()
    paint(tab, "#3d8b40")
    tab.away()
    tab.rest()
    shot = np.asarray(Image.open(io.BytesIO(tab.page.screenshot())).convert("RGB")).astype(int)

    def middle(part):
        box = part.bounding_box()
        return shot[int(box["y"] + box["height"] / 2), int(box["x"] + box["width"] / 2)]

    swatches = tab.page.get_by_role("group", name="Palettes").get_by_role("button")
    for swatch in swatches.all():
        assert np.abs(middle(swatch) - rgb(swatch.get_attribute("aria-label"))).max() <= 2
    chip, painted = tab.page.locator(".field .chip"), tab.page.locator(".from-to i").last
    for part in (chip, painted):
        assert np.abs(middle(part) - rgb("#3d8b40")).max() <= 2
    for slider in (tab.tau, tab.page.get_by_role("slider", name="Hue")):
        box = slider.bounding_box()
        x, y = int(box["x"]), int(box["y"] + box["height"] / 2)
        along = shot[y - 3 : y + 4, x : x + int(box["width"])].reshape(-1, 3)
        assert len(np.unique(along, axis=0)) > 2
