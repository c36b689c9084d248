"""One line per object and color, for spreadsheets (instances.csv) and programs (.parquet).

Both hold the same columns in the same order, and their bytes depend on the rows alone. The last two
are `photo` and `output` percent-encoded: a name need be no text, "caf%E9.jpg" may be a name itself.
"""

from __future__ import annotations

import csv
import os
from codecs import getwriter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from dmlseg_core.folder.rows import InstanceRow, PhotoRow, readable_path
from dmlseg_core.photo import whole_file

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_TYPES: dict[str, str] = {
    "photo": "string", "instance": "int32", "class_name": "string", "score": "float64",
    "tau": "float64", "area": "int64", "box_x": "int32", "box_y": "int32", "box_width": "int32",
    "box_height": "int32", "mean_color": "string", "rule": "string", "swatch": "string",
    "target": "string", "output": "string", "delta_e": "float64", "delta_e_p95": "float64",
    "within_2": "float64", "passed": "bool_", "likeness": "float64", "encoded": "string",
    "output_encoded": "string",
}  # fmt: skip
COLUMNS: tuple[str, ...] = tuple(_TYPES)
_ALWAYS = (*COLUMNS[:11], "encoded")
"""Columns that are never null: what is known of an object that nothing was done to."""
ROW_GROUP, _CHUNK = 65536, 2048
"""Rows of a row group of the file, held in Arrow's compact form; rows held as Python objects."""
_PATHS, _NAMES = ("photo", "output"), ("class_name", "rule", "swatch")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Add: TypeAlias = Callable[[PhotoRow, str], None]
"""Adds a photo, and its output name as the disk has it, to a table."""


@contextmanager
def csv_file(path: Path) -> Iterator[Add]:
    """`instances.csv`, what adds a photo to it: UTF-8, RFC 4180 (lines end in CR LF); empty = not
    known.

    A text that a spreadsheet would take for a formula is disarmed: a path gets "./" before it,
    which names the same file, a name an apostrophe, an encoded one has its first letter encoded
    too. The Parquet file has them as they are.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    with whole_file(path) as file:
        table = csv.writer(getwriter("utf-8")(file))
        table.writerow(COLUMNS)
        yield lambda photo, name: table.writerows(map(_cells, _lines(photo, name)))


@contextmanager
def parquet_file(path: Path) -> Iterator[Add]:
    """`instances.parquet`, what adds a photo to it: typed columns, null = not known, zstd, row
    groups of ROW_GROUP.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    import pyarrow as pa  # noqa: PLC0415 (.2 s that only the end of a run needs)
    from pyarrow.parquet import ParquetWriter  # type: ignore[import-untyped]  # noqa: PLC0415

    schema = _schema(pa)
    with whole_file(path) as file, ParquetWriter(file, schema, compression="zstd") as out:
        groups = _Groups(pa, schema, out)
        yield groups.add
        groups.flush()


@dataclass
class _Groups:
    """Lines on their way into a Parquet file."""

    pa: Any
    schema: Any
    out: Any
    lines: list[dict[str, Any]] = field(default_factory=list)
    batches: list[Any] = field(default_factory=list)

    def add(self, photo: PhotoRow, name: str) -> None:
        self.lines.extend(_lines(photo, name))
        while len(self.lines) >= _CHUNK:
            self._pack(_CHUNK)
            if len(self.batches) * _CHUNK >= ROW_GROUP:
                self._write()

    def flush(self) -> None:
        if self.lines:
            self._pack(len(self.lines))
        if self.batches:
            self._write()

    def _pack(self, count: int) -> None:
        self.batches.append(self.pa.RecordBatch.from_pylist(self.lines[:count], self.schema))
        del self.lines[:count]

    def _write(self) -> None:
        self.out.write_table(self.pa.Table.from_batches(self.batches), row_group_size=ROW_GROUP)
        self.batches.clear()


def _schema(pa: Any) -> pa.Schema:
    kinds = ((name, getattr(pa, kind)()) for name, kind in _TYPES.items())
    return pa.schema([pa.field(name, kind, name not in _ALWAYS) for name, kind in kinds])


def _lines(photo: PhotoRow, name: str) -> Iterator[dict[str, Any]]:
    encoded = _encoded(name)
    return (_line(row, encoded) for row in photo.instances)


def _line(row: InstanceRow, encoded: str) -> dict[str, Any]:
    box = dict(zip(("box_x", "box_y", "box_width", "box_height"), row.box, strict=True))
    output = row.output and _encoded(row.output)
    more: dict[str, Any] = {**box, "encoded": encoded, "output_encoded": output}
    return {n: more[n] if n in more else _writable(n, getattr(row, n)) for n in COLUMNS}


def _encoded(path: str) -> str:
    return quote(os.fsencode(path))


def _writable(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in _PATHS:
        return readable_path(value)
    # half a surrogate pair, from a swatch's or a rule's name
    return value.encode("utf-8", "backslashreplace").decode()


def _cells(line: dict[str, Any]) -> list[Any]:
    return [_cell(name, line[name]) for name in COLUMNS]


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        if name.endswith("encoded"):
            return f"%{ord(value[0]):02X}{value[1:]}"
        return f"./{value}" if name in _PATHS else f"'{value}"
    return value
