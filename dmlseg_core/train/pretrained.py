"""Backbones to begin a run with: a safetensors file, or torchvision's own download."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dmlseg_core.config import VOC_CLASSES
from dmlseg_core.errors import WeightsError
from dmlseg_core.model import EmbeddingNetwork, rescaled_by


def read_pretrained(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file; distances that `dmlseg rescale` scaled are as they were.

    Raises:
        WeightsError: there is none, or it is damaged.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is no readable safetensors file ({error})") from None
    factor = rescaled_by(path) ** -0.5
    ours = {"embedding.weight", "embedding.bias"} if factor != 1 else set()
    return {k: v.float() * factor if k in ours else v for k, v in tensors.items()}


def download_resnet101() -> dict[str, Tensor]:
    """DeepLabV3-ResNet101 trained on COCO with VOC's labels, the paper's start, from torchvision.

    Raises:
        WeightsError: it cannot be fetched.
    """
    # it loads torch's compiler, which takes as long as torch itself; other runs do without
    from torchvision.models.segmentation import (  # type: ignore[import-untyped]  # noqa: PLC0415
        DeepLabV3_ResNet101_Weights,
    )

    weights = DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1
    try:
        state: Mapping[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"{weights.url} cannot be fetched: {error}") from None
    return from_torchvision(state)


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's DeepLabV3 under our names: its ASPP is `classifier.0` there, `aspp` here."""
    return {k.replace("classifier.0.", "aspp.", 1): v for k, v in state.items()}


def load_pretrained(network: EmbeddingNetwork, tensors: Mapping[str, Tensor]) -> None:
    """Start the backbone from `tensors`; those of no use here (a classifier) are left.

    An export of this very network starts all of it: training goes on from shipped weights. Its
    IoU head is left: it was fitted to what the network was, and is fitted anew afterwards.

    Raises:
        WeightsError: a tensor of the trunk is missing, or one has another shape.
    """
    found = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    found = {k: v for k, v in found.items() if not k.startswith("iou_head.")}
    own = network.state_dict()
    if found.keys() == {k for k in own if not k.startswith("iou_head.")}:
        network.load_state_dict({**own, **found})
        return
    if not any(k.startswith("backbone.") for k in found):  # a bare trunk: no ASPP, trained anew
        found = {f"backbone.{k}": v for k, v in found.items()}
    wanted = network.backbone.state_dict()
    missing = [k for k in wanted if k.startswith("backbone.") and k not in found]
    shapes = [k for k in wanted if k in found and found[k].shape != wanted[k].shape]
    if missing or shapes:
        raise WeightsError(f"the file does not fit the backbone: {(missing + shapes)[:3]} ...")
    network.backbone.load_state_dict({k: found.get(k, v) for k, v in wanted.items()})
    if "logits.conv.weight" in found:
        _load_prior(network, found["logits.conv.weight"], found["logits.conv.bias"])


@torch.no_grad()
def _load_prior(network: EmbeddingNetwork, weight: Tensor, bias: Tensor) -> None:
    """Start the class head's prior from DeepLab's classifier, the same at every tau.

    A class that VOC lacks (`object`) looks like background to it, so it gets background's row.
    """
    names = ("background", *network.config.classes)
    rows = [1 + VOC_CLASSES.index(n) if n in VOC_CLASSES else 0 for n in names]
    repeats = len(network.config.taus)
    network.prior.weight.copy_(weight[rows].repeat(repeats, 1, 1, 1))
    cast(Tensor, network.prior.bias).copy_(bias[rows].repeat(repeats))
