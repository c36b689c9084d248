"""Metadata of a photo file, whatever its format."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dmlseg_core.photo.metadata import boxes, jpeg, photoshop, png
from dmlseg_core.photo.metadata.about import Metadata, shape_of
from dmlseg_core.photo.metadata.directories import EXIF, OverlapError, Structure
from dmlseg_core.photo.metadata.exif import IPTC, PHOTOSHOP, XMP, from_tiff, stale_in
from dmlseg_core.photo.metadata.gainmap import ISO_HEAD, find_gain_map

_LONG_XMP = 1 << 24
_PNM_HEAD = 1 << 16
_PNM = re.compile(rb"P\d%s\d+%s\d+\s" % ((rb"\s++(?:#[^\r\n]*+\s++)*+",) * 2))
_FTYP = slice(4, 8)
_WEBP = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")
_MOST_NAMES = 8
_GIF_XMP, _GIF_ICC = b"\x21\xff\x0bXMP DataXMP", b"\x21\xff\x0bICCRGBG1012"


def crowded(data: bytes) -> bool:
    """Whether a file is made of more pieces beside its pixels than any program writes.

    Decoders look at each, and some copy it.
    """
    if data.startswith(png.SIGNATURE):
        return png.crowded(data)
    if data.startswith(b"\xff\xd8"):
        return jpeg.crowded(data) or _overlap(jpeg.read_jpeg(data).exif or b"")
    return _overlap(data) or (data[:1] == b"P" and data[1:2] in b"123456" and _endless(data))


def _overlap(structure: bytes) -> bool:
    try:
        found = Structure.of(structure)
        found.under(found.first, EXIF)
    except OverlapError:
        return True
    except ValueError:
        pass
    return False


def _endless(data: bytes) -> bool:
    """Whether the head of a PNM file goes on and on: Pillow reads it a byte at a time."""
    return len(data) > _PNM_HEAD and _PNM.match(data, 0, _PNM_HEAD) is None


def pixels_alone(data: bytes) -> bytes:
    """The file without the blocks whose damage would keep a decoder from its pixels."""
    if data.startswith(png.SIGNATURE):
        return png.pixels_alone(data)
    return boxes.without_exif(data) if data[_FTYP] == b"ftyp" else data


def read_metadata(data: bytes, file_format: str | None, info: dict[Any, Any]) -> Metadata:
    """Blocks of a file as they are.

    Args:
        data: the file.
        file_format: Pillow's name of its format.
        info: what Pillow found, for formats that are not taken apart here.
    """
    reader = _READERS.get(file_format or "")
    found = _read_others(data, file_format, info) if reader is None else reader(data)
    found = replace(found, shape=shape_of(info, found.exif))
    if found.xmp and len(found.xmp) > _LONG_XMP:
        return replace(found, xmp=None, left=found.left | {"long XMP"})
    return found


def _read_others(data: bytes, file_format: str | None, info: dict[Any, Any]) -> Metadata:
    exif, packet, comment = (info.get(name) for name in ("exif", "xmp", "comment"))
    if file_format == "GIF":
        packet = data[data.find(_GIF_XMP) + len(_GIF_XMP) :] if _GIF_XMP in data else None
        packet = packet and packet.partition(b"\1\xff\xfe")[0]  # a trailer leads decoders past it
    exif = exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else None
    comments = (comment,) if isinstance(comment, bytes) and comment else ()
    others = _riff_others(data) if file_format == "WEBP" else ()
    left = frozenset({"credentials"} if "C2PA" in others else ())
    packet = packet if isinstance(packet, bytes) else None
    stale = tuple(name for name in others if name != "C2PA")
    return Metadata(exif or None, packet, None, comments, stale=stale, left=left)


def _read_psd(data: bytes) -> Metadata:
    try:
        found, kept, layers = photoshop.parts_of_file(data)
    except struct.error:
        return Metadata()
    left = frozenset({"layers"} if layers else ())
    exif, packet = found.get(photoshop.EXIF), found.get(photoshop.XMP)
    return Metadata(exif or None, packet or None, kept or None, left=left)


def profile_beside(data: bytes, file_format: str | None) -> bytes | None:
    """The color profile of a file where Pillow overlooks it; None where there is none.

    Where it gave one up without a word (a segment of it is missing, say): b"damaged".
    """
    if file_format in ("JPEG", "MPO"):
        held = any(content.startswith(jpeg.ICC_HEAD) for _, content in jpeg.segments(data))
        return b"damaged" if held else None
    if file_format == "PNG":
        return png.profile_in(data)
    if file_format == "JPEG2000":
        return boxes.profile_in_jp2(data)
    return _profile_in_gif(data) if file_format == "GIF" else _profile_in_bmp(data, file_format)


def _profile_in_bmp(data: bytes, file_format: str | None) -> bytes | None:
    if file_format == "BMP" and data[70:74] == b"DEBM" and len(data) > 138:  # BITMAPV5HEADER
        start, size = struct.unpack_from("<II", data, 126)
        return data[14 + start : 14 + start + size]
    return None


def _profile_in_gif(data: bytes) -> bytes | None:
    """Of blocks with their length before them (GIF89a, 15)."""
    _, found, rest = data.partition(_GIF_ICC)
    parts, place = [], 0
    while found and place < len(rest) and (size := rest[place]):
        parts.append(rest[place + 1 : place + 1 + size])
        place += 1 + size
    return b"".join(parts) or None


def _riff_others(data: bytes) -> tuple[str, ...]:
    """Names of the chunks of a WebP file that its format does not know."""
    place = 12
    found: dict[bytes, None] = {}
    while place + 8 <= len(data) and len(found) < _MOST_NAMES:
        kind = data[place : place + 4]
        found |= {} if kind in _WEBP else {kind: None}
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return tuple(kind.decode("latin-1") for kind in found if kind.isalnum())


def _read_jpeg(data: bytes) -> Metadata:
    found = jpeg.read_jpeg(data)
    behind = data[jpeg.end_of(data) :][: 1 << 16]
    film = {"film"} if b"ftyp" in behind and not behind.startswith(b"\xff\xd8") else set()
    gain_map = find_gain_map(data)
    told = {"gain map"} if gain_map is None and _announces(found) else set()
    return replace(found, gain_map=gain_map, left=found.left | film | told)


def _announces(found: Metadata) -> bool:
    return any(content.startswith(ISO_HEAD) for _, content in found.segments)


def read_tiff(data: bytes) -> Metadata:
    """Blocks of a TIFF file: EXIF is what describes the photo in its first directory."""
    try:
        exif, moved = from_tiff(data)
        structure = Structure.of(data)
        entries = structure.first.entries
    except ValueError:
        return Metadata()
    packet, records, blocks = (
        structure.value(entries[tag]) if tag in entries else b"" for tag in (XMP, IPTC, PHOTOSHOP)
    )
    if records and photoshop.iptc_of(blocks) is None:
        blocks += photoshop.block_of_iptc(records)
    said = {"maker note moved": moved, "previews": 330 in entries, "layers": 37724 in entries}
    left = frozenset(name for name, true in said.items() if true)
    return Metadata(exif, packet or None, blocks or None, stale=stale_in(structure), left=left)


_READERS: dict[str, Callable[[bytes], Metadata]] = {
    "JPEG": _read_jpeg, "MPO": _read_jpeg, "PNG": png.read_png, "AVIF": boxes.read_boxes,
    "HEIF": boxes.read_boxes, "TIFF": read_tiff, "JPEG2000": boxes.read_jp2, "PSD": _read_psd,
}  # fmt: skip
