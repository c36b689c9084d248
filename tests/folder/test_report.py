"""report.html as a parser reads it; what it says against its rows."""

import base64
import hashlib
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest

from dmlseg_core.folder.report import summary
from dmlseg_core.folder.report.page import write_report
from dmlseg_core.folder.report.run_file import Run
from tests.folder.report_rows import HOSTILE, ROWS, RUN, painted, summarize, thumb


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
