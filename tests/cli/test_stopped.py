"""SIGTERM, as service managers send it, ends a batch as Ctrl+C does."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to catch")
@pytest.mark.usefixtures("shipped_weights")
def test_a_batch_that_is_told_to_end_writes_its_tables(tmp_path):
    (tmp_path / "in").mkdir()
    for k in range(40):
        shade = np.random.default_rng(k).integers(0, 255, (96, 128, 3), np.uint8)
        Image.fromarray(shade).save(tmp_path / "in" / f"{k:02}.png")
    words = ["batch", "in", "-o", "out", "--largest", "1", "--color", "navy", "--json"]
    run = subprocess.Popen(
        [sys.executable, "-m", "dmlseg_core", *words, "--workers", "1"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.stdout.readline().startswith("{")
    run.send_signal(signal.SIGTERM)
    _, told = run.communicate(timeout=120)
    assert run.returncode == 130
    assert told.splitlines()[-1].startswith("dmlseg: interrupted")
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"instances.csv", "instances.json", "failures.csv", "run.json", "report.html"} <= made
