"""The loop on a tiny network: it learns, resumes to the bit, and stops where it must."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dmlseg_core.errors import DatasetError, ParameterError, TrainingError, WeightsError
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.train import loop
from dmlseg_core.train.checkpoint import NAME, load_checkpoint
from dmlseg_core.train.evaluate.figure import read_log
from dmlseg_core.train.loop import freeze, hold_still
from tests.train.toy_runs import CONFIG, curve, tensors

# ---------------------------------------------------------------- it learns


def test_it_overfits_a_few_photos(start):
    config = replace(CONFIG, steps=45, batch_size=2, lr=1e-2)
    run = start(config)
    run.train()
    losses = curve(run.folder)
    assert np.isfinite(losses).all()
    assert losses[-10:, 1].mean() < 0.7 * losses[:10, 1].mean()  # embedding
    assert losses[-10:, 2].mean() < 0.7 * losses[:10, 2].mean()  # classification


def test_the_averaged_network_is_what_is_returned(start, monkeypatch):
    run = start()
    seen = []
    update = run.average.update_parameters

    def spy(network):
        update(network)
        seen.append({k: v.detach().clone() for k, v in network.state_dict().items()})

    monkeypatch.setattr(run.average, "update_parameters", spy)
    network = run.train(3)
    name = "embedding.weight"
    want = seen[0][name]  # the average starts at the first weights, then moves by 1 - ema
    for state in seen[1:]:
        want = 0.5 * want + 0.5 * state[name]
    assert torch.allclose(network.state_dict()[name], want, atol=1e-7)
    assert not torch.equal(want, seen[-1][name])


def test_frozen_tensors_stay_as_they_were(start):
    run = start(replace(CONFIG, frozen=("backbone.backbone.", "decoder.fuse16.")))
    before = tensors(run)
    averaged = run.train(4).state_dict()
    for now in (tensors(run), averaged):
        moved = {k for k in before if not torch.equal(before[k], now[k])}
        assert not any(k.startswith(("backbone.backbone.", "decoder.fuse16.")) for k in moved)
        assert {"embedding.weight", "classes.weight", "backbone.aspp0.conv.weight"} <= moved


def test_frozen_batch_norms_keep_their_statistics():
    network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)), nn.BatchNorm2d(2))
    freeze(network, ("0.",))
    network.train()
    hold_still(network, ("0.",))
    network(torch.randn(3, 1, 4, 4))
    assert network[0][1].num_batches_tracked == 0 and network[1].num_batches_tracked == 1
    with pytest.raises(ParameterError, match="'none'"):
        freeze(network, ("none",))


# ---------------------------------------------------------------- a teacher


def deeplab():
    torch.manual_seed(5)
    tensors = dict(EmbeddingNetwork(CONFIG.network).backbone.state_dict())
    tensors["logits.conv.weight"] = 3 * torch.randn(21, 256, 1, 1)
    tensors["logits.conv.bias"] = torch.zeros(21)
    return tensors


def test_a_teacher_is_listened_to_and_a_resumed_run_goes_on_with_it(start):
    config = replace(CONFIG, distill=5.0, lambda_ramp=1, steps=30, lr=1e-2)
    run = start(config, teacher=deeplab())
    run.train(15)
    again = start(config, teacher=deeplab())
    again.train()
    with (run.folder / "log.csv").open(newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    naming = [row["naming"] for row in rows]
    assert len(rows) == 30 and np.mean(naming[-8:]) < 0.8 * np.mean(naming[:8])
    for row in rows:
        named = row["classification"] + 5 * row["naming"]
        total = row["embedding"] + row["lambda"] * named
        assert row["loss"] == pytest.approx(total, rel=1e-4)


def test_who_is_to_be_taught_needs_a_teacher_and_a_teacher_somebody_to_teach(start, tmp_path):
    with pytest.raises(ParameterError, match="--teacher FILE"):
        start(replace(CONFIG, distill=1.0))
    with pytest.raises(ParameterError, match="distill=0"):
        start(teacher=deeplab())
    assert not (tmp_path / "run").exists()


def test_a_log_of_before_there_were_teachers_is_gone_on_with(start):
    run = start()
    run.train(3)
    log = run.folder / "log.csv"
    rows = [line.split(",") for line in log.read_text().splitlines()]
    at = rows[0].index("naming")
    log.write_text("\n".join(",".join(r[:at] + r[at + 1 :]) for r in rows) + "\n")
    start().train(4)
    assert len(curve(run.folder)) == 4
    assert "naming" not in read_log(log)


# ---------------------------------------------------------------- stopping


def poison(monkeypatch, at, make):
    """From step `at` on the embedding loss is make(loss)."""
    real, calls = loop.compute_losses, []

    def losses(*args):
        calls.append(1)
        found = real(*args)
        if len(calls) > at:
            found["embedding"] = make(found["embedding"])
        return found

    monkeypatch.setattr(loop, "compute_losses", losses)


@pytest.mark.parametrize(("make", "words"), [
    (lambda loss: loss * float("nan"), "loss is nan at step 4"),
    (lambda loss: loss + float("inf"), "loss is inf at step 4"),
    (lambda loss: (loss * 0).sqrt(), "gradient is nan at step 4"),
], ids=["nan", "inf", "gradient"])  # fmt: skip
def test_a_loss_that_is_not_finite_stops_the_run(start, monkeypatch, make, words):
    run = start()
    run.train(2)
    run = start()
    poison(monkeypatch, 2, make)
    with pytest.raises(TrainingError, match=words):
        run.train()
    kept = load_checkpoint(run.folder, CONFIG)
    assert kept["step"] == 3 and len(curve(run.folder)) == 4
    assert all(v.isfinite().all() for v in kept["network"].values())
    assert all(v.isfinite().all() for v in tensors(run).values())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_photo_is_one_sentence(start, tmp_path, workers):
    run = start(workers=workers)
    for path in (tmp_path / "toy" / "JPEGImages").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(DatasetError, match="no readable picture") as caught:
        run.train()
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_a_folder_that_cannot_be_made(start, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot be made"):
        start(folder="file/run")


def test_a_disk_that_is_full(start, monkeypatch):
    run = start()
    run.train(1)
    before = (run.folder / NAME).read_bytes()

    def full(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match="No space left"):
        start().train(2)
    assert (run.folder / NAME).read_bytes() == before


# ---------------------------------------------------------------- starting


def test_starting_from_a_backbone(start, tmp_path):
    from safetensors.torch import save_file

    run = start(folder="one")
    wanted = {k.removeprefix("backbone."): v.contiguous() + 1 for k, v in tensors(run).items()
              if k.startswith("backbone.")}  # fmt: skip
    save_file(wanted, tmp_path / "init.safetensors")
    begun = tensors(start(folder="two", init=tmp_path / "init.safetensors"))
    assert all(torch.equal(begun[f"backbone.{k}"], v) for k, v in wanted.items())
    trunk = {k.removeprefix("backbone."): v for k, v in wanted.items() if k.startswith("backbone.")}
    save_file(trunk, tmp_path / "trunk.safetensors")  # without the "backbone." in front
    begun = tensors(start(folder="three", init=tmp_path / "trunk.safetensors"))
    assert all(torch.equal(begun[f"backbone.backbone.{k}"], v) for k, v in trunk.items())


def test_a_backbone_that_does_not_fit(start, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "init.safetensors"
    for k, (content, words) in enumerate((
        ({"stem.conv.weight": torch.zeros(1)}, "does not fit"),
        (None, "no readable safetensors"),
    )):  # fmt: skip
        if content:
            save_file(content, path)
        else:
            path.write_bytes(b"x")
        with pytest.raises(WeightsError, match=words):
            start(folder=f"run{k}", init=path)
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        start(folder="last", init=tmp_path / "none.safetensors")
