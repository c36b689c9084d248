"""Pixels to the bytes of a file: Pillow's encoders, and OpenCV's for PNG of 16 bits.

Encoders see pixels alone. What else belongs to the photo is put into JPEG and PNG as whole segments
and chunks, and into TIFF by our own writer: so no encoder reads a block and writes it its own way.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
import zlib
from dataclasses import replace
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.decode import to_8_bits
from dmlseg_core.photo.jpeg import jpeg_bytes
from dmlseg_core.photo.load import Photo
from dmlseg_core.photo.metadata import (
    EMPTY,
    Metadata,
    Signal,
    chunk,
    index_segment,
    kept_in,
    told_in_jpeg,
    told_in_png,
    with_chunks,
    with_gain_map,
    with_points,
    with_segments,
    with_shape,
    with_thumbnail,
)
from dmlseg_core.photo.source import register_heif
from dmlseg_core.photo.tiff import tiff_bytes

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

DEEP_FORMATS = ("PNG", "TIFF", "HEIF")
"""Formats that are written with more than 8 bits per channel."""
_SPEED = 9
"""Of AVIF's encoder, 0..10: a seventh of the default's time."""
_SEARCH = {"preset": "ultrafast", "x265:max-tu-size": "16"}
_BLOCKS = {"x265:min-cu-size": "32"}
"""Of x265: it searches less and spends more bits on the same quality (docs/files.md, measured)."""
_LEAST = 64
"""Sides from which on x265 takes blocks of that size."""
_NARROW = 32
_UNIT = {"x265:ctu": "32"}
"""Of x265, for sides below that: libheif would choose 16, and x265 takes no long picture then."""
_SIDES = {"WEBP": 16_383, "AVIF": 32_768}
"""Longest sides: of VP8's 14 bits, and of what libavif reads by default."""
_SLICE = 3_000_000
"""Pixels of a slice of HEIC: libde265 refuses slices of more than 16 MB, and one of 12 bits without
any compression has less."""
_EFFORT = {"method": 1, "quality": 25}
"""Of WebP's lossless encoder: a quarter of the time of method 3, for 0 to 15 % more bytes (three
photos of 0.3 to 1.5 megapixels; `quality` is effort here, no pixel changes).
"""
_THUMBNAIL = 160
HDR_FORMATS = ("PNG", "AVIF", "HEIF")
"""Formats that have a place for code points."""
_ENCODER_ERRORS = (OSError, ValueError, KeyError, RuntimeError, cv2.error, struct.error)


def bits_in(file_format: str, bits: int) -> int:
    """Bits per channel that a photo of `bits` is written with: HEIC has 10, or 12 where it had."""
    if file_format == "HEIF" and bits > 8:
        return 12 if bits == 12 else 10
    return 16 if bits > 8 and file_format in DEEP_FORMATS else 8


def encode(
    pixels: Pixels,
    file_format: str,
    like: Photo | None = None,
    *,
    profile: bytes | None = None,
    quality: int | None = None,
    name: str = "the photo",
) -> bytes:
    """The bytes of a file.

    Args:
        pixels: (H, W, 3) or (H, W, 4) uint8; uint16 for DEEP_FORMATS.
        file_format: one of `FORMATS`' values.
        like: its metadata, dpi and JPEG settings are kept.
        profile: ICC profile to embed.
        quality: for lossy formats.
        name: what to call it in an error.

    Raises:
        ExportError: the format cannot hold such pixels.
    """
    _check_sides(pixels, file_format, name)
    about = Metadata() if like is None else like.about
    about = kept_in(file_format, about.upright(pixels.shape[:2], 1, []))[0]  # `like` may be scaled
    if about.exif and about.thumbnail and file_format != "TIFF":
        about = replace(about, exif=with_thumbnail(about.exif, _thumbnail(pixels)))
    signal = Signal() if like is None else like.signal
    dpi = None if like is None else like.dpi
    try:
        if file_format == "TIFF":
            return tiff_bytes(pixels, about, icc_profile=profile, dpi=dpi)
        if file_format == "PNG":
            return _png_bytes(pixels, about, profile, dpi, signal)
        if file_format == "JPEG":
            data = jpeg_bytes(to_8_bits(pixels), like, quality, dpi)
            if shape := about.whole_shape(0xFFFF):
                data = with_shape(data, shape)
            told = told_in_jpeg(about, profile)
            if about.gain_map is None:
                return with_segments(data, told)
            return with_gain_map(with_segments(data, [*told, index_segment()]), about.gain_map)
        bits = bits_in(file_format, 8 * pixels.itemsize if like is None else like.bits)
        blocks = {"exif": about.exif, "xmp": about.xmp, "icc_profile": profile}
        found = {name: block for name, block in blocks.items() if block}
        data = _container_bytes(pixels, file_format, found, quality, bits)
        hdr = signal.points if file_format in HDR_FORMATS and signal.hdr else None
        return data if hdr is None else with_points(data, hdr[0], hdr[1])
    except _ENCODER_ERRORS as error:
        raise ExportError(f"{name} cannot be written as {file_format}: {error}") from None


def _check_sides(pixels: Pixels, file_format: str, name: str) -> None:
    """ExportError where a format, or its usual reader, takes no sides as long."""
    height, width = pixels.shape[:2]
    if max(height, width) > (most := _SIDES.get(file_format, height + width)):
        raise ExportError(
            f"{name} has {width} x {height} pixels; {file_format} holds at most {most:,} on a "
            "side: save it as JPEG, PNG or TIFF"
        )


def _thumbnail(pixels: Pixels) -> bytes:
    """A JPEG of at most 160 pixels on a side, as cameras put it into EXIF."""
    share = _THUMBNAIL / max(_THUMBNAIL, *pixels.shape[:2])
    size = [max(1, round(side * share)) for side in pixels.shape[1::-1]]
    small = cv2.resize(to_8_bits(pixels[..., :3]), size, interpolation=cv2.INTER_AREA)
    return image_bytes(Image.fromarray(small), "JPEG", quality=85)


def image_bytes(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """A file of a Pillow image."""
    if file_format == "HEIF":
        register_heif()
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def _container_bytes(
    pixels: Pixels,
    file_format: str,
    blocks: dict[str, bytes],
    quality: int | None,
    bits: int,
) -> bytes:
    """WebP, AVIF or HEIF: their writers take each block as it is, but for AVIF's EXIF."""
    options: dict[str, Any] = blocks | _settings(file_format, quality, pixels.shape)
    if pixels.dtype == np.uint16:
        return _deep_heif(pixels, bits, options)
    image = Image.fromarray(pixels)
    if file_format != "AVIF" or "exif" not in blocks:
        return image_bytes(image, file_format, **options)
    # Pillow rewrites an EXIF block that names an orientation, even an upright one.
    options["exif"] = stand_in = _stand_in(blocks["exif"])
    data = image_bytes(image, file_format, **options)
    if data.count(stand_in) != 1:
        raise ValueError("its EXIF block has no place")
    return data.replace(stand_in, blocks["exif"])


def _deep_heif(pixels: Pixels, bits: int, options: dict[str, Any]) -> bytes:
    """Pillow has no 16-bit RGB to hand on."""
    from pillow_heif import encode as encoded  # noqa: PLC0415 (optional, and slow to load)

    buffer = io.BytesIO()
    mode = "RGBA;16" if pixels.shape[2] == 4 else "RGB;16"
    encoded(mode, pixels.shape[1::-1], pixels.tobytes(), buffer, bit_depth=bits, **options)
    return buffer.getvalue()


def _stand_in(block: bytes) -> bytes:
    """A block of the same length without entries, and found nowhere else."""
    name = hashlib.sha256(block).digest()
    return (EMPTY + name * (len(block) // len(name) + 1))[: len(block)]


def _settings(file_format: str, quality: int | None, shape: tuple[int, ...]) -> dict[str, Any]:
    """Encoder settings; without a quality without loss, or near it."""
    if file_format == "WEBP":  # exact: colors under full transparency stay as well
        exact = {"lossless": True, "exact": True} | _EFFORT
        return exact if quality is None else {"quality": quality}
    if file_format == "AVIF":
        return {"quality": quality or 95, "subsampling": "4:4:4", "speed": _SPEED}
    slices = math.ceil(shape[0] * shape[1] / _SLICE)
    least = min(shape[:2])
    search = _SEARCH | (_BLOCKS if least >= _LEAST else {}) | (_UNIT if least < _NARROW else {})
    search |= {"x265:slices": str(slices)} if slices > 1 else {}
    return {"quality": quality or 95, "chroma": 444, "enc_params": search}


def _png_bytes(
    pixels: Pixels,
    about: Metadata,
    profile: bytes | None,
    dpi: tuple[float, float] | None,
    signal: Signal,
) -> bytes:
    """A PNG of 8 or 16 bits: Pillow has no 16-bit RGB, OpenCV no profile, EXIF or resolution."""
    told = told_in_png(about)
    if dpi:  # in pixels per meter (ISO/IEC 15948, 11.3.5.3)
        told.insert(0, chunk(b"pHYs", struct.pack(">IIB", *(round(d / 0.0254) for d in dpi), 1)))
    elif shape := about.whole_shape(0x7FFFFFFF):
        told.insert(0, chunk(b"pHYs", struct.pack(">IIB", *shape, 0)))
    if profile:
        told.insert(0, chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    told[:0] = signal.chunks
    if signal.hdr and signal.points is not None and not signal.chunks:  # from HEIF or AVIF
        told.insert(0, chunk(b"cICP", bytes((*signal.points[:2], 0, 1))))
    deep = pixels.dtype == np.uint16
    data = _deep_png(pixels) if deep else image_bytes(Image.fromarray(pixels), "PNG")
    return with_chunks(data, told)


def _deep_png(pixels: Pixels) -> bytes:
    order = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, order))  # one copy: an index makes two
    if not done:
        raise ValueError("the encoder refused it")
    return data.tobytes()
