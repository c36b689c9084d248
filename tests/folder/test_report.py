"""report.html as a parser and as Chromium read it; what it says against its rows."""

import base64
import hashlib
import os
import re
import shutil
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest

from dmlseg_core.folder.report import summary
from dmlseg_core.folder.report.page import write_report
from dmlseg_core.folder.report.run_file import Run
from dmlseg_core.folder.report.summary import Spread, Summary
from dmlseg_core.folder.report.thumbs import after_path, before_path, save_thumb
from dmlseg_core.folder.rows import InstanceRow, PhotoRow

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><script>alert(1)</script>&'.png"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RUN = Run(started="2026-01-02T03:04:05+00:00", seconds=10.0, max_delta_e=2.0)


def summarize(rows):
    summary = Summary()
    for row in rows:
        summary.add(row)
    return summary


def painted(name, *found, seconds=1.0, class_name="car"):
    """A photo recolored once for each (swatch, target, Delta-E)."""
    files = [f"recolored/{name}.{swatch}.png" for swatch, *_ in found]
    rows = tuple(
        InstanceRow(name, 1, class_name, 0.9, 0.5, 12, (0, 0, 4, 3), "#808080", "every car", swatch,
                    target, file, delta_e, delta_e + 1, 0.5, delta_e <= 2)
        for (swatch, target, delta_e), file in zip(found, files, strict=True)
    )  # fmt: skip
    thumbs = (before_path(name), *map(after_path, files))
    return PhotoRow(name, f"/in/{name}", "ab", 40, 30, {"network": seconds * 0.75,
                    "paint": seconds * 0.25}, "done", None,
                    ("navy: A damaged text chunk was left out.",),
                    {"recolored": tuple(files), "thumbs": thumbs}, rows)  # fmt: skip


ROWS = [
    painted("a.png", ("navy", "#1b2a55", 0.5), ("red", "#c8102e", 1.5), seconds=3),
    PhotoRow("b.jpg", "/in/b.jpg", status="failed", error=f"/in/b.jpg is empty {HOSTILE}"),
    painted(f"sub/{HOSTILE}", ("navy", "#1b2a55", 7.0), seconds=2, class_name=HOSTILE),
    PhotoRow("c.jpg", "/in/c.jpg", "ab", 40, 30, {"network": 0.5}, "empty",
             notes=("no rule found anything",), files={"overlays": ("overlays/c.jpg.jpg",)},
             instances=(InstanceRow("c.jpg", 1, "cat", 0.5, 0.5, 9, (0, 0, 3, 3), "#010203"),)),
]  # fmt: skip


def thumb(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_thumb(rgb, path)


class Page(HTMLParser):
    """Tags with their attributes, and the text of the page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.said, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            self.open.remove(tag)

    def handle_data(self, text):
        if not {"script", "style"} & set(self.open):
            self.said.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def with_class(self, name):
        return [a for _, a in self.tags if name in (a.get("class") or "").split()]


def page_of(rows, out, run=RUN):
    write_report(summarize(rows), run, out)
    return Page((out / "report.html").read_text(encoding="utf-8"))


@pytest.fixture
def page(tmp_path):
    return page_of(ROWS, tmp_path)


def test_worst_delta_e_comes_first_and_failures_are_told(page):
    cards = page.with_class("card")
    assert [c["data-name"] for c in cards] == [f"sub/{HOSTILE}", "a.png", "c.jpg"]
    assert [c["data-state"] for c in cards] == ["over", "done", "empty"]
    text = "".join(page.said)
    assert "b.jpg is empty" in text
    assert [a["title"] for a in page.all("button") if "data-open" in a] == [
        "a.png", f"sub/{HOSTILE}", "c.jpg"]  # fmt: skip


def test_the_color_of_the_worst_object_is_shown_first(page):
    assert [li["data-file"] for li in page.all("li") if "data-thumb" in li] == [
        f"recolored/sub/{HOSTILE}.navy.png", "recolored/a.png.red.png",
        "recolored/a.png.navy.png"]  # fmt: skip


def test_a_pattern_has_no_color_to_meet_but_is_no_object_left_alone(tmp_path):
    row = painted("a.png", ("tiles", "#000000", 0.0))
    (one,) = row.instances
    plain = replace(one, target=None, delta_e=None, delta_e_p95=None, within_2=None, passed=None)
    said = page_of([replace(row, instances=(plain,))], tmp_path).said
    assert said[said.index("recolored") - 1] == "1"
    assert "left alone" not in said and "median Delta-E" not in said
    assert said.count("tiles") == 2  # below the picture and in its table


def test_hostile_texts_are_texts(page):
    assert {tag for tag, a in page.tags if any(k.startswith("on") for k in a)} == set()
    assert len(page.all("script")) == 1
    assert not [a for a in page.all("img") if a.get("src") == "x"]
    assert "".join(page.said).count(HOSTILE) >= 3


TURNED = ("red", "#c8102e", 1.5)


def test_a_name_turns_no_letters_of_the_page_and_ends_no_line(tmp_path):
    rows = [painted("a\u202egpj.png", TURNED), painted("\u2066b\n.png", TURNED)]
    said = "".join(page_of(rows, tmp_path).said)
    assert "\u202e" not in said and "\u2066" not in said
    assert "a\\u202egpj.png" in said and "\\u2066b\\n.png" in said


def test_only_its_own_script_runs_and_nothing_comes_from_outside(page, tmp_path):
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    script = re.search(r"<script>(.*?)</script>\s*</body>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(a for a in page.all("meta") if "http-equiv" in a)["content"]
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    addresses = [a[k] for _, a in page.tags for k in ("src", "href", "data-full") if a.get(k)]
    assert len(addresses) > 6
    assert all(address.startswith(("./", "../")) for address in addresses)


def test_addresses_lead_to_the_files_whatever_they_are_called(tmp_path):
    names = ["a b.png", "100%.png", "#1?.png", "二.png", os.fsdecode(b"br\xf6ken.png"), "x:y.png"]
    rows = [painted(name, ("navy", "#1b2a55", 1.0)) for name in names]
    for row in rows:
        for path in row.files["thumbs"]:
            thumb(tmp_path / path, np.zeros((30, 40, 3), np.uint8))
    images = [a["src"] for a in page_of(rows, tmp_path).all("img") if a.get("src")]
    assert len(images) == 2 * len(names)
    for address in images:
        assert (tmp_path / os.fsdecode(unquote_to_bytes(address))).is_file(), address


def test_everything_is_said_in_chinese_too(page):
    spoken = [a for _, a in page.tags if "data-zh" in a]
    assert len(spoken) > 60
    labels = [a for _, a in page.tags if "aria-label" in a]
    assert labels and all("data-zh-label" in a for a in labels)
    known = {"cat", "猫", "navy: 已略去一个损坏的文本块。"}
    assert known <= {a["data-zh"] for a in spoken} | set(page.said)


def test_a_batch_of_nothing_is_a_page(tmp_path):
    text = "".join(page_of([], tmp_path, Run()).said)
    assert "Batch report" in text and "nan" not in text and "None" not in text
    only_failed = page_of([ROWS[1]], tmp_path)
    assert not only_failed.with_class("card")


def test_a_long_batch_shows_the_worst_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(summary, "SHOWN", 3)
    rows = [painted(f"{k}.png", ("navy", "#1b2a55", k / 10)) for k in range(10)]
    page = page_of(rows, tmp_path)
    assert [c["data-name"] for c in page.with_class("card")] == ["9.png", "8.png", "7.png"]
    assert "3 of 10: the worst first" in "".join(page.said)


def test_what_is_kept_of_a_batch_does_not_grow_with_it(monkeypatch):
    monkeypatch.setattr(summary, "SHOWN", 20)

    bases = [painted("a.png", ("navy", "#1b2a55", k / 3)) for k in range(7)]

    def many(count):
        return (replace(bases[k % 7], photo=f"{k}.png") for k in range(count))

    peaks = []
    for count in (300, 300, 3000):
        tracemalloc.start()
        found = summarize(many(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert found.photos.total() == 3000 and len(found.sheet) == 20
    assert peaks[2] < 1.3 * peaks[1]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_spreads_are_quantiles_to_a_hundredth(size):
    values = np.random.default_rng(size).gamma(1, 2, size)
    spread = Spread()
    for value in values:
        spread.add(value)
    for share in (0.05, 0.5, 0.95, 1.0):
        exact = np.quantile(values, share)
        assert abs(spread.quantile(share) - exact) <= 0.0051
    assert spread.highest == values.max()
    assert Spread().quantile(0.5) == 0


def test_figures_are_those_that_the_table_gives(tmp_path):
    """Median and tail as numpy works them out from the rows, and no figure above the highest."""
    values = (0.1, 1.996, 2.0, 2.004, 9.6963)
    rows = [painted(f"{v}.png", ("navy", "#1b2a55", v)) for v in values]
    found = summarize(rows)
    (color,) = found.colors.values()
    assert color.within_2 == sum(v <= 2 for v in values) == 3
    assert abs(found.delta_e.quantile(0.5) - np.median(values)) <= 0.0051
    assert abs(found.delta_e.quantile(0.95) - np.quantile(values, 0.95)) <= 0.0051
    assert found.delta_e.quantile(1.0) == found.delta_e.highest == 9.6963


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    """The report in Chromium, from the disk, with pictures; faults are what it complained of."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    out = tmp_path_factory.mktemp("out")
    rows = [*ROWS, *(painted(f"n{k}.png", ("navy", "#1b2a55", 0.1)) for k in range(40))]
    rng = np.random.default_rng(1)
    for row in rows:
        for path in row.files.get("thumbs", ()):
            thumb(out / path, rng.integers(0, 255, (30, 40, 3), np.uint8))
    write_report(summarize(rows), RUN, out)
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        # the photos of these rows do not exist: only their small pictures do
        missing = "net::ERR_FILE_NOT_FOUND"
        page.on("console", lambda s: missing in s.text or page.faults.append(s.text))
        page.goto((out / "report.html").as_uri())
        yield page
        browser.close()


def test_it_is_used_by_keyboard_alone(tab):
    focused = "document.activeElement.closest('.card').dataset.name"
    tab.evaluate("document.querySelector('.open').focus()")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(focused) == "a.png"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowUp")
    assert tab.evaluate(focused) == "a.png"
    tab.keyboard.press("Enter")
    viewer = tab.locator(".viewer")
    assert viewer.locator("h2").inner_text() == "a.png"
    shown = viewer.locator(".above")
    assert "a.png.red" in shown.get_attribute("src")
    tab.keyboard.press("ArrowDown")
    assert "a.png.navy" in shown.get_attribute("src")
    tab.keyboard.press("Space")
    assert tab.evaluate("document.querySelector('.stage input').value") == "100"
    tab.keyboard.press("ArrowRight")
    assert viewer.locator("h2").inner_text() == "n0.png"
    tab.keyboard.press("Escape")
    assert not viewer.is_visible() and tab.evaluate(focused) == "n0.png"
    tab.keyboard.press("/")
    tab.keyboard.type("red")
    assert tab.locator(".card:visible").count() == 1
    tab.keyboard.press("Escape")
    assert tab.locator(".card:visible").count() == 43
    assert tab.title().endswith("dmlseg") and tab.faults == []


def test_it_is_sorted_filtered_and_said_in_chinese(tab):
    first = tab.locator(".card").first
    tab.select_option("#order", "seconds")
    assert first.get_attribute("data-name") == "a.png"
    tab.select_option("#show", "over")
    assert tab.locator(".card:visible").count() == 1
    tab.select_option("#show", "")
    tab.select_option("#order", "delta_e")
    tab.click("#language")
    assert "批处理报告" in tab.inner_text("header.top")
    assert tab.get_attribute("html", "lang") == "zh"
    tab.click("#language")
    assert "Batch report" in tab.inner_text("header.top")


def test_paper_has_every_picture_and_no_tools(tab):
    tab.emulate_media(media="print")
    assert not tab.locator(".tools").is_visible() and not tab.locator("#language").is_visible()
    assert len(tab.pdf(format="A4", print_background=True)) > 20_000
    missing = "[...document.images].filter(i => i.closest('.sheet') && i.src && !i.complete).length"
    assert tab.evaluate(missing) == 0
    tab.emulate_media(media="screen")
