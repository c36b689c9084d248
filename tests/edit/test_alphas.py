"""Each soft mask of a photo is refined once, however many paintings lie over one another."""

from collections import Counter

import numpy as np
import pytest

from dmlseg_core import batch
from dmlseg_core.edit import Alphas, EditSession, Style
from dmlseg_core.edit.alphas import Patch, _Packed
from dmlseg_core.folder.rules import Find, Rule, Rules, Way
from dmlseg_core.paint import Subject
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import proposals
from tests import synth
from tests.edit.test_session import CAT, PERSON, RED, WALL
from tests.folder.synthetic import Synthetic, picture


class Drawn:
    def __init__(self, alpha):
        self.alpha, self.asked = alpha, 0

    def to_alpha(self, rgb, *, matting=False):
        self.asked += 1
        return self.alpha * np.float32(0.5) if matting else self.alpha


@pytest.fixture
def refined(monkeypatch):
    """How often the edge of each mask was refined."""
    calls, real = Counter(), proposals.refine_alpha

    def counted(level, rgb, **more):
        calls[level.tobytes()] += 1
        return real(level, rgb, **more)

    monkeypatch.setattr(proposals, "refine_alpha", counted)
    return calls


def test_what_is_remembered_is_the_same_to_the_bit_and_small():
    random = np.random.default_rng(0)
    alpha = np.zeros((101, 203), np.float32)
    alpha[10:90, 7:150] = 1
    alpha[40, 7:150] = random.random(143, np.float32)
    alpha[41, 8] = np.nextafter(np.float32(1), np.float32(0))
    mask, alphas = Drawn(alpha), Alphas(np.zeros((101, 203, 3), np.uint8))
    for _ in range(3):
        patch = alphas.of(mask)
        assert (patch.full(alpha.shape) == alpha).all()
        assert (patch.top, patch.left, patch.values.shape) == (10, 7, (80, 143))
    assert mask.asked == 1
    assert alphas.nbytes < alpha[patch.box].nbytes / 8
    assert (alphas.of(mask, matting=True).full(alpha.shape) == alpha / 2).all()
    assert mask.asked == 2


def test_an_empty_mask_and_one_that_is_everywhere_are_remembered_too():
    guide = np.zeros((5, 9, 3), np.uint8)
    for value in (0, 1, 0.25):
        alpha = np.full((5, 9), value, np.float32)
        assert (Alphas(guide).of(Drawn(alpha)).full((5, 9)) == alpha).all()


def test_no_more_than_so_many_are_remembered(monkeypatch):
    monkeypatch.setattr("dmlseg_core.edit.alphas.MOST", 3)
    alphas = Alphas(np.zeros((4, 4, 3), np.uint8))
    masks = [Drawn(np.ones((4, 4), np.float32)) for _ in range(4)]
    for mask in (*masks, masks[3], masks[0]):
        alphas.of(mask)
    assert [mask.asked for mask in masks] == [2, 1, 1, 1]
    made = alphas.remembered(masks[1], "gated", lambda: Patch(1, 1, np.ones((1, 1), np.float32)))
    assert made.full((4, 4)).sum() == 1


def test_a_batch_refines_each_object_once_for_all_its_colors_and_files(tmp_path, refined):
    picture(tmp_path / "in" / "a.jpg")
    ways = tuple(Way(color, Style(color=color)) for color in ("red", "teal", "navy"))
    (row,) = batch(
        tmp_path / "in", tmp_path / "out", segmenter=Synthetic([]),
        rules=Rules((Rule(Find(), ways),)), outputs=["labels", "recolored", "cutouts"],
    )  # fmt: skip
    assert row.error is None
    assert len({one.instance for one in row.instances}) == 4
    assert len(refined) == 4
    assert set(refined.values()) == {1}


def test_a_download_of_many_edits_refines_each_once(tmp_path, refined):
    photo = load_photo(picture(tmp_path / "a.png"))
    session = EditSession(photo, synth.scene())
    for mask in list(session.proposals):
        session.choose(mask)
        session.set_color("navy")
    refined.clear()
    assert len(list(session.paint())) == len(session.selections) > 2
    assert set(refined.values()) == {1}


@pytest.mark.parametrize("counted", [Subject, _Packed])
def test_sizes_may_be_asked_for_while_another_thread_paints(session, monkeypatch, counted):
    """The server counts what all users hold whenever one of them opens a photo."""
    later = iter([WALL])

    def paint(y, x):
        session.select(y, x, 0.4, new=True)
        session.set_color(RED)
        session.render()

    def painted_meanwhile(_):
        for place in later:
            paint(*place)
        return 0

    paint(*CAT)
    paint(*PERSON)
    monkeypatch.setattr(counted, "nbytes", property(painted_meanwhile))
    assert session.nbytes > 0 and len(session.selections) == 3
