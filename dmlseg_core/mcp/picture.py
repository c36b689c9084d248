"""Small pictures for an assistant to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dmlseg_core.edit import EditSession, Pixels, shrunk
from dmlseg_core.folder import palette
from dmlseg_core.photo import image_bytes, load_photo, to_8_bits
from dmlseg_core.scene import Mask

SIDE = 512
"""Long side: enough to judge a color, few enough bytes for a context."""


def small(rgb: Pixels) -> bytes:
    """JPEG of a picture with a long side of SIDE at most."""
    return _jpeg(shrunk(to_8_bits(rgb), SIDE))


_CELL = SIDE // 2


def cell_of(path: Path) -> Image.Image:
    """A picture as a sheet has it."""
    image = Image.fromarray(shrunk(load_photo(path).rgb, SIDE))
    image.thumbnail((_CELL, _CELL))
    return image


def sheet(cells: Sequence[Image.Image]) -> bytes:
    """JPEG of the first pictures of a batch, two in a row."""
    cell, rows = _CELL, -(-len(cells) // 2)
    made = Image.new("RGB", (SIDE if len(cells) > 1 else cell, cell * rows), (255, 255, 255))
    for k, image in enumerate(cells):
        left, top = k % 2 * cell, k // 2 * cell
        made.paste(image, (left + (cell - image.width) // 2, top + (cell - image.height) // 2))
    return image_bytes(made, "JPEG", quality=85)


def numbered(session: EditSession, masks: Sequence[Mask]) -> bytes:
    """JPEG of the photo with each mask tinted, outlined and numbered from 1 on."""
    rgb = shrunk(session.preview, SIDE).copy()
    colors = palette(len(masks))
    for k, mask in enumerate(masks, 1):
        inside = mask.to_level(rgb.shape[:2]) >= 0
        rgb[inside] = (0.65 * rgb[inside] + 0.35 * colors[k]).astype(np.uint8)
        outline, _ = cv2.findContours(
            inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(rgb, outline, -1, [int(c) for c in colors[k]], 1)
    return _jpeg(_labelled(rgb, session, masks))


def _labelled(
    rgb: NDArray[np.uint8], session: EditSession, masks: Sequence[Mask]
) -> NDArray[np.uint8]:
    image = Image.fromarray(rgb)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    scale = rgb.shape[1] / session.photo.width
    for k, mask in enumerate(masks, 1):
        y, x = session.scene.frame.point_of(mask.seed.y, mask.seed.x)
        draw.text(
            (x * scale, y * scale), str(k), (255, 255, 255), font, anchor="mm",
            stroke_width=2, stroke_fill=(0, 0, 0),
        )  # fmt: skip
    return np.asarray(image)


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    return image_bytes(Image.fromarray(rgb), "JPEG", quality=85)
