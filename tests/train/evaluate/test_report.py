"""The report: its numbers are the evaluation's, and its page shows them all."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.cli.entry import main
from dmlseg_core.config import SceneConfig
from dmlseg_core.errors import ExportError, MissingExtraError
from dmlseg_core.measure.clicks import ClickRun
from dmlseg_core.measure.precision import PhotoDetections, mean_average_precision
from dmlseg_core.train.evaluate import sets as evaluation
from dmlseg_core.train.evaluate.curves import (
    after_clicks,
    by_class,
    by_size,
    first_ious,
    precision_recall,
)
from dmlseg_core.train.evaluate.photo_scores import PhotoScores
from dmlseg_core.train.evaluate.report import prepare, write_report, write_sweep_report
from dmlseg_core.train.evaluate.sets import evaluate
from dmlseg_core.train.evaluate.sweep import markdown, sweep, variants
from tests.train.toy_scenes import Fake, NoiseScene, PerfectScene, SweepScene, sample

PERSON, DOG = 15, 12


@pytest.fixture(scope="module")
def evaluated():
    """Result and scores of a fair predictor's (one set of noise) evaluation, all clicks made."""
    sets = {"toy": [sample(i) for i in range(3)], "partition": [sample(9, partition=True)]}
    scores: dict = {}
    result = evaluate(Fake(PerfectScene, sets["toy"]), {"toy": sets["toy"]}, scores=scores,
                      progress=False)  # fmt: skip
    for name, scene in (("noise", NoiseScene), ("partition", PerfectScene)):
        samples = sets.get(name) or [replace(s, image=s.image.copy()) for s in sets["toy"]]
        more = evaluate(Fake(scene, samples), {name: samples}, quick=True, progress=False,
                        scores=scores)  # fmt: skip
        result["sets"] |= more["sets"]
    return result, scores


@pytest.fixture(scope="module")
def page(evaluated, tmp_path_factory):
    """The report of `evaluated`, written once."""
    return write_report(prepare(tmp_path_factory.mktemp("new") / "a" / "report"), *evaluated)


def linked(page):
    return re.findall(r"!\[.+?\]\((.+?)\)", page.read_text())


# ---------------------------------------------------------------- numbers


@st.composite
def detections(draw):
    """A photo with up to 6 detections of 3 objects, some of unknown class."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = rng.integers(0, 7), rng.integers(0, 4)
    return PhotoDetections(
        rng.integers(0, 4, n) / 4, rng.integers(1, 4, n), rng.random((n, m)),
        rng.integers(1, 4, m), rng.random(m) < 0.2,
    )  # fmt: skip


@settings(max_examples=60)
@given(st.lists(detections(), min_size=1, max_size=5), st.sampled_from([0.3, 0.5, 0.7]))
def test_the_area_under_the_curve_is_the_figure(photos, threshold):
    figure = mean_average_precision(photos, (1, 2, 3), threshold, draws=1)
    curve = precision_recall(photos, (1, 2, 3), threshold)
    assert (figure is None) == (curve is None)
    if figure is not None and curve is not None:
        recall, precision = curve
        assert (np.diff(recall) > 0).all() and (np.diff(precision) <= 1e-12).all()
        area = np.diff(recall, prepend=0.0) @ precision
        assert area == pytest.approx(figure.value, abs=1e-12)


def test_a_curve_by_hand():
    """Right, wrong, right of two objects: precision 1 up to recall 1/2, then 2/3."""
    photo = PhotoDetections(
        np.array([0.9, 0.8, 0.7]), np.array([DOG] * 3), np.array([[1, 0], [0, 0], [0, 1.0]]),
        np.array([DOG, DOG]), np.zeros(2, bool),
    )  # fmt: skip
    recall, precision = precision_recall([photo], (DOG, PERSON), 0.5)
    assert recall.tolist() == [0.5, 1] and precision == pytest.approx([1, 2 / 3])


def photo(*objects):
    """Scores of a photo: (share, class, IoU after each click) of each object."""
    return PhotoScores(
        runs=[ClickRun(list(ious)) for _, _, ious in objects],
        shares=[share for share, _, _ in objects], kinds=[kind for _, kind, _ in objects],
    )  # fmt: skip


def test_groups_by_hand():
    photos = [photo((0.01, DOG, [0.2]), (0.5, 0, [0.8])), photo((0.0101, DOG, [0.6])), photo()]
    sizes = [(g.name, g.score.value, g.objects) for g in by_size(photos)]
    assert sizes == [("0.3-1", 0.2, 1), ("1-3", 0.6, 1), ("30-100", 0.8, 1)]
    unknown, dog = by_class(photos)
    assert (unknown.name, unknown.objects) == ("class unknown", 1)
    assert np.isnan(unknown.score.low)  # one photo has it: redrawing it says nothing
    assert (dog.name, dog.objects, dog.score.value) == ("dog", 2, pytest.approx(0.4))
    assert (dog.score.low, dog.score.high) == (0.2, 0.6)
    assert first_ious(photos).tolist() == [0.2, 0.8, 0.6]
    assert by_size([photo()]) == by_class([]) == []


def test_clicks_by_hand():
    photos = [photo((0.1, DOG, [0.1, 0.5, 0.9])), photo((0.1, DOG, [0.3, 0.7]))]
    means = [score.value for score in after_clicks(photos, 4)]
    assert means == pytest.approx([0.2, 0.6, 0.8, 0.8])
    assert after_clicks([photo()]) == []


def test_regions_have_neither_size_nor_class(evaluated):
    regions = evaluated[1]["partition"]
    assert by_size(regions) == by_class(regions) == [] and len(first_ious(regions)) > 0


def test_shares_and_classes_go_with_the_runs(evaluated):
    for scores in evaluated[1]["toy"]:
        assert len(scores.runs) == len(scores.shares) == len(scores.kinds) == 2
        assert scores.shares == [400 / 4800] * 2 and scores.kinds == [PERSON, DOG]
        assert 0 <= scores.pass_seconds <= scores.seconds


# ---------------------------------------------------------------- pages


def test_the_page_shows_every_plot_and_figure(evaluated, page):
    result, _ = evaluated
    pictures = linked(page)
    assert pictures == ["precision_recall.svg", "iou_by_clicks.svg", "iou_by_size.svg",
                        "iou_by_class.svg", "iou_histogram.svg"]  # fmt: skip
    assert sorted(p.name for p in page.parent.iterdir()) == sorted([page.name, *pictures])
    for name in pictures:
        assert ElementTree.parse(page.parent / name).getroot().tag.endswith("svg")
    text = page.read_text()
    ious = result["sets"]["noise"]["iou_after_clicks"]
    row = next(line for line in text.splitlines() if line.startswith("| noise |"))
    assert f"{ious['1']:.3f} [" in row and "| - | - |" in row
    assert "Under 100 pixels, so not clicked: 3 of toy" in text
    assert (
        "| toy | 0.500 | 1.000 | 0.500 | 1.000 | 1.000 | 1.000 | - | - |" in text
    )  # parts and wholes


def test_the_same_figures_give_the_same_files(evaluated, page, tmp_path):
    again = write_report(tmp_path, *evaluated).parent
    for path in page.parent.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_what_a_run_cannot_give_is_left_out(evaluated, tmp_path):
    result, scores = evaluated
    only = {**result, "sets": {"partition": result["sets"]["partition"]}}
    page = write_report(tmp_path, only, {"partition": scores["partition"]})
    assert linked(page) == ["iou_histogram.svg"]
    assert "boundary F" in page.read_text()


def test_time_and_quality(tmp_path):
    samples = [sample(i) for i in range(2)]
    sides = variants(SceneConfig(long_side=384), ["long_side"])
    assert 384 in [row.value for row in sides]
    rows = [*sides[:2], *variants(axes=["budget"])[:1]]
    table = sweep(lambda _: Fake(SweepScene, samples), {"toy": samples}, rows, progress=False)
    result = {"sweep": table, "markdown": markdown(table), "weights": "abc", "config": {"a": 1}}
    page = write_sweep_report(tmp_path, result)
    assert linked(page) == ["time_quality.svg"]
    assert markdown(table).strip() in page.read_text() and "`abc`" in page.read_text()
    ElementTree.parse(tmp_path / "time_quality.svg")
    page = write_sweep_report(tmp_path, {**result, "sweep": table[2:]})
    assert linked(page) == []


# ---------------------------------------------------------------- mistakes


def test_without_matplotlib_it_is_said_before_the_work(tmp_path, monkeypatch, capsys, make_voc):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr(evaluation, "evaluate_folders", lambda *_, **__: pytest.fail("too late"))
    with pytest.raises(MissingExtraError, match="matplotlib"):
        prepare(tmp_path)
    words = ["eval", "--data", str(make_voc(val=1)), "--json", str(tmp_path / "x.json")]
    assert main([*words, "--report", str(tmp_path / "r")]) == 2
    assert "pip install" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file"):
        prepare(tmp_path / "file" / "report")


def test_through_the_command_line(make_voc, tmp_path, shipped_weights):
    data, out = make_voc(val=1), tmp_path / "report"
    words = ["eval", "--data", data, "--json", tmp_path / "e.json", "--quick", "--report", out]
    assert main(list(map(str, [*words, "--weights", shipped_weights]))) == 0
    ious = json.loads((tmp_path / "e.json").read_text())["sets"]["toy"]["iou_after_clicks"]
    assert f"| {ious['1']:.3f} [" in (out / "report.md").read_text()
    assert "iou_by_clicks.svg" not in linked(out / "report.md")
