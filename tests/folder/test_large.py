"""Large photos in a folder: what is counted and drawn of them takes little memory beside them."""

import tracemalloc

import numpy as np
import pytest

from dmlseg_core.folder.develop.chosen import areas
from dmlseg_core.folder.develop.instances import mean_colors
from dmlseg_core.folder.develop.output import save_overlay


@pytest.mark.parametrize(
    ("work", "most"),
    [
        (lambda rgb, labels, _: areas(labels, 6), 1),
        (lambda rgb, labels, _: mean_colors(rgb, labels, 6), 4),
        (save_overlay, 6),
    ],
    ids=["areas", "mean colors", "overlay"],
)
def test_bytes_of_a_pixel(tmp_path, work, most):
    """It was 8, 16 and 15: numpy counts and picks by numbers of 64 bits."""
    labels = (np.arange(6_000_000).reshape(2000, 3000) // 1_000_000).astype(np.int32)
    rgb = np.full((2000, 3000, 3), 120, np.uint8)
    tracemalloc.start()
    work(rgb, labels, tmp_path / "overlay.jpg")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most * labels.size
