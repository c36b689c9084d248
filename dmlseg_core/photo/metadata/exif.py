"""EXIF blocks (CIPA DC-008) patched in place: every byte that need not change stays where it is.

Maker notes hold offsets that only their maker understands. So a block is not read into tags and
written anew: it keeps its layout, and only what turning and recoloring made untrue is changed.
"""

from __future__ import annotations

import struct

from dmlseg_core.photo.metadata.directories import (
    EXIF,
    GPS,
    INTEROP,
    Directory,
    Entry,
    Structure,
    Tree,
    packed,
    packed_directory,
    tree_of,
)

ORIENTATION = 0x0112
MAKER_NOTE = 0x927C
XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
_RESOLUTION = (282, 283)
_UNIT, _NO_UNIT = 296, 1
_COLOR_SPACE, _INTEROP_INDEX = 0xA001, 1
_ADOBE, _UNCALIBRATED = 2, 65535
_SRGB = 1
_SRGB_PLACES = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE_RGB, UNCALIBRATED, PRIMARIES = "Adobe RGB", "uncalibrated", "primaries"
_NEAR_PLACE = 0.01
_WIDTHS, _HEIGHTS = (0x0100, 0xA002, 0x1001), (0x0101, 0xA003, 0x1002)
RAW = "entries for raw converters"
_TRANSFER, _WHITE, _PRIMARIES, _PRINTER = 301, 318, 319, 337
_OF_RAW = frozenset((*range(50706, 51300), *range(52525, 52560)))
STRUCTURAL = frozenset(
    (*range(254, 260), *range(262, 267), 273, ORIENTATION, *range(277, 282), 284, *range(288, 294),
     _TRANSFER, *range(317, 348), *range(512, 522), *range(529, 533), 559, XMP, IPTC, PHOTOSHOP,
     ICC, 37724, *_OF_RAW)
) - {_WHITE, _PRIMARIES, _PRINTER}  # fmt: skip
"""Tags of IFD0 that tell how pixels are stored, belong to raw files, or are carried elsewhere."""
_ROOM = 65527
"""Bytes that a block may have in JPEG."""
_NEAR = 1 << 16
"""A TIFF's own directories are taken over in place where they end before this byte."""


def orientation_of(block: bytes | None) -> int | None:
    """1..8 as IFD0 says; None where it does not, or the block is damaged."""
    try:
        structure = Structure.of(block or b"")
        turn = structure.integer(structure.first.entries.get(ORIENTATION))
    except ValueError:
        return None
    return turn if turn is not None and 1 <= turn <= 8 else None


def says_raw(block: bytes | None) -> bool:
    """Whether IFD0 holds entries of DNG: in a TIFF they would make a raw file of it."""
    try:
        return block is not None and not _OF_RAW.isdisjoint(Structure.of(block).first.entries)
    except ValueError:
        return False


def stale_in(structure: Structure) -> tuple[str, ...]:
    """What of a TIFF's first directory describes its pixels as they were, beside their layout."""
    entries = structure.first.entries
    names = {"TransferFunction": _TRANSFER in entries, RAW: not _OF_RAW.isdisjoint(entries)}
    return tuple(name for name, true in names.items() if true)


def color_space_of(block: bytes | None) -> str | None:
    """ADOBE_RGB or UNCALIBRATED, as cameras say it beside no profile (DCF 2.0, 4.5.2.2); PRIMARIES
    where it names others than sRGB's.
    """
    try:
        structure = Structure.of(block or b"")
        exif = structure.under(structure.first, EXIF)
    except ValueError:
        return None
    space = exif and structure.integer(exif.entries.get(_COLOR_SPACE))
    inner = exif and structure.under(exif, INTEROP)
    index = inner.entries.get(_INTEROP_INDEX) if inner else None
    name = structure.value(index)[:3] if index else b""
    if space == _ADOBE or name == b"R03":
        return ADOBE_RGB
    if space == _UNCALIBRATED and name != b"R98":  # R98: sRGB
        return UNCALIBRATED
    return PRIMARIES if space != _SRGB and _has_other_primaries(structure) else None


def _has_other_primaries(structure: Structure) -> bool:
    entry = structure.first.entries.get(_PRIMARIES)
    if entry is None or (entry.kind, entry.count) != (5, 6) or not entry.length:
        return False
    parts = structure.numbers("12I", entry.place)
    found = [
        over / under if under else 0.0 for over, under in zip(parts[::2], parts[1::2], strict=True)
    ]
    return any(abs(a - b) > _NEAR_PLACE for a, b in zip(found, _SRGB_PLACES, strict=True))


def resolution_of(block: bytes | None) -> tuple[float, float] | None:
    """(horizontal, vertical) dots per inch as stored; None where not said, zero or without unit."""
    return _resolution(block, {None: 1.0, 2: 1.0, 3: 2.54})


def unitless_in(block: bytes | None) -> tuple[float, float] | None:
    """(horizontal, vertical) resolution where the block says that it has no unit."""
    return _resolution(block, {_NO_UNIT: 1.0})


def _resolution(block: bytes | None, scales: dict[int | None, float]) -> tuple[float, float] | None:
    try:
        structure = Structure.of(block or b"")
        entries = structure.first.entries
    except ValueError:
        return None
    scale = scales.get(structure.integer(entries.get(_UNIT)))
    across, down = (_ratio(structure, entries.get(tag)) for tag in _RESOLUTION)
    if scale is None or across is None or down is None:
        return None
    return across * scale, down * scale


def _ratio(structure: Structure, entry: Entry | None) -> float | None:
    if entry is None or entry.kind != 5 or entry.count != 1 or not entry.length:
        return None
    over, under = structure.numbers("II", entry.place)
    return over / under if over and under else None


def upright(block: bytes, size: tuple[int, int], turn: int = 1) -> bytes:
    """A block for the photo as displayed.

    Orientation 1, (H, W) `size` where the block names one, horizontal and vertical resolution
    swapped after a quarter turn, no thumbnail: that would show the old colors, and lie on its side.

    Raises:
        ValueError: the block is damaged.
    """
    structure = Structure.of(block)
    zero, data = structure.first, bytearray(block)
    below = [zero, *_below(structure, zero)]
    for directory in below:
        for tag, number in _sides(size).items():
            _put(data, structure, directory.entries.get(tag), number)
    _put(data, structure, zero.entries.get(ORIENTATION), 1)
    across, down = (zero.entries.get(tag) for tag in _RESOLUTION)
    if turn >= 5 and across and down and across.length == down.length == 8:
        data[across.place : across.place + 8] = structure.value(down)
        data[down.place : down.place + 8] = structure.value(across)
    return _without_thumbnail(data, structure, below)


def _below(structure: Structure, zero: Directory) -> list[Directory]:
    exif = structure.under(zero, EXIF)
    inner = None if exif is None else structure.under(exif, INTEROP)
    return [d for d in (exif, structure.under(zero, GPS), inner) if d is not None]


def _sides(size: tuple[int, int]) -> dict[int, int]:
    return {**dict.fromkeys(_HEIGHTS, size[0]), **dict.fromkeys(_WIDTHS, size[1])}


def _put(data: bytearray, structure: Structure, entry: Entry | None, number: int) -> None:
    """Write a whole number into an entry that holds one."""
    if entry is None or structure.integer(entry) is None:
        return
    kind = entry.kind if number < 256 ** {1: 1, 3: 2}.get(entry.kind, 4) else 4
    code = {1: "B", 3: "H"}.get(kind, "I")
    struct.pack_into(structure.order + "H", data, entry.at + 2, kind)
    struct.pack_into(structure.order + code, data, entry.place, number)


def _without_thumbnail(data: bytearray, structure: Structure, below: list[Directory]) -> bytes:
    """No second directory; what it held is blanked, and cut off where it closed the block."""
    try:
        (place,) = structure.numbers("I", below[0].next_at)
        second = structure.directory(place) if place else None
    except ValueError:
        second = None
    if below[0].next_at + 4 <= len(data):
        data[below[0].next_at : below[0].next_at + 4] = bytes(4)
    if second is None:
        return bytes(data)
    used = [span for directory in below for span in _spans(directory)]
    for start, end in sorted([*_spans(second), _picture(structure, second)], reverse=True):
        if start < end <= len(data) and all(end <= a or start >= b for a, b in used):
            data[start:end] = b"" if end == len(data) else bytes(end - start)
    return bytes(data)


def has_thumbnail(block: bytes) -> bool:
    """Is there a picture in the second directory? ValueError where the block is damaged."""
    structure = Structure.of(block)
    (place,) = structure.numbers("I", structure.first.next_at)
    try:
        start, end = _picture(structure, structure.directory(place)) if place else (0, 0)
    except ValueError:
        return False
    return start < end <= len(block)


def with_thumbnail(block: bytes, picture: bytes) -> bytes:
    """A block without a thumbnail, a JPEG put behind it as one; as it is where there is no room.

    A second directory (CIPA DC-008, 4.6.9); nothing that is there moves.
    """
    structure = Structure.of(block)
    order, start, place = structure.order, len(block) + len(block) % 2, structure.first.next_at
    ratio = struct.pack(order + "II", 72, 1)
    tree: Tree = {259: (3, 1, struct.pack(order + "H", 6)), 282: (5, 1, ratio),
                  283: (5, 1, ratio), 296: (3, 1, struct.pack(order + "H", 2)),
                  513: (4, 1, bytes(4)),
                  514: (4, 1, struct.pack(order + "I", len(picture)))}  # fmt: skip
    behind = start + len(packed_directory(tree, order, start))
    tree[513] = (4, 1, struct.pack(order + "I", behind))
    whole = behind + len(picture)
    if structure.big or whole > _ROOM or place + 4 > len(block):
        return block
    made = bytearray(block.ljust(start, b"\0"))
    made[place : place + 4] = struct.pack(order + "I", start)
    return bytes(made) + packed_directory(tree, order, start) + picture


def _spans(directory: Directory) -> list[tuple[int, int]]:
    """Where a directory and its values lie."""
    table = (directory.start, directory.next_at + 4)
    values = [(e.place, e.place + e.length) for e in directory.entries.values() if e.length]
    return [table, *(span for span in values if not table[0] <= span[0] < table[1])]


def _picture(structure: Structure, second: Directory) -> tuple[int, int]:
    """Where the thumbnail's JPEG, or its one strip, lies."""
    for start, length in ((513, 514), (273, 279)):
        place = structure.integer(second.entries.get(start))
        size = structure.integer(second.entries.get(length))
        if place is not None and size is not None:
            return place, place + size
    return 0, 0


def from_tiff(data: bytes) -> tuple[bytes | None, bool]:
    """What describes the photo in a TIFF file, as an EXIF block; whether a maker note moved.

    ValueError where its first directory is damaged.
    """
    structure = Structure.of(data)
    zero = structure.first
    kept = {tag: e for tag, e in zero.entries.items() if tag not in STRUCTURAL}
    if not kept:
        return None, False
    directories = [Directory(kept, zero.start, zero.next_at), *_below(structure, zero)]
    spans = [span for directory in directories for span in _spans(directory)]
    if not structure.big and max(end for _, end in spans) <= min(_NEAR, len(data)):
        return _in_place(structure, zero, kept, spans), False
    tree = tree_of(structure, directories[0])
    exif = tree.get(EXIF)
    return packed(tree, structure.order), isinstance(exif, dict) and MAKER_NOTE in exif


def _in_place(
    structure: Structure, zero: Directory, kept: dict[int, Entry], spans: list[tuple[int, int]]
) -> bytes:
    """Those spans of a file, at their places, nothing between them."""
    made = bytearray(max(end for _, end in spans))
    for start, end in [(0, 8), *spans]:
        made[start:end] = structure.data[start:end]
    records = [structure.data[kept[tag].at : kept[tag].at + 12] for tag in sorted(kept)]
    table = struct.pack(structure.order + "H", len(records)) + b"".join(records)
    made[zero.start : zero.next_at + 4] = table.ljust(zero.next_at + 4 - zero.start, b"\0")
    return bytes(made)
