"""What is kept of a batch: its figures against its rows, and how little memory they take."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from dmlseg_core.folder.report import summary
from dmlseg_core.folder.report.summary import Spread
from tests.folder.report_rows import painted, summarize


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
