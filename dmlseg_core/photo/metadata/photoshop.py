"""Photoshop's image resource blocks (Adobe Photoshop File Formats, 2019): where IPTC lies."""

from __future__ import annotations

import struct

JPEG_HEAD = b"Photoshop 3.0\0"
_IPTC, EXIF, XMP = 0x0404, 0x0422, 0x0424
_COPYRIGHT = (0x040A, 0x040B)
_THUMBNAILS = (0x0409, 0x040C)


def resources(data: bytes) -> list[tuple[int, bytes, bytes]] | None:
    """(number, whole block, its content) in order; None where the blocks are damaged."""
    found, place = [], 0
    while place + 12 <= len(data):
        if data[place : place + 4] not in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"):
            return None
        (number,) = struct.unpack_from(">H", data, place + 4)
        start = place + 6 + (data[place + 6] // 2 + 1) * 2 + 4
        if start > len(data):
            return None
        (length,) = struct.unpack_from(">I", data, start - 4)
        end = start + length + length % 2
        if start + length > len(data):
            return None
        found.append((number, data[place:end], data[start : start + length]))
        place = end
    return found


def without_thumbnails(data: bytes) -> bytes:
    """The blocks but for pictures in the old colors; damaged ones as they are."""
    found = resources(data)
    if found is None:
        return data
    return b"".join(block for number, block, _ in found if number not in _THUMBNAILS)


def iptc_of(data: bytes) -> bytes | None:
    """The IPTC records among the blocks."""
    return next((inner for number, _, inner in resources(data) or () if number == _IPTC), None)


def block_of_iptc(records: bytes) -> bytes:
    """IPTC records as a resource block."""
    head = b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(records))
    return head + records + b"\0" * (len(records) % 2)


def parts_of_file(data: bytes) -> tuple[dict[int, bytes], bytes, bool]:
    """A PSD file's resources by number, those blocks that describe the photo, and has it layers."""
    place, sections = 26, []
    for _ in range(3):  # palette, resources, layers
        (length,) = struct.unpack_from(">I", data, place)
        sections.append(data[place + 4 : place + 4 + length])
        place += 4 + length
    found = resources(sections[1]) or []
    kept = b"".join(block for number, block, _ in found if number in (_IPTC, *_COPYRIGHT))
    return {number: inner for number, _, inner in found}, kept, len(sections[2]) > 4
