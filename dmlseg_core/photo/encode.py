"""Pixels to the bytes of a file: Pillow's encoders, and the two that 16 bits need.

Pillow has no 16-bit RGB. OpenCV compresses such a PNG but writes no profile, EXIF or resolution:
those chunks are Pillow's. TIFF is written here, 8 bits too: libtiff compresses but cannot write
EXIF's sub-directories, Pillow's own writer can but does not compress.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, TiffTags

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.load import Photo
from dmlseg_core.photo.source import register_heif

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

DEEP_FORMATS = ("PNG", "TIFF")
"""Formats that are written with 16 bits per channel."""
_STRIP = 1 << 20
"""Bytes of one strip of a TIFF, before compression."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ENCODER_ERRORS = (OSError, ValueError, KeyError, RuntimeError, cv2.error, struct.error)


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
        file_format: one of `export.FORMATS`' values.
        like: its EXIF, dpi and JPEG settings are kept.
        profile: ICC profile to embed.
        quality: for lossy formats.
        name: what to call it in an error.

    Raises:
        ExportError: the format cannot hold such pixels.
    """
    about: dict[str, Any] = {} if profile is None else {"icc_profile": profile}
    if like is not None:
        about |= {key: v for key, v in (("exif", like.exif), ("dpi", like.dpi)) if v}
    try:
        if file_format == "TIFF":
            return tiff_bytes(pixels, **about)
        if pixels.dtype == np.uint16:
            return deep_png_bytes(pixels, **about)
        return image_bytes(
            Image.fromarray(pixels), file_format, **about, **_settings(file_format, like, quality)
        )
    except _ENCODER_ERRORS as error:
        raise ExportError(f"{name} cannot be written as {file_format}: {error}") from None


def image_bytes(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """A file of a Pillow image."""
    if file_format == "HEIF":
        register_heif()
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def _settings(file_format: str, like: Photo | None, quality: int | None) -> dict[str, Any]:
    """Encoder settings: near the source's where it was of the same kind, else without loss."""
    if file_format == "JPEG":
        # A hard color edge bleeds under subsampled chroma: full resolution unless the source's.
        sampling = (like.jpeg_subsampling if like is not None else None) or "4:4:4"
        if quality is None and like is not None and like.jpeg_tables:
            return {"qtables": like.jpeg_tables, "subsampling": sampling}
        return {"quality": quality or 95, "subsampling": sampling, "optimize": True}
    if file_format == "WEBP":
        return {"lossless": True} if quality is None else {"quality": quality}
    if file_format == "AVIF":
        return {"quality": quality or 95, "subsampling": "4:4:4"}
    return {"quality": quality or 95, "chroma": 444} if file_format == "HEIF" else {}


def deep_png_bytes(pixels: Pixels, **about: Any) -> bytes:
    """A 16-bit PNG of (H, W, 3) or (H, W, 4) uint16; `about` as Pillow's PNG writer takes it."""
    order = [2, 1, 0, 3][: pixels.shape[2]]
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels[..., order]))
    if not done:
        raise ValueError("the encoder refused it")
    head, *rest = _chunks(data.tobytes())
    body = b"".join(chunk for kind, chunk in rest if kind == b"IDAT")
    told = _chunks(image_bytes(Image.new("RGB", (1, 1)), "PNG", **about))
    extra = b"".join(c for kind, c in told if kind not in (b"IHDR", b"IDAT", b"IEND"))
    return _SIGNATURE + head[1] + extra + body + told[-1][1]


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(type, whole chunk) of a PNG file, in order (ISO/IEC 15948, 5.3)."""
    found, place = [], len(_SIGNATURE)
    while place < len(data):
        end = place + 12 + struct.unpack_from(">I", data, place)[0]
        found.append((data[place + 4 : place + 8], data[place:end]))
        place = end
    return found


def tiff_bytes(
    pixels: Pixels,
    *,
    exif: bytes | None = None,
    icc_profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """A TIFF of (H, W, 3) or (H, W, 4), uint8 or uint16: deflate with horizontal differencing.

    The directory is Pillow's; strips are deflated as TIFF 6.0 (section 14) and Adobe's technical
    note on compression 8 ask for.
    """
    height, width, channels = pixels.shape
    rows = max(1, _STRIP // (width * channels * pixels.itemsize))
    strips = [_strip(pixels[top : top + rows]) for top in range(0, height, rows)]
    tags: dict[int, Any] = _described(exif)
    tags |= {
        256: width, 257: height, 258: (8 * pixels.itemsize,) * channels,
        259: 8, 262: 2, 277: channels, 278: rows, 279: tuple(map(len, strips)),
        284: 1, 317: 2,
    }  # fmt: skip
    tags |= {338: 2} if channels == 4 else {}
    tags |= {34675: icc_profile} if icc_profile else {}
    tags |= {282: dpi[0], 283: dpi[1], 296: 2} if dpi else {}
    starts = np.concatenate([[0], np.cumsum(tags[279])[:-1]]).tolist()
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory[273] = tuple(starts)  # Pillow adds where the directory ends
    for tag, value in tags.items():
        directory[tag] = value
    directory.tagtype[273] = directory.tagtype[279] = TiffTags.LONG
    buffer = io.BytesIO()
    directory.save(buffer)
    return b"".join([buffer.getvalue(), *strips])


def _strip(pixels: Pixels) -> bytes:
    """Differences to the pixel on the left (they wrap), deflated; little-endian."""
    steps = pixels.astype(pixels.dtype.newbyteorder("<"), order="C")
    np.subtract(pixels[:, 1:], pixels[:, :-1], out=steps[:, 1:])
    return zlib.compress(steps.tobytes(), 6)


def _described(exif: bytes | None) -> dict[int, Any]:
    """Tags and sub-directories of an EXIF block."""
    found = Image.Exif()
    found.load(exif or b"")
    groups = TiffTags.TAGS_V2_GROUPS
    return {tag: found.get_ifd(tag) if tag in groups else found[tag] for tag in found}
