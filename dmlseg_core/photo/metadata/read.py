"""Metadata of a photo file, whatever its format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dmlseg_core.photo.metadata import boxes, jpeg, photoshop, png
from dmlseg_core.photo.metadata.about import Metadata
from dmlseg_core.photo.metadata.directories import Structure
from dmlseg_core.photo.metadata.exif import IPTC, PHOTOSHOP, XMP, from_tiff
from dmlseg_core.photo.metadata.gainmap import ISO_HEAD, find_gain_map

_FTYP = slice(4, 8)


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
    if file_format in ("JPEG", "MPO"):
        return _read_jpeg(data)
    if file_format == "PNG":
        return png.read_png(data)
    if file_format in ("AVIF", "HEIF"):
        return boxes.read_boxes(data)
    if file_format == "TIFF":
        return read_tiff(data)
    exif, packet, comment = (info.get(name) for name in ("exif", "xmp", "comment"))
    exif = exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else None
    comments = (comment,) if isinstance(comment, bytes) and comment else ()
    left = frozenset({"credentials"} if file_format == "WEBP" and _riff_has(data, b"C2PA") else ())
    packet = packet if isinstance(packet, bytes) else None
    return Metadata(exif or None, packet, None, comments, left=left)


def _riff_has(data: bytes, name: bytes) -> bool:
    """Is there such a chunk in a WebP file?"""
    place = 12
    while place + 8 <= len(data):
        if data[place : place + 4] == name:
            return True
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return False


def holds_profile(data: bytes, file_format: str | None) -> bool:
    """Is there a color profile in a JPEG or PNG file, be it damaged?"""
    if file_format in ("JPEG", "MPO"):
        return any(content.startswith(jpeg.ICC_HEAD) for _, content in jpeg.segments(data))
    return file_format == "PNG" and any(kind == b"iCCP" for kind, _ in png.chunks(data))


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
    return Metadata(exif, packet or None, blocks or None, left=left)
