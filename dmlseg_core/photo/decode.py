"""Steps of decoding a photo, below `load`: orientation, resolution, mode.

Each works on an open Pillow image or on arrays; damaged files raise one of DECODER_ERRORS, which
`source` turns into an ImageError.
"""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from dmlseg_core.photo.metadata import (
    Metadata,
    Structure,
    end_of,
    resolution_of,
    segments,
    with_segments,
)
from dmlseg_core.photo.metadata import orientation_in as orientation_in_xmp
from dmlseg_core.photo.metadata import orientation_of as orientation_in_exif

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint16]

MAX_DPI = 1e6
"""Beyond this a resolution is a mistake and is not written."""
GROUND = 128
"""sRGB level of the neutral ground under transparent pixels: black and white things show on it."""
CHECKS = (204, 255)
"""Levels of the checkered ground's squares."""
_CHECKING = threading.Lock()
_SQUARE = 8
BAND = 256
"""Rows that are worked on at once, where more is made on the way than comes of it."""
_PAGES = 1001
_FILLED = 128
_MORE = hashlib.shake_128(b"more").digest(512).replace(b"\xff", b"\0")
DIVIDED = "The photo's colors were stored multiplied by alpha; they no longer are."
# What Pillow's decoders are known to raise on damaged files.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError,
    OverflowError, struct.error, zlib.error, MemoryError, Image.DecompressionBombError,
    RuntimeError, ArithmeticError, AttributeError, AssertionError, cv2.error,
)  # fmt: skip


def orientation_of(image: Image.Image, data: bytes, about: Metadata) -> tuple[int, int]:
    """The orientation (1..8) still to be applied to pixels, and to what is told of them."""
    if image.format in ("TIFF", "HEIF"):  # their decoders turn the pixels themselves
        return 1, orientation_in_exif(data if image.format == "TIFF" else None) or 1
    if image.format == "AVIF":  # the container's own; EXIF's was not shown to Pillow
        return (int(image.getexif().get(ExifTags.Base.Orientation, 1)),) * 2
    return (orientation_in_exif(about.exif) or orientation_in_xmp(about.xmp),) * 2


def more_pictures(image: Image.Image, data: bytes, name: str) -> list[str]:
    """A sentence where a file holds more pictures than the one that is used.

    Pages and frames that have to be counted one by one are not counted to their end.
    """
    count = getattr(image, "n_frames", 1) if image.format not in ("TIFF", "GIF", "PSD") else 1
    several = "several" if image.format == "GIF" and image.is_animated else ""  # type: ignore[attr-defined]
    if image.format == "TIFF" and (count := Structure.of(data).pages(_PAGES)) == _PAGES:
        several = f"more than {_PAGES - 1}"
    if count < 2 and not several:
        return []
    word = {"TIFF": "pages", "HEIF": "pictures"}.get(image.format or "", "frames")
    which = "primary one" if image.format == "HEIF" else "first"
    return [f"{name} holds {several or count} {word}; only the {which} is used."]


@contextmanager
def no_bomb_check() -> Iterator[None]:
    """Our own cap is checked on the header; Pillow's global one would warn or refuse first."""
    with _CHECKING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def dpi_of(
    image: Image.Image, data: bytes, about: Metadata, turn: int
) -> tuple[float, float] | None:
    """(horizontal, vertical) dots per inch of the photo as displayed, None where not said."""
    found = _stored_dpi(image, data, about)
    if found is None or not all(0 < side < MAX_DPI for side in found):
        return None
    return (found[1], found[0]) if turn >= 5 else found


def _stored_dpi(image: Image.Image, data: bytes, about: Metadata) -> tuple[float, float] | None:
    """As the file says: Pillow makes up values where there are none."""
    if about.shape is not None:
        return None
    exact = resolution_of(data if image.format == "TIFF" else about.exif)
    rounded = None if image.format == "TIFF" else _container_dpi(image)
    if rounded is None or (exact is not None and np.allclose(exact, rounded, rtol=0.005)):
        return exact  # the container rounds, EXIF holds fractions
    return rounded


def _container_dpi(image: Image.Image) -> tuple[float, float] | None:
    """As JFIF's head or a PNG's chunk says."""
    if "jfif" in image.info:
        scale = {1: 1.0, 2: 2.54}.get(image.info.get("jfif_unit", 0))
        if scale is not None and all(density := image.info["jfif_density"]):
            return density[0] * scale, density[1] * scale
    if image.format in ("PNG", "BMP", "GIF") and "dpi" in image.info:
        return float(image.info["dpi"][0]), float(image.info["dpi"][1])
    return None


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (TIFF 6.0, tag 274) to (H, W, ...); the array itself for 1."""
    if orientation in (5, 6, 7, 8):
        array = np.swapaxes(array, 0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)


def jpeg_of(image: Image.Image, turn: int) -> dict[str, Any]:
    """How a JPEG was coded, as fields of a Photo, for the photo as displayed."""
    from PIL import JpegImagePlugin  # noqa: PLC0415 (only JPEG files need it)

    names = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
    sampling = names.get(JpegImagePlugin.get_sampling(image))
    found: dict[int, list[int]] = image.quantization  # type: ignore[attr-defined]
    # steps of 16 bits, of the lowest qualities, are for decoders of more than the baseline
    tables = {k: np.minimum(t, 255).tolist() for k, t in found.items()}
    if turn >= 5:  # rows and columns have changed places, so have frequencies along them
        tables = {k: np.reshape(t, (8, 8)).T.ravel().tolist() for k, t in tables.items()}
        sampling = None if sampling == "4:2:2" else sampling  # half the rows: Pillow writes no such
    return {
        "jpeg_tables": tables,
        "jpeg_subsampling": sampling,
        "jpeg_rgb": image.mode == "RGB" and image.info.get("adobe_transform") == 0,
        "jpeg_progressive": bool(image.info.get("progressive")),
    }


def cut_short(image: Image.Image, data: bytes) -> str | None:
    """A sentence where a JPEG's pixels end early, though an end-of-image marker follows.

    libjpeg fills the rest with gray (of a progressive one leaves it coarse) and tells nobody.
    Whether the end is the photo's own is seen by more data before the marker: a decoder that has
    all pixels does not read them. So is looked at what ends in that gray, and what need not.
    """
    last = np.array(image.getpixel((image.width - 1, image.height - 1)))
    whole = image.mode != "CMYK" and not image.info.get("progressive")
    if whole and (last != _FILLED).any():  # of most photos one pixel tells
        return None
    end = end_of(data)
    with no_bomb_check():
        longer = Image.open(io.BytesIO(data[: end - 2] + _MORE + data[end - 2 : end]))
    with longer:
        if all(np.array_equal(*both) for both in zip(bands(image), bands(longer), strict=True)):
            return None
    gray = np.concatenate([(band == _FILLED).all(axis=(1, 2)) for band in bands(image)])
    share = 100 * np.argmin(gray[::-1]) / len(gray)
    what = f"about {share:.0f}% of it, at its end, are gray" if share >= 1 else "its end is missing"
    return f"The photo is cut off, though its file is closed: {what}."


def to_8_bits(pixels: Words | Bytes) -> Bytes:
    """Nearest 8-bit level: 65535 -> 255; what has 8 bits is given back as it is."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    levels = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), BAND):  # numbers of 32 bits of all of it would be large
        levels[top : top + BAND] = (pixels[top : top + BAND] * np.uint32(255) + 32_895) >> 16
    return levels


def rgb_of(image: Image.Image, change: Callable[[Image.Image], Image.Image] | None = None) -> Bytes:
    """(H, W, 3) of a Pillow image that is RGB, or that a change of its pixels makes RGB.

    In bands: np.asarray would hold it twice on the way.
    """
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for number, band in enumerate(bands(image, change)):
        rgb[number * BAND :][: len(band)] = band
    return rgb


def bands(
    image: Image.Image, change: Callable[[Image.Image], Image.Image] | None = None
) -> Iterator[Bytes]:
    """(rows, W, C) uint8, one after another from the top."""
    image.load()
    for top in range(0, image.height, BAND):
        with no_bomb_check():  # a crop is checked, too
            part = image.crop((0, top, image.width, min(top + BAND, image.height)))
        part = part if change is None else change(part)
        yield np.asarray(part).reshape(part.height, part.width, -1)


def whole_webp(image: Image.Image, data: bytes) -> Image.Image:
    """The first picture of a WebP: Pillow's decoder of animations holds four times its pixels."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.shape[:2] != (image.height, image.width):
        raise ValueError("its pixels cannot be decoded")
    for row in found:  # in place
        row[:, :3] = row[:, 2::-1]
    return Image.fromarray(found)


def over(
    rgb: Bytes,
    alpha: Bytes,
    *,
    checkered: bool = False,
    at: tuple[float, float] = (0, 0),
    zoom: float = 1.0,
) -> Bytes:
    """(H, W, 3) over a ground by alpha (H, W), both uint8; mixed in sRGB, as browsers mix.

    A part of a larger picture says where its corner lies (y, x) and how many pixels of the ground
    one of its own is.
    """
    ground: Any = np.uint16(GROUND)
    if checkered:
        y, x = (
            ((start + (np.arange(n) + 0.5) * zoom) // _SQUARE).astype(int)
            for start, n in zip(at, alpha.shape, strict=True)
        )
        odd = (y[:, None] + x) % 2
        ground = np.where(odd, *CHECKS[::-1]).astype(np.uint16)[..., None]
    share = alpha.astype(np.uint16)[..., None]
    mixed = rgb * share + ground * (255 - share)
    return np.asarray((mixed + 127) // 255, np.uint8)


def plain_pixels(image: Image.Image, notes: list[str]) -> tuple[Image.Image, Bytes | None]:
    """Pixels in L, RGB or CMYK (what a profile may apply to), and the alpha."""
    alpha = None
    if image.has_transparency_data:
        alpha = np.array(image.convert("RGBA").getchannel("A"))
    names = {"1": "black and white", "L": "grey", "LA": "grey", "P": "palette", "PA": "palette"}
    kind = names.get(image.mode, image.mode)
    if image.mode == "RGBa":
        notes.append(DIVIDED)
    elif image.mode not in ("RGB", "RGBA", "RGBX"):
        notes.append(f"The photo was {kind} and is now RGB.")
    if image.mode in ("L", "RGB", "CMYK"):
        image.load()
        return image, alpha
    if image.mode == "LA":
        return image.convert("L"), alpha
    return image.convert("RGBA" if alpha is not None else "RGB").convert("RGB"), alpha


def with_turned_map(about: Metadata, turn: int, size: tuple[int, int]) -> Metadata:
    """With the gain map as the photo is displayed; without it where it is damaged, or larger."""
    if about.gain_map is None or turn == 1:
        return about
    gain_map = _turned_jpeg(about.gain_map, turn, size[0] * size[1])
    left = about.left | ({"gain map"} if gain_map is None else set())
    return replace(about, gain_map=gain_map, left=left)


def _turned_jpeg(data: bytes, turn: int, most: int) -> bytes | None:
    """A JPEG file turned by an EXIF orientation, with its own segments; None where it is damaged,
    or has more than so many pixels.

    Coded anew with its own tables, so it loses next to nothing.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > most:  # a few bytes could take gigabytes here
                return None
            about = jpeg_of(image, turn)
            pixels = turned(np.asarray(image), turn)
            buffer = io.BytesIO()
            options = {"qtables": about["jpeg_tables"], "subsampling": "4:4:4"}
            Image.fromarray(pixels).save(buffer, "JPEG", **options)
    except DECODER_ERRORS:
        return None
    kept = [s for s in segments(data) if s[0] in (0xE1, 0xE2)]
    return with_segments(buffer.getvalue(), kept)
