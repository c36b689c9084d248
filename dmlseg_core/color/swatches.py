"""Swatch files: Adobe .ase and .aco, GIMP's .gpl, and CSV are read; .ase and .gpl are written.

Formats as published: .aco in "Adobe Photoshop File Formats Specification", section "Color
Swatches"; .ase as reverse-engineered by many (https://www.selapa.net/swatches/colors/fileformats.php);
.gpl in GIMP's devel-docs.
"""

from __future__ import annotations

import csv
import io
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

import numpy as np

from dmlseg_core.color.names import parse_color, to_hex
from dmlseg_core.color.srgb import linear_to_srgb
from dmlseg_core.errors import ParameterError

MOST = 4096
"""Swatches of one file that are read."""
_WHITE = np.array([0.9642, 1.0, 0.8249])
"""D50, which Lab in these files refers to."""
_D50_TO_RGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
"""XYZ (D50) -> linear sRGB, Bradford-adapted (http://www.brucelindbloom.com)."""


@dataclass(frozen=True)
class Swatch:
    """A named color, '#rrggbb'."""

    name: str
    hex: str


def read_swatches(data: bytes, name: str) -> tuple[Swatch, ...]:
    """The swatches of a file, told by its first bytes, else by its suffix.

    CMYK has no meaning without a profile; it is read as plain inks, as most programs show it.

    Args:
        data: the whole file.
        name: of the file.

    Raises:
        ParameterError: no swatch file, a damaged one, or one without a color.
    """
    try:
        found = _reader(data, name)(data)
    except ParameterError:
        raise
    except (struct.error, LookupError, ValueError):
        raise ParameterError(
            f"the swatches of {name} are damaged: they end too early, or are of another kind"
        ) from None
    if not found:
        raise ParameterError(f"{name} holds no color that can be read")
    return tuple(found[:MOST])


def _reader(data: bytes, name: str):  # type: ignore[no-untyped-def]
    suffix = PurePath(name).suffix.lower()
    if data[:4] == b"ASEF":
        return _read_ase
    if data[:12] == b"GIMP Palette":
        return _read_gpl
    if suffix == ".aco":
        return _read_aco
    if suffix in (".csv", ".txt", ".tsv"):
        return _read_csv
    raise ParameterError(f"{name} is no swatch file; give .ase, .aco, .gpl or .csv")


def write_ase(swatches: Sequence[Swatch]) -> bytes:
    """An Adobe Swatch Exchange file, RGB."""
    blocks = []
    for swatch in swatches:
        title = (swatch.name + "\0").encode("utf-16-be")
        body = struct.pack(">H", len(title) // 2) + title + b"RGB "
        body += struct.pack(">3fH", *parse_color(swatch.hex), 2)
        blocks.append(struct.pack(">HI", 1, len(body)) + body)
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks)) + b"".join(blocks)


def write_gpl(swatches: Sequence[Swatch], title: str = "dmlseg") -> bytes:
    """A GIMP palette, also of Inkscape and Krita."""
    lines = ["GIMP Palette", f"Name: {_one_line(title)}", "Columns: 8", "#"]
    for swatch in swatches:
        red, green, blue = (round(255 * v) for v in parse_color(swatch.hex))
        lines.append(f"{red:3d} {green:3d} {blue:3d}\t{_one_line(swatch.name)}")
    return ("\n".join(lines) + "\n").encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _read_ase(data: bytes) -> list[Swatch]:
    (count,) = struct.unpack_from(">I", data, 8)
    found, at = [], 12
    for _ in range(min(count, 4 * MOST)):
        kind, length = struct.unpack_from(">HI", data, at)
        block, at = data[at + 6 : at + 6 + length], at + 6 + length
        if kind == 1:  # 0xC001 and 0xC002 open and close groups
            (size,) = struct.unpack_from(">H", block)
            title = block[2 : 2 + 2 * size].decode("utf-16-be").rstrip("\0")
            model, rest = block[2 + 2 * size : 6 + 2 * size], block[6 + 2 * size :]
            number = {b"RGB ": 3, b"CMYK": 4, b"LAB ": 3, b"Gray": 1}[model]
            values = struct.unpack_from(f">{number}f", rest)
            found.append(_swatch(title, model.decode().strip().lower(), values))
    return found


def _read_aco(data: bytes) -> list[Swatch]:
    version, count = struct.unpack_from(">HH", data)
    named = 4 + 10 * count  # version 1 is followed by the same colors with names
    if version == 1 and data[named : named + 2] == b"\0\2":
        return _read_aco(data[named:])
    found, at = [], 4
    for _ in range(count):
        space, *words = struct.unpack_from(">5H", data, at)
        at += 10
        title = ""
        if version == 2:
            (size,) = struct.unpack_from(">I", data, at)
            title = data[at + 4 : at + 4 + 2 * size].decode("utf-16-be").rstrip("\0")
            at += 4 + 2 * size
        if (color := _of_aco(space, words)) is not None:
            found.append(_swatch(title, *color))
    return found


def _of_aco(space: int, words: list[int]) -> tuple[str, tuple[float, ...]] | None:
    """Model and values of a color's five numbers; None for models that name no color of their own
    (Pantone and other books).
    """
    share = [w / 65535 for w in words]
    signed = [w - 65536 if w > 32767 else w for w in words]
    known = {
        0: ("rgb", tuple(share[:3])),
        1: ("hsb", tuple(share[:3])),
        2: ("cmyk", tuple(1 - s for s in share)),
        7: ("lab", (words[0] / 10000, signed[1] / 100, signed[2] / 100)),
        8: ("gray", (1 - words[0] / 10000,)),
    }
    return known.get(space)


def _swatch(title: str, model: str, values: tuple[float, ...]) -> Swatch:
    if model == "rgb":
        rgb = np.array(values)
    elif model == "gray":
        rgb = np.repeat(values[0], 3)
    elif model == "cmyk":
        rgb = (1 - np.array(values[:3])) * (1 - values[3])
    elif model == "hsb":
        hue, saturation, value = values
        k = (np.array([5, 3, 1]) + 6 * hue) % 6
        rgb = value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)
    else:
        rgb = _lab_to_rgb(values)
    made = to_hex(rgb)
    return Swatch(title or made, made)


def _lab_to_rgb(values: tuple[float, ...]) -> np.ndarray:
    """CIELAB (D50; L in 0..1) -> sRGB 0..1, clipped by `to_hex`."""
    level = (100 * values[0] + 16) / 116
    f = np.array([level + values[1] / 500, level, level - values[2] / 200])
    xyz = _WHITE * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return np.asarray(linear_to_srgb(np.clip(_D50_TO_RGB @ xyz, 0, 1)))


def _read_gpl(data: bytes) -> list[Swatch]:
    found = []
    for line in islice(io.StringIO(data.decode("utf-8", "replace")), 1, 4 * MOST):
        if match := re.match(r"\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s*(.*)", line):
            values = tuple(min(int(match[k]), 255) / 255 for k in (1, 2, 3))
            found.append(_swatch(match[4].strip(), "rgb", values))
    return found


def _read_csv(data: bytes) -> list[Swatch]:
    """Rows with a color as hex, CSS text, or three numbers in a row, and a name in another cell."""
    text = data.decode("utf-8-sig", "replace")
    delimiter = max(",;\t", key=text.count)
    found = []
    for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), 4 * MOST):
        cells = [cell.strip() for cell in row if cell.strip()]
        if (made := _row(cells)) is not None:
            found.append(made)
    return found


def _row(cells: list[str]) -> Swatch | None:
    hexes = [c for c in cells if re.fullmatch(r"#?[0-9a-fA-F]{6}|#[0-9a-fA-F]{3}", c)]
    if hexes:
        made = to_hex(parse_color("#" + hexes[0].lstrip("#")))
        names = [c for c in cells if c != hexes[0] and not re.fullmatch(r"[\d.]+", c)]
        return Swatch(names[0] if names else made, made)
    numbers = [int(c) for c in cells if re.fullmatch(r"\d{1,3}", c)]
    if len(numbers) >= 3 and max(numbers[-3:]) <= 255:
        made = to_hex(np.array(numbers[-3:], np.uint8))
        names = [c for c in cells if not re.fullmatch(r"[\d.]+", c)]
        return Swatch(names[0] if names else made, made)
    return _named(cells)


def _named(cells: list[str]) -> Swatch | None:
    """A row whose color is CSS text; None for a heading."""
    for cell in reversed(cells):
        try:
            made = to_hex(parse_color(cell))
        except ParameterError:
            continue
        return Swatch(cells[0], made)
    return None
