"""Items of HEIF and AVIF files (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12, annex A)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

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
    outer = boxes(data, 0, len(data))
    if any(kind == b"uuid" and data[at : at + 16] == _CREDENTIALS for kind, at, _ in outer):
        left.add("credentials")
    return Metadata(exif, packet, left=frozenset(left))


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
