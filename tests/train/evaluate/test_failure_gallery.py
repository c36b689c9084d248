"""The failure gallery: the worst objects, whole, in order."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import ParameterError
from tests.train.toy_scenes import Fake, Mask, PerfectScene, sample

SCRIPT = Path(__file__).parents[3] / "docs" / "failure_gallery.py"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("failure_gallery", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks its own module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


class ShrunkenScene(PerfectScene):
    """Answers with the object less k columns of its 20, where k is the photo's number."""

    def mask_at(self, y, x, tau=None, *, add=(), subtract=()):
        mask = super().mask_at(y, x).mask.copy()
        columns = np.flatnonzero(mask.any(axis=0))
        mask[:, columns[len(columns) - int(self.truth.name.removeprefix("photo")) :]] = False
        return Mask(mask)


class Segmenter(Fake):
    weights = "0123456789abcdef"


@pytest.fixture
def samples():
    return [sample(i) for i in range(1, 5)]


def miss_of(gallery, truth, answer, image=None, click=(5, 5)):
    image = np.full((*truth.shape, 3), 120, np.uint8) if image is None else image
    return gallery.Miss(0.25, "toy/photo 1", image, truth, answer, click)


def test_the_worst_come_first(gallery, samples):
    data = {"toy": samples}
    misses, objects, mean = gallery.collect(Segmenter(ShrunkenScene, samples), data, 3)
    assert [m.iou for m in misses] == pytest.approx([0.8, 0.8, 0.85])
    assert [m.name for m in misses] == ["toy/photo4 1", "toy/photo4 2", "toy/photo3 1"]
    assert objects == 8  # the tiny third object of each photo is not clicked
    assert mean == pytest.approx(np.mean([0.95, 0.9, 0.85, 0.8]))


def test_no_object_no_gallery(gallery):
    photo = sample(0)
    photo.instances[:] = 0
    with pytest.raises(ParameterError, match="no object"):
        gallery.collect(Segmenter(PerfectScene, [photo]), {"toy": [photo]}, 3)


@pytest.mark.parametrize("box", [(0, 4, 0, 4), (10, 50, 20, 30), (0, 60, 0, 80), (59, 60, 79, 80)])
def test_the_window_holds_object_and_answer(gallery, box):
    truth, answer = np.zeros((2, 60, 80), bool)
    truth[box[0] : box[1], box[2] : box[3]] = True
    answer[30:33, 40:44] = True
    top, left, side = gallery.window(miss_of(gallery, truth, answer))
    ys, xs = np.nonzero(truth | answer)
    assert side >= gallery.SMALLEST
    assert top <= ys.min() and ys.max() < top + side
    assert left <= xs.min() and xs.max() < left + side


def test_a_tile_shows_photo_outlines_and_click(gallery):
    truth, answer = np.zeros((2, 64, 64), bool)
    truth[10:40, 10:40], answer[20:60, 20:60] = True, True
    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 2] = 77
    tile = gallery.tile(miss_of(gallery, truth, answer, image, click=(25, 25)))
    assert tile.shape == (gallery.CELL + gallery.LINE, gallery.CELL, 3)
    for color in (gallery.TRUTH, gallery.ANSWER, gallery.CLICK, (0, 0, 77)):
        off = np.abs(tile.astype(int) - color).max(axis=2)  # lines are smoothed
        assert (off < 40).sum() > 20, color
    top, left, side = gallery.window(miss_of(gallery, truth, answer))
    scale = gallery.CELL / side
    at = [round((25.5 - corner) * scale) for corner in (top, left)]
    assert tuple(tile[at[0], at[1]]) == gallery.CLICK
    inside = [round((14.5 - corner) * scale) for corner in (top, left)]
    assert tuple(tile[inside[0], inside[1]]) == (0, 0, 77)  # the photo itself is not tinted


def test_a_sheet_has_a_place_for_each(gallery):
    truth = np.zeros((64, 64), bool)
    truth[10:40, 10:40] = True
    one = miss_of(gallery, truth, truth)
    width, height = gallery.CELL, gallery.CELL + gallery.LINE
    assert gallery.sheet([one] * 2, "few").shape == (gallery.LINE + height, 2 * width, 3)
    assert gallery.sheet([one] * 8, "two rows").shape == (gallery.LINE + 2 * height, 6 * width, 3)


def test_from_the_command_line_to_the_picture(gallery, make_voc, tmp_path, monkeypatch, capsys):
    class Nothing:
        weights = "0123456789abcdef"

        def analyze(self, image):
            return self

        def mask_at(self, y, x):
            return Mask(np.zeros((48, 64), bool))

    monkeypatch.setattr(gallery.Segmenter, "load", lambda weights: Nothing())
    out = tmp_path / "worst.jpg"
    words = ["--data", str(make_voc(val=2)), "--worst", "3", "--out", str(out)]
    gallery.main(words)
    assert "worst 3 of 4 objects of toy" in capsys.readouterr().out
    with Image.open(out) as picture:
        assert picture.format == "JPEG" and picture.width == 3 * gallery.CELL
    with pytest.raises(ParameterError, match=r"NAME\.jpg"):
        gallery.main([*words[:-1], str(tmp_path / "worst.none")])
    with pytest.raises(SystemExit):
        gallery.main([*words, "--worst", "0"])
