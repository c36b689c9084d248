"""Ways in and out that a hand finds by itself: drops, paste, Back, swatch files, colorways."""

import csv
import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.color import read_swatches
from tests.browser.conftest import WAIT, Visit, disc, frameless, png
from tests.browser.test_page import NAVY, middle_color, paint, rgb
from tests.browser.test_tools import two_discs

LEAF = (30, 120, 60)


def drop(tab, *paths, x=0.5, y=0.5):
    """Files or folders from the desktop, let go over a share of the window."""
    size = tab.page.viewport_size
    line = tab.context.new_cdp_session(tab.page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        line.send("Input.dispatchDragEvent", {
            "type": kind, "x": x * size["width"], "y": y * size["height"], "data": data,
        })  # fmt: skip


def opened(tab, act):
    """Do something that opens a photo; back when it has been analysed."""
    with tab.page.expect_response(lambda r: "/stage/fields" in r.url and r.ok, timeout=WAIT):
        act()
    tab.rest()


def test_a_photo_is_dropped_anywhere_or_pasted_and_back_brings_it_back(visit, tmp_path):
    tab = visit()
    (tmp_path / "leaf.png").write_bytes(png(disc(color=LEAF)))
    opened(tab, lambda: drop(tab, tmp_path / "leaf.png", x=0.97, y=0.9))  # over the panel
    assert "leaf.png" in tab.page.locator(".photo-name").inner_text()
    assert np.abs(middle_color(tab) - LEAF).max() <= 4
    # anybody's mask: what is white in it becomes the selection
    mask = np.zeros((240, 320), np.uint8)
    mask[60:180, 80:240] = 255
    Image.fromarray(mask).save(tmp_path / "my mask.png")
    with tab.page.expect_response(lambda r: "/stage/import" in r.url and r.ok, timeout=WAIT):
        drop(tab, tmp_path / "my mask.png", x=0.02, y=0.5)  # over the tools
    tab.rest()
    told = tab.chosen.inner_text()
    assert "my mask" in told and abs(int(re.search(r"(\d+) %", told)[1]) - 25) <= 2
    paint(tab)
    corner = middle_color(tab, 0.3, 0.5)  # in the mask, beside the disc
    assert np.abs(corner - rgb(NAVY)).max() < np.abs(corner - [200, 200, 200]).max()
    tab.rest(kept=True)
    tab.page.goto("about:blank")
    tab.page.go_back()
    tab.chosen.or_(tab.instances.get_by_role("option").first).first.wait_for(timeout=WAIT)
    tab.rest()
    assert "leaf.png" in tab.page.locator(".photo-name").inner_text()
    assert "my mask" in tab.instances.inner_text()
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy = """async (bytes) => navigator.clipboard.write([new ClipboardItem({
        "image/png": new Blob([new Uint8Array(bytes)], { type: "image/png" }) })])"""
    tab.page.evaluate(copy, list(png(disc(color=(40, 60, 160)))))
    tab.page.get_by_role("application").focus()
    opened(tab, lambda: tab.page.keyboard.press("Control+v"))
    assert np.abs(middle_color(tab) - [40, 60, 160]).max() <= 4


def test_a_dropped_folder_is_a_set_of_photos(visit, tmp_path):
    tab = visit(frame=False)
    shop = tmp_path / "shop"
    (shop / "shoes").mkdir(parents=True)
    (shop / "a.png").write_bytes(png(disc()))
    (shop / "shoes" / "b.png").write_bytes(png(disc(200, 320)))
    drop(tab, shop)
    told = tab.page.locator(".dialog.many .status").filter(has_text="Photos: 2")
    told.wait_for(timeout=WAIT)
    names = tab.page.locator(".dialog.many .card b").all_inner_texts()
    assert sorted(names) == ["a.png", "b.png"]
    tab.rest()


def saved_swatches(tab, kind):
    tab.button("Save swatches").click()
    with tab.page.expect_download(timeout=WAIT) as download:
        tab.page.get_by_role("button", name=kind).click()
    assert not tab.page.locator(".kinds").is_visible()
    return download.value.path().read_bytes(), download.value.suggested_filename


def test_swatches_go_to_files_of_both_programs_and_come_back(visit):
    tab = visit(frame=False)
    tab.choose_file("mine.gpl", b"GIMP Palette\nName: mine\n#\n 10 130  90\tsea\n")
    tab.page.get_by_role("button", name="sea").wait_for(timeout=WAIT)
    tab.color.fill("rebeccapurple")
    tab.color.press("Enter")
    tab.button("Keep this color").click()
    for kind, suffix in (("Adobe", "ase"), ("GIMP", "gpl")):
        data, name = saved_swatches(tab, f"{kind} (.{suffix})")
        assert name == f"swatches.{suffix}"
        found = [(s.name, s.hex) for s in read_swatches(data, name)]
        assert found == [("sea", "#0a825a"), ("rebeccapurple", "#663399")]
        tab.button("sea").evaluate("swatch => { swatch.id = 'before'; }")
        tab.choose_file(name, data)
        tab.page.locator(".swatches #before").wait_for(state="detached")
        own = tab.page.get_by_role("group", name="Palettes").get_by_role("button")
        assert [swatch.get_attribute("aria-label") for swatch in own.all()] == [
            "sea", "rebeccapurple"]  # fmt: skip


def test_brackets_size_the_brush_and_connected_only_is_obeyed(visit):
    tab = visit(frame=False)
    wall = disc(240, 320, color=(200, 200, 200))
    wall[:, 130:190] = 170, 40, 40  # a post before it
    tab.open(wall)
    tab.click(0.15, 0.5)
    tab.edit(lambda: tab.page.get_by_role("application").press("g"))  # the group: both, if it may
    areas = []
    box = tab.page.get_by_role("checkbox", name="Connected only")
    for on in (True, False):
        if box.is_checked() != on:
            tab.edit(box.click)
        areas.append(float(tab.chosen.locator(".share").inner_text().split()[0]))
    assert areas[1] > areas[0] + 10  # the wall beyond the post too
    tab.page.get_by_role("application").focus()
    tab.page.keyboard.press("b")
    radii = []
    for keys in ("", "]]]", "[[[[[["):
        for key in keys:
            tab.page.keyboard.press(key)
        tab.page.mouse.move(*tab.middle(0.5, 0.2))
        tab.page.mouse.down()
        tab.edit(tab.page.mouse.up)
        radii.append(tab.edits[-1]["radius"])
    assert radii[1] > 1.2 * radii[0] and radii[2] < radii[0] / 1.2


def test_colorways_are_photos_of_their_colors_and_a_table(visit):
    tab = visit(frame=False)
    tab.open(two_discs(), "two.png")
    tab.click(0.25, 0.5)
    tab.button("Colorways").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("#1f3a93, seagreen")
    dialog.get_by_role("button", name="Show").click()
    tab.page.wait_for_function(
        "box => [...box.querySelectorAll('.delta')].every((d) => d.textContent)",
        arg=dialog.locator(".sheet").element_handle(),
    )
    assert dialog.locator(".card b").all_inner_texts() == ["#1f3a93", "seagreen"]
    with tab.page.expect_download(timeout=WAIT) as download:
        dialog.get_by_role("button", name="Download all (ZIP)").click()
    archive = zipfile.ZipFile(download.value.path())
    names = ["two-1f3a93.jpg", "two-seagreen.jpg"]
    assert sorted(archive.namelist()) == sorted([*names, "delta-e.csv", "sheet.jpg"])
    rows = list(csv.DictReader(io.StringIO(archive.read("delta-e.csv").decode("utf-8-sig"))))
    for name, row, wanted in zip(names, rows, ("#1f3a93", "#2e8b57"), strict=True):
        assert (row["file"], row["asked"]) == (name, wanted)
        assert float(row["delta_e"]) < 2
        made = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB")).astype(int)
        assert np.abs(made[120, 120] - rgb(wanted)).max() <= 8
        assert np.abs(made[120, 360] - [40, 60, 160]).max() <= 6  # the other one stays
    assert Image.open(io.BytesIO(archive.read("sheet.jpg"))).width > 200


@pytest.fixture(scope="module")
def narrow():
    """An app that has room for one photo."""
    from dmlseg_core.cli.entry import build_parser
    from dmlseg_core.ui.launch import prepare, start

    args = build_parser().parse_args(
        ["app", "--no-inbrowser", "--quality", "fast", "--memory", "1"]
    )
    server, url = start(prepare(args), args)
    yield url
    server.close()


def test_a_photo_that_another_user_pushed_out_comes_back_with_its_work(browser, narrow):
    first, second = (
        Visit(frameless(browser.new_context(locale="en-US")), narrow) for _ in range(2)
    )
    for tab, color in ((first, LEAF), (second, (40, 60, 160))):
        tab.open(disc(color=color))
        tab.click()
        if tab is first:
            paint(tab)
        tab.rest(kept=True)  # the second asks for nothing any more that pushes the first out again
    with first.page.expect_response(lambda r: r.status == 409, timeout=WAIT):
        first.edit(lambda: first.page.get_by_role("application").press("Escape"))
    first.rest()
    assert first.chosen.count() == 0
    assert np.abs(middle_color(first) - rgb(NAVY)).max() <= 3
    assert not first.page.get_by_role("alert").locator(".toast").is_visible()
    for tab in (first, second):
        assert tab.faults == []
        tab.close()


def test_a_long_note_opens_to_all_of_itself(visit):
    tab = visit(frame=False, viewport={"width": 1280, "height": 700})
    tab.open(disc())
    told = "2 other materials are kept: " + ", ".join(f"#10{k:02x}30 {k} %" for k in range(16, 30))

    def longer(route):
        answer = route.fetch()
        state = answer.json()
        for selection in state["selections"]:
            selection["notes"] = [told]
        route.fulfill(response=answer, json=state)

    tab.click()
    tab.page.route("**/stage/edit", longer)
    paint(tab)
    note, more = tab.page.locator(".color .note"), tab.button("More")
    assert re.search("#101d30", note.inner_text())
    low = note.bounding_box()["height"]
    assert low < 42
    more.click()
    assert note.bounding_box()["height"] > 2 * low
    assert note.evaluate("n => n.scrollHeight <= n.clientHeight + 1")
    tab.button("Less").click()
    assert note.bounding_box()["height"] == low
