"""Steps of decoding a photo, below `load`: EXIF, orientation, mode.

Each works on an open Pillow image or on arrays; damaged files raise one of DECODER_ERRORS, which
`source` turns into an ImageError.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint16]

_ORIENTATION = ExifTags.Base.Orientation
# In a TIFF the same directory also holds strips, sizes and compression; only these describe.
_DESCRIPTIVE = (270, 271, 272, 305, 306, 315, 33432)
_SUB_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# What Pillow's decoders are known to raise on damaged files.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError,
    OverflowError, struct.error, zlib.error, MemoryError, Image.DecompressionBombError,
    RuntimeError, ArithmeticError, AttributeError, AssertionError, cv2.error,
)  # fmt: skip


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation (1..8) still to be applied."""
    if image.format == "TIFF":  # Pillow and OpenCV turn its pixels themselves while they decode
        return 1
    turn = image.getexif().get(_ORIENTATION, 1)
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def exif_of(image: Image.Image, size: tuple[int, int]) -> bytes | None:
    """EXIF as it is after turning: no orientation, no thumbnail, (H, W) `size` where it has one."""
    found = image.getexif()
    kept = Image.Exif()
    for tag in _DESCRIPTIVE:
        if tag in found:
            kept[tag] = found[tag]
    for directory in _SUB_DIRECTORIES:
        if entries := dict(found.get_ifd(directory)):
            sides = {ExifTags.Base.ExifImageHeight: size[0], ExifTags.Base.ExifImageWidth: size[1]}
            entries.update({tag: side for tag, side in sides.items() if tag in entries})
            kept[directory] = entries
    try:
        return kept.tobytes() if len(kept) else None
    except DECODER_ERRORS:  # an entry that Pillow can read but not write: the photo still counts
        return None


def dpi_of(image: Image.Image, turn: int) -> tuple[float, float] | None:
    """(horizontal, vertical) dots per inch of the photo as displayed."""
    dpi = image.info.get("dpi")
    if dpi is None:
        return None
    across, down = float(dpi[0]), float(dpi[1])
    return (down, across) if turn >= 5 else (across, down)


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (TIFF 6.0, tag 274) to (H, W, ...); always a fresh array."""
    if orientation in (5, 6, 7, 8):
        array = np.swapaxes(array, 0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.array(array, order="C")


def subsampling_of(image: Image.Image) -> str | None:
    """Chroma subsampling of a JPEG by its usual name, None where it has no usual one."""
    from PIL import JpegImagePlugin  # noqa: PLC0415 (only JPEG files need it)

    names = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
    return names.get(JpegImagePlugin.get_sampling(image))


def to_8_bits(pixels: Words | Bytes) -> Bytes:
    """Nearest 8-bit level: 65535 -> 255; what has 8 bits is given back as it is."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def plain_pixels(image: Image.Image, notes: list[str]) -> tuple[Image.Image, Bytes | None]:
    """Pixels in L, RGB or CMYK (what a profile may apply to), and the alpha."""
    alpha = None
    if image.has_transparency_data:
        alpha = np.array(image.convert("RGBA").getchannel("A"))
    names = {"1": "black and white", "L": "grey", "LA": "grey", "P": "palette", "PA": "palette"}
    kind = names.get(image.mode, image.mode)
    if image.mode not in ("RGB", "RGBA", "RGBX"):
        notes.append(f"The photo was {kind} and is now RGB.")
    if image.mode in ("L", "RGB", "CMYK"):
        image.load()
        return image, alpha
    if image.mode == "LA":
        return image.convert("L"), alpha
    return image.convert("RGBA" if alpha is not None else "RGB").convert("RGB"), alpha
