"""Weights travel with a manifest: sha256, config, classes, data and scores; nothing else is loaded.

A file NAME.safetensors has its entry, keyed by its file name, in the manifest.json beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import ExportError, WeightsError
from dmlseg_core.model.iou_head import IoUHead
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.model.sheet import DataSheet
from dmlseg_core.package_data import default_weights
from dmlseg_core.photo import write_bytes

MANIFEST = "manifest.json"
_HEAD = "iou_head."
DEFAULT_WEIGHTS: Path = default_weights()
"""The shipped weights."""


def check_export(path: Path) -> None:
    """Say now what would else be found out after hours of work.

    Raises:
        ExportError: another suffix than .safetensors, or a folder that is not there.
    """
    if path.suffix != ".safetensors":
        raise ExportError(f"--export takes NAME.safetensors; got {path}")
    if not path.parent.is_dir():
        raise ExportError(f"{path.parent} is no folder: cannot write {path}")


def save_weights(network: EmbeddingNetwork, path: str | Path, **about: Any) -> dict[str, Any]:
    """Write float16 safetensors and enter them in the manifest beside them.

    Args:
        network: not fused: a fused one has other tensors.
        path: NAME.safetensors.
        about: further JSON values of the entry: data, terms, commit, scores.

    Returns:
        The manifest entry.

    Raises:
        WeightsError: the name does not end in .safetensors, the network is fused, or a weight is
            not finite in float16.
        ExportError: the folder cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise WeightsError(f"weights are written as NAME.safetensors; got {path.name}")
    with torch.device("meta"):  # names only: nothing is allocated
        wanted = EmbeddingNetwork(network.config).state_dict()
    if odd := sorted(wanted.keys() ^ network.state_dict().keys()):
        raise WeightsError(f"{path.name}: tensors of a fused or another network: {odd[:3]}")
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in network.state_dict().items()
    }
    if broken := [k for k, v in tensors.items() if not torch.isfinite(v.float()).all()]:
        raise WeightsError(f"{path.name}: not finite in float16: {broken[:3]}")
    data = save(tensors)
    entry = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "config": network.config.to_dict(),
        **about,
    }
    entries = _read_manifest(path.parent) if (path.parent / MANIFEST).exists() else {}
    write_bytes(data, path)
    _write_manifest({**entries, path.name: entry}, path.parent)
    return entry


def load_network(path: str | Path | None = None) -> tuple[EmbeddingNetwork, dict[str, Any]]:
    """The network of a weights file, in eval mode, and its manifest entry.

    Args:
        path: a safetensors file with its manifest.json beside it; None is the shipped one.

    Raises:
        WeightsError: the file or its entry is missing, its hash is not the manifest's, or its
            tensors do not fit the config or are not finite. Other weights are never loaded instead.
    """
    path = Path(DEFAULT_WEIGHTS if path is None else path)
    try:
        with path.open("rb") as file:
            # first: a device has no end, and no manifest
            entry = _entry_of(_read_manifest(path.parent), path)
            data = file.read()
    except OSError as error:
        raise WeightsError(f"{path}: no weights there ({error.strerror or error})") from None
    found = hashlib.sha256(data).hexdigest()
    if found != entry.get("sha256"):
        raise WeightsError(
            f"{path.name} does not match its manifest: sha256 {found[:12]}..., expected "
            f"{str(entry.get('sha256'))[:12]}...; get both files again"
        )
    try:
        config, tensors = NetworkConfig.from_dict(entry["config"]), load(data)
        with torch.device("meta"):  # random weights would take longer than the file's
            network = EmbeddingNetwork(config)
    except (KeyError, TypeError, AttributeError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{path.name} or its manifest cannot be read: {error}") from None
    _fit(network, tensors, path.name)
    return network.eval(), entry


def write_sheet(path: Path, **values: Any) -> None:
    """Set values of a weights file's data sheet, in the manifest beside it.

    Raises:
        WeightsError: the manifest or its entry cannot be read.
        ParameterError: a value that no sheet has.
        ExportError: the folder cannot be written.
    """
    entries = _read_manifest(path.parent)
    entry = _entry_of(entries, path)
    entry["sheet"] = replace(DataSheet.of(entry), **values).to_dict()
    _write_manifest(entries, path.parent)


def history(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What of a manifest entry stays true of weights made from its own: how they came about."""
    own = ("sha256", "bytes", "config", "calibration", "scores", "commit", "scene_config")
    return {k: v for k, v in entry.items() if k not in own}


def rescaled_by(path: Path) -> float:
    """Factor that `dmlseg rescale` gave a file's squared distances; 1 where no manifest says."""
    if not (path.parent / MANIFEST).exists():
        return 1.0
    entry = _read_manifest(path.parent).get(path.name)
    return float(entry.get("rescaled", 1.0)) if isinstance(entry, dict) else 1.0


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{path}: weights need it ({error.strerror or error})") from None
    except ValueError as error:
        raise WeightsError(f"{path} is no JSON: {error}") from None
    if not isinstance(entries, dict):
        raise WeightsError(f"{path} must map file names to entries; it holds {type(entries)}")
    return entries


def _entry_of(entries: Mapping[str, Any], path: Path) -> dict[str, Any]:
    entry = entries.get(path.name)
    if not isinstance(entry, dict):
        raise WeightsError(f"{path.parent / MANIFEST} has no entry for {path.name}")
    return entry


def _write_manifest(entries: Mapping[str, Any], folder: Path) -> None:
    text = json.dumps(entries, indent=2) + "\n"
    write_bytes(text.encode(), folder / MANIFEST)


def _fit(network: EmbeddingNetwork, tensors: dict[str, Tensor], name: str) -> None:
    wanted = network.state_dict()
    missing = wanted.keys() ^ tensors.keys()
    if all(key.startswith(_HEAD) for key in missing - tensors.keys()):
        missing &= tensors.keys()  # never calibrated: `Scene` does without
    if odd := sorted(missing):
        raise WeightsError(f"{name} does not fit its config: {odd[:3]} miss or are too many")
    for key, value in tensors.items():
        if value.shape != wanted[key].shape:
            raise WeightsError(
                f"{name}: {key} has shape {tuple(value.shape)}, the config asks for "
                f"{tuple(wanted[key].shape)}"
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise WeightsError(f"{name}: {key} holds NaN or infinite numbers; get the file again")
    if any(key.startswith(_HEAD) for key in wanted.keys() - tensors.keys()):
        config = network.config
        fresh = IoUHead(len(config.taus), len(config.classes), config.dial).state_dict()
        tensors = {**{_HEAD + k: v for k, v in fresh.items()}, **tensors}
    full = {k: v.to(wanted[k].dtype) for k, v in tensors.items()}
    network.load_state_dict(full, assign=True)
