"""A batch's memory: one line per photo, appended as it is done, assembled into COCO at the end.

`instances.jsonl` is the state that makes a batch resumable. Only where each photo's last line lies
is kept in memory, so a long batch stays small.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from dmlseg_core.errors import ExportError
from dmlseg_core.folder.inputs import Job

Record = dict[str, Any]


class Journal:
    """Append-only record of a batch, the last line of a name being the one that counts.

    Args:
        path: the .jsonl file, created with its folder where missing.

    Raises:
        ExportError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, int] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise ExportError(f"cannot write into {path.parent}: {error.strerror}") from error
        self._index()

    def _index(self) -> None:
        self._file.seek(0)
        end = 0
        for line in self._file:
            try:
                self._places[json.loads(line)["name"]] = end
            except (ValueError, KeyError, TypeError):
                break  # a run was killed in the middle of this line
            if not line.endswith(b"\n"):
                break
            end += len(line)
        self._places = {name: place for name, place in self._places.items() if place < end}
        self._file.truncate(end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, record: Record) -> None:
        """Add a photo's record; on disk when this returns."""
        self._file.seek(0, os.SEEK_END)
        place = self._file.tell()
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()
        self._places[record["name"]] = place  # last: Ctrl-C may come in the middle of the write

    def get(self, name: str) -> Record | None:
        """The record that counts for an output name, or None."""
        place = self._places.get(name)
        if place is None:
            return None
        self._file.seek(place)
        record: Record = json.loads(self._file.readline())
        return record

    def __iter__(self) -> Iterator[Record]:
        """Every photo's record, sorted by name."""
        for name in sorted(self._places):
            record = self.get(name)
            assert record is not None
            yield record

    def is_done(self, job: Job, settings: str) -> bool:
        """Whether the photo, as it is now, was segmented under these settings."""
        record = self.get(job.name)
        if record is None or record["error"] is not None:
            return False
        stamp = job.stamp()
        unchanged = stamp is not None and record["stamp"] == stamp
        return bool(unchanged and record["settings"] == settings)

    def refuse_takeover(self, jobs: Sequence[Job]) -> None:
        """Keep the results of one photo from being overwritten by another's of the same name.

        Raises:
            ExportError: a name belongs to another photo that still exists.
        """
        for job in jobs:
            record = self.get(job.name)
            if record is None or record["error"] is not None:
                continue
            if record["source"] != str(job.source) and Path(record["source"]).exists():
                raise ExportError(
                    f"{self.path.parent} already holds results of {record['source']} under the "
                    f"name that {job.source} would get; choose another output folder"
                )


def write_instances(records: Iterator[Record], path: Path, classes: Sequence[str]) -> None:
    """COCO's `instances.json`, streamed: images, annotations (RLE), categories.

    Image ids count the photos by sorted name, category ids are class ids (1 = the first class).
    """
    categories = [{"id": i, "name": name} for i, name in enumerate(classes, 1)]
    images = path.with_suffix(".images.tmp")
    annotations = path.with_suffix(".annotations.tmp")
    with images.open("w") as image_file, annotations.open("w") as annotation_file:
        _stream(records, image_file, annotation_file)
    part = path.with_suffix(".tmp")
    with part.open("w") as file:
        file.write('{"info": {"description": "dmlseg segment"}, "images": [')
        _pour(images, file)
        file.write('\n], "annotations": [')
        _pour(annotations, file)
        file.write(f'\n], "categories": {json.dumps(categories)}}}\n')
    part.replace(path)  # readers see the old file or the new one, never half of one


def _stream(records: Iterator[Record], images: TextIO, annotations: TextIO) -> None:
    photo = annotation = 0
    for record in records:
        if record["error"] is not None:
            continue
        photo += 1
        size = {"height": record["height"], "width": record["width"]}
        image = {"id": photo, "file_name": record["name"], **size}
        images.write((",\n" if photo > 1 else "\n") + json.dumps(image))
        for found in record["annotations"]:
            annotation += 1
            row = {"id": annotation, "image_id": photo, **found}
            annotations.write((",\n" if annotation > 1 else "\n") + json.dumps(row))


def _pour(part: Path, file: TextIO) -> None:
    with part.open() as lines:
        for line in lines:
            file.write(line)
    part.unlink()


def write_failures(records: Iterator[Record], path: Path) -> None:
    """`failures.csv`: source and one sentence for each photo whose last try failed."""
    part = path.with_suffix(".tmp")
    # a file name need not be valid Unicode
    with part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "error"])
        writer.writerows([r["source"], r["error"]] for r in records if r["error"] is not None)
    part.replace(path)
