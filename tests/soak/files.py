"""Hostile files from a fixed generator: the same seed makes the same bytes."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from PIL import Image, ImageCms

from dmlseg_core.photo.source import register_heif

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "HEIF")
SUFFIXES = dict(
    zip(FORMATS, ("jpg", "png", "webp", "tif", "gif", "bmp", "avif", "heic"), strict=True)
)
SIDES = (0, 1, 65_500, 65_536, 99_000_000, 2**31 - 1, 2**31, 2**32 - 1)
"""Widths and heights that headers claim."""


@cache
def good(kind: str, number: int = 0) -> bytes:
    """A small photo with EXIF and a profile, of one of FORMATS."""
    register_heif()
    rng = np.random.default_rng(number)
    rgb = np.kron(rng.integers(0, 256, (6, 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    exif = Image.Exif()
    exif[271], exif[274] = "maker" * 10, 1 + number % 8
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {} if kind in ("GIF", "BMP") else {"exif": exif, "icc_profile": profile}
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind, **more)
    return file.getvalue()


def truncated(rng: random.Random, data: bytes) -> bytes:
    """Cut off anywhere."""
    return data[: rng.randrange(len(data))]


def flipped(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, most often near the beginning, where headers are."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        reach = len(made) if rng.random() < 0.5 else min(len(made), 200)
        made[rng.randrange(reach)] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
    return bytes(made)


def spliced(rng: random.Random, data: bytes) -> bytes:
    """The beginning of one file and the end of another."""
    other = good(rng.choice(FORMATS), rng.randrange(8))
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def repeated(rng: random.Random, data: bytes) -> bytes:
    """A piece of it over and over."""
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randrange(1, 400)]
    return data[:start] + piece * rng.choice((2, 50, 5_000)) + data[start:]


def claimed(rng: random.Random, data: bytes) -> bytes:
    """Absurd sizes in the header, where one is known to lie; else four bytes anywhere."""
    width, height = rng.choice(SIDES), rng.choice(SIDES)
    if data[:4] == b"II*\0":
        return _tiff_claims(rng, data, width)
    if data[:4] == b"\x89PNG":
        head = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
        return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    known = ((b"\xff\xc0", 5, ">HH"), (b"BM", 18, "<II"), (b"GIF", 6, "<HH"), (b"ispe", 8, ">II"),
             (b"VP8X", 12, "<HH"), (b"", rng.randrange(len(data) - 8), "<II"))  # fmt: skip
    mark, at, how = next(place for place in known if place[0] in data)
    place = data.find(mark)
    mask = 0xFFFF if how[1] == "H" else 0xFFFFFFFF
    side = struct.pack(how, width & mask, height & mask)
    return data[: place + at] + side + data[place + at + len(side) :]


def _tiff_claims(rng: random.Random, data: bytes, value: int) -> bytes:
    """One entry of the first directory gets another value, or the directory leads to itself."""
    made, start = bytearray(data), struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0] if start + 2 <= len(data) else 0
    if not count or start + 2 + 12 * count + 4 > len(data):
        return bytes(made)
    if rng.random() < 0.2:
        struct.pack_into("<I", made, start + 2 + 12 * count, start)
    entry = start + 2 + 12 * rng.randrange(count)
    struct.pack_into("<I", made, entry + rng.choice((4, 8)), value)
    return bytes(made)


def bomb(rng: random.Random, data: bytes) -> bytes:
    """Few bytes that ask for many pixels, much text or a large profile."""
    del data
    return rng.choice(BOMBS)(rng)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *more: bytes, mode: int = 2, depth: int = 8) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, mode, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + _chunk(b"IEND", b"")


def _flat_png(rng: random.Random) -> bytes:
    sizes = ((5_000, 4_000), (9_900, 10_000), (99_000_000, 1), (1, 99_000_000), (65_000, 1_500))
    width, height = rng.choice(sizes)
    rows = zlib.compressobj(9)
    row, data = bytes(1 + width * 3), b""
    for _ in range(min(height, max(1, 60_000_000 // len(row)))):
        data += rows.compress(row)
    return _png(width, height, _chunk(b"IDAT", data + rows.flush()))


def _text_png(rng: random.Random) -> bytes:
    text = zlib.compress(bytes(rng.choice((10_000_000, 80_000_000))), 9)
    kind, head = rng.choice(((b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")))
    pixels = zlib.compress(bytes(4 * (1 + 12)))
    return _png(4, 4, _chunk(kind, head + text), _chunk(b"IDAT", pixels))


def _flat_jpeg(rng: random.Random) -> bytes:
    """A real picture's data under a header of 65,500 x 1,500 pixels: the rest of it is missing."""
    data = good("JPEG", rng.randrange(8))
    place = data.find(b"\xff\xc0")
    return data[: place + 5] + struct.pack(">HH", 1_500, 65_500) + data[place + 9 :]


def _gif_frames(rng: random.Random) -> bytes:
    data = good("GIF", rng.randrange(8))
    body = data[13 + 3 * 2 ** ((data[10] & 7) + 1) : -1]
    return data[:-1] + body * rng.choice((100, 3_000)) + b";"


def _many_boxes(rng: random.Random) -> bytes:
    data = good(rng.choice(("AVIF", "HEIF")), rng.randrange(8))
    return data[:32] + struct.pack(">I4s", 8, b"free") * 50_000 + data[32:]


BOMBS: tuple[Callable[[random.Random], bytes], ...] = (
    _flat_png, _text_png, _flat_jpeg, _gif_frames, _many_boxes,
)  # fmt: skip
ODD = (b"", b"\0", b"\xff\xd8", b"<html>not a photo</html>", b"%!PS-Adobe-3.0 EPSF-3.0\n"
       b"%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\nshowpage\n", b"\0" * 100_000, b"GIF89a",
       b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
       b"8BPS\0\1\0\0\0\0\0\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff\0\x08\0\3")  # fmt: skip
WAYS = (truncated, flipped, flipped, spliced, repeated, claimed, bomb)


Way = Callable[[random.Random, bytes], bytes]


def hostile(
    count: int, seed: int = 21, ways: tuple[Way, ...] = WAYS
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of so many files."""
    rng = random.Random(seed)
    for number in range(count):
        kind = FORMATS[number % len(FORMATS)]
        if number % 50 < len(ODD) and number % 97 == 0:
            yield f"{number:04}-odd.{SUFFIXES[kind]}", ODD[number % len(ODD)]
            continue
        way = ways[(number // len(FORMATS)) % len(ways)]
        data = way(rng, good(kind, rng.randrange(8)))
        yield f"{number:04}-{way.__name__}.{SUFFIXES[kind]}", data
