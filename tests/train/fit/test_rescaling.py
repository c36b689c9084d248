"""A network in another unit gives the same masks under other taus."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from dmlseg_core.cli.entry import main
from dmlseg_core.config import NetworkConfig, SceneConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.model.metric import radius2
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.model.weights import load_network, save_weights, write_sheet
from dmlseg_core.scene.segmenter import Segmenter
from dmlseg_core.train.fit.rescaling import rescale
from dmlseg_core.train.pretrained import read_pretrained


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(3)
    network = EmbeddingNetwork(NetworkConfig(width=8, embedding_dim=4))
    with torch.no_grad():  # of a new network every pixel has much the same vector and class
        network.embedding.weight.mul_(6)
        network.classes.weight.mul_(20)
    network.iou_head.fitted.fill_(True)
    path = tmp_path / "a.safetensors"
    save_weights(network, path, step=7, scores={"old": 1}, calibration={"clicks": 2}, terms="ours")
    return path


@pytest.mark.parametrize("factor", [0.5, 1.7])
def test_the_same_proposals_by_other_taus(weights, tmp_path, factor):
    out = tmp_path / "b.safetensors"
    rescale(weights, factor, out)
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    config = SceneConfig(long_side=128, precision="float32", edge_weight=0.0, connected=False)
    found = []
    for path in (weights, out):
        network, _ = load_network(path)
        found.append(Segmenter(network, config=config).analyze(photo))
    first, second = found
    for tau, other in zip(first.taus, second.taus, strict=True):
        assert radius2(other) == pytest.approx(factor * radius2(tau), abs=2e-3)
    assert torch.allclose(second.class_probs, first.class_probs, atol=1e-6)
    ours, theirs = first.propose(), second.propose()
    assert len(ours) == len(theirs) > 1
    for a, b in zip(ours, theirs, strict=True):
        assert first.taus.index(a.seed.tau) == second.taus.index(b.seed.tau)
        assert (a.grid != b.grid).mean() < 0.01


def test_skin_hair_and_bodywork_are_told_as_before(weights, tmp_path):
    linear = {"skin": (1.0,) * 4 + (0.5,), "hair": (-2.0,) * 4 + (0.1,)}
    write_sheet(weights, bodywork=(1.0, -1.0, 2.0, 0.0, 0.3), **linear)
    rescale(weights, 0.25, tmp_path / "b.safetensors")
    photo = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    first, second = (
        Segmenter.load(path).analyze(photo) for path in (weights, tmp_path / "b.safetensors")
    )
    ours, theirs = (scene.sheet.people(scene.embedding) for scene in (first, second))
    assert torch.allclose(ours, theirs, atol=1e-4) and ours.std() > 0
    ours, theirs = (scene.sheet.panels(scene.embedding) for scene in (first, second))
    assert torch.allclose(ours, theirs, atol=1e-4) and ours.std() > 0


def test_constants_in_squared_distances_go_along(weights, tmp_path):
    """A run's export has none yet: the defaults are for the unit of what is shipped."""
    fresh = rescale(weights, 0.5, tmp_path / "b.safetensors")
    assert "sheet" not in fresh
    write_sheet(weights, length=0.6, edge_weight=0.3)
    sheet = rescale(weights, 0.5, tmp_path / "c.safetensors")["sheet"]
    assert (sheet["length"], sheet["edge_weight"]) == (0.3, 0.15)


def test_what_belonged_to_the_old_unit_is_left_out(weights, tmp_path):
    entry = rescale(weights, 0.5, tmp_path / "b.safetensors")
    assert entry["rescaled"] == 0.5 and entry["terms"] == "ours" and entry["step"] == 7
    again = rescale(tmp_path / "b.safetensors", 4.0, tmp_path / "c.safetensors")
    assert again["rescaled"] == 2.0
    assert "scores" not in entry and "calibration" not in entry
    assert not load_network(tmp_path / "b.safetensors")[0].iou_head.fitted


def test_training_goes_on_in_the_old_unit(weights, tmp_path):
    """Its losses ask for radii: a start in another unit would have to learn the unit first."""
    rescale(weights, 0.5, tmp_path / "b.safetensors")
    before, after = (read_pretrained(p) for p in (weights, tmp_path / "b.safetensors"))
    for name, tensor in before.items():
        if not name.startswith("iou_head."):
            torch.testing.assert_close(after[name].float(), tensor.float(), atol=1e-3, rtol=1e-3)
    (tmp_path / "manifest.json").unlink()  # a bare file is taken as it is
    bare = read_pretrained(tmp_path / "b.safetensors")["embedding.weight"].float()
    torch.testing.assert_close(
        bare * 2**0.5, before["embedding.weight"].float(), atol=1e-3, rtol=1e-3
    )


def test_the_command_and_its_mistakes(weights, tmp_path, capsys):
    out = tmp_path / "b.safetensors"
    assert main(["rescale", str(weights), "--by", ".5", "--export", str(out)]) == 0
    taus = json.loads((tmp_path / "manifest.json").read_text())["b.safetensors"]["config"]["taus"]
    assert taus == [0.5486, 0.7321, 0.873, 0.9499] and "0.5486" in capsys.readouterr().out
    bad = tmp_path / "c.safetensors"
    for factor in (0.0, 11.0, float("nan")):
        with pytest.raises(ParameterError, match="by must lie in"):
            rescale(weights, factor, bad)
    assert main(["rescale", str(weights), "--by", "-1", "--export", str(bad)]) != 0
    assert "by must lie in" in capsys.readouterr().err
    assert not bad.exists()
