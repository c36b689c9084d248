"""Which photos a batch reads, and the one output name that each of them gets."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dmlseg_core.errors import ParameterError

_NAMES = "avif bmp gif heic heif hif jfif jpe jpeg jpg mpo png tif tiff webp"
SUFFIXES: frozenset[str] = frozenset(f".{name}" for name in _NAMES.split())
"""Files of a folder that are taken for photos; a file named by itself is always tried."""
OUTPUTS: dict[str, str] = {"labels": ".png", "overlays": ".jpg"}
"""Folders of results, and what their files add to a photo's output name."""
_LONGEST = 255
"""Bytes of a file's name (ext4, NTFS, APFS)."""
_ROOM = max(map(len, OUTPUTS.values()))


@dataclass(frozen=True)
class Job:
    """One photo to segment.

    Attributes:
        source: the file.
        name: its output name, "/"-separated and suffix included: "trip/cat.jpg".
        fault: why it is no photo, where that is known before it is opened.
    """

    source: Path
    name: str
    fault: str | None = None

    def stamp(self) -> list[int] | None:
        """[size, mtime_ns] of the file, None where it is missing; it changes with the photo."""
        try:
            status = self.source.stat()
        except (OSError, ValueError):
            return None
        return [status.st_size, status.st_mtime_ns]

    def digest(self) -> str:
        """sha256 of the file's bytes, "" where it cannot be read."""
        try:
            with self.source.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError):
            return ""

    def results(self, kinds: Sequence[str]) -> list[str]:
        """Paths of its label map and overlay below the output folder, as far as asked for."""
        return [f"{kind}/{self.name}{end}" for kind, end in OUTPUTS.items() if kind in kinds]


def find_jobs(inputs: Sequence[str | Path], out: str | Path, *, room: int = _ROOM) -> list[Job]:
    """Every photo of the inputs, in a fixed order, no two with one output name.

    A file is named after itself, a folder's photos after their path below it; with several inputs
    a folder's own name comes first. The suffix stays in the name, so that `cat.jpg` and `cat.png`
    differ. A name that still clashes (with another, or with a folder of results), or is too long to
    get a suffix, ends in "~" and six hex digits of its path's hash.

    Args:
        inputs: photos and folders.
        out: output folder.
        room: bytes that a result's name may add to a photo's.

    Raises:
        ParameterError: no photo, or `out` lies in an input folder (inputs are never written to).
    """
    found: dict[Path, Job] = {}  # a photo that two inputs name is done once
    for item in map(Path, inputs):
        if not os.path.isdir(item):  # noqa: PTH112 (Path.is_dir raises where nobody may look)
            found.setdefault(_real(item), Job(_real(item), item.name))
            continue
        _refuse_inside(Path(out), item)
        below = PurePosixPath(_real(item).name if len(inputs) > 1 else "")
        for path, fault in _photos(item):
            name = str(below / path.relative_to(item).as_posix())
            found.setdefault(_real(path), Job(_real(path), name, fault))
    if not found:
        raise ParameterError(f"no photo found in {', '.join(map(str, inputs)) or 'an empty list'}")
    return _distinct(list(found.values()), _LONGEST - room)


def _real(path: Path) -> Path:
    """The path without links; one that leads to no file or folder stays what it is."""
    try:
        real = path.resolve()
        return real if real.is_file() or real.is_dir() else path.absolute()
    except (OSError, RuntimeError):  # a loop of links: RuntimeError up to Python 3.12
        return path.absolute()


def _refuse_inside(out: Path, folder: Path) -> None:
    if out.resolve().is_relative_to(folder.resolve()):
        raise ParameterError(
            f"the output folder {out} lies in the input folder {folder}; choose one outside it"
        )


def _photos(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Photos below a folder, and folders that cannot be looked into with the reason."""
    closed: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            # "._cat.jpg" and the like are a file manager's, not photos
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(root) / name, None
    for error in closed:
        path = Path(os.fsdecode(error.filename or folder))
        yield path, f"the folder {path} cannot be read: {error.strerror or error}"


def _distinct(jobs: Sequence[Job], longest: int) -> list[Job]:
    # casefold: on many disks Cat.jpg and cat.jpg are one file
    count = Counter(job.name.casefold() for job in jobs)
    folders = {str(f).casefold() for job in jobs for f in PurePosixPath(job.name).parents}
    return [
        replace(job, name=_tagged(job, longest))
        if _clashes(job.name, count, folders) or _bytes(job.name) > longest
        else job
        for job in jobs
    ]


def _clashes(name: str, count: Mapping[str, int], folders: Set[str]) -> bool:
    files = {(name + suffix).casefold() for suffix in OUTPUTS.values()}
    return count[name.casefold()] > 1 or bool(files & folders)


def _bytes(name: str) -> int:
    """Of the file's name alone."""
    return len(os.fsencode(PurePosixPath(name).name))


def tag_of(source: Path) -> str:
    """What tells a photo's results from those of another of its name."""
    return "~" + hashlib.sha256(os.fsencode(source)).hexdigest()[:6]


def _tagged(job: Job, longest: int) -> str:
    """The name with a hash of the whole path: Cat.jpg and cat.jpg of one folder clash as well."""
    path = PurePosixPath(job.name)
    tag = tag_of(job.source)
    stem, room = path.stem, longest - len(os.fsencode(tag + path.suffix))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]  # whole characters
    return str(path.with_name(f"{stem}{tag}{path.suffix}"))
