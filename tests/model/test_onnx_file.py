"""The ONNX file against the network: another engine answers the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from dmlseg_core.config import CLASSES
from dmlseg_core.errors import ExportError, ParameterError, WeightsError
from dmlseg_core.model import export_onnx, load_network


def test_another_engine_answers_the_same(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    path = export_onnx(tmp_path / "net.onnx", size=(49, 81))
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    network, entry = load_network()
    images = torch.rand(1, 3, 49, 81, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        wanted = network(images)
    found = session.run(["embedding", "class_logits"], {"images": images.numpy()})
    for theirs, ours in zip(found, wanted, strict=True):
        assert theirs.shape == tuple(ours.shape)
        assert np.abs(theirs - ours.numpy()).max() < 1e-3
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["weights"]) == entry["sha256"]
    assert tuple(json.loads(about["classes"])) == CLASSES


@pytest.mark.parametrize("size", [(384, 512), (385, 0), (1, 17), (385, 16 * 2000 + 1)])
def test_sizes_of_another_form(tmp_path, size):
    with pytest.raises(ParameterError, match="16n"):
        export_onnx(tmp_path / "net.onnx", size=size)
    assert not list(tmp_path.iterdir())


def test_wrong_names_and_weights(tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(ExportError, match=r"NAME\.onnx"):
        export_onnx(tmp_path / "net.bin")
    with pytest.raises(WeightsError, match="no weights there"):
        export_onnx(tmp_path / "net.onnx", tmp_path / "none.safetensors")
    assert not list(tmp_path.iterdir())
