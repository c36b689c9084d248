"""One object in many colors: a picture of each, a table of how well each was met, a sheet."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dmlseg_core.color import Swatch, parse_color, to_hex
from dmlseg_core.config import TARGET_MODES
from dmlseg_core.edit import EditSession, Pixels, shrunk
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Recolored
from dmlseg_core.photo import image_bytes, save_photo, to_8_bits
from dmlseg_core.stage.asked import Asked

MOST = 60
"""Colors of one export."""
_CELL, _LINE, _COLUMNS, _GAP = 360, 44, 4, 12


@dataclass(frozen=True, eq=False)
class Way:
    """The photo with the object in one color.

    Attributes:
        swatch: the color asked for.
        rgb: (H, W, 3).
        made: how well it was met.
    """

    swatch: Swatch
    rgb: Pixels
    made: Recolored


def one_way(session: EditSession, k: int, color: str, side: int) -> tuple[bytes, float]:
    """JPEG of the whole preview with selection k in a color, small, and its Delta-E.

    Raises:
        ParameterError: no color, or a later selection covers the object.
    """
    (way,) = _ways(session, k, [Swatch(color, to_hex(parse_color(color)))], full=False)
    small = Image.fromarray(shrunk(to_8_bits(way.rgb), side))
    return image_bytes(small, "JPEG", quality=90), way.made.told_delta_e


def colorways(
    session: EditSession,
    k: int,
    swatches: list[Swatch],
    *,
    stem: str,
    suffix: str,
    quality: int,
) -> bytes:
    """ZIP of a photo for each swatch, delta-e.csv, and sheet.jpg.

    Args:
        session: locked by the caller.
        k: index of the selection.
        swatches: the colors.
        stem, suffix, quality: of the photos' files.

    Raises:
        ParameterError: a later selection covers the object.
    """
    rows, small, names = [], [], set[str]()
    buffer, photo = io.BytesIO(), replace(session.photo, path=None)
    with TemporaryDirectory(prefix="dmlseg-") as folder, zipfile.ZipFile(buffer, "w") as archive:
        for way in _ways(session, k, swatches, full=True):
            name = _file_name(stem, way.swatch, names) + suffix
            path = save_photo(way.rgb, Path(folder) / name, photo, quality)
            archive.write(path, name)  # stored: photos are compressed already
            path.unlink()
            rows.append((name, way))
            small.append((way.swatch, shrunk(to_8_bits(way.rgb), _CELL), way.made.told_delta_e))
        archive.writestr("delta-e.csv", _table(rows), zipfile.ZIP_DEFLATED)
        archive.writestr("sheet.jpg", _sheet(small))
    return buffer.getvalue()


def read_colors(asked: Asked) -> list[Swatch]:
    """`swatches` of a request, [{name, hex}], where hex may be any color text.

    Raises:
        ParameterError: no swatch, too many, or one that is no color.
    """
    found = []
    for item in asked.items("swatches"):
        one = Asked(item)
        color = one.text("hex")
        found.append(Swatch(one.text("name", color), to_hex(parse_color(color))))
    if not 1 <= len(found) <= MOST:
        raise ParameterError(f"give 1 to {MOST} swatches; got {len(found)}")
    return found


def _ways(session: EditSession, k: int, swatches: list[Swatch], *, full: bool) -> Iterator[Way]:
    own = session.selections[k]
    mode = own.mode if own.mode in TARGET_MODES else TARGET_MODES[0]
    easel = session.full_easel(keep=2) if full else session.easel
    for swatch in swatches:
        style = replace(own.style, color=swatch.hex, mode=mode)
        made = list(easel.paint(session.items({k: own.styled(style)})))
        mine = next((p.made for p in made if p.index == k), None)
        if mine is None:
            raise ParameterError("a later selection covers all of this one; choose another object")
        yield Way(swatch, made[-1].made.rgb, mine)


def _file_name(stem: str, swatch: Swatch, taken: set[str]) -> str:
    """`stem` and the color's name, without what no file system takes; each name once."""
    word = re.sub(r"[^\w-]+", "-", swatch.name).strip("-")[:40] or swatch.hex.lstrip("#")
    name, number = f"{stem}-{word}", 2
    while name.lower() in taken:
        name, number = f"{stem}-{word}-{number}", number + 1
    taken.add(name.lower())
    return name


def _table(rows: list[tuple[str, Way]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["file", "name", "asked", "got", "before", "delta_e", "color_delta_e"])
    for name, way in rows:
        made = way.made
        colors = way.swatch.hex, made.result_anchor, made.anchor
        figures = (f"{value:.2f}" for value in (made.told_delta_e, made.delta_e))
        writer.writerow([name, _no_formula(way.swatch.name), *colors, *figures])
    return text.getvalue().encode("utf-8-sig")  # a mark, or spreadsheets misread names


def _no_formula(text: str) -> str:
    """A cell that no spreadsheet runs."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _sheet(cells: list[tuple[Swatch, NDArray[np.uint8], float]]) -> bytes:
    """JPEG of all of them beside each other, each with its color, name and Delta-E."""
    columns = min(_COLUMNS, len(cells))
    width, height = (max(c[1].shape[side] for c in cells) for side in (1, 0))
    lines = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (width + _GAP) + _GAP,
                              lines * (height + _LINE + _GAP) + _GAP), "white")  # fmt: skip
    pen = ImageDraw.Draw(sheet)
    for number, (swatch, rgb, delta_e) in enumerate(cells):
        line, column = divmod(number, columns)
        x, y = _GAP + column * (width + _GAP), _GAP + line * (height + _LINE + _GAP)
        sheet.paste(Image.fromarray(rgb), (x, y))
        pen.rectangle([x, y + height + 8, x + 24, y + height + 32], swatch.hex, "#888888")
        told = swatch.name.encode("latin-1", "ignore").decode("latin-1").strip() or swatch.hex
        pen.text((x + 32, y + height + 8), f"{told[:28]}\nDelta-E {delta_e:.1f}", "#222222",
                 font_size=11)  # fmt: skip
    return image_bytes(sheet, "JPEG", quality=90)
