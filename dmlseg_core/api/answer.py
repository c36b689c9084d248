"""What a call answers: figures, and a file where there is one."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.edit import Pixels, Recipe, to_json
from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.photo import (
    FORMATS,
    OFFERED,
    Photo,
    image_bytes,
    layer_pixels,
    losses,
    rounded,
    save_cutout,
    save_mask,
    save_photo,
    suffix_of,
    to_8_bits,
)

_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "TIFF": "image/tiff",
          "AVIF": "image/avif", "HEIF": "image/heic"}  # fmt: skip


@dataclass(frozen=True)
class File:
    """A file to hand out: its name, what it is, its bytes."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """Figures that JSON can hold, and perhaps a file."""

    figures: dict[str, Any]
    file: File | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as one JSON object, the file's bytes in base64."""
        if self.file is None:
            return self.figures
        text = base64.b64encode(self.file.data).decode("ascii")
        about = {"name": self.file.name, "media_type": self.file.media_type}
        return {**self.figures, "file": {**about, "data": text}}


def photo_file(
    rgb: Pixels, photo: Photo, kind: str | None, quality: int | None
) -> tuple[File, tuple[str, ...]]:
    """A recolored photo in a format, None = its own, and what the file does not hold of it.

    Raises:
        ParameterError: no such format; ExportError: a quality out of range.
    """
    if kind is not None and kind not in OFFERED:
        raise ParameterError(f"format must be one of {tuple(OFFERED)}; got {kind!r:.40}")
    like = replace(photo, path=None)  # no file of ours lies where it came from
    name = "recolored" + (suffix_of(like) if kind is None else OFFERED[kind])
    with _place() as folder:
        path = save_photo(rgb, folder / name, like, quality)
        notes = (*losses(like, name), *rounded(rgb, path, like))
        return File(name, _TYPES[FORMATS[path.suffix]], path.read_bytes()), notes


def mask_file(alpha: NDArray[np.float32]) -> File:
    """A gray PNG, white inside."""
    with _place() as folder:
        return File("mask.png", "image/png", save_mask(alpha, folder / "mask.png").read_bytes())


def cutout_file(rgb: Pixels, alpha: NDArray[np.float32], photo: Photo) -> File:
    """The object alone, transparent around it."""
    with _place() as folder:
        path = save_cutout(to_8_bits(rgb), alpha, folder / "cutout.png", photo)
        return File("cutout.png", "image/png", path.read_bytes())


def layer_file(rgb: Pixels, alpha: NDArray[np.float32], photo: Photo) -> File:
    """A PNG of the photo's size that, laid over the photo, shows the recolored one."""
    left, top, rgba = layer_pixels(photo.rgb, to_8_bits(rgb), alpha, photo)
    height, width = rgba.shape[:2]
    full = np.zeros((*photo.size, 4), np.uint8)
    full[top : top + height, left : left + width] = rgba
    return File("layer.png", "image/png", image_bytes(Image.fromarray(full), "PNG"))


def recipe_file(recipe: Recipe) -> File:
    """What /replay takes."""
    return File("recipe.json", "application/json", f"{to_json(recipe)}\n".encode())


@contextmanager
def _place() -> Iterator[Path]:
    """A folder for one file; what goes wrong in it is told without its name."""
    with TemporaryDirectory(prefix="dmlseg-") as folder:
        try:
            yield Path(folder)
        except ExportError as error:
            raise ExportError(str(error).replace(folder, "the server's folder")) from None
