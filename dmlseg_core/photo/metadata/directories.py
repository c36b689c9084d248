"""Directories of a TIFF structure (TIFF 6.0, section 2; BigTIFF): what EXIF blocks are made of."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeAlias

EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
POINTERS = (EXIF, GPS, INTEROP)
"""Entries whose value is the place of a directory that describes the photo."""
EMPTY = b"II*\0\x08\0\0\0" + bytes(6)
"""A structure of one directory without entries."""
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
_LONG8 = (16, 17, 18)

Tree: TypeAlias = "dict[int, Tree | tuple[int, int, bytes]]"
"""Tag -> (type, count, value in the structure's byte order), or the directory it points to."""


class OverlapError(ValueError):
    """Values that lie over each other: copied, they would fill gigabytes."""


@dataclass(frozen=True)
class Entry:
    """One entry of a directory.

    Attributes:
        tag: what it is.
        kind: TIFF type, 1..18.
        count: number of values.
        at: where its record lies.
        place: where its value lies, in the record or elsewhere.
        length: bytes of the value; 0 where that lies beyond the structure.
    """

    tag: int
    kind: int
    count: int
    at: int
    place: int
    length: int


@dataclass(frozen=True)
class Directory:
    """Entries by tag, the place of the directory, and of the pointer to the next one."""

    entries: dict[int, Entry]
    start: int
    next_at: int


@dataclass(frozen=True)
class Structure:
    """A TIFF structure as it lies in memory; `order` is struct's sign of the byte order."""

    data: bytes
    order: str
    big: bool

    @classmethod
    def of(cls, data: bytes) -> Structure:
        """ValueError where the bytes do not begin as a TIFF structure does."""
        signs = {b"II*\0": ("<", False), b"MM\0*": (">", False),
                 b"II+\0": ("<", True), b"MM\0+": (">", True)}  # fmt: skip
        if data[:4] not in signs or len(data) < 14:
            raise ValueError("no TIFF structure")
        return cls(data, *signs[data[:4]])

    def numbers(self, code: str, place: int) -> tuple[int, ...]:
        """Integers at a place; ValueError beyond the end."""
        try:
            return struct.unpack_from(self.order + code, self.data, place)
        except struct.error:
            raise ValueError("a directory lies beyond the end") from None

    @property
    def first(self) -> Directory:
        """IFD0."""
        return self.directory(self.numbers("Q" if self.big else "I", 8 if self.big else 4)[0])

    def directory(self, start: int) -> Directory:
        """The directory at a place; ValueError where it does not lie wholly in the structure.

        So it is where many entries name the same bytes.
        """
        head, size = (8, 20) if self.big else (2, 12)
        (count,) = self.numbers("Q" if self.big else "H", start)
        end = start + head + size * count
        if end > len(self.data):
            raise ValueError("a directory lies beyond the end")
        found = [self._entry(at) for at in range(start + head, end, size)]
        if sum(entry.length for entry in found) > 2 * len(self.data):
            raise OverlapError("a directory's values lie over each other")
        return Directory({entry.tag: entry for entry in reversed(found)}, start, end)

    def pages(self, most: int) -> int:
        """How many directories follow one another; no more than `most` are looked at."""
        head, size, code = (8, 20, "Q") if self.big else (2, 12, "H")
        after = "Q" if self.big else "I"
        seen: set[int] = set()
        try:
            (place,) = self.numbers(after, 8 if self.big else 4)
            while place and place not in seen and len(seen) < most:
                (count,) = self.numbers(code, place)
                seen.add(place)
                (place,) = self.numbers(after, place + head + size * count)
        except ValueError:
            pass
        return len(seen)

    def _entry(self, at: int) -> Entry:
        tag, kind, count = self.numbers("HHQ" if self.big else "HHI", at)
        field, room = (at + 12, 8) if self.big else (at + 8, 4)
        length = _BYTES.get(kind, 0) * count
        place = field if length <= room else self.numbers("Q" if self.big else "I", field)[0]
        return Entry(tag, kind, count, at, place, length if place + length <= len(self.data) else 0)

    def value(self, entry: Entry) -> bytes:
        """An entry's value; b"" where it lies beyond the structure."""
        return self.data[entry.place : entry.place + entry.length]

    def integer(self, entry: Entry | None) -> int | None:
        """The value of an entry that holds one whole number."""
        codes = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
        if entry is None or entry.count != 1 or entry.kind not in codes or not entry.length:
            return None
        return self.numbers(codes[entry.kind], entry.place)[0]

    def sound(self, directory: Directory) -> list[Entry]:
        """Entries whose value, or the directory they point to, lies in the structure."""
        return [
            entry
            for tag, entry in directory.entries.items()
            if entry.length and (tag not in POINTERS or self.under(directory, tag) is not None)
        ]

    def under(self, parent: Directory, tag: int) -> Directory | None:
        """The directory that an entry points to; None where there is none that can be read."""
        place = self.integer(parent.entries.get(tag))
        try:
            return None if place is None else self.directory(place)
        except OverlapError:
            raise
        except ValueError:
            return None


def tree_of(
    structure: Structure, directory: Directory, pointers: tuple[int, ...] = (EXIF, GPS)
) -> Tree:
    """A directory with those below it; what lies beyond the structure is left out."""
    tree: Tree = {}
    for tag, entry in directory.entries.items():
        below = structure.under(directory, tag) if tag in pointers else None
        if below is not None:
            tree[tag] = tree_of(structure, below, (INTEROP,) if tag == EXIF else ())
        elif tag not in POINTERS and entry.length and entry.kind not in _LONG8:
            tree[tag] = (entry.kind, entry.count, structure.value(entry))
    return tree


def packed(tree: Tree, order: str) -> bytes:
    """A classic TIFF structure of one directory and those below it."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return head + packed_directory(tree, order, 8)


def packed_directory(
    tree: Tree, order: str, start: int, kept: dict[int, bytes] | None = None
) -> bytes:
    """A directory to stand at `start`, its values and the directories below right behind it.

    `kept` are records of 12 bytes that are taken over as they are.
    """
    records, body = dict(kept or {}), bytearray()
    behind = start + 2 + 12 * len({*tree, *records}) + 4
    for tag, found in sorted(tree.items()):
        place = behind + len(body)
        if isinstance(found, dict):
            kind, count, value = 4, 1, struct.pack(order + "I", place)
            body += packed_directory(found, order, place)
        else:
            kind, count, value = found
        if len(value) > 4:
            body += value + b"\0" * (len(value) % 2)
            value = struct.pack(order + "I", place)
        records[tag] = struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    rows = b"".join(records[tag] for tag in sorted(records))
    return struct.pack(order + "H", len(records)) + rows + bytes(4) + bytes(body)
