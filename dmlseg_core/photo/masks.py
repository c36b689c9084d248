"""Masks, labels and cut-outs as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.edge import estimate_foreground
from dmlseg_core.errors import ExportError
from dmlseg_core.photo.decode import BAND
from dmlseg_core.photo.encode import image_bytes
from dmlseg_core.photo.load import Photo
from dmlseg_core.photo.whole import write_bytes


def png_path(path: str | Path) -> Path:
    """The path; ExportError where it does not end in .png."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ExportError(f"{path.name}: masks, labels and cut-outs are PNG files; end it in .png")
    return path


def box_of(mask: NDArray[np.bool_]) -> list[int]:
    """[x, y, width, height] of (H, W) bool; four zeros where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return [0, 0, 0, 0]
    y, x = int(rows[0]), int(columns[0])
    return [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]


def save_mask(mask: NDArray[Any], path: str | Path) -> Path:
    """Write an 8-bit grey PNG of (H, W) bool, or of float alpha in [0, 1] (NaN is refused)."""
    path = png_path(path)
    share = np.asarray(mask, np.float32)
    if share.ndim != 2 or not ((share >= 0) & (share <= 1)).all():
        raise ExportError(f"a mask is (H, W), bool or float in [0, 1]; got {mask.shape}")
    return _save(Image.fromarray(np.rint(share * 255).astype(np.uint8)), path)


def save_labels(labels: NDArray[np.integer[Any]], path: str | Path) -> Path:
    """Write (H, W) instance labels, 0 = background: palette PNG in VOC's colors, 16-bit past 255.

    Raises:
        ExportError: not 2-D integers, negative, or more than 65535 labels.
    """
    path = png_path(path)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise ExportError(f"labels are (H, W) integers; got {labels.shape} {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > 65535:
        raise ExportError(f"labels must lie in 0..65535; got {low}..{high}")
    if high > 255:
        return _save(Image.fromarray(labels.astype(np.uint16)), path)
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(voc_colormap().tobytes())
    return _save(image, path)


def voc_colormap() -> NDArray[np.uint8]:
    """(256, 3) uint8: VOC's label colors (bit-reversed indices; VOCdevkit's VOClabelcolormap.m)."""
    index = np.arange(256)
    colors = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return colors


def cutout(
    rgb: NDArray[np.uint8], alpha: NDArray[np.float32], like: Photo | None = None
) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 RGBA of an object, edge pixels freed of the background's color.

    Args:
        rgb: (H, W, 3), the recolored photo.
        alpha: (H, W) in [0, 1], the object's mask.
        like: the photo it was made from: where that is transparent, the cut-out is, as much.
    """
    color = estimate_foreground(rgb, alpha)
    made = np.empty((*alpha.shape, 4), np.uint8)
    for top in range(0, len(made), BAND):  # floats of all of it would be large
        rows = slice(top, top + BAND)
        share = alpha[rows]
        if like is not None and like.alpha is not None:
            share = share * np.divide(like.alpha[rows], 255, dtype=np.float32)
        coverage = np.rint(share * 255).astype(np.uint8)
        # nothing of the rest of the photo hides under full transparency
        made[rows, :, :3] = color[rows] * (coverage > 0)[..., None]
        made[rows, :, 3] = coverage
    return made


def save_cutout(
    rgb: NDArray[np.uint8],
    alpha: NDArray[np.float32],
    path: str | Path,
    like: Photo | None = None,
) -> Path:
    """Write `cutout` as a PNG."""
    return _save(Image.fromarray(cutout(rgb, alpha, like)), png_path(path))


def _save(image: Image.Image, path: Path) -> Path:
    return write_bytes(image_bytes(image, "PNG"), path)
