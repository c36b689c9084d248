"""Metadata of a photo file, whatever its format."""

from __future__ import annotations

from typing import Any

from dmlseg_core.photo.metadata import boxes, jpeg, photoshop, png
from dmlseg_core.photo.metadata.about import Metadata
from dmlseg_core.photo.metadata.directories import Structure
from dmlseg_core.photo.metadata.exif import IPTC, PHOTOSHOP, XMP, from_tiff

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
    return Metadata(exif or None, packet if isinstance(packet, bytes) else None, None, comments)


def _read_jpeg(data: bytes) -> Metadata:
    found = jpeg.read_jpeg(data)
    behind = data[jpeg.end_of(data) :][: 1 << 16]
    film = {"film"} if b"ftyp" in behind and not behind.startswith(b"\xff\xd8") else set()
    return Metadata(**{**vars(found), "left": found.left | film})


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
    left = frozenset({"maker note moved"} if moved else ())
    return Metadata(exif, packet or None, blocks or None, left=left)
