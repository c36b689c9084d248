"""Items of HEIF and AVIF files, and properties (ISO/IEC 14496-12, 8.11; 23008-12, annex A)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from dmlseg_core.photo.metadata.about import Metadata
from dmlseg_core.photo.metadata.photoshop import block_of_iptc

_CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_JP2_EXIF, _JP2_XMP = b"JpgTiffExif->JP2", bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_JP2_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_MANY = 4096
"""Items, their pieces, and boxes that are looked at; files of people hold some hundred."""


@dataclass(frozen=True)
class Item:
    """One item: its type, where that is said in the file, its MIME type, where its bytes lie."""

    kind: bytes
    kind_at: int
    mime: bytes
    start: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start and end of the content) of the boxes in a range, up to the first damaged one."""
    for _ in range(_MANY):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,), head = struct.unpack_from(">Q", data, start + 8), 16
        stop = end if size == 0 else start + size
        if (size and size < head) or stop > end:
            return
        yield kind, start + head, stop
        start = stop


def items(data: bytes) -> list[Item]:
    """Items that lie in one piece; none where the directory is damaged."""
    try:
        return _items(data)
    except (struct.error, IndexError, KeyError):
        return []


def _items(data: bytes) -> list[Item]:
    meta = next(((a, b) for kind, a, b in boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return []
    inner = {kind: (a, b) for kind, a, b in boxes(data, meta[0] + 4, meta[1])}
    places = _places(data, *inner[b"iloc"], inner.get(b"idat", (0, 0))[0])
    found = []
    start, end = inner[b"iinf"]
    for kind, a, b in boxes(data, start + (6 if data[start] == 0 else 8), end):
        if kind == b"infe" and data[a] >= 2:
            width = 2 if data[a] == 2 else 4
            number = int.from_bytes(data[a + 4 : a + 4 + width])
            at = a + 6 + width
            names = data[at + 4 : b].split(b"\0")
            if number in places:
                mime = names[1] if len(names) > 1 else b""
                found.append(Item(data[at : at + 4], at, mime, *places[number]))
    return found


def _places(data: bytes, start: int, end: int, inline: int) -> dict[int, tuple[int, int]]:
    """Item number -> where its bytes lie, of items with one extent (8.11.3)."""
    version, sizes = data[start], struct.unpack_from(">H", data, start + 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> s & 15 for s in (12, 8, 4, 0))
    at = start + 6

    def take(width: int) -> int:
        nonlocal at
        at += width
        return int.from_bytes(data[at - width : at])

    wide = 4 if version == 2 else 2
    found, seen = {}, 0
    for _ in range(min(take(wide), _MANY)):
        number = take(wide)
        method = take(2) & 15 if version else 0
        take(2)
        base, extents = take(base_size), take(2)
        seen += extents
        if seen > _MANY or at > end:  # one that tells of more than its box can hold
            break
        for _ in range(extents):
            take(index_size if version else 0)
            place = base + take(offset_size) + (inline if method == 1 else 0)
            length = take(length_size) or len(data) - place
            if extents == 1 and method < 2 and place + length <= len(data) and at <= end:
                found[number] = (place, place + length)
    return found


def read_boxes(data: bytes) -> Metadata:
    """What the items say about the photo."""
    exif = packet = None
    left = set()
    for item in items(data):
        content = data[item.start : item.end]
        if item.kind == b"Exif":
            exif = exif or _structure(content)
        elif item.kind == b"mime" and item.mime == b"application/rdf+xml":
            packet = packet or content
        elif item.kind == b"tmap":
            left.add("gain map")
    for urn in re.findall(rb"auxC\0{4}(urn:[\x21-\x7e]{1,200})\0", data[: 1 << 20]):
        if b"gainmap" in urn:
            left.add("gain map")
        elif not urn.endswith((b":alpha", b"auxid:1")):
            left.add("depth")
    if data[8:11] == b"avi" and _is_premultiplied(data):  # of HEIC the decoder says it
        left.add("multiplied")
    outer = boxes(data, 0, len(data))
    if any(kind == b"uuid" and data[at : at + 16] == _CREDENTIALS for kind, at, _ in outer):
        left.add("credentials")
    return Metadata(exif, packet, left=frozenset(left))


def _is_premultiplied(data: bytes) -> bool:
    """Whether colors are stored multiplied by alpha: a reference says so (ISO/IEC 23000-22)."""
    start, end = _meta(data).get(b"iref", (0, 0))
    return any(kind == b"prem" for kind, _, _ in boxes(data, start + 4, end))


def _structure(content: bytes) -> bytes:
    """The TIFF structure of an Exif item: behind 4 bytes that say where it begins."""
    if len(content) < 4:
        return b"\0"
    skip = struct.unpack_from(">I", content)[0]
    body = content[4 + skip :] if 4 + skip < len(content) else content[4:]
    return body.removeprefix(b"Exif\0\0") or b"\0"


def without_exif(data: bytes) -> bytes:
    """The file with its Exif items called otherwise: their damage does not hurt the pixels."""
    changed = bytearray(data)
    for item in items(data):
        if item.kind == b"Exif":
            changed[item.kind_at : item.kind_at + 4] = b"free"
    return bytes(changed)


def properties(data: bytes) -> list[tuple[int, int]]:
    """Where the contents of all items' properties lie (ISO/IEC 23008-12, 9.3.1)."""
    return _properties(data, _meta(data))[0]


def properties_of_primary(data: bytes) -> list[tuple[int, int]]:
    """Those of the primary item, in their order."""
    inner = _meta(data)
    found, links = _properties(data, inner)
    return [found[k - 1] for k in links.get(_primary(data, inner), ()) if 0 < k <= len(found)]


def clean_aperture(data: bytes) -> tuple[slice, slice] | None:
    """Rows and columns of the decoded primary item that are to be shown; None: all of them.

    ISO/IEC 14496-12, 12.1.4: a width, a height, and how far their centre lies from the picture's.
    One that leaves the picture is none, as in libavif.
    """
    try:
        found = {data[at - 4 : at]: at for at, _ in properties_of_primary(data)}
        if not {b"clap", b"ispe"} <= found.keys():
            return None
        width, height = struct.unpack_from(">2I", data, found[b"ispe"] + 4)
        sizes, shifts = (
            struct.unpack_from(f">{2 * code}", data, found[b"clap"] + at)
            for code, at in (("II", 0), ("iI", 16))
        )
        across = _span(width, sizes[:2], shifts[:2])
        down = _span(height, sizes[2:], shifts[2:])
    except (struct.error, IndexError, ZeroDivisionError):
        return None
    return None if across is None or down is None else (down, across)


def _span(side: int, size: tuple[int, ...], shift: tuple[int, ...]) -> slice | None:
    """The part of a side that has a size (a fraction) and a centre shifted from the side's own."""
    length = Fraction(*size)
    start = round(Fraction(side - length, 2) + Fraction(*shift))
    stop = start + round(length)
    return slice(start, stop) if 0 <= start < stop <= side else None


def _meta(data: bytes) -> dict[bytes, tuple[int, int]]:
    outer = {kind: (a, b) for kind, a, b in boxes(data, 0, len(data))}
    if b"meta" not in outer:
        return {}
    start, end = outer[b"meta"]
    return {kind: (a, b) for kind, a, b in boxes(data, start + 4, end)}


def _properties(
    data: bytes, inner: dict[bytes, tuple[int, int]]
) -> tuple[list[tuple[int, int]], dict[int, tuple[int, ...]]]:
    """Places of all properties, and the numbers (from 1 on) of each item's own."""
    if b"iprp" not in inner:
        return [], {}
    held = {kind: (a, b) for kind, a, b in boxes(data, *inner[b"iprp"])}
    properties = [(a, b) for _, a, b in boxes(data, *held[b"ipco"])] if b"ipco" in held else []
    return properties, _links(data, *held[b"ipma"]) if b"ipma" in held else {}


def _links(data: bytes, start: int, end: int) -> dict[int, tuple[int, ...]]:
    """ItemPropertyAssociationBox (ISO/IEC 23008-12, 9.3.2)."""
    version, wide = data[start], data[start + 3] & 1
    found, at = {}, start + 8
    for _ in range(min(struct.unpack_from(">I", data, start + 4)[0], end - start)):
        (item,) = struct.unpack_from(">I" if version else ">H", data, at)
        at += 4 if version else 2
        count, at = data[at], at + 1
        numbers = struct.unpack_from(f">{count}{'H' if wide else 'B'}", data, at)
        found[item] = tuple(n & (0x7FFF if wide else 0x7F) for n in numbers)
        at += count * (2 if wide else 1)
    return found


def _primary(data: bytes, inner: dict[bytes, tuple[int, int]]) -> int:
    if b"pitm" not in inner:
        return -1
    at = inner[b"pitm"][0]
    return int(struct.unpack_from(">H" if data[at] == 0 else ">I", data, at + 4)[0])


def read_jp2(data: bytes) -> Metadata:
    """What the boxes of a JPEG 2000 file say about the photo (as exiftool and exiv2 write them)."""
    found: dict[bytes, bytes] = {}
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"uuid":
            found.setdefault(data[start : start + 16], data[start + 16 : end])
    records = found.get(_JP2_IPTC)
    exif = found.get(_JP2_EXIF, b"").removeprefix(b"Exif\0\0")
    return Metadata(
        exif=exif or None,
        xmp=found.get(_JP2_XMP) or None,
        photoshop=block_of_iptc(records) if records else None,
    )


def profile_in_jp2(data: bytes) -> bytes | None:
    """The color profile of a JPEG 2000 file (ISO/IEC 15444-1, I.5.3.3); Pillow overlooks it."""
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jp2h":
            for inner, a, b in boxes(data, start, end):
                if inner == b"colr" and data[a : a + 1] == b"\2":
                    return data[a + 3 : b]
    return None
