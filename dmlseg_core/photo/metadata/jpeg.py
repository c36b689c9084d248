"""Segments of a JPEG file before its pixels (ISO/IEC 10918-1, annex B)."""

from __future__ import annotations

import hashlib
import re
import struct

from dmlseg_core.photo.metadata import photoshop, xmp
from dmlseg_core.photo.metadata.about import Metadata

ROOM = 65533
"""Bytes that one segment can hold."""
EXIF_HEAD = b"Exif\0\0"
ICC_HEAD = b"ICC_PROFILE\0"
_SOI, _EOI, _SOS, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_APP1, _APP2, _APP11, _APP13 = 0xE1, 0xE2, 0xEB, 0xED
# JFIF and Adobe's color transform are the encoder's; an index of pictures is written anew.
_ENCODERS = (0xE0, 0xEE)
_INDEX = b"MPF\0"
_JFIF, _UNIT_AT = b"JFIF\0", 13
_MANY = 20_000
"""Segments that are looked at: the longest XMP and profiles take some hundred."""
_BETWEEN = 1 << 20
_SCAN = re.compile(rb"\xff\xda\x00[\x08\x0a\x0c\x06]")
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")


def segments(data: bytes) -> list[tuple[int, bytes]]:
    """(marker, content) up to the pixels, in order."""
    return [(data[place + 1], data[place + 4 : end]) for place, end in places(data)]


def places(data: bytes) -> list[tuple[int, int]]:
    """Where each segment up to the pixels begins and ends; no more than _MANY."""
    found: list[tuple[int, int]] = []
    place = 2
    while len(found) < _MANY and (marker := _MARKER.search(data, place)) is not None:
        place = marker.start()
        if data[place + 1] in (_SOS, _EOI) or place + 4 > len(data):
            break
        end = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        found.append((place, end))
        place = max(end, place + 4)
    return found


def crowded(data: bytes) -> bool:
    """Whether there are more segments, or more bytes between them, than any program writes."""
    found = places(data)
    last = _MARKER.search(data, found[-1][1] if found else 2)
    pixels = len(data) if last is None else last.start()
    return len(found) == _MANY or pixels - sum(b - a for a, b in found) > _BETWEEN


def end_of(data: bytes, start: int = 0) -> int:
    """The byte behind the end-of-image marker, len(data) where there is none.

    Args:
        data: a file.
        start: where the picture begins in it.
    """
    place = start + 2
    for _ in range(10 * _MANY):
        if (marker := _MARKER.search(data, place)) is None:
            break
        place = marker.start()
        if data[place + 1] == _EOI:
            return place + 2
        if data[place + 1] == _SOI or place + 4 > len(data):
            break
        place += 2 + max(2, struct.unpack_from(">H", data, place + 2)[0])
    return len(data)


def scans_of(data: bytes) -> int:
    """How many scans the first picture has."""
    return len(_SCAN.findall(data, 0, end_of(data)))


def read_jpeg(data: bytes) -> Metadata:
    """What the segments say about the photo."""
    exif: list[bytes] = []
    resources: list[bytes] = []
    packet, comments, others, left = None, [], [], set()
    for marker, content in segments(data):
        kind = marker, content
        if marker == _APP1 and content.startswith(EXIF_HEAD[:5]):
            exif += [] if exif and content[6:10] in (b"II*\0", b"MM\0*") else [content[6:]]
        elif marker == _APP1 and content.startswith(xmp.JPEG_HEAD):
            packet = packet or content[len(xmp.JPEG_HEAD) :]
        elif marker == _APP13 and content.startswith(photoshop.JPEG_HEAD):
            resources.append(content[len(photoshop.JPEG_HEAD) :])
        elif marker == _COMMENT:
            comments.append(content)
        elif marker == _APP11 and content.startswith(b"JP"):
            left.add("credentials")
        elif 0xE1 <= marker <= 0xEF and marker not in _ENCODERS and _foreign(content):
            others.append(kind)
    return Metadata(
        exif=b"".join(exif) or None,
        xmp=packet,
        photoshop=b"".join(resources) or None,
        comments=tuple(comments),
        segments=tuple(others),
        left=frozenset(left),
    )


def with_shape(data: bytes, shape: tuple[int, int]) -> bytes:
    """The file with a resolution without a unit in the head of JFIF (ITU-T T.871, 10.1), if it has
    that: colors that are stored as RGB come without.
    """
    if data[6:11] != _JFIF:
        return data
    return data[:_UNIT_AT] + struct.pack(">B2H", 0, *shape) + data[_UNIT_AT + 5 :]


def _foreign(content: bytes) -> bool:
    return not content.startswith((ICC_HEAD, EXIF_HEAD[:5], _INDEX))


def with_segments(data: bytes, told: list[tuple[int, bytes]]) -> bytes:
    """A JPEG file with more segments, behind JFIF's own."""
    place = 2
    if data[2:4] == b"\xff\xe0":
        place += 2 + struct.unpack_from(">H", data, 4)[0]
    made = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content
        for marker, content in told
    )
    return data[:place] + made + data[place:]


def told_in_jpeg(about: Metadata, profile: bytes | None) -> list[tuple[int, bytes]]:
    """Segments that hold a photo's metadata; its EXIF block fits into one."""
    told = [(_APP1, EXIF_HEAD + about.exif)] if about.exif else []
    told += [(_APP1, content) for content in _xmp_segments(about.xmp)] if about.xmp else []
    told += _cut(_APP13, photoshop.JPEG_HEAD, about.photoshop or b"")
    told += about.segments
    if profile:
        room = ROOM - len(ICC_HEAD) - 2
        parts = [profile[k : k + room] for k in range(0, len(profile), room)]
        told += [(_APP2, ICC_HEAD + bytes([k + 1, len(parts)]) + p) for k, p in enumerate(parts)]
    return told + [part for comment in about.comments for part in _cut(_COMMENT, b"", comment)]


def _cut(marker: int, head: bytes, content: bytes) -> list[tuple[int, bytes]]:
    room = ROOM - len(head)
    return [(marker, head + content[at : at + room]) for at in range(0, len(content), room)]


def _xmp_segments(packet: bytes) -> list[bytes]:
    """One segment, or a stub and its extension (XMP specification part 3, 1.1.3.1)."""
    if len(xmp.JPEG_HEAD + packet) <= ROOM:
        return [xmp.JPEG_HEAD + packet]
    body = re.sub(rb"<\?xpacket.*?\?>", b"", packet, flags=re.DOTALL).strip()
    name = hashlib.md5(body, usedforsecurity=False).hexdigest().upper().encode()
    stub = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    head = xmp.EXTENSION_HEAD + name
    parts = [
        head + struct.pack(">II", len(body), place) + body[place : place + 65400]
        for place in range(0, len(body), 65400)
    ]
    return [xmp.JPEG_HEAD + stub % name, *parts]
