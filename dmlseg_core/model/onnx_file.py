"""The network as an ONNX file, for programs without torch."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from dmlseg_core.errors import ExportError, MissingExtraError, ParameterError
from dmlseg_core.model.network import MULTIPLE, EmbeddingNetwork
from dmlseg_core.model.weights import load_network
from dmlseg_core.photo import write_bytes

OPSET = 17


class _Plain(nn.Module):
    """The network with a tuple for an answer, which is what ONNX knows."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        output = self.network(images)
        return output.embedding, output.class_logits


def export_onnx(
    path: str | Path, weights: str | Path | None = None, *, size: tuple[int, int] = (385, 513)
) -> Path:
    """Write the network for inputs of one size; batch norms are folded.

    Input `images` (1, 3, Hp, Wp) float32, RGB / 127.5 - 1; outputs `embedding` (1, D, h, w) and
    `class_logits` (1, T, C + 1, h, w) float32 at h = (Hp - 1) / 4 + 1. The file's metadata names
    classes, taus and the weights' sha256. The IoU head, which reads scenes, is no part of it.

    Args:
        path: NAME.onnx.
        weights: NAME.safetensors; None is the shipped file.
        size: (Hp, Wp), each 16n + 1: `Frame.padded_size` of the photos that are meant. The default
            is that of 4 : 3 photos at the usual long side of 512.

    Raises:
        ParameterError: a size of another form.
        ExportError: another suffix, or a folder that cannot be written.
        MissingExtraError: the package onnx is not installed.
        WeightsError: the weights cannot be used.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise ExportError(f"--onnx takes NAME.onnx; got {path}")
    if any(n % MULTIPLE != 1 or not MULTIPLE < n < 2**14 for n in size):
        raise ParameterError(f"sides must be 16n + 1 from 17 on, such as 385 513; got {size}")
    try:
        import onnx  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("the package onnx is missing: pip install '.[onnx]'") from None
    network, entry = load_network(weights)
    model = onnx.load_from_string(_traced(network.fuse(), size))
    config = network.config
    about = {"classes": config.classes, "taus": config.taus, "weights": entry["sha256"]}
    onnx.helper.set_model_props(model, {k: json.dumps(v) for k, v in about.items()})
    return write_bytes(model.SerializeToString(), path)


def _traced(network: EmbeddingNetwork, size: tuple[int, int]) -> bytes:
    file, images = io.BytesIO(), torch.zeros(1, 3, *size)
    with warnings.catch_warnings():
        # of the tracer: the sizes that it takes for constants are; and that another one is newer,
        # which needs one more package and gives the same file
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Plain(network).eval(),
            (images,),
            file,  # type: ignore[arg-type]  # a stream will do without the newer exporter
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["embedding", "class_logits"],
        )
    return file.getvalue()
