"""Where a click lands, where a drag ends: what the hand did is what the server got."""

import os

import numpy as np
import pytest

from tests.browser.conftest import WAIT, disc

DRAGS = int(os.environ.get("DMLSEG_DRAGS", "4"))


def ramps(height, width):
    """A photo whose colors say where a pixel lies: red is its column, green its row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 256 // width, y * 256 // height, np.full_like(x, 90)], 2).astype(np.uint8)


def spots(picture, rng, count=5):
    """Places (x, y) on the screen: the photo's corners and edges, and random ones inside.

    The photo is what has 90 in its blue channel; each place lies in the middle of a run of equal
    pixels where the photo is enlarged, so that half a pixel more or less is the same photo pixel.
    """
    rows, columns = np.nonzero((picture[..., 2] == 90) & (np.ptp(picture, 2) > 0))
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
    edges = [((left + right) // 2, top), (left, (top + bottom) // 2)]
    return (
        corners
        + edges
        + [(rng.integers(left, right), rng.integers(top, bottom)) for _ in range(count)]
    )


def check_clicks(tab, height, width, *, count=5, tap=False):
    picture, rng = tab.seen(), np.random.default_rng(height + width)
    for x, y in spots(picture, rng, count):
        if tap:  # the choice that was offered to the finger may lie over the next place
            tab.page.keyboard.press("0")
        done = len(tab.edits)
        press = tab.page.touchscreen.tap if tap else tab.page.mouse.click
        with tab.page.expect_request(lambda r: r.url.endswith("/stage/edit"), timeout=WAIT):
            press(float(x) + 0.5, float(y) + 0.5)
        tab.rest()
        got = tab.edits[done]
        assert got["op"] == "click"
        red, green, _ = picture[y, x]
        around = picture[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        near = np.abs(around[..., :2] - picture[y, x, :2]).max() + 256 // min(height, width) + 1
        assert abs(got["x"] * 256 / width - red) <= near, (got, x, y, picture[y, x])
        assert abs(got["y"] * 256 / height - green) <= near, (got, x, y, picture[y, x])


@pytest.mark.parametrize(
    ("viewport", "size"),
    [((1280, 800), (100, 150)), ((900, 600), (400, 600)), ((1900, 1000), (1200, 500))],
)
def test_clicks_land_on_the_pixel_that_is_seen(visit, viewport, size):
    tab = visit(frame=False, viewport=dict(zip(("width", "height"), viewport, strict=True)))
    tab.open(ramps(*size))
    check_clicks(tab, *size)


def test_clicks_land_when_zoomed_and_panned(visit):
    tab = visit(frame=False)
    tab.open(ramps(100, 150))
    tab.page.mouse.move(*tab.middle(0.4, 0.6))
    tab.page.mouse.wheel(0, -120)
    tab.page.mouse.down(button="middle")
    tab.page.mouse.move(*tab.middle(0.5, 0.5), steps=4)
    tab.page.mouse.up(button="middle")
    check_clicks(tab, 100, 150)


def test_taps_land_on_a_phone(visit):
    tab = visit(frame=False, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab.open(ramps(200, 300))
    check_clicks(tab, 200, 300, tap=True)


def test_clicks_land_in_fullscreen_and_on_fine_screens(visit):
    tab = visit(frame=False, device_scale_factor=2)
    tab.open(ramps(100, 150))
    tab.page.evaluate("document.documentElement.requestFullscreen().catch(() => {})")
    tab.rest()
    picture = tab.seen()
    assert picture.shape[1] == 2560
    for x, y in spots(picture, np.random.default_rng(2), 3):
        done = len(tab.edits)
        with tab.page.expect_request(lambda r: r.url.endswith("/stage/edit"), timeout=WAIT):
            tab.page.mouse.click(float(x) / 2 + 0.25, float(y) / 2 + 0.25)
        tab.rest()
        got, (red, green, _) = tab.edits[done], picture[y, x]
        assert abs(got["x"] * 256 / 150 - red) <= 3 and abs(got["y"] * 256 / 100 - green) <= 3


def test_tau_drags_end_where_the_hand_let_go(visit):
    tab, rng = visit(frame=False), np.random.default_rng(3)
    tab.open(disc())
    tab.click()
    throttle(tab, 4)
    for _ in range(DRAGS):
        box = tab.tau.bounding_box()
        y = box["y"] + box["height"] / 2
        tab.page.mouse.move(box["x"] + rng.uniform(10, box["width"] - 10), y)
        tab.page.mouse.down()
        for _ in range(rng.integers(3, 12)):
            tab.page.mouse.move(box["x"] + rng.uniform(10, box["width"] - 10), y)
            tab.page.wait_for_timeout(float(rng.uniform(0, 30)))
        let_go = tab.tau.input_value()
        tab.page.mouse.up()
        tab.rest()
        assert tab.tau.input_value() == let_go
        assert tab.edits[-1]["tau"] == float(let_go)
        assert tab.page.locator(".tau output").inner_text() == f"{float(let_go):.2f}"


def test_a_sideways_drag_on_an_object_is_tau_and_one_step(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    before = tab.tau.input_value()
    x, y = tab.middle()
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    for k in range(1, 15):
        tab.page.mouse.move(x + 4 * k, y)
    tab.page.mouse.up()
    tab.rest()
    assert tab.edits[-1]["op"] == "tau"
    assert float(tab.tau.input_value()) < float(before)
    tab.press("Undo")
    assert tab.tau.input_value() == before


def test_a_color_drag_ends_where_the_hand_let_go(visit):
    tab, rng = visit(frame=False), np.random.default_rng(4)
    tab.open(disc())
    tab.click()
    throttle(tab, 4)
    area = tab.page.get_by_role("slider", name="Lightness and chroma").bounding_box()
    for _ in range(DRAGS):
        tab.page.mouse.move(area["x"] + 20, area["y"] + 20)
        tab.page.mouse.down()
        for _ in range(6):
            spot = rng.uniform(0.1, 0.9, 2) * (area["width"], area["height"])
            tab.page.mouse.move(area["x"] + spot[0], area["y"] + spot[1])
            tab.page.wait_for_timeout(float(rng.uniform(0, 40)))
        let_go = tab.color.input_value()
        tab.edit(tab.page.mouse.up)
        assert tab.color.input_value() == let_go
        assert tab.edits[-1]["style"]["color"] == let_go


def throttle(tab, rate):
    tab.context.new_cdp_session(tab.page).send("Emulation.setCPUThrottlingRate", {"rate": rate})
