"""One way to open a labelled set, whatever its layout: a VOC folder or a COCO annotation file."""

from __future__ import annotations

import re
from pathlib import Path

from dmlseg_core.train.coco import CocoFolder
from dmlseg_core.train.dataset import VOCFolder, list_file


def open_set(path: str | Path, split: str = "train") -> VOCFolder | CocoFolder:
    """A set of `--data`.

    Args:
        path: a folder in PASCAL VOC layout, or a COCO annotation file NAME.json.
        split: list of the folder. A COCO file is one list by itself, whatever the split.

    Raises:
        DatasetError: it cannot be read as either.
    """
    path = Path(path)
    return CocoFolder(path) if is_coco(path) else VOCFolder(path, split)


def is_coco(path: Path) -> bool:
    """Whether a path of `--data` means a COCO annotation file."""
    return path.suffix.lower() == ".json" and not path.is_dir()


def set_name(path: str | Path) -> str:
    """Name that a set's figures and shares are filed under: the folder's, or the file's stem."""
    path = Path(path).resolve()
    return path.stem if is_coco(path) else path.name


def photos_of(path: str | Path, split: str) -> list[Path]:
    """Photo files of a split; none where the set has no such list, or an empty one.

    The val list of a COCO file `..._train2017.json` is `..._val2017.json` beside it.

    Raises:
        DatasetError: the list is there, but the set cannot be read.
    """
    path = Path(path)
    if is_coco(path):
        other = path.with_name(re.sub(r"train(?!.*train)", split, path.name))
        there = split == "train" or (other != path and other.exists())
        return CocoFolder(other).photo_paths() if there else []
    names = list_file(path, split)
    empty = not names.exists() or not names.read_text("utf-8").strip()
    return [] if empty else VOCFolder(path, split).photo_paths()
