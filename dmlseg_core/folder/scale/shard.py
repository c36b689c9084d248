"""An output folder of a batch that is read and never written into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.engine import row_of
from dmlseg_core.folder.journal import LOCK, Record, is_record
from dmlseg_core.folder.report.run_file import Run, read_run
from dmlseg_core.folder.rows import PhotoRow


class Shard:
    """What a batch left: its run and its journal, of which only the places of lines are kept.

    Args:
        folder: the output folder.

    Raises:
        ParameterError: it is none, its batch has not ended or is going on, or its journal is
            damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _refuse_busy(folder)
        self.run: Run = read_run(folder / "run.json")
        self._places: dict[str, int] = {}
        path = folder / "instances.jsonl"
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise ParameterError(
                f"{folder} is no output folder of dmlseg batch: {path.name} cannot be read "
                f"({error.strerror or error})"
            ) from None
        place = 0
        for number, line in enumerate(self._file, 1):
            if line.endswith(b"\n"):  # else a run was killed in the middle of it
                self._places[self._checked(line, number)["name"]] = place
            place += len(line)

    def _checked(self, line: bytes, number: int) -> Record:
        """A line's record.

        Raises:
            ParameterError: it is none, of `dmlseg segment`, or names files outside the folder.
        """
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        where = f"line {number} of {self.folder / 'instances.jsonl'}"
        if not is_record(record):
            raise ParameterError(f"{where} is no record of a batch; the folder cannot be merged")
        if record["error"] is None and "row" not in record:
            raise ParameterError(f"{where} is of dmlseg segment; only those of batch are merged")
        try:
            row = row_of(record)
        except ParameterError as error:
            raise ParameterError(f"{where} is damaged: {error}") from None
        if any(map(_leaves, _files(row))):
            raise ParameterError(f"{where} names a file outside its folder; it cannot be merged")
        return dict(record)

    def names(self) -> Iterator[str]:
        """Output names of its photos."""
        return iter(self._places)

    def record(self, name: str) -> Record:
        """The record that counts of a photo."""
        self._file.seek(self._places[name])
        record: Record = json.loads(self._file.readline())
        return record

    def files(self, record: Record) -> Iterator[str]:
        """A photo's files below the folder."""
        return _files(row_of(record))


def _refuse_busy(folder: Path) -> None:
    """ParameterError where a run is writing; a folder that may only be read has none."""
    try:
        if not (folder / LOCK).exists():
            return
        with FileLock(folder / LOCK, timeout=0):
            pass
    except Timeout:
        raise ParameterError(f"a run is writing into {folder}; wait for it to end") from None
    except OSError:
        pass


def _files(row: PhotoRow) -> Iterator[str]:
    return (name for names in row.files.values() for name in names)


def _leaves(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts
