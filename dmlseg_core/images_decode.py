"""Steps of decoding a photo, below `images`: EXIF, orientation, depth, mode, color profile.

Each works on an open Pillow image or on arrays; damaged files raise one of DECODER_ERRORS, which
`images` turns into an ImageError.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

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
)  # fmt: skip


def exif_of(image: Image.Image) -> tuple[bytes | None, int]:
    """EXIF without its orientation, and the orientation (1..8) still to be applied."""
    found = image.getexif()
    # Pillow and OpenCV both turn a TIFF's pixels themselves while they decode it.
    turn = found.get(_ORIENTATION, 1) if image.format != "TIFF" else 1
    kept = Image.Exif()
    for tag in _DESCRIPTIVE:
        if tag in found:
            kept[tag] = found[tag]
    for directory in _SUB_DIRECTORIES:
        if entries := found.get_ifd(directory):
            kept[directory] = dict(entries)
    turn = turn if isinstance(turn, int) and 1 <= turn <= 8 else 1
    try:
        return (kept.tobytes() if len(kept) else None), turn
    except DECODER_ERRORS:  # an entry that Pillow can read but not write: the photo still counts
        return None, turn


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


def deep_pixels(
    image: Image.Image, data: bytes, notes: list[str]
) -> tuple[Words | None, Words | None]:
    """(H, W, 3) and alpha (H, W) of a 16-bit file, through OpenCV: Pillow has no 16-bit RGB."""
    png = image.format == "PNG" and data[24:25] == b"\x10"
    bits = image.tag_v2.get(258, (8,)) if image.format == "TIFF" else (8,)  # type: ignore[attr-defined]
    if not png and not image.mode.startswith("I;16") and max(bits) != 16:
        return None, None
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("its 16-bit pixels cannot be decoded")
    if decoded.ndim == 2:
        notes.append("The photo was grey and is now RGB.")
        decoded = decoded[..., None]
    if decoded.shape[2] == 1:
        return np.repeat(decoded, 3, axis=2).astype(np.uint16, copy=False), None
    alpha: Words | None = decoded[..., 3].astype(np.uint16) if decoded.shape[2] == 4 else None
    return decoded[..., 2::-1].astype(np.uint16, order="C"), alpha


def to_8_bits(words: Words) -> Bytes:
    """Nearest 8-bit level: 65535 -> 255."""
    return ((words.astype(np.uint32) + 128) // 257).astype(np.uint8)


def plain_pixels(image: Image.Image, notes: list[str]) -> tuple[Image.Image, Bytes | None]:
    """Pixels in L, RGB or CMYK (what a profile may apply to), and the alpha."""
    alpha = None
    if image.has_transparency_data:
        alpha = np.array(image.convert("RGBA").getchannel("A"))
    names = {"1": "black and white", "L": "grey", "LA": "grey", "P": "palette", "PA": "palette"}
    kind = names.get(image.mode, image.mode)
    if image.mode not in ("RGB", "RGBA", "RGBX"):
        notes.append(f"The photo was {kind} and is now RGB.")
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of type {image.mode} have no defined white")
    if image.mode in ("L", "RGB", "CMYK"):
        image.load()
        return image, alpha
    if image.mode == "LA":
        return image.convert("L"), alpha
    return image.convert("RGBA" if alpha is not None else "RGB").convert("RGB"), alpha


def to_srgb(
    pixels: Image.Image, profile: bytes | None, notes: list[str]
) -> tuple[Bytes, Bytes | None]:
    """SRGB pixels, and the RGB pixels as stored where a profile changed them."""
    plain = np.array(pixels.convert("RGB"))
    if profile is None:
        return plain, None
    try:
        stored = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(stored).strip()
        if "srgb" in name.lower() and pixels.mode == "RGB":
            return plain, None  # already there: a conversion would only round
        converted = ImageCms.profileToProfile(
            pixels,
            stored,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append("The embedded color profile is damaged and was left out of account.")
        return plain, None
    assert converted is not None  # it is None only when converting in place
    notes.append(f"Colors were converted from the profile '{name}' to sRGB.")
    return np.array(converted), plain if pixels.mode == "RGB" else None
