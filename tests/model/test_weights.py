"""Weights and their manifest: what is saved comes back, and nothing else is ever loaded."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import load, save

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import WeightsError
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.model.weights import DEFAULT_WEIGHTS, load_network, save_weights
from dmlseg_core.scene.segmenter import Segmenter

CONFIG = NetworkConfig(width=8, embedding_dim=6, taus=(0.3, 0.7), classes=("a", "b"))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = EmbeddingNetwork(CONFIG)
    network.decoder.fuse4[1].running_mean.uniform_(-1, 1)  # buffers travel too
    return network.eval()


@pytest.fixture
def path(network, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(network, path, data=["synthetic"], scores={"map_r": 0.5})
    return path


def edit_manifest(path, **changes):
    """Change the entry of `path`; None removes a key."""
    manifest = path.parent / "manifest.json"
    entries = json.loads(manifest.read_text())
    entry = {**entries[path.name], **changes}
    entries[path.name] = {k: v for k, v in entry.items() if v is not None}
    manifest.write_text(json.dumps(entries))


def rewrite(path, tensors):
    """Other tensors under a right hash."""
    data = save(tensors)
    path.write_bytes(data)
    edit_manifest(path, sha256=hashlib.sha256(data).hexdigest())


# ---------------------------------------------------------------- there and back


def test_what_is_saved_comes_back(network, path):
    loaded, entry = load_network(path)
    assert loaded.config == CONFIG and not loaded.training
    theirs = network.state_dict()
    assert loaded.state_dict().keys() == theirs.keys()
    for key, value in loaded.state_dict().items():
        assert value.dtype == theirs[key].dtype
        assert torch.equal(value, theirs[key].half().to(value.dtype)), key
    assert entry["data"] == ["synthetic"] and entry["scores"] == {"map_r": 0.5}
    images = torch.rand(1, 3, 33, 33)
    with torch.inference_mode():
        ours, before = loaded(images).embedding, network(images).embedding
    assert torch.allclose(ours, before, atol=0.02 * before.abs().max().item())


def test_weights_that_were_never_calibrated(network, path):
    tensors = {k: v for k, v in load(path.read_bytes()).items() if not k.startswith("iou_head.")}
    rewrite(path, tensors)
    loaded, _ = load_network(path)
    assert not loaded.iou_head.fitted
    assert torch.equal(loaded.decoder.down.weight.half(), network.decoder.down.weight.half())
    assert Segmenter.load(path).iou_head is None


def test_a_calibrated_head_reaches_the_scene(network, path):
    fitted = EmbeddingNetwork(CONFIG)
    fitted.load_state_dict(network.state_dict())
    fitted.iou_head.fitted.fill_(True)
    save_weights(fitted, path)
    segmenter = Segmenter.load(path)
    scene = segmenter.analyze(torch.zeros(20, 30, 3, dtype=torch.uint8).numpy())
    assert scene.iou_head is segmenter.iou_head is not None


def test_the_file_and_its_entry(path):
    entry = json.loads((path.parent / "manifest.json").read_text())["tiny.safetensors"]
    data = path.read_bytes()
    assert entry["sha256"] == hashlib.sha256(data).hexdigest() and entry["bytes"] == len(data)
    assert entry["config"] == json.loads(json.dumps(CONFIG.to_dict()))
    floats = {t.dtype for t in load(path.read_bytes()).values() if t.is_floating_point()}
    assert floats == {torch.float16}


def test_the_manifest_keeps_its_other_entries(network, path):
    again = save_weights(network, path.parent / "other.safetensors", scores=None)
    entries = json.loads((path.parent / "manifest.json").read_text())
    assert set(entries) == {"tiny.safetensors", "other.safetensors"}
    assert entries["other.safetensors"]["sha256"] == again["sha256"]
    assert load_network(path)[0].config == load_network(str(path))[0].config == CONFIG


def test_the_shipped_weights_load(shipped_weights):
    network, entry = load_network(shipped_weights)
    assert entry["sha256"] == hashlib.sha256(shipped_weights.read_bytes()).hexdigest()
    assert network.config == NetworkConfig.from_dict(entry["config"])


# ---------------------------------------------------------------- never anything else


def refused(path, *words):
    """Loading fails, and the message names the file."""
    with pytest.raises(WeightsError) as error:
        load_network(path)
    for word in (path.name, *words):
        assert word in str(error.value), str(error.value)


def test_a_missing_file(path):
    refused(path.with_name("gone.safetensors"), "no weights there")
    refused(path.parent, "no weights there")  # a folder is no file


def test_the_default_is_not_replaced_by_other_weights(monkeypatch, path):
    """Other weights lie in the folder; the named ones do not: an error, no fallback."""
    gone = path.with_name(DEFAULT_WEIGHTS.name)
    monkeypatch.setattr("dmlseg_core.model.weights.DEFAULT_WEIGHTS", gone)
    with pytest.raises(WeightsError, match=DEFAULT_WEIGHTS.name):
        load_network()
    with pytest.raises(WeightsError, match=DEFAULT_WEIGHTS.name):
        Segmenter.load()


def test_a_changed_byte(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    refused(path, "sha256", "does not match")
    with pytest.raises(WeightsError, match="does not match"):
        Segmenter.load(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none(path, value):
    """With a right hash: a run that diverged may have been exported by other means."""
    tensors = load(path.read_bytes())
    name = next(k for k, v in tensors.items() if v.is_floating_point())
    tensors[name].view(-1)[0] = value
    rewrite(path, tensors)
    refused(path, name, "NaN")


def test_a_truncated_file(path):
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, "does not match")


@pytest.mark.parametrize("wanted", [None, "", 5])
def test_an_entry_without_a_hash(path, wanted):
    edit_manifest(path, sha256=wanted)
    refused(path, "does not match")


def test_no_manifest(path):
    manifest = path.parent / "manifest.json"
    text = manifest.read_text()
    manifest.unlink()
    with pytest.raises(WeightsError, match=r"manifest\.json.*weights need it"):
        load_network(path)
    for broken in ("{", "[]", '"x"'):
        manifest.write_text(broken)
        with pytest.raises(WeightsError, match=r"manifest\.json"):
            load_network(path)
    manifest.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        load_network(path)
    manifest.write_text(text)
    load_network(path)


def test_no_entry(path):
    renamed = path.rename(path.with_name("renamed.safetensors"))
    refused(renamed, "has no entry")
    manifest = path.parent / "manifest.json"
    manifest.write_text(json.dumps({"renamed.safetensors": "a string"}))
    refused(renamed, "has no entry")


def test_tensors_of_another_shape(path):
    edit_manifest(path, config={**CONFIG.to_dict(), "embedding_dim": 7})
    refused(path, "embedding.", "has shape (6,", "the config asks for (7,")


def test_tensors_missing_or_too_many(path):
    tensors = load(path.read_bytes())
    kept = {k: v for k, v in tensors.items() if k != "classes.bias"}
    rewrite(path, kept)
    refused(path, "classes.bias")
    rewrite(path, {**tensors, "extra.weight": torch.zeros(2)})
    refused(path, "extra.weight")
    rewrite(path, tensors)
    load_network(path)


def test_weights_of_another_backbone(path):
    edit_manifest(path, config={**CONFIG.to_dict(), "backbone": "resnet101"})
    with pytest.raises(WeightsError, match=r"tiny\.safetensors does not fit its config"):
        load_network(path)


@pytest.mark.parametrize(
    "config",
    [
        None, [], "mobilenetv2", {"backbone": "vgg"}, {"depth": 3}, {"width": "8"},
        {"taus": [0.5, 2]}, {"classes": 3}, {"embedding_dim": 2.5},
    ],
)  # fmt: skip
def test_configs_that_are_none(path, config):
    edit_manifest(path, config=config)
    refused(path)


def test_a_pickle_is_refused(path):
    torch.save({"embedding.weight": torch.zeros(1)}, path)
    edit_manifest(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    refused(path, "cannot be read")


# ---------------------------------------------------------------- saving


def test_saving_under_another_ending(network, tmp_path):
    with pytest.raises(WeightsError, match=r"NAME\.safetensors; got tiny\.pt"):
        save_weights(network, tmp_path / "tiny.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_saving_what_half_precision_cannot_hold(tmp_path, value):
    network = EmbeddingNetwork(CONFIG)
    network.classes.bias.data[0] = value
    with pytest.raises(WeightsError, match=r"tiny\.safetensors: not finite.*classes\.bias"):
        save_weights(network, tmp_path / "tiny.safetensors")
    assert not list(tmp_path.iterdir())


def test_saving_a_fused_network_is_refused(tmp_path):
    """Its tensors are others than the config's: the file could never be loaded."""
    with pytest.raises(WeightsError, match="fused"):
        save_weights(EmbeddingNetwork(CONFIG).fuse(), tmp_path / "tiny.safetensors")
    assert not list(tmp_path.iterdir())


def test_saving_beside_a_broken_manifest_changes_nothing(network, tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        save_weights(network, tmp_path / "tiny.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]
