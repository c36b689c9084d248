"""Gain maps of JPEG files: a second JPEG behind the photo that tells how bright an HDR screen goes.

Ultra HDR and Adobe announce it in XMP, ISO 21496-1 in a segment, Apple in the map itself; all list
it in an index of pictures (CIPA DC-007, Multi-Picture Format).
"""

from __future__ import annotations

import struct

from dmlseg_core.photo.metadata.jpeg import end_of, places, segments

ISO_HEAD = b"urn:iso:std:iso:ts:21496:-1\0"
_MARKS = (b"hdrgm:Version", b"HDRGainMap", b":aux:hdrgainmap", ISO_HEAD)
_START = b"\xff\xd8\xff"
_INDEX = b"MPF\0"
_APP2 = 0xE2
_MANY = 64
"""Pictures that are looked through."""
_ANNOUNCED = b"""<rdf:Description rdf:about=""
 xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0">
<Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"
 Item:Mime="image/jpeg"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg"
 Item:Length="%d"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description>
"""
_EMPTY = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta>'
)


def find_gain_map(data: bytes) -> bytes | None:
    """The gain map among the pictures behind a JPEG's first one, as a file of its own."""
    place = end_of(data)
    for _ in range(_MANY):
        place = data.find(_START, place)
        if place < 0:
            return None
        picture = data[place : end_of(data, place)]
        if any(mark in content for _, content in segments(picture) for mark in _MARKS):
            return picture
        place += len(picture)
    return None


def announced(packet: bytes | None, gain_map: bytes) -> bytes | None:
    """An XMP packet that announces a gain map behind the photo, where the map is one of Adobe's."""
    if not any(b"hdrgm:Version" in content for _, content in segments(gain_map)):
        return packet
    packet = _EMPTY if packet is None else packet
    at = packet.rfind(b"</rdf:RDF>")
    return packet if at < 0 else packet[:at] + _ANNOUNCED % len(gain_map) + packet[at:]


def index_segment() -> tuple[int, bytes]:
    """An index of two pictures, without sizes yet: `with_gain_map` fills them in."""
    rows = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    rows += struct.pack(">HHII", 0xB002, 7, 32, 8 + 2 + 3 * 12 + 4)
    return _APP2, _INDEX + b"MM\0*" + struct.pack(">IH", 8, 3) + rows + bytes(4 + 32)


def with_gain_map(data: bytes, gain_map: bytes) -> bytes:
    """A JPEG file that holds `index_segment`, with the map behind it."""
    start = next(a + 8 for a, _ in reversed(places(data)) if data[a + 4 : a + 8] == _INDEX)
    entries = struct.pack(">IIIHH", 0x030000, len(data), 0, 0, 0)  # the primary picture
    entries += struct.pack(">IIIHH", 0, len(gain_map), len(data) - start, 0, 0)
    at = start + 8 + 2 + 3 * 12 + 4
    return data[:at] + entries + data[at + 32 :] + gain_map
