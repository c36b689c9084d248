"""The engine's heart: one photo in, its files and its row out. Whatever a photo does, it is told in
its row; only what the next photo would meet as well is an error.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dmlseg_core.errors import DmlsegError, ExportError, ImageError, one_line
from dmlseg_core.folder.chosen import Chosen, choose
from dmlseg_core.folder.inputs import OUTPUTS, Job
from dmlseg_core.folder.instances import instance_rows
from dmlseg_core.folder.output import annotate, save_overlay
from dmlseg_core.folder.rows import PhotoRow, readable_path
from dmlseg_core.folder.timing import Clock
from dmlseg_core.folder.work import Work
from dmlseg_core.photo import Photo, load_photo, save_labels, shown

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of writing that the next photo would meet as well: they end a run."""


@dataclass(frozen=True, eq=False)
class Negative:
    """A photo as read, with sha256 of its file's bytes and the seconds that took."""

    photo: Photo
    digest: str
    clock: Clock


def read_one(job: Job, work: Work) -> Negative:
    """Decode a job's photo.

    Raises:
        ImageError: it is none, or cannot be read.
    """
    clock = Clock()
    with clock.part("decode"):
        if job.fault is not None:
            raise ImageError(job.fault)
        photo = load_photo(job.source, max_megapixels=work.max_megapixels)
        return Negative(photo, job.digest() if work.rows else "", clock)


def run_one(job: Job, work: Work, read: Callable[[], Negative] | None = None) -> PhotoRow:
    """Do one photo: analyse, choose, paint, write.

    Args:
        job: the photo.
        work: what is asked of every photo.
        read: gives the photo where it was read beforehand.

    Raises:
        ExportError: what no photo is at fault for: the disk is full, the output folder gone.
    """
    try:
        return _done(job, work, read_one(job, work) if read is None else read())
    except Exception as error:  # one photo must never stop the rest: it is reported
        if isinstance(error, ExportError):
            work.check_place()
            if _of_the_disk(error):
                raise
        told = _sentence(job, error)
        return PhotoRow(readable_path(job.name), str(job.source), status="failed", error=told)


def _done(job: Job, work: Work, negative: Negative) -> PhotoRow:
    photo, clock = negative.photo, negative.clock
    with clock.part("network"):
        scene = work.segmenter.analyze(photo)
    with clock.part("masks"):
        chosen = choose(photo, scene, work)
    files: dict[str, list[str]] = {}
    with clock.part("encode"):
        _write_maps(job, work, photo, chosen, files)
    notes = [*photo.notes, *([chosen.note] if chosen.note else [])]
    prints = _paint(job, work, photo, chosen, clock, files, notes)
    return PhotoRow(
        photo=readable_path(job.name), source=str(job.source), digest=negative.digest,
        width=photo.width, height=photo.height, seconds=clock.seconds,
        status="empty" if chosen.note else "done", notes=tuple(dict.fromkeys(notes)),
        files={kind: tuple(paths) for kind, paths in files.items()},
        instances=instance_rows(job, photo, chosen, prints, work) if work.rows else (),
        annotations=tuple(annotate(chosen.labels, chosen.masks)),
    )  # fmt: skip


def _write_maps(
    job: Job, work: Work, photo: Photo, chosen: Chosen, files: dict[str, list[str]]
) -> None:
    for kind, suffix in OUTPUTS.items():
        if kind not in work.outputs:
            continue
        path = work.out / kind / (job.name + suffix)
        work.folder_for(path)
        if kind == "labels":
            save_labels(chosen.labels, path)
        else:
            save_overlay(shown(photo), chosen.labels, path)
        files[kind] = [f"{kind}/{job.name}{suffix}"]


def _paint(
    job: Job, work: Work, photo: Photo, chosen: Chosen, clock: Clock,
    files: dict[str, list[str]], notes: list[str],
) -> list[Any]:  # fmt: skip
    """What was painted; `files` and `notes` get theirs."""
    wanted = {"recolored", "cutouts"} & set(work.outputs)
    plain = work.rules is None and work.recipe is None
    if not wanted or (plain and "cutouts" not in wanted):
        return []
    from dmlseg_core.folder.painting import Studio  # noqa: PLC0415 (torch)

    studio, made = Studio(job, photo, chosen, work, clock), []
    if plain:
        files["cutouts"] = studio.plain_cutouts()
    for one in studio.prints():
        made.append(one)
        notes += one.notes
        for kind, paths in one.files.items():
            files.setdefault(kind, []).extend(paths)
    return made


def _of_the_disk(error: ExportError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _OF_THE_DISK


def _sentence(job: Job, error: Exception) -> str:
    name = str(job.source)
    known = isinstance(error, DmlsegError | OSError)
    told = str(error) if known else f"it cannot be segmented ({error!r})"
    return one_line(told if name in told else f"{name}: {told}")
