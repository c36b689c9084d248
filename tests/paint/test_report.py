"""The report must be bad where a result looks bad, whatever the median says."""

import numpy as np
import pytest

from dmlseg_core.color import encode_srgb8, parse_color, srgb_to_linear
from dmlseg_core.paint.apply import recolor
from dmlseg_core.paint.report import Report

SIZE = 64
PLACES = np.arange(SIZE * SIZE)
SHARE = np.ones((SIZE, SIZE), np.float32)


def paint(color):
    return srgb_to_linear(np.array(parse_color(color))).astype(np.float32)


def cloth(color, light):
    return encode_srgb8(light[..., None] * paint(color))


LIGHT = np.linspace(0.7, 1.2, SIZE)[None] * np.ones((SIZE, 1))
WHITE, NAVY = cloth("#d0d0d0", LIGHT), cloth("#203060", LIGHT)


def report(after, before=WHITE):
    return Report.of(before, after, SHARE, PLACES, color=paint("#d0d0d0"), asked=paint("#203060"))


def test_the_true_answer_is_good():
    found = report(NAVY)
    assert found.median <= 0.5
    assert found.p95 <= 1.5
    assert found.within_2 >= 0.95
    assert found.clipped == found.posterized == 0
    assert found.notes == ()


def test_a_gray_part_shows_though_the_median_does_not():
    after = NAVY.copy()
    after[:, -20:] = (40, 40, 44)
    found = report(after)
    assert found.median <= 0.5
    assert found.p95 >= 8
    assert found.within_2 <= 0.72


def test_flat_light_shows():
    after = np.empty_like(NAVY)
    after[:] = np.median(NAVY.reshape(-1, 3), axis=0)
    assert report(after).p95 >= 2.2
    assert report(after).within_2 <= 0.8


def test_blocks_and_clipping_show():
    blocks = NAVY + (np.indices((SIZE, SIZE)) // 2).sum(axis=0)[..., None].astype(np.uint8) % 2 * 20
    assert report(blocks).posterized >= 0.3
    assert report(blocks).notes
    white = np.full_like(NAVY, 255)
    found = report(white)
    assert found.clipped == 1
    assert found.notes


def test_sixteen_bits_measure_as_eight():
    deep = report(NAVY.astype(np.uint16) * 257, WHITE.astype(np.uint16) * 257)
    plain = report(NAVY)
    assert deep.median == pytest.approx(plain.median, abs=1e-3)
    assert deep.posterized == plain.posterized


def test_recolored_carries_it():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[8:-8, 8:-8] = True
    done = recolor(WHITE, mask, "#203060")
    assert done.report.median <= 0.5
    assert done.report.within_2 >= 0.95
    tile = np.full((2, 2, 3), 90, np.uint8)
    assert recolor(WHITE, mask, mode="pattern", pattern=tile).report is None
    half = recolor(WHITE, mask, "#203060", strength=0.5).report
    assert half.median <= 1.5
