"""Photos in: any file or array becomes a `Photo`, or one clear ImageError.

What the file was (mode, profile, EXIF, depth, JPEG tables) is kept, so that `export` can give it
back as it came. Nothing here executes what it reads: no pickle, no numpy archives.
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.config import MAX_MEGAPIXELS
from dmlseg_core.errors import ImageError
from dmlseg_core.images_decode import (
    DECODER_ERRORS,
    deep_pixels,
    exif_of,
    plain_pixels,
    subsampling_of,
    to_8_bits,
    to_srgb,
    turned,
)

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint16]
Source: TypeAlias = "str | Path | bytes | BinaryIO | NDArray[Any]"

_OPENING = threading.Lock()


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as displayed: orientation applied, colors in sRGB.

    Attributes:
        rgb: (H, W, 3) uint8 sRGB, read-only.
        path: the file it came from; None for bytes, streams and arrays.
        digest: sha256 of size and decoded pixels; names the photo.
        notes: one sentence for each thing changed on the way in.
        format: Pillow's name of the file format ("JPEG"), None for arrays.
        mode: Pillow's mode of the stored pixels ("RGB", "CMYK", "P", ...), None for arrays.
        icc_profile: the embedded profile as it was.
        exif: EXIF block without the orientation, which has been applied.
        dpi: (horizontal, vertical) as stored; not swapped when the photo was turned.
        alpha: (H, W) uint8 where the file had transparency, read-only.
        deep: (H, W, 3) uint16 where the file had 16 bits per channel, read-only, in the colors
            of `icc_profile`.
        native: (H, W, 3) uint8 before conversion to sRGB, where a profile asked for one.
        jpeg_tables: quantization tables of a JPEG source.
        jpeg_subsampling: "4:4:4", "4:2:2" or "4:2:0" of a JPEG source, where known.
    """

    rgb: Bytes = field(repr=False)
    path: Path | None
    digest: str
    notes: tuple[str, ...] = ()
    format: str | None = None
    mode: str | None = None
    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None
    alpha: Bytes | None = field(default=None, repr=False)
    deep: Words | None = field(default=None, repr=False)
    native: Bytes | None = field(default=None, repr=False)
    jpeg_tables: dict[int, list[int]] | None = field(default=None, repr=False)
    jpeg_subsampling: str | None = None

    @property
    def height(self) -> int:
        """H."""
        return int(self.rgb.shape[0])

    @property
    def width(self) -> int:
        """W."""
        return int(self.rgb.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height, self.width


def load_photo(source: Source, *, max_megapixels: float = 100) -> Photo:
    """Read a photo.

    Args:
        source: a path, the bytes of a file, a binary stream, or an array: (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4), uint8 or uint16, RGB order.
        max_megapixels: refuse larger photos; checked in the header, before anything is decoded.

    Raises:
        ImageError: the source is missing, empty, no image, damaged, or over the cap.
    """
    cap = MAX_MEGAPIXELS.check(max_megapixels)
    if isinstance(source, np.ndarray):
        return _from_array(source, cap)
    path, name, data = _read(source)
    with _opened(data, name, cap) as image:
        return _decode(image, data, path, name)


def _read(source: str | Path | bytes | BinaryIO) -> tuple[Path | None, str, bytes]:
    path = Path(source) if isinstance(source, str | Path) else None
    name = str(path) if path is not None else "the given data"
    try:
        if path is not None:
            if path.is_dir():
                raise ImageError(f"{name} is a folder, not a photo; give the path of a file")
            data = path.read_bytes()
        else:
            data = source if isinstance(source, bytes) else bytes(source.read())  # type: ignore[union-attr]
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read: {error}") from None
    if not data:
        raise ImageError(f"{name} is empty (zero bytes); give a photo")
    return path, name, data


@contextmanager
def _opened(data: bytes, name: str, cap: float) -> Iterator[Image.Image]:
    """Header of the file, checked against the cap; decoder errors inside become ImageError."""
    if data[4:8] == b"ftyp":
        _register_heif()
    try:
        with _no_bomb_check(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged EXIF block is not worth a word
            image = Image.open(io.BytesIO(data))
    except DECODER_ERRORS:
        raise ImageError(
            f"{name} is not a photo that can be read; give a JPEG, PNG, WebP, TIFF, AVIF or HEIC"
        ) from None
    with image:
        _check_size(image.height, image.width, name, cap)
        try:
            yield image
        except DECODER_ERRORS as error:
            raise ImageError(f"{name} is damaged or truncated ({error}); get a new copy") from None


def _register_heif() -> None:
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415 (optional, and slow to load)
    except ImportError:
        return  # Pillow itself reads AVIF; HEIC then ends as "not a photo that can be read"
    register_heif_opener()


@contextmanager
def _no_bomb_check() -> Iterator[None]:
    """Our own cap is checked on the header; Pillow's global one would warn or refuse first."""
    with _OPENING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _check_size(height: int, width: int, name: str, cap: float) -> None:
    if height < 1 or width < 1:
        raise ImageError(f"{name} has no pixels ({height} x {width})")
    if height * width > cap * 1e6:
        raise ImageError(
            f"{name} has {height * width / 1e6:.1f} megapixels, over the cap of {cap:g}; "
            "scale it down or raise --max-megapixels"
        )


def _decode(image: Image.Image, data: bytes, path: Path | None, name: str) -> Photo:
    notes: list[str] = []
    file_format, mode = image.format, image.mode
    if getattr(image, "n_frames", 1) > 1:
        word = "page" if file_format == "TIFF" else "frame"
        notes.append(f"{name} holds {image.n_frames} {word}s; only the first is used.")  # type: ignore[attr-defined]
    exif, turn = exif_of(image)
    tables = getattr(image, "quantization", None) if file_format == "JPEG" else None
    subsampling = subsampling_of(image) if file_format == "JPEG" else None
    dpi, profile = image.info.get("dpi"), image.info.get("icc_profile") or None
    deep, deep_alpha = deep_pixels(image, data, notes)
    if deep is not None:
        pixels = Image.fromarray(to_8_bits(deep))
        alpha = None if deep_alpha is None else to_8_bits(deep_alpha)
    else:
        pixels, alpha = plain_pixels(image, notes)
    rgb, native = to_srgb(pixels, profile, notes)
    return _photo(
        rgb=turned(rgb, turn),
        path=path,
        notes=tuple(notes),
        format=file_format,
        mode=mode,
        icc_profile=profile,
        exif=exif,
        dpi=None if dpi is None else (float(dpi[0]), float(dpi[1])),
        alpha=None if alpha is None else turned(alpha, turn),
        deep=None if deep is None else turned(deep, turn),
        native=None if native is None else turned(native, turn),
        jpeg_tables=tables,
        jpeg_subsampling=subsampling,
    )


def _photo(rgb: Bytes, **fields: Any) -> Photo:
    """A Photo with its digest, every array frozen."""
    rgb = np.ascontiguousarray(rgb)
    name = hashlib.sha256(f"{rgb.shape[0]}x{rgb.shape[1]}:".encode())
    name.update(rgb.data)
    photo = Photo(rgb=rgb, digest=name.hexdigest(), **fields)
    for array in (photo.rgb, photo.alpha, photo.deep, photo.native):
        if array is not None:
            array.flags.writeable = False
    return photo


def _from_array(array: NDArray[Any], cap: float) -> Photo:
    """A Photo of an array in memory; copied, so that later edits of the array do no harm."""
    grey = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    if not grey and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ImageError(f"a photo array must be (H, W), (H, W, 3) or (H, W, 4); got {array.shape}")
    if array.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"a photo array must be uint8 or uint16; got {array.dtype}")
    _check_size(array.shape[0], array.shape[1], "the given array", cap)
    stack = np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2) if grey else array
    coded = to_8_bits(stack) if stack.dtype == np.uint16 else stack
    return _photo(
        rgb=coded[..., :3].copy(),
        path=None,
        notes=("The photo was grey and is now RGB.",) if grey else (),
        alpha=coded[..., 3].copy() if coded.shape[2] == 4 else None,
        deep=stack[..., :3].copy() if stack.dtype == np.uint16 else None,
    )
