"""One way to open a labelled set, whatever its layout: a VOC folder or a COCO annotation file."""

from __future__ import annotations

import argparse
import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dmlseg_core.errors import DatasetError, TrainingError
from dmlseg_core.train.data.coco import CocoFolder
from dmlseg_core.train.data.voc import VOCFolder, list_file

HOLDOUT = 33
"""One training photo in 33 (about 300 of the sets here) is held out to choose constants on."""


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


def set_names(paths: Iterable[str | Path]) -> list[str]:
    """The names of sets that are used together.

    Raises:
        DatasetError: two have the same.
    """
    names = [set_name(path) for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise DatasetError(f"two sets are named {name!r}: shares and figures go by name")
    return names


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


def is_held_out(name: str) -> bool:
    """Whether the photo called `name` is kept out of training; depends on its name alone."""
    return zlib.crc32(name.encode()) % HOLDOUT == 0


def trained_photos(samples: VOCFolder | CocoFolder) -> Any:
    """A train list without the photos that are held out to choose constants on.

    Raises:
        TrainingError: nothing is left of it.
    """
    kept = _subset(samples, lambda name: not is_held_out(name))
    if not len(kept):
        raise TrainingError(f"{samples.root}: every listed photo is held out; give a longer list")
    return kept


def held_out(samples: Any) -> Any:
    """The photos of a train list that `dmlseg train` never trains on."""
    return _subset(samples, is_held_out)


def _subset(samples: Any, keeps: Callable[[str], bool]) -> Any:
    from torch.utils.data import Subset  # noqa: PLC0415  # torch: only when it runs

    return Subset(samples, [i for i, name in enumerate(samples.names) if keeps(name)])


def weighted_set(word: str) -> tuple[Path, float]:
    """ "SET" or "SET:SHARE"."""
    path, colon, share = word.rpartition(":")
    if not colon:
        return Path(word), 1.0
    try:
        value = float(share)
    except ValueError:
        return Path(word), 1.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"a sampling weight must be > 0; got {word!r}")
    return Path(path), value
