"""Averages of two networks."""

from __future__ import annotations

import json

import pytest
import torch

from dmlseg_core.cli.entry import main
from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import ParameterError, WeightsError
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.model.weights import load_network, save_weights
from dmlseg_core.train.fit.averaging import average
from dmlseg_core.train.fit.rescaling import rescale


def save(folder, name, rng, **config):
    torch.manual_seed(rng)
    network = EmbeddingNetwork(NetworkConfig(width=8, embedding_dim=4, **config))
    network.iou_head.fitted.fill_(True)
    path = folder / name
    save_weights(
        network, path, step=rng, scores={"old": 1}, calibration={"clicks": 2}, terms="ours"
    )
    return path


def tensors(path):
    return {k: v for k, v in load_network(path)[0].state_dict().items() if "iou_head" not in k}


@pytest.mark.parametrize("share", [0.0, 0.35, 1.0])
def test_every_tensor_lies_between_the_two(tmp_path, share):
    start, tuned = save(tmp_path, "a.safetensors", 1), save(tmp_path, "b.safetensors", 2)
    entry = average(start, tuned, share, tmp_path / "c.safetensors")
    a, b, c = (tensors(p) for p in (start, tuned, tmp_path / "c.safetensors"))
    assert a.keys() == c.keys()
    for k in a:
        wanted = a[k].double() * (1 - share) + b[k].double() * share
        assert torch.allclose(c[k].double(), wanted, rtol=2e-3, atol=1e-3)  # stored as float16
    assert entry["average"]["share"] == share and entry["terms"] == "ours" and entry["step"] == 2
    assert entry["average"]["start"] == load_network(start)[1]["sha256"]
    # neither the figures nor the head of one network are those of the mixture
    assert "scores" not in entry and "calibration" not in entry
    assert not load_network(tmp_path / "c.safetensors")[0].iou_head.fitted
    assert set(json.loads((tmp_path / "manifest.json").read_text())) == {
        f"{n}.safetensors" for n in "abc"
    }
    again = average(start, tmp_path / "c.safetensors", 0.5, tmp_path / "d.safetensors")
    assert again["average"] == {
        "start": entry["average"]["start"],
        "tuned": entry["sha256"],
        "share": 0.5,
    }


def test_a_run_that_began_with_rescaled_weights_is_averaged_in_its_own_unit(tmp_path):
    """`dmlseg train` undoes the scale, so what it exports is in another unit than its start."""
    plain, tuned = save(tmp_path, "a.safetensors", 1), save(tmp_path, "b.safetensors", 2)
    rescale(plain, 0.5, tmp_path / "shipped.safetensors")
    average(tmp_path / "shipped.safetensors", tuned, 0.5, tmp_path / "c.safetensors")
    average(plain, tuned, 0.5, tmp_path / "d.safetensors")
    found, wanted = (tensors(tmp_path / f"{name}.safetensors") for name in "cd")
    assert all(torch.allclose(found[k], wanted[k], rtol=2e-3, atol=1e-3) for k in wanted)
    config = load_network(tmp_path / "c.safetensors")[0].config
    assert config == load_network(tuned)[0].config


def test_no_average_of_different_networks_or_beyond_them(tmp_path):
    start, other = (
        save(tmp_path, "a.safetensors", 1),
        save(tmp_path, "b.safetensors", 2, taus=(0.5,)),
    )
    with pytest.raises(WeightsError, match=r"different configs.*taus .* and \(0.5,\)"):
        average(start, other, 0.5, tmp_path / "c.safetensors")
    with pytest.raises(ParameterError, match="share"):
        average(start, start, 1.5, tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()


def test_the_command_averages_and_tells_mistakes_in_a_sentence(tmp_path, capsys):
    start, tuned = save(tmp_path, "a.safetensors", 1), save(tmp_path, "b.safetensors", 2)
    words = ["average", str(start), str(tuned), "--export"]
    assert main([*words, str(tmp_path / "c.safetensors")]) == 0
    entry = json.loads((tmp_path / "manifest.json").read_text())["c.safetensors"]
    assert entry["average"]["share"] == 0.35 and entry["sha256"] in capsys.readouterr().out
    missing = str(tmp_path / "none" / "c.safetensors")
    for bad, told in (
        ([*words, missing], "is no folder"),
        ([*words, str(tmp_path / "c.pt")], "NAME.safetensors"),
        ([*words, str(tmp_path / "d.safetensors"), "--share", "2"], "share must lie in"),
        (["average", missing, *words[2:], str(tmp_path / "d.safetensors")], "no weights there"),
    ):
        assert main(bad) != 0
        assert told in capsys.readouterr().err
    assert not (tmp_path / "d.safetensors").exists()
