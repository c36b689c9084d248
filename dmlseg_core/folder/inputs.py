"""Which photos a batch reads, and the one output name that each of them gets."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dmlseg_core.errors import ParameterError

_NAMES = "avif bmp gif heic heif jfif jpe jpeg jpg png tif tiff webp"
SUFFIXES: frozenset[str] = frozenset(f".{name}" for name in _NAMES.split())
"""Files of a folder that are taken for photos; a file named by itself is always tried."""


@dataclass(frozen=True)
class Job:
    """One photo to segment.

    Attributes:
        source: the file.
        name: its output name, "/"-separated and suffix included: "trip/cat.jpg".
    """

    source: Path
    name: str

    def stamp(self) -> list[int] | None:
        """[size, mtime_ns] of the file, None where it is missing; it changes with the photo."""
        try:
            status = self.source.stat()
        except OSError:
            return None
        return [status.st_size, status.st_mtime_ns]


def find_jobs(inputs: Sequence[str | Path], out: str | Path) -> list[Job]:
    """Every photo of the inputs, in a fixed order, no two with one output name.

    A file is named after itself, a folder's photos after their path below it; with several inputs
    a folder's own name comes first. The suffix stays in the name, so that `cat.jpg` and `cat.png`
    differ. Where names still clash, each gets "~" and six hex digits of its path's hash.

    Raises:
        ParameterError: no photo, or `out` lies in an input folder (inputs are never written to).
    """
    found: dict[Path, PurePosixPath] = {}  # a photo that two inputs name is done once
    for item in map(Path, inputs):
        if item.is_dir():
            _refuse_inside(Path(out), item)
            below = PurePosixPath(item.resolve().name if len(inputs) > 1 else "")
            for path in _photos(item):
                name = below / path.relative_to(item).as_posix()
                found.setdefault(path.resolve(), name)
        else:
            found.setdefault(item.resolve(), PurePosixPath(item.name))
    if not found:
        raise ParameterError(f"no photo found in {', '.join(map(str, inputs)) or 'an empty list'}")
    return _distinct(found)


def _refuse_inside(out: Path, folder: Path) -> None:
    if out.resolve().is_relative_to(folder.resolve()):
        raise ParameterError(
            f"the output folder {out} lies in the input folder {folder}; choose one outside it"
        )


def _photos(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            # "._cat.jpg" and the like are a file manager's, not photos
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(root) / name


def _distinct(found: dict[Path, PurePosixPath]) -> list[Job]:
    # casefold: on many disks Cat.jpg and cat.jpg are one file
    count = Counter(str(name).casefold() for name in found.values())
    jobs = []
    for source, name in found.items():
        clash = count[str(name).casefold()] > 1
        own = name.with_name(f"{name.stem}~{_tag(source)}{name.suffix}") if clash else name
        jobs.append(Job(source, str(own)))
    return jobs


def _tag(source: Path) -> str:
    # the whole path, not only the folder: Cat.jpg and cat.jpg of one folder clash as well
    return hashlib.sha256(os.fsencode(source)).hexdigest()[:6]
