"""What a batch leaves for other programs: COCO's instances.json, and failures.csv."""

from __future__ import annotations

import csv
import json
import os
import shutil
from codecs import getwriter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import quote

from dmlseg_core.config import SUPERCATEGORIES
from dmlseg_core.errors import one_line
from dmlseg_core.folder.inputs import tag_of
from dmlseg_core.folder.journal import Record
from dmlseg_core.photo import coco_polygons, mask_of_rle, whole_file


@contextmanager
def instances_file(
    path: Path, classes: Sequence[str], *, polygons: bool = False
) -> Iterator[Callable[[Record], None]]:
    """COCO's `instances.json`: what adds a photo's record to it; failed ones are left out.

    Image ids count the photos as they are added, category ids are class ids (1 = the first class).
    Nothing is held in memory: annotations, which come after all images, wait in a file of their own
    without a name.

    Args:
        path: where to.
        classes: foreground class names, in order.
        polygons: masks as polygons, which every converter reads; else as run lengths.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    categories = [
        {"id": i, "name": name, "supercategory": SUPERCATEGORIES.get(name, "thing")}
        for i, name in enumerate(classes, 1)
    ]
    with whole_file(path) as file, TemporaryFile(dir=path.parent) as waiting:
        file.write(b'{"info": {"description": "dmlseg segment"}, "images": [')
        images, annotations = _Rows(file), _Rows(waiting)

        def add(record: Record) -> None:
            if record["error"] is not None:
                return
            images.add(_image(record, images.count + 1))
            for row in record["annotations"]:
                told = _with_polygons(row) if polygons else row
                annotations.add({"id": annotations.count + 1, "image_id": images.count, **told})

        yield add
        file.write(b'\n], "annotations": [')
        waiting.seek(0)
        shutil.copyfileobj(waiting, file)
        file.write(f'\n], "categories": {json.dumps(categories)}}}\n'.encode())


@dataclass
class _Rows:
    """Rows as the lines of a JSON array."""

    file: IO[bytes]
    count: int = 0

    def add(self, row: dict[str, Any]) -> None:
        self.file.write(f"{',' if self.count else ''}\n{json.dumps(row)}".encode())
        self.count += 1


def _image(record: Record, number: int) -> dict[str, Any]:
    size = {"height": record["height"], "width": record["width"]}
    named = {"file_name": _file_name(record), **size, "path": record["source"]}
    return {"id": number, **named, **_labels(record)}


def _labels(record: Record) -> dict[str, str]:
    """The label map, where a batch was asked for it; `segment` always writes one."""
    if "row" not in record:
        return {"labels": f"labels/{record['name']}.png"}
    names = record["row"]["files"].get("labels")
    return {"labels": names[0]} if names else {}


def _file_name(record: Record) -> str:
    """The photo's path below its input folder, without what kept its results apart from others'."""
    name, source = PurePosixPath(record["name"]), Path(record["source"])
    return str(name.with_name(source.name)) if name.stem.endswith(tag_of(source)) else str(name)


def _with_polygons(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "segmentation": coco_polygons(mask_of_rle(row["segmentation"]))}


@contextmanager
def failures_file(path: Path, *, encoded: bool = False) -> Iterator[Callable[[Record], None]]:
    """`failures.csv`, source and one sentence for each photo whose last try failed: what adds a
    photo's record to it.

    Args:
        path: where to.
        encoded: a second column has the source percent-encoded: one line of ASCII, whatever it is.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    # a file name need not be valid Unicode
    with whole_file(path) as file:
        writer = csv.writer(getwriter("utf-8")(file, "backslashreplace"))
        writer.writerow(["path", *["encoded"] * encoded, "error"])

        def add(record: Record) -> None:
            if record["error"] is not None:
                more = [quote(os.fsencode(record["source"]))] * encoded
                writer.writerow([record["source"], *more, one_line(record["error"])])

        yield add
