"""Which photos the inputs of a batch are, no two with one output name."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.request import url2pathname

from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.inputs import LEFT_OUT, OUTPUTS, SUFFIXES, Job, tag_of
from dmlseg_core.folder.sources.urls import is_url, url_jobs

_LONGEST = 255
"""Bytes of a file's name (ext4, NTFS, APFS)."""
_ROOM = max(map(len, OUTPUTS.values()))
_TOLD = 3
"""Inputs that a message names."""


def find_jobs(
    inputs: Sequence[str | Path], out: str | Path, *, room: int = _ROOM, empty: bool = False
) -> list[Job]:
    """Every photo of the inputs, in a fixed order, no two with one output name.

    A file is named after itself, a folder's photos after their path below it; with several inputs
    a folder's own name comes first. The suffix stays in the name, so that `cat.jpg` and `cat.png`
    differ. A name that still clashes (with another, or with a folder of results), or is too long to
    get a suffix, ends in "~" and six hex digits of its path's hash.

    Args:
        inputs: photos, folders, patterns (`glob`'s, "**" goes into folders), fsspec URLs.
        out: output folder.
        room: bytes that a result's name may add to a photo's.
        empty: that there is no photo is no error.

    Raises:
        ParameterError: no photo, or `out` lies in an input folder (inputs are never written to).
    """
    found: dict[Path | str, Job] = {}  # a photo that two inputs name is done once
    for item in inputs:
        for job in _jobs_of(item, Path(out), several=len(inputs) > 1, empty=empty):
            found.setdefault(job.source, job)
    if not found and not empty:
        told = ", ".join(map(str, inputs[:_TOLD])) or "an empty list"
        why = f"; {others}" if (others := left_out(inputs)) else ""
        raise ParameterError(f"no photo found in {told}{', ...' * (len(inputs) > _TOLD)}{why}")
    return _distinct(list(found.values()), _LONGEST - room)


def _jobs_of(item: str | Path, out: Path, *, several: bool, empty: bool) -> Iterable[Job]:
    """The photos of one input; `several`: a folder's own name comes before theirs."""
    if is_url(item):
        if not str(item).startswith("file://"):
            return url_jobs(str(item), several=several)
        item = url2pathname(str(item).removeprefix("file://"))
    path = Path(item)
    if _is_dir(path):
        _refuse_inside(out, path)
        return _below(path, _photos(path), _real(path).name if several else "")
    # a file may be called "a[1].jpg"
    if glob.has_magic(str(item)) and not os.path.lexists(path):
        return _matching(str(item), out, empty=empty)
    return [Job(_real(path), path.name)]


def _below(
    folder: Path, photos: Iterable[tuple[Path, str | None]], prefix: str = ""
) -> Iterator[Job]:
    """Jobs named after their path below a folder."""
    for path, fault in photos:
        name = str(PurePosixPath(prefix) / path.relative_to(folder).as_posix())
        yield Job(_real(path), name, fault)


def _matching(pattern: str, out: Path, *, empty: bool) -> list[Job]:
    """Photos that a pattern matches, and those of folders that it matches, but for results.

    Raises:
        ParameterError: there are none.
    """
    parts = Path(pattern).parts
    plain = next(k for k, part in enumerate(parts) if glob.has_magic(part))
    root, results = Path(*parts[:plain]), out.resolve()
    paths = [Path(found) for found in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    followed = cache(os.path.realpath)

    def loops(path: Path) -> bool:  # "**" follows links, back to where it came through as well
        way = [folder for folder in path.parents if folder.is_relative_to(root)]
        return len({*map(followed, way)}) < len(way)

    inside = [p for p in paths if not loops(p) and not _real(p).is_relative_to(results)]
    photos = [(p, None) for p in inside if p.suffix.lower() in SUFFIXES and not _is_dir(p)]
    if not any(os.sep + "**" in os.sep + part for part in parts):  # that one found them already
        photos += [pair for p in inside if _is_dir(p) for pair in _photos(p)]  # type: ignore[misc]
    if not photos and not empty:
        raise ParameterError(f"the pattern {pattern} matches no photo; check it, and its quotes")
    return list(_below(root, photos))


def _is_dir(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises where nobody may look)


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


def left_out(inputs: Iterable[str | Path]) -> str:
    """How many pictures of which kinds lie in folders and are not taken: a sentence, or ""."""
    folders = [path for item in inputs if not is_url(item) and _is_dir(path := Path(item))]
    suffixes = (path.suffix.lower() for folder in folders for path in _files(folder, []))
    count = Counter(suffix for suffix in suffixes if suffix in LEFT_OUT)
    told = ", ".join(f"{number} {suffix}" for suffix, number in count.most_common())
    return f"left out of folders, for they are not taken for photos: {told}" if told else ""


def _photos(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Photos below a folder, and folders that cannot be looked into with the reason."""
    closed: list[OSError] = []
    for path in _files(folder, closed):
        if path.suffix.lower() in SUFFIXES:
            yield path, None
    for error in closed:
        path = Path(os.fsdecode(error.filename or folder))
        yield path, f"the folder {path} cannot be read: {error.strerror or error}"


def _files(folder: Path, closed: list[OSError]) -> Iterator[Path]:
    """Files below a folder, in order; `closed` gets what cannot be looked into."""
    for root, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        # "._cat.jpg" and the like are a file manager's, not photos
        yield from (Path(root) / name for name in sorted(files) if not name.startswith("."))


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


def _tagged(job: Job, longest: int) -> str:
    """The name with a hash of the whole path: Cat.jpg and cat.jpg of one folder clash as well."""
    path = PurePosixPath(job.name)
    tag = tag_of(job.source)
    stem, room = path.stem, longest - len(os.fsencode(tag + path.suffix))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]  # whole characters
    return str(path.with_name(f"{stem}{tag}{path.suffix}"))
