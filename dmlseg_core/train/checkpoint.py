"""Checkpoints of a run: everything that the next step depends on, written atomically."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from dmlseg_core.errors import TrainingError
from dmlseg_core.train.config import TrainConfig

NAME = "checkpoint.pt"
MAY_CHANGE = {"steps", "cooldown"}  # a run may be prolonged, or brought to its end early


def save_checkpoint(folder: Path, state: dict[str, Any]) -> Path:
    """Write `state` to FOLDER/checkpoint.pt through a temporary file: a kill leaves the old one.

    Raises:
        TrainingError: the disk is full, or the folder cannot be written.
    """
    path = folder / NAME
    scratch = path.with_suffix(".tmp")
    try:
        torch.save(state, scratch)
        os.replace(scratch, path)  # noqa: PTH105 - replaces atomically on every platform
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise TrainingError(f"{path} cannot be written ({error}); the last one is kept") from error
    return path


def load_checkpoint(folder: Path, config: TrainConfig) -> dict[str, Any] | None:
    """The checkpoint of FOLDER, or None where there is none yet.

    Only tensors and plain containers are read (`weights_only`): a checkpoint cannot run code.

    Raises:
        TrainingError: it is unreadable, or belongs to a run with another config (`steps` and
            `cooldown` may differ).
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is no readable checkpoint ({error}); remove it") from error
    theirs, ours = TrainConfig.from_dict(state["config"]).to_dict(), config.to_dict()
    if changed := sorted(k for k in ours.keys() - MAY_CHANGE if ours[k] != theirs[k]):
        raise TrainingError(
            f"{path} belongs to a run with other values of {changed}; "
            "resume it with those, or choose another folder"
        )
    return state
