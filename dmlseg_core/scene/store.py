"""Scenes on disk: a photo that was analysed once is opened again without the network.

A scene's file is named by everything that decides it: the photo's pixels, the weights, what the
network was asked, and the code itself. It holds the arrays as they are, so what a kept scene says
is what the fresh one said, to the bit; and no picture: that comes from the photo again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import torch
from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dmlseg_core.config import SceneConfig
from dmlseg_core.model import DataSheet
from dmlseg_core.photo import Photo
from dmlseg_core.scene.regions import RegionTree
from dmlseg_core.scene.scene import Scene

VARIABLE = "DMLSEG_CACHE"
OFF = "off"
SUFFIX = ".scene"
_PART = ".part"
_CHECK = 4  # bytes of the checksum before the tensors
_STALE = 3600.0  # seconds after which a file that was never finished is a killed process's

_ROOMS = ("color", "model", "photo", "scene")
_TREE = ("superpixels", "cells", "gaps")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneStore:
    """A folder of scenes, bounded in bytes; the longest unused go first.

    Several processes may share it. Whatever goes wrong with a file or the disk, the scene is made
    again: a store never raises.

    Attributes:
        folder: made when it is first needed, for this account alone (0700, files 0600).
        limit: bytes of all its files together; 640 x 480 photos take some 14 MB each.
    """

    folder: Path
    limit: int = 512 * 2**20

    @classmethod
    def usual(cls) -> Self | None:
        """The user's own, in the system's place for caches.

        The environment variable DMLSEG_CACHE names another folder; where it is `off`, None.
        """
        where = os.environ.get(VARIABLE, "")
        if where.strip().lower() == OFF:
            return None
        return cls(
            Path(where).expanduser() if where else user_cache_path("dmlseg", False) / "scenes"
        )

    def get(self, name: str) -> dict[str, Tensor] | None:
        """What was put under a name, now the youngest; None where it is gone or damaged."""
        path = self.folder / (name + SUFFIX)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        body = memoryview(data)[_CHECK:]
        try:
            if zlib.crc32(body) != int.from_bytes(data[:_CHECK], "little"):
                raise ValueError("its checksum is another")
            # copies: the file's bytes are not aligned as computed arrays are
            tensors = {key: tensor.clone() for key, tensor in load(bytes(body)).items()}
        except (SafetensorError, ValueError) as error:
            _log.info("%s is damaged (%s): removed", path, error)
            self.drop(name)
            return None
        with suppress(OSError):
            os.utime(path)  # access times are not kept everywhere
        return tensors

    def put(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors under a name; the longest unused go where there are too many bytes."""
        body = save({key: tensor.contiguous() for key, tensor in tensors.items()})
        if len(body) + _CHECK > self.limit:
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(zlib.crc32(body).to_bytes(_CHECK, "little"), body, name)
            with FileLock(self.folder / ".lock", timeout=5, mode=0o600):
                self._trim()
        except (OSError, Timeout) as error:
            _log.info("%s keeps no scene (%s)", self.folder, error)

    def drop(self, name: str) -> None:
        """Forget what is kept under a name."""
        with suppress(OSError):
            (self.folder / (name + SUFFIX)).unlink(missing_ok=True)

    def _write(self, check: bytes, body: bytes, name: str) -> None:
        """Through a file of its own (0600), so that a reader sees the whole or nothing."""
        handle, part = tempfile.mkstemp(_PART, dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(check)
                file.write(body)
            Path(part).replace(self.folder / (name + SUFFIX))
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def _trim(self) -> None:
        """Remove the longest unused until the rest fits, and what killed processes left."""
        now, kept = time.time(), []
        for entry in os.scandir(self.folder):
            with suppress(OSError):  # another process may have removed it
                about = entry.stat()
                if entry.name.endswith(SUFFIX):
                    kept.append((about.st_mtime, about.st_size, entry.path))
                elif entry.name.endswith(_PART) and now - about.st_mtime > _STALE:
                    Path(entry.path).unlink()
        held = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if held <= self.limit:
                return
            with suppress(OSError):
                Path(path).unlink()
            held -= size


@cache
def _code() -> str:
    """Names the code that makes scenes: after an update nothing of the old one is opened."""
    package, hashed = Path(__file__).parents[1], hashlib.sha256()
    # scikit-image's own module would load half of it
    for of in (torch.__version__, np.__version__, cv2.__version__, version("scikit-image")):
        hashed.update(of.encode())
    for path in sorted(p for room in _ROOMS for p in (package / room).glob("*.py")):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


def name_of(
    photo: Photo, config: SceneConfig, weights: str, sheet: DataSheet, device: torch.device
) -> str:
    """64 hex digits that differ where anything does that a kept array depends on.

    Args:
        photo: its pixels and its transparency count, its path does not.
        config: resolved; how proposals are made is no part of it.
        weights: sha256 of the weights file.
        sheet: of those weights.
        device: what the network runs on.
    """
    alpha = b"" if photo.alpha is None else photo.alpha.tobytes()
    parts = [_code(), photo.digest, hashlib.sha256(alpha).hexdigest(), weights, sheet.to_dict()]
    asked = [config.long_side, config.precision, config.flip, device.type]
    return hashlib.sha256(json.dumps([*parts, *asked], sort_keys=True).encode()).hexdigest()


def to_tensors(scene: Scene) -> dict[str, Tensor]:
    """What the network and the photo took time for; the vectors as rows, as they lie in memory."""
    found = {"vectors": scene.embedding.permute(1, 2, 0), "probs": scene.class_probs}
    if (tree := scene.regions) is not None:
        found |= {name: torch.from_numpy(getattr(tree, name)) for name in _TREE}
    return found


def tree_of(kept: dict[str, Tensor], photo_size: tuple[int, int]) -> RegionTree | None:
    """The region tree among kept tensors, if there is one that fits together."""
    if not kept.keys() >= set(_TREE):
        return None
    superpixels, cells, gaps = (kept[name].numpy() for name in _TREE)
    fits = superpixels.ndim == cells.ndim == 2 and gaps.ndim == 1
    fits = fits and superpixels.min() >= 0 and superpixels.max() == len(gaps)
    fits = fits and cells.min() >= 0 and cells.max() <= len(gaps)
    return RegionTree(superpixels, cells, gaps, photo_size) if fits else None
