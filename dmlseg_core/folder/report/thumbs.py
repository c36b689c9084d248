"""Small pictures for the report, made while a photo's pixels are at hand."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.photo import image_bytes, write_bytes

SIDE = 480
"""Long side in pixels: sharp in a tile of half of it on a screen of double density."""
_QUALITY = 80
_LONGEST = 251
"""Bytes of a name that leave room for ".jpg"."""


def before_path(name: str) -> str:
    """Where below the output folder the small picture of a photo lies, by its output name.

    >>> before_path("trip/cat.png")
    'report/before/trip/cat.png.jpg'
    """
    return f"report/before/{_short(name)}.jpg"


def after_path(output: str) -> str:
    """Where below the output folder that of a recolored file lies.

    >>> after_path("recolored/trip/cat.navy.png")
    'report/after/trip/cat.navy.png.jpg'
    """
    return f"report/after/{_short(output.removeprefix('recolored/'))}.jpg"


def _short(name: str) -> str:
    path = PurePosixPath(name)
    last = os.fsencode(path.name)
    if len(last) <= _LONGEST:
        return name
    return str(path.with_name(hashlib.sha256(last).hexdigest()[:32]))


def save_thumb(rgb: NDArray[np.uint8], path: Path) -> None:
    """A JPEG of at most SIDE pixels a side.

    Args:
        rgb: (H, W, 3) uint8 sRGB.
        path: where to, out / `before_path` or `after_path`, in a folder that is there.

    Raises:
        ExportError: it cannot be written.
    """
    image = Image.fromarray(rgb)
    image.thumbnail((SIDE, SIDE), reducing_gap=2.0)
    write_bytes(image_bytes(image, "JPEG", quality=_QUALITY), path)
