"""Opening a photo file: what can go wrong before its pixels are looked at."""

from __future__ import annotations

import io
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from dmlseg_core.errors import ImageError
from dmlseg_core.photo.decode import DECODER_ERRORS

_OPENING = threading.Lock()


def read_source(source: str | Path | bytes | BinaryIO) -> tuple[Path | None, str, bytes]:
    """Path (None for data), a name for messages, the bytes; ImageError where there are none."""
    path = Path(source) if isinstance(source, str | Path) else None
    name = str(path) if path is not None else "the given data"
    try:
        if path is not None:
            _check_kind(path, name)
            data = path.read_bytes()
        else:
            data = source if isinstance(source, bytes) else bytes(source.read())  # type: ignore[union-attr]
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name} cannot be read: {reason}") from None
    if not data:
        raise ImageError(f"{name} is empty (zero bytes); give a photo")
    return path, name, data


def _check_kind(path: Path, name: str) -> None:
    """ImageError for what is no regular file: reading a pipe or a device may never end."""
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise ImageError(f"{name} is a folder, not a photo; give the path of a file")
    if not stat.S_ISREG(kind):
        raise ImageError(f"{name} is a pipe, a socket or a device; give the path of a file")


@contextmanager
def opened(data: bytes, name: str, cap: float) -> Iterator[Image.Image]:
    """Header of the file, checked against the cap; decoder errors inside become ImageError."""
    if data[4:8] == b"ftyp":
        register_heif()
    try:
        with _no_bomb_check(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged EXIF block is not worth a word
            image = Image.open(io.BytesIO(data))
    except DECODER_ERRORS:
        raise ImageError(
            f"{name} is not a photo that can be read; give a JPEG, PNG, WebP, TIFF, AVIF or HEIC"
        ) from None
    with image:
        check_size(image.height, image.width, name, cap)
        try:
            yield image
        except DECODER_ERRORS as error:
            raise ImageError(f"{name} is damaged or truncated ({error}); get a new copy") from None


def register_heif() -> None:
    """Teach Pillow HEIC, where pillow-heif is installed."""
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


def check_size(height: int, width: int, name: str, cap: float) -> None:
    """ImageError where a photo has no pixels or more than `cap` megapixels."""
    if height < 1 or width < 1:
        raise ImageError(f"{name} has no pixels ({height} x {width})")
    if height * width > cap * 1e6:
        raise ImageError(
            f"{name} has {height * width / 1e6:.1f} megapixels, over the cap of {cap:g}; "
            "scale it down or raise --max-megapixels"
        )
