"""A ZIP file that is sent while it is made."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_PART = 2**20
_TEXTS = (".html", ".json", ".csv")


def zip_parts(files: Iterable[tuple[Path, str]], folders: Sequence[Path] = ()) -> Iterator[bytes]:
    """Parts of a ZIP file of files and their names in it; one that is gone is left out.

    What lies in `folders` is named below them in tables, which are for another machine.

    Photos are compressed already, so nothing is compressed here. It is "deflated" without being
    made smaller, and not "stored": programs that read a ZIP from its beginning can tell the end of
    a stored file only by a length, which stands behind the file where a ZIP is streamed.
    """
    sink, names = _Sink(), _written(folders)
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=0) as archive:
        for path, name in files:
            try:
                source = path.open("rb")
            except FileNotFoundError:
                continue
            with source, archive.open(_entry(path, name), "w") as entry:
                text = PurePosixPath(name).suffix in _TEXTS
                for part in source if text else iter(partial(source.read, _PART), b""):
                    entry.write(_without(names, part) if text else part)
                    yield sink.taken()
    yield sink.taken()


def _written(folders: Sequence[Path]) -> set[bytes]:
    """Folders as beginnings of paths, in every way in which tables write them."""
    begins = [f"{folder}/" for folder in folders]
    ways = (str, quote, escape, lambda begin: json.dumps(begin)[1:-1])
    return {way(begin).encode() for begin in begins for way in ways}


def _without(names: set[bytes], line: bytes) -> bytes:
    for name in names:
        line = line.replace(name, b"")
    return line


def _entry(path: Path, name: str) -> ZipInfo:
    status = path.stat()
    entry = ZipInfo(name, time.localtime(status.st_mtime)[:6])
    entry.file_size = status.st_size  # from 2 GB on the format is another one, which fewer can read
    entry.compress_type = ZIP_DEFLATED
    entry._compresslevel = 0  # type: ignore[attr-defined]
    return entry


class _Sink(io.RawIOBase):
    """A file that can only be written to, and emptied."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        made, self._parts = b"".join(self._parts), []
        return made
