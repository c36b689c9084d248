"""What the pages say of the shipped weights is what their manifest has."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = "dmlseg-mobilenetv2.safetensors"
SCORES = json.loads((ROOT / "weights/manifest.json").read_text("utf-8"))[FILE]["scores"]["sets"]


def figure(value):
    """.754, as the pages write it."""
    return f"{value:.3f}".removeprefix("0")


def between(low, high):
    return f"[{figure(low)}, {figure(high)}]"


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_readmes_have_today_s_scores(page):
    text = (ROOT / page).read_text("utf-8")
    for name in ("voc", "duts"):
        ious, spread = (SCORES[name][k] for k in ("iou_after_clicks", "iou_after_clicks_ci"))
        first = f"{figure(ious['1'])} {between(*spread['1'])}"
        assert f"| {name} | {first} | {figure(ious['3'])} | {figure(ious['5'])} |" in text
    names, spread = (SCORES["voc"][k]["0.5"] for k in ("map_r", "map_r_ci"))
    assert f"{figure(names)} {between(*spread)}" in text


@pytest.mark.parametrize("name", SCORES)
def test_the_card_has_every_set_s_scores(name):
    text = (ROOT / "weights/README.md").read_text("utf-8")
    cells = re.search(rf"^\| {name} \| \d+, \d+ \| (.*) \|$", text, re.M).group(1).split(" | ")
    entry = SCORES[name]
    ious, spread = entry["iou_after_clicks"], entry["iou_after_clicks_ci"]
    assert cells[0] == f"{figure(ious['1'])} {between(*spread['1'])}"
    assert cells[1:3] == [figure(ious[n]) if ious[n] else "-" for n in ("3", "5")]
    jitter = entry["iou_after_clicks_jitter"]
    assert cells[3] == (figure(jitter["1"]) if jitter else "-")
    assert cells[4] == (f"{entry['noc85']:.1f}" if entry["noc85"] else "-")
