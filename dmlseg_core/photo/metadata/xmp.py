"""XMP packets (ISO 16684-1) patched as text: what turning made untrue, nothing else."""

from __future__ import annotations

import re

JPEG_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_HEAD = b"http://ns.adobe.com/xmp/extension/\0"
_HEIGHTS, _WIDTHS = (b"ImageLength", b"PixelYDimension"), (b"ImageWidth", b"PixelXDimension")
_NUMBER = re.compile(
    rb"""(\b(?:tiff:(?:Orientation|ImageLength|ImageWidth)|exif:Pixel[XY]Dimension)(?:=["']|>)\s*)"""
    rb"""\d+(?=\s*["'<])"""
)
# The gain map and the film that they announce are not in the file any more.
_STALE = re.compile(
    rb"""\s(?:hdrgm:Version|GCamera:(?:MicroVideo|MotionPhoto)\w*|Camera:MotionPhoto\w*)="[^"]*\""""
)
_STALE_LISTS = (b"Container:Directory", b"GContainer:Directory", b"xmp:Thumbnails")
_GAIN_MAP = re.compile(rb"\bhdrgm:Version\b|\bHDRGainMap:")
_FILM = re.compile(rb"Camera:(?:MotionPhoto|MicroVideo)\w*=\"[1-9]")


def orientation_in(packet: bytes | None) -> int:
    """1..8 as tiff:Orientation says, else 1."""
    found = re.search(rb"""\btiff:Orientation(?:=["']|>)\s*([1-8])\s*["'<]""", packet or b"")
    return int(found[1]) if found else 1


def has_gain_map(packet: bytes | None) -> bool:
    """Does the packet announce a gain map (Ultra HDR, Apple)?"""
    return _GAIN_MAP.search(packet or b"") is not None


def has_film(packet: bytes | None) -> bool:
    """Does the packet announce the film of a motion photo?"""
    return _FILM.search(packet or b"") is not None


def upright_xmp(packet: bytes, size: tuple[int, int]) -> bytes:
    """Orientation 1, (H, W) `size` where it names one; no thumbnails, no announced attachments."""
    values = {b"Orientation": 1} | dict.fromkeys(_HEIGHTS, size[0])
    values |= dict.fromkeys(_WIDTHS, size[1])

    def patched(found: re.Match[bytes]) -> bytes:
        name = found[1].partition(b":")[2].rstrip().rstrip(b"=>\"'")
        return found[1] + b"%d" % values[name]

    packet = _STALE.sub(b"", _NUMBER.sub(patched, packet))
    for element in _STALE_LISTS:
        packet = _without(packet, element)
    return packet


def _without(packet: bytes, name: bytes) -> bytes:
    """A packet without the elements of a name; each byte is looked at once."""
    head, end = re.compile(rb"<%s\b" % name), b"</%s>" % name
    kept, place = [], 0
    while (start := head.search(packet, place)) is not None:
        inner, close = packet.find(b">", start.end()), packet.find(end, start.end())
        if inner < 0 or close < 0:
            break
        empty = packet[inner - 1 : inner] == b"/"
        kept.append(packet[place : inner + 1 if empty else start.start()])
        place = inner + 1 if empty else close + len(end)
    return b"".join([*kept, packet[place:]])
