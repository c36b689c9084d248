"""`dmlseg rescale`: the same network with its embedding in another unit.

How far apart training pushes two things depends on its length and its weights; the dial does not.
Scaling squared distances, and with them the radii of the mask-class head's thresholds, changes no
mask and no score: only the tau that each of them is called by (temperature scaling of sigma: Guo et
al. 2017, arXiv 1706.04599, do it to a classifier).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from dmlseg_core.config import Range
from dmlseg_core.model import (
    DataSheet,
    EmbeddingNetwork,
    IoUHead,
    check_export,
    history,
    load_network,
    radius2,
    save_weights,
    tau_of,
)

FACTOR = Range("by", 0.1, 10.0)


def rescale(weights: Path, factor: float, out: Path) -> dict[str, Any]:
    """Write a network whose squared distances are `factor` times those of another, as a file.

    The IoU head is left out: it reads distances. `dmlseg calibrate` fits it.

    Args:
        weights: a weights file.
        factor: of squared distances, in [.1, 10].
        out: NAME.safetensors; its manifest entry is the old one, with "rescaled" added.

    Returns:
        The manifest entry.

    Raises:
        ParameterError: a factor outside its range.
        ExportError: `out` cannot be written.
        WeightsError: the file cannot be read.
    """
    FACTOR.check(factor)
    check_export(out)
    network, about = load_network(weights)
    scaled = rescaled(network, factor)
    kept = history(about)
    kept["rescaled"] = factor * kept.get("rescaled", 1.0)  # `read_pretrained` undoes it
    if "sheet" in about:  # a run's export has none: the defaults are for what it is rescaled to
        kept["sheet"] = _in_unit(DataSheet.of(about), factor).to_dict()
    return save_weights(scaled, out, **kept)


def _in_unit(sheet: DataSheet, factor: float) -> DataSheet:
    """What a sheet has in squared distances, and by vectors; regions are to be fitted anew."""
    skin, hair, bodywork = (
        _unscaled(linear, factor) for linear in (sheet.skin, sheet.hair, sheet.bodywork)
    )
    length, edge_weight = factor * sheet.length, factor * sheet.edge_weight
    sheet = replace(sheet, length=length, edge_weight=edge_weight)
    return replace(sheet, skin=skin, hair=hair, bodywork=bodywork)


def _unscaled(linear: tuple[float, ...], factor: float) -> tuple[float, ...]:
    """Weights of a vector, its bias last, for vectors whose squared lengths are `factor` times."""
    return (*(weight / factor**0.5 for weight in linear[:-1]), *linear[-1:])


@torch.no_grad()
def rescaled(network: EmbeddingNetwork, factor: float) -> EmbeddingNetwork:
    """`network` with squared distances times `factor`, and taus whose radii are so too."""
    taus = tuple(float(f"{tau_of(factor * radius2(tau)):.4g}") for tau in network.config.taus)
    config = replace(network.config, taus=taus)
    scaled = EmbeddingNetwork(config)
    scaled.load_state_dict(network.state_dict())
    for tensor in (scaled.embedding.weight, cast(Tensor, scaled.embedding.bias)):
        tensor.mul_(factor**0.5)
    scaled.iou_head = IoUHead(len(taus), len(config.classes), config.dial)
    return scaled.train(network.training)
