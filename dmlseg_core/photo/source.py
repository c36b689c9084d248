"""Opening a photo file: what can go wrong before its pixels are looked at."""

from __future__ import annotations

import io
import logging
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from dmlseg_core.errors import ImageError
from dmlseg_core.photo.decode import DECODER_ERRORS, no_bomb_check
from dmlseg_core.photo.depths import AnyTiff, bits_of, refuse_kind
from dmlseg_core.photo.metadata import crowded, scans_of, segments
from dmlseg_core.photo.tiff import as_classic

MAX_SIDE = 65_500
"""Longest side of a photo, pixels: what JPEG holds, so that every photo can have an overlay."""
READ = (
    "JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "TGA",
    "PCX", "PSD", "QOI", "SGI", "DDS", "ICO", "ICNS",
)  # fmt: skip
"""Formats that are tried. Not EPS: Pillow has Ghostscript run what the file says."""
# what Pillow says of damaged files would otherwise stand on the terminal beside our sentence
logging.getLogger("PIL").addHandler(logging.NullHandler())
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LARGE = 24_000_000
"""Pixels of a photo that must be worth some bytes."""
_TOGETHER = 48_000_000
"""Pixels that are decoded at the same time, in one photo or several."""
_DEFLATE_RATIO = 1032
"""Deflate makes at most this many bytes of one (RFC 1951: 258 bytes for 2 bits)."""
_PIXELS_OF_A_BYTE = 512
"""A JPEG's block of 64 pixels takes a bit at least; no photo does with less in other formats."""
_SCANS, _SCANNED = 24, 1_000_000_000
"""Scans of a progressive JPEG: encoders write about 10, optimizers 20; pixels of all of them."""
_PIECE = 1 << 20
_BYTES_PER_MEGAPIXEL, _BYTES_BESIDE = 8_000_000, 64_000_000
"""16 bits of four channels without compression, and metadata, previews, further frames."""
_HELD_PER_MEGAPIXEL = 14_500_000
"""Bytes in memory: 1.5 GB for 100 megapixels, with the program itself."""
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
"""Left, top, steps to the right and down of an interlaced PNG's passes (ISO/IEC 15948, 8.2)."""
_SUBFILE, _OLD_SUBFILE, _SUB_IFDS, _DNG = 254, 255, 330, 50706
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
"""JPEG's start of frame markers: sequential and progressive (ITU-T T.81, table B.1)."""
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7)
"""The others: lossless, hierarchical, and JPEG-LS."""
UNNAMED = "the given data"
"""What messages call bytes that have no name."""


class _Turns:
    """First come, first served: decoding takes several times the memory that a photo ends in.

    Args:
        most: pixels that are decoded beside each other; what has more comes alone.
    """

    def __init__(self, most: int) -> None:
        self._most, self._busy = most, 0
        self._line, self._free = threading.Lock(), threading.Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        pixels = min(pixels, self._most)
        with self._line, self._free:
            self._free.wait_for(lambda: self._busy + pixels <= self._most)
            self._busy += pixels
        try:
            yield
        finally:
            with self._free:
                self._busy -= pixels
                self._free.notify()


_turns = _Turns(_TOGETHER)


def read_source(
    source: str | Path | bytes | BinaryIO, cap: float
) -> tuple[Path | None, str, bytes]:
    """Path (None for data), a name for messages, the bytes.

    Raises:
        ImageError: there are none, or more than a photo of `cap` megapixels can have.
    """
    most = int(_BYTES_PER_MEGAPIXEL * cap) + _BYTES_BESIDE
    path = Path(source) if isinstance(source, str | Path) else None
    name = str(path) if path is not None else UNNAMED
    try:
        if path is not None:
            _check_kind(path, name)
            with path.open("rb") as file:
                data = file.read(most + 1)
        else:
            data = source if isinstance(source, bytes) else bytes(source.read(most + 1))  # type: ignore[union-attr]
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name} cannot be read: {reason}") from None
    if not data:
        raise ImageError(f"{name} is empty (zero bytes); give a photo")
    if len(data) > most:
        raise ImageError(
            f"{name} has more than {most / 1e6:.0f} MB, too much for {cap:g} megapixels; scale it "
            "down or raise --max-megapixels"
        )
    return path, name, data


def _check_kind(path: Path, name: str) -> None:
    """ImageError for what is no regular file: reading a pipe or a device may never end."""
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise ImageError(f"{name} is a folder, not a photo; give the path of a file")
    if not stat.S_ISREG(kind):
        raise ImageError(f"{name} is a pipe, a socket or a device; give the path of a file")


@contextmanager
def opened(data: bytes, name: str, cap: float, *, sparse: bool = False) -> Iterator[Image.Image]:
    """Header of the file, checked against the caps; decoder errors inside become ImageError.

    Args:
        sparse: whether it may be large and plain, as masks are.
    """
    if data[4:8] == b"ftyp":
        register_heif()
    if data[:2] == b"\xff\xd8":
        _refuse_process(data, name)
    try:
        with no_bomb_check(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged EXIF block is not worth a word
            tiff = data[:4] in _TIFFS
            file = io.BytesIO(as_classic(data) if data[:4] == b"MM\0+" else data)
            image = AnyTiff(file) if tiff else Image.open(file, formats=_readable())
    except DECODER_ERRORS:
        raise ImageError(
            f"{name} is not a photo that can be read; give a JPEG, PNG, WebP, TIFF, AVIF or HEIC"
        ) from None
    with image:
        check_size(image.height, image.width, name, cap)
        refuse_kind(image, name)
        _refuse_preview(image, data, name)
        _refuse_heavy(image, data, name, cap)
        try:
            with _turns.taken(image.height * image.width):
                check_complete(image, data)
                if not sparse:
                    _refuse_plain(image.height * image.width, data, name)
                yield image
        except DECODER_ERRORS as error:
            told = " ".join(str(error).split())[:200]  # some decoders write several lines
            raise ImageError(f"{name} is damaged or truncated ({told}); get a new copy") from None


def _refuse_plain(pixels: int, data: bytes, name: str) -> None:
    """ImageError where a few bytes stand for gigabytes of pixels: a trap, or next to nothing."""
    if pixels > max(LARGE, _PIXELS_OF_A_BYTE * len(data)):
        raise ImageError(
            f"{name}: {pixels / 1e6:.0f} megapixels in {len(data):,} bytes are no photo but plain "
            "areas; scale it down"
        )


def _refuse_heavy(image: Image.Image, data: bytes, name: str, cap: float) -> None:
    """ImageError where more than 8 bits per channel would take more memory than is promised.

    Their decoders hold the pixels twice, beside the file.
    """
    tags: Any = getattr(image, "tag_v2", {})
    samples = image.height * image.width * int(tags.get(277, len(image.getbands())))
    needed = len(data) + 4 * samples if bits_of(image, data) > 8 else 0
    if needed > _HELD_PER_MEGAPIXEL * cap:
        raise ImageError(
            f"{name} would take {needed / 1e9:.1f} GB of memory, more than what is meant for "
            f"{cap:g} megapixels; scale it down, save it with 8 bits or raise --max-megapixels"
        )


def refuse_crowd(data: bytes, name: str) -> None:
    """ImageError where a file has so many pieces beside its pixels that they alone take minutes."""
    if crowded(data):
        raise ImageError(
            f"{name} is made of more pieces beside its pixels than a photo has; save it anew"
        )


def _refuse_process(data: bytes, name: str) -> None:
    """ImageError where a JPEG is coded as no decoder here reads it."""
    for marker, content in segments(data):
        if marker in _OTHER_FRAMES:
            raise ImageError(
                f"{name} is a JPEG without loss or in layers, not read; save it as a usual JPEG"
            )
        if marker in _FRAMES and content[:1] == b"\x0c":
            raise ImageError(f"{name} is a JPEG of 12 bits per channel, not read; save it with 8")


def _refuse_preview(image: Image.Image, data: bytes, name: str) -> None:
    """ImageError where a TIFF begins with a smaller copy of the picture, as raw files do."""
    if image.format != "TIFF":
        return
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    small = tags.get(_SUBFILE, 0) & 1 or tags.get(_OLD_SUBFILE) == 2
    more = _SUB_IFDS in tags or tags.next
    if (small and more) or _DNG in tags or data[8:10] == b"CR":
        raise ImageError(
            f"{name} is a camera's raw file, or begins with a preview as those do; develop it, and "
            "give the photo as TIFF, PNG or JPEG"
        )


def _readable() -> list[str]:
    """READ, without what nobody taught Pillow: a name that it does not know ends the search."""
    return [kind for kind in READ if kind != "HEIF" or kind in Image.OPEN]


def register_heif() -> None:
    """Teach Pillow HEIC, where pillow-heif is installed."""
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415 (optional, and slow to load)
    except ImportError:
        return  # Pillow itself reads AVIF; HEIC then ends as "not a photo that can be read"
    register_heif_opener()


def check_size(height: int, width: int, name: str, cap: float) -> None:
    """ImageError where a photo has no pixels, more than `cap` megapixels, or too long a side."""
    if height < 1 or width < 1:
        raise ImageError(f"{name} has no pixels ({height} x {width})")
    if height * width > cap * 1e6:
        raise ImageError(
            f"{name} has {height * width / 1e6:.1f} megapixels, over the cap of {cap:g}; "
            "scale it down or raise --max-megapixels"
        )
    if max(height, width) > MAX_SIDE:
        raise ImageError(
            f"{name} is {width} x {height} pixels; a side may have at most {MAX_SIDE}, as in "
            "JPEG: scale it down or cut it into pieces"
        )


def check_complete(image: Image.Image, data: bytes) -> None:
    """ValueError where a file is too short for its pixels: decoders would leave the rest black."""
    pixels = image.height * image.width
    scans = scans_of(data) if image.format in ("JPEG", "MPO") else 1
    if scans > _SCANS and scans * pixels > _SCANNED:  # each takes as long as the whole
        raise ValueError(f"its pixels come in {scans} scans")
    if image.format in ("JPEG", "MPO") and pixels > _PIXELS_OF_A_BYTE * len(data):
        raise ValueError(f"{len(data)} bytes cannot hold {pixels} pixels")
    if image.format == "PNG":
        rows = _png_rows(data)
        if rows < image.height:
            raise ValueError(f"its pixels end after {rows} of {image.height} rows")


def _png_rows(data: bytes) -> int:
    """How many rows the image data of a PNG hold, inflated piece by piece and thrown away.

    Of an interlaced one the share of the rows that its bytes would fill.
    """
    width, height, bits, color, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    depth = bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    wanted = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        wanted += rows * (1 + (columns * depth + 7) // 8) if columns > 0 and rows > 0 else 0
    if wanted > _DEFLATE_RATIO * len(data):
        return 0
    return int(min(wanted, _inflated(data, wanted)) * height // wanted)


def _inflated(data: bytes, enough: int) -> int:
    """Bytes that a PNG's IDAT chunks inflate to; no further than `enough`."""
    inflate, found, place = zlib.decompressobj(), 0, 8
    view = memoryview(data)
    while place + 8 <= len(data) and found < enough and not inflate.eof:
        (length,) = struct.unpack_from(">I", data, place)
        rest: bytes | memoryview = view[place + 8 : place + 8 + length]
        while data[place + 4 : place + 8] == b"IDAT" and rest and found < enough:
            found += len(inflate.decompress(rest, _PIECE))
            rest = inflate.unconsumed_tail
        place += 12 + length
    return found
