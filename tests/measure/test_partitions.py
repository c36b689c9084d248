"""Partitions against hand-worked figures."""

from __future__ import annotations

import numpy as np
import pytest

from dmlseg_core.errors import ParameterError
from dmlseg_core.measure.partitions import boundaries, boundary_f, covering, score_levels, summarize


def halves(cut, shape=(40, 60)):
    labels = np.zeros(shape, int)
    labels[:, cut:] = 1
    return labels


def test_covering_by_hand():
    # truth 30 | 30 columns, ours 20 | 40: left 20/30, right 30/40, each half of the photo
    assert covering(halves(20), halves(30)) == pytest.approx(0.5 * 20 / 30 + 0.5 * 30 / 40)
    assert covering(halves(30) * 7 + 2, halves(30)) == 1
    with pytest.raises(ParameterError, match="one shape"):
        covering(halves(3), np.zeros((3, 3), int))


def test_boundaries_are_one_pixel_thin():
    assert boundaries(halves(30)).sum() == 40 and boundaries(halves(30))[:, 29].all()
    assert not boundaries(np.zeros((4, 4), int)).any()


def test_boundary_f_by_hand():
    # the diagonal is 72.1, so the tolerance is .54 px: only equal pixels match
    people = [halves(30), halves(20)]
    scores = score_levels([halves(30), halves(10), np.zeros((40, 60), int)], people)
    assert scores.counts.tolist() == [[40, 40, 40, 80], [0, 40, 0, 80], [0, 0, 0, 80]]
    assert boundary_f(scores.counts).tolist() == pytest.approx([2 * 0.5 / 1.5, 0, 0])
    best = summarize([scores, score_levels([halves(10), halves(30), halves(30)], people)])
    # each photo's best level finds 40 of 80 at precision 1: F = 2/3. For the set, level 2 finds
    # 40 of 160 at precision 1: F = .4 (levels 0 and 1: precision .5, F = 1/3)
    assert best.boundary_ois == pytest.approx(2 / 3)
    assert (best.boundary_ods, best.boundary_level) == (pytest.approx(0.4), 2)
    assert best.covering_ois >= best.covering_ods


def test_boundaries_within_the_tolerance_match():
    people = [halves(300, (400, 600))]  # diagonal 721, tolerance 5.4 px
    scores = score_levels([halves(305, (400, 600)), halves(306, (400, 600))], people)
    assert boundary_f(scores.counts).tolist() == [1, 0]
