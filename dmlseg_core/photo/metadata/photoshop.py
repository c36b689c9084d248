"""Photoshop's image resource blocks (Adobe Photoshop File Formats, 2019): where IPTC lies."""

from __future__ import annotations

import struct

JPEG_HEAD = b"Photoshop 3.0\0"
_IPTC = 0x0404
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
