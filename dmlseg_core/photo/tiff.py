"""TIFF files: written with 8 and 16 bits, and read where 16 bits lie as no library here reads them.

Written here: libtiff compresses but cannot write EXIF's sub-directories, Pillow's own writer can
but does not compress, and neither leaves a maker note where it was. They are deflated, with
horizontal differencing.
"""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from dmlseg_core.photo.decode import no_bomb_check
from dmlseg_core.photo.metadata import (
    EMPTY,
    IPTC,
    PHOTOSHOP,
    STRUCTURAL,
    XMP,
    Metadata,
    Structure,
    Tree,
    iptc_of,
    packed_directory,
)

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_STRIP = 1 << 20
"""Bytes of one strip, before compression."""
_SHORT, _LONG, _RATIONAL, _BYTE, _UNDEFINED = 3, 4, 5, 1, 7
_DIFFERING = (5, 8, 32946, 34925, 50000)
"""Compressions that take differences first where tag 317 says so."""


def tiff_bytes(
    pixels: Pixels,
    about: Metadata | None = None,
    *,
    icc_profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """A TIFF of (H, W, 3) or (H, W, 4), uint8 or uint16.

    The file begins with the photo's EXIF block as it is: all its offsets, those in maker notes too,
    stay true. Its first directory is written anew behind the block, with that of the pixels merged
    in. Strips are deflated as TIFF 6.0 (section 14) and Adobe's note on compression 8 ask for.
    """
    about = about or Metadata()
    block = about.exif or EMPTY
    structure = Structure.of(block)
    order, told = structure.order, structure.sound(structure.first)
    strips = _strips(pixels, order)
    tree = _pixel_tags(pixels, order, [len(strip) for strip in strips])
    tree |= _described(about, order, icc_profile, dpi)
    ours = STRUCTURAL | {282, 283, 296}
    kept = {e.tag: block[e.at : e.at + 12] for e in told if e.tag not in ours}
    start = len(block) + len(block) % 2
    tree[273] = _longs(order, [0] * len(strips))
    places, place = [], start + len(packed_directory(tree, order, start, kept))
    for strip in strips:
        places.append(place)
        place += len(strip)
    tree[273] = _longs(order, places)
    directory = packed_directory(tree, order, start, kept)
    head = block[:4] + struct.pack(order + "I", start) + block[8:] + bytes(len(block) % 2)
    return b"".join([head, directory, *strips])


def _pixel_tags(pixels: Pixels, order: str, lengths: list[int]) -> Tree:
    height, width, channels = pixels.shape
    tags: Tree = {
        256: _longs(order, [width]), 257: _longs(order, [height]),
        258: _shorts(order, [8 * pixels.itemsize] * channels), 259: _shorts(order, [8]),
        262: _shorts(order, [2]), 277: _shorts(order, [channels]),
        278: _longs(order, [_rows(pixels)]), 279: _longs(order, lengths),
        284: _shorts(order, [1]), 317: _shorts(order, [2]),
    }  # fmt: skip
    return tags | ({338: _shorts(order, [2])} if channels == 4 else {})


def _described(
    about: Metadata, order: str, icc_profile: bytes | None, dpi: tuple[float, float] | None
) -> Tree:
    records = iptc_of(about.photoshop) if about.photoshop else None
    blobs = {XMP: (_BYTE, about.xmp), IPTC: (_UNDEFINED, records),
             PHOTOSHOP: (_BYTE, about.photoshop), 34675: (_UNDEFINED, icc_profile)}  # fmt: skip
    tags: Tree = {tag: (kind, len(blob), blob) for tag, (kind, blob) in blobs.items() if blob}
    if found := dpi or about.shape:
        tags |= {282: _ratio(order, found[0]), 283: _ratio(order, found[1])}
        tags[296] = _shorts(order, [2 if dpi else 1])
    return tags


def _shorts(order: str, values: list[int]) -> tuple[int, int, bytes]:
    return _SHORT, len(values), struct.pack(f"{order}{len(values)}H", *values)


def _longs(order: str, values: list[int]) -> tuple[int, int, bytes]:
    return _LONG, len(values), struct.pack(f"{order}{len(values)}I", *values)


def _ratio(order: str, value: float) -> tuple[int, int, bytes]:
    """The nearest fraction whose parts fit."""
    over, under = Fraction(value).limit_denominator(1_000_000).as_integer_ratio()
    return _RATIONAL, 1, struct.pack(order + "II", over, under)


def _rows(pixels: Pixels) -> int:
    """Rows of a strip."""
    _, width, channels = pixels.shape
    return max(1, int(_STRIP // (width * channels * pixels.itemsize)))


def _strips(pixels: Pixels, order: str) -> list[bytes]:
    rows = _rows(pixels)
    return [_strip(pixels[top : top + rows], order) for top in range(0, len(pixels), rows)]


def _strip(pixels: Pixels, order: str) -> bytes:
    """Differences to the pixel on the left (they wrap), deflated."""
    steps: NDArray[Any] = pixels.astype(pixels.dtype.newbyteorder(order), order="C")  # type: ignore[arg-type]
    np.subtract(pixels[:, 1:], pixels[:, :-1], out=steps[:, 1:])
    return zlib.compress(steps.tobytes(), 6)


def channels_of(data: bytes) -> NDArray[np.uint16]:
    """(H, W, C) of a TIFF of 16-bit integers, its channels in planes or side by side, not turned.

    Each plane is read as a gray picture, channels side by side as one that is C times as wide:
    Pillow's libtiff knows 16-bit gray in every compression.

    Raises:
        ValueError: the file is damaged, or lies in another way.
    """
    found = _Layout(data)
    count = found.number(277, 1)
    if found.number(284, 1) == 2:
        return np.dstack([found.gray(k, count, 1) for k in range(count)])
    wide = found.gray(0, 1, count)
    words = wide.reshape(len(wide), -1, count)
    # differences that were taken to the same channel on the left (TIFF 6.0, section 14); they wrap
    step = max(1, found.number(322, words.shape[1]))
    for left in range(0, words.shape[1] if found.differs else 0, step):
        tile = words[:, left : left + step]
        np.cumsum(tile, axis=1, dtype=np.uint16, out=tile)
    return words


def as_classic(data: bytes) -> bytes:
    """A big-endian BigTIFF with a classic first directory, the only one: Pillow knows no other.

    Raises:
        ValueError, struct.error: it is damaged, or has more than 4 GB.
    """
    structure = Structure.of(data)
    tree: Tree = {}
    for tag, entry in structure.first.entries.items():
        kind, value = entry.kind, structure.value(entry)
        if kind in (16, 18):  # offsets and lengths of 64 bits
            numbers = structure.numbers(f"{entry.count}Q", entry.place)
            kind, value = _LONG, struct.pack(f">{entry.count}I", *numbers)
        if value:
            tree[tag] = kind, entry.count, value
    start = len(data) + len(data) % 2
    head = b"MM\0*" + struct.pack(">I", start)
    return head + data[8:] + bytes(len(data) % 2) + packed_directory(tree, ">", start)


class _Layout:
    """Where a TIFF's pixels lie.

    Args:
        data: the file.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.structure = data, Structure.of(data)
        self.entries = self.structure.first.entries
        self.differs = self.number(317, 1) == 2 and self.number(259, 1) in _DIFFERING

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Whole numbers of an entry; none where it is missing."""
        entry = self.entries.get(tag)
        code = {3: "H", 4: "I", 16: "Q"}.get(entry.kind) if entry else None
        if entry is None or code is None or not entry.length:
            return ()
        return self.structure.numbers(f"{entry.count}{code}", entry.place)

    def number(self, tag: int, default: int) -> int:
        """The first of them."""
        return next(iter(self.numbers(tag)), default)

    def gray(self, plane: int, planes: int, across: int) -> NDArray[np.uint16]:
        """(H, W * across) of one plane's strips or tiles."""
        tiled = 324 in self.entries
        places, lengths = (self.numbers(tag) for tag in ((324, 325) if tiled else (273, 279)))
        each = len(places) // planes
        span = slice(each * plane, each * (plane + 1))
        shape = {tag: self.number(tag, 0) for tag in (257, 278, 323)}
        shape |= {tag: self.number(tag, 0) * across for tag in (256, 322)}
        order = self.structure.order
        tree: Tree = {tag: _longs(order, [n]) for tag, n in shape.items() if n}
        told = {258: 16, 262: 1, 277: 1} | {tag: self.number(tag, 1) for tag in (259, 266)}
        told |= {317: 2} if self.differs and across == 1 else {}
        tree |= {tag: _shorts(order, [n]) for tag, n in told.items()}
        tree[324 if tiled else 273] = _longs(order, list(places[span]))
        tree[325 if tiled else 279] = _longs(order, list(lengths[span]))
        start = len(self.data) + len(self.data) % 2
        mark = b"II*\0" if order == "<" else b"MM\0*"
        head = mark + struct.pack(order + "I", start)
        rest = self.data[8:] + bytes(len(self.data) % 2) + packed_directory(tree, order, start)
        with no_bomb_check(), TiffImagePlugin.TiffImageFile(io.BytesIO(head + rest)) as image:
            return np.asarray(image).astype(np.uint16)
