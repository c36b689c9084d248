"""Files that are written whole or not at all.

The bytes go into a hidden file beside the place, down to the disk, and only then is it renamed: a
reader never sees half a file, and a full disk or a killed process leaves what was there before.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dmlseg_core.errors import ExportError


def write_bytes(data: bytes, path: str | Path) -> Path:
    """Write a whole file or nothing.

    Raises:
        ExportError: see `whole_file`.
    """
    with whole_file(path) as file:
        file.write(data)
    return Path(path)


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write into; it takes its place when the block ends without an error.

    Raises:
        ExportError: the folder is missing or cannot be written, the disk is full, or another
            process writes the same file; its `__cause__` is the system's error.
    """
    path = Path(path)
    # named after the file, not at random: the next try clears away what a killed one left
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    spare = path.parent / f".dmlseg-{name}.part"
    try:
        spare.unlink(missing_ok=True)
        with spare.open("xb") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())  # a full disk may be told only now
                _replace(spare, path, file)
            finally:
                _clear(spare, file)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error


def _replace(spare: Path, path: Path, file: BinaryIO) -> None:
    if not _is(spare, file):
        raise OSError("another process writes it, too")
    if os.name == "nt":
        file.close()  # Windows renames no open file
    spare.replace(path)


def _clear(spare: Path, file: BinaryIO) -> None:
    """Remove what an error left, unless another process put its own there."""
    with suppress(OSError):
        if file.closed or _is(spare, file):
            spare.unlink(missing_ok=True)


def _is(spare: Path, file: BinaryIO) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(spare.stat(), os.fstat(file.fileno()))
    return False
