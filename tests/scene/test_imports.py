"""What a new process has to load before it can answer; seconds are measured in docs/speed.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEVER = {"matplotlib", "gradio", "numba", "pandas", "torchvision", "scipy.sparse", "skimage.color",
         "skimage.filters", "onnx", "onnxruntime", "accelerate"}  # fmt: skip
"""Loaded for no mask and no color."""

FIRST_MASK = """
import numpy as np
from dmlseg_core import Segmenter
scene = Segmenter.load().analyze(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))
assert scene.mask_at(30, 40).to_photo(np.zeros((60, 80, 3), np.uint8)).shape == (60, 80)
assert scene.propose() is not None
"""
RECOLOR = """
import numpy as np
from dmlseg_core import load_photo, recolor
from dmlseg_core.cli.entry import main
assert main(["recolor", "photo.png", "--mask", "mask.png", "--color", "navy", "-o", "out.png"]) == 0
"""


def loaded(code, folder, without=NEVER):
    """Modules of `without` that running `code` in a new process loads."""
    code += f"\nimport sys; print(*({without!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.usefixtures("shipped_weights")
def test_a_first_mask_loads_no_heavy_package(tmp_path):
    assert loaded(FIRST_MASK, tmp_path) == set()


def test_recoloring_with_a_mask_needs_neither_torch_nor_scipy(tmp_path):
    import numpy as np
    from PIL import Image

    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    Image.fromarray(255 * (np.indices((40, 50))[1] > 20).astype(np.uint8)).save(
        tmp_path / "mask.png"
    )
    heavy = NEVER | {"torch", "scipy", "skimage"}
    assert loaded(RECOLOR, tmp_path, heavy) == set()
    assert (tmp_path / "out.png").exists()
