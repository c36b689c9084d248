"""What a batch leaves for other programs: COCO's instances.json, and failures.csv."""

from __future__ import annotations

import csv
import json
import os
from codecs import getwriter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import quote

from dmlseg_core.config import SUPERCATEGORIES
from dmlseg_core.errors import one_line
from dmlseg_core.folder.inputs import tag_of
from dmlseg_core.folder.journal import Record
from dmlseg_core.photo import coco_polygons, mask_of_rle, whole_file


def write_instances(
    records: Iterable[Record], path: Path, classes: Sequence[str], *, polygons: bool = False
) -> None:
    """COCO's `instances.json`, streamed: images, annotations, categories.

    Image ids count the photos by sorted name, category ids are class ids (1 = the first class).

    Args:
        records: can be gone through more than once; those of failed photos are left out.
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
    with whole_file(path) as file:
        file.write(b'{"info": {"description": "dmlseg segment"}, "images": [')
        _pour(_images(records), file)
        file.write(b'], "annotations": [')
        rows = _annotations(records)
        _pour(map(_with_polygons, rows) if polygons else rows, file)
        file.write(f'], "categories": {json.dumps(categories)}}}\n'.encode())


def _images(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(_done(records), 1):
        size = {"height": record["height"], "width": record["width"]}
        named = {"file_name": _file_name(record), **size, "path": record["source"]}
        yield {"id": number, **named, **_labels(record)}


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


def _annotations(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    number = 0
    for image, record in enumerate(_done(records), 1):
        for number, row in enumerate(record["annotations"], number + 1):  # noqa: B020
            yield {"id": number, "image_id": image, **row}


def _with_polygons(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "segmentation": coco_polygons(mask_of_rle(row["segmentation"]))}


def _done(records: Iterable[Record]) -> Iterator[Record]:
    return (record for record in records if record["error"] is None)


def _pour(rows: Iterator[dict[str, Any]], file: BinaryIO) -> None:
    """Rows as the lines of a JSON array."""
    for number, row in enumerate(rows):
        file.write(f"{',' if number else ''}\n{json.dumps(row)}".encode())
    file.write(b"\n")


def write_failures(records: Iterable[Record], path: Path, *, encoded: bool = False) -> None:
    """`failures.csv`: source and one sentence for each photo whose last try failed.

    Args:
        records: of all photos.
        path: where to.
        encoded: a second column has the source percent-encoded: one line of ASCII, whatever it is.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    # a file name need not be valid Unicode
    with whole_file(path) as file:
        writer = csv.writer(getwriter("utf-8")(file, "backslashreplace"))
        writer.writerow(["path", *["encoded"] * encoded, "error"])
        for record in records:
            if record["error"] is not None:
                more = [quote(os.fsencode(record["source"]))] * encoded
                writer.writerow([record["source"], *more, one_line(record["error"])])
