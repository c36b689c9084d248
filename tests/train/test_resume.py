"""A run that was stopped goes on as if nothing had happened."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import TrainingError
from dmlseg_core.train.checkpoint import NAME, load_checkpoint
from tests.train.toy_runs import CONFIG, curve, same, tensors

KILLED = """
import os, signal, sys
from pathlib import Path
import torch
sys.path[:0] = [sys.argv[3]]
torch.set_num_threads(1)
from tests.train.toy_runs import CONFIG
from dmlseg_core.train.data.augment import Augment, AugmentConfig
from dmlseg_core.train.data.voc import VOCFolder
from dmlseg_core.train.pretrained import read_pretrained
from dmlseg_core.train.loop import Run

run = Run(Path(sys.argv[2]), [VOCFolder(sys.argv[1])], [1.0], CONFIG,
          Augment(AugmentConfig(crop=CONFIG.crop)), workers=0, save_every=3)
real = run._one_step
def step(batch):
    if run.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(batch)
run._one_step = step
run.train()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_run_goes_on_as_if_nothing_had_happened(start, tmp_path):
    straight = start(folder="straight")
    straight.train()
    words = [sys.executable, "-c", KILLED, tmp_path / "toy", tmp_path / "killed",
             Path(__file__).parents[2]]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == -9, done.stderr
    assert len(curve(tmp_path / "killed")) == 5  # logged, but saved at step 3
    resumed = start(folder="killed")
    assert resumed.step == 3
    resumed.train()
    assert np.allclose(curve(straight.folder), curve(resumed.folder), rtol=1e-6, atol=1e-6)
    one, other = tensors(straight), tensors(resumed)
    assert all(torch.allclose(one[k].float(), other[k].float(), atol=1e-6) for k in one)


def test_stopping_at_a_step_and_going_on(start):
    straight = start(folder="straight")
    average = straight.train().state_dict()
    halves = start(folder="halves")
    halves.train(until=4)
    assert halves.step == 4 and len(curve(halves.folder)) == 4
    halves = start(folder="halves", workers=1)  # another number of processes, the same crops
    threads = cv2.getNumThreads()
    other = halves.train().state_dict()
    assert cv2.getNumThreads() == threads  # stopped for the workers' sake only
    assert np.array_equal(curve(straight.folder), curve(halves.folder))
    assert same(average, other) and same(tensors(straight), tensors(halves))


def test_a_finished_run_is_only_loaded(start):
    done = start(replace(CONFIG, steps=2))
    average = done.train().state_dict()
    again = start(replace(CONFIG, steps=2))
    assert again.step == 2 and same(average, again.train().state_dict())
    assert len(curve(done.folder)) == 2


def test_a_checkpoint_of_another_config_is_refused(start):
    start().train(1)
    for change in ({"lr": 1e-4}, {"network": NetworkConfig(width=8, embedding_dim=5)}, {"rng": 1}):
        with pytest.raises(TrainingError, match=str(list(change))[1:-1]):
            start(replace(CONFIG, **change))
    longer = start(replace(CONFIG, steps=9, cooldown=1))  # from its plateau a run may go on
    assert longer.step == 1


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_an_unreadable_checkpoint_is_refused(tmp_path, content):
    assert load_checkpoint(tmp_path, CONFIG) is None
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(TrainingError, match="no readable checkpoint"):
        load_checkpoint(tmp_path, CONFIG)


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("ran",))

    torch.save({"config": Evil()}, tmp_path / NAME)
    with pytest.raises(TrainingError, match="no readable checkpoint"):
        load_checkpoint(tmp_path, CONFIG)


@pytest.mark.parametrize("tail", ["4,1.5,", "junk\n"])
def test_a_log_that_a_kill_cut_short(start, tail):
    run = start()
    run.train(3)
    log = run.folder / "log.csv"
    whole = log.read_text()
    log.write_text(whole + tail)
    start().train(4)
    assert log.read_text().startswith(whole) and len(curve(run.folder)) == 4
    log.write_text("st")  # even its header
    start().train(5)
    assert [r["step"] for r in csv.DictReader(io.StringIO(log.read_text()))] == ["5"]
