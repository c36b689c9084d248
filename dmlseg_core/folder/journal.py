"""A batch's memory: one line per photo, appended as it is done.

`instances.jsonl` is the state that makes a batch resumable. Only where each photo's last line lies
is kept in memory, so a long batch stays small.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Self, TypeAlias

from filelock import FileLock, Timeout

from dmlseg_core.errors import ExportError
from dmlseg_core.folder.inputs import Job

Record = dict[str, Any]
Place: TypeAlias = tuple[str, int, int]
"""A journal's path, device and inode: whether its folder is still the same one."""

LOCK = ".instances.lock"
_FAILED: dict[str, Any] = {"name": str, "source": str, "settings": str, "stamp": (list, type(None))}
_DONE: dict[str, Any] = {**_FAILED, "height": int, "width": int, "annotations": list}


class Journal:
    """Append-only record of a batch, the last line of a name being the one that counts.

    A context manager; while it is open no other run may write into its folder.

    Args:
        path: the .jsonl file, created with its folder where missing.

    Raises:
        ExportError: the file cannot be opened for writing, another run has it, or it holds
            something else than records.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, int] = {}
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(path.parent / LOCK, timeout=0))
                # unbuffered: what a full disk did not take must not come back when it is closed
                self._file = stack.enter_context(path.open("ab", buffering=0))
                self._reader = stack.enter_context(path.open("rb"))
                self._index()
            except Timeout:
                raise ExportError(
                    f"another run is writing into {path.parent}; wait for it to end, or choose "
                    "another output folder"
                ) from None
            except FileExistsError:
                raise ExportError(f"{path.parent} is a file; name a folder for results") from None
            except OSError as error:
                raise _unwritable(path, error) from error
            self._open = stack.pop_all()

    def _index(self) -> None:
        end = 0
        for number, line in enumerate(self._reader, 1):
            if not line.endswith(b"\n"):
                break  # a run was killed in the middle of this line
            self._places[self._parsed(line, number)["name"]] = end
            end += len(line)
        self._file.truncate(end)

    def _parsed(self, line: bytes, number: int) -> Record:
        """A line's record; ExportError where nothing that dmlseg wrote looks like it."""
        try:
            record = json.loads(line, parse_constant=_refused)
        except (ValueError, RecursionError):
            record = None
        if not is_record(record):
            raise ExportError(
                f"line {number} of {self.path} is no record of a run; move the file away, or "
                "choose another output folder"
            )
        return dict(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # nothing is buffered: closing has nothing to lose
            self._open.close()

    def place(self) -> Place:
        """Where it lies, for processes that write beside it."""
        status = os.fstat(self._file.fileno())
        return str(self.path), status.st_dev, status.st_ino

    def check_place(self) -> None:
        """ExportError where the output folder was removed or replaced under a running batch."""
        check_place(self.place())

    def append(self, record: Record) -> None:
        """Add a photo's record, if it says anything new; handed to the system when this returns.

        Raises:
            ExportError: the disk is full, or the folder has gone; the file holds whole lines still.
        """
        self.check_place()
        if self.get(record["name"]) == record:
            return  # a photo that fails in every run
        place = self._file.seek(0, os.SEEK_END)
        try:
            _write_all(self._file, json.dumps(record).encode() + b"\n")
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(place)
            raise _unwritable(self.path, error) from error
        self._places[record["name"]] = place  # last: Ctrl-C may come in the middle of the write

    def get(self, name: str) -> Record | None:
        """The record that counts for an output name, or None."""
        place = self._places.get(name)
        if place is None:
            return None
        self._reader.seek(place)
        record: Record = json.loads(self._reader.readline())
        return record

    def __iter__(self) -> Iterator[Record]:
        """Every photo's record, sorted by name."""
        for name in sorted(self._places):
            record = self.get(name)
            assert record is not None
            yield record

    def refuse_takeover(self, jobs: Sequence[Job]) -> None:
        """Keep the results of one photo from being overwritten by another's of the same name.

        Raises:
            ExportError: a name belongs to another photo that still exists.
        """
        for job in jobs:
            record = self.get(job.name)
            if record is None or record["error"] is not None:
                continue
            there = "://" in record["source"] or os.path.exists(record["source"])  # noqa: PTH110
            if record["source"] != str(job.source) and there:
                raise ExportError(
                    f"{self.path.parent} already holds results of {record['source']} under the "
                    f"name that {job.source} would get; choose another output folder"
                )


def check_place(place: Place) -> None:
    """ExportError where the output folder was removed or replaced under a running batch."""
    path, *file = place
    with suppress(OSError):
        status = os.stat(path)  # noqa: PTH116 (it is text, to be sent to other processes)
        if [status.st_dev, status.st_ino] == file:
            return
    raise ExportError(
        f"the output folder {Path(path).parent} was removed or replaced while the run was writing "
        "into it; run the command again"
    )


def is_done(record: Record, job: Job, settings: str) -> bool:
    """Whether a record tells of the photo as it is now, done under these settings."""
    return record["error"] is None and record["settings"] == settings and _unchanged(job, record)


def _unchanged(job: Job, record: Record) -> bool:
    """By size and time; where these differ, by content, if the record knows it."""
    stamp = job.stamp()
    if stamp is None or record["stamp"] == stamp:
        return stamp is not None
    digest = record.get("row", {}).get("digest")
    return bool(digest) and job.digest() == digest


def is_record(value: Any) -> bool:
    """Whether a JSON value is what `append` was given: the right fields, of the right types."""
    if not isinstance(value, dict) or not isinstance(value.get("error", 0), str | None):
        return False
    wanted = _DONE if value["error"] is None else _FAILED
    rows = value.get("annotations", [])
    return all(isinstance(value.get(k, wanted), kind) for k, kind in wanted.items()) and all(
        isinstance(row, dict) for row in rows
    )


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _write_all(file: BinaryIO, data: bytes) -> None:
    """All of it: a raw file may take less than it was given, as on a disk that fills up."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"cannot write into {path.parent}: {error.strerror or error}")
