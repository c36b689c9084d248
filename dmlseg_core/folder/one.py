"""The engine's heart: one photo in, its files and its row out. Whatever a photo does, it is told in
its row; only what the next photo would meet as well is an error.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmlseg_core.edit import Alphas
from dmlseg_core.errors import DmlsegError, ExportError, one_line
from dmlseg_core.folder.develop.chosen import Chosen, choose
from dmlseg_core.folder.develop.instances import instance_rows
from dmlseg_core.folder.develop.output import annotate, save_overlay
from dmlseg_core.folder.develop.timing import Clock
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.report.thumbs import before_path, save_thumb
from dmlseg_core.folder.rows import PhotoRow, readable_path
from dmlseg_core.folder.work import Work
from dmlseg_core.photo import Photo, save_labels, shown

if TYPE_CHECKING:  # torch
    from dmlseg_core.folder.develop.painting import Print
    from dmlseg_core.scene import Scene

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
        photo, digest = job.read(work.max_megapixels)
        return Negative(photo, digest() if work.rows else "", clock)


def run_one(job: Job, work: Work, read: Callable[[], Negative] | None = None) -> PhotoRow:
    """Do one photo: analyse, choose, paint, write.

    Args:
        job: the photo.
        work: what is asked of every photo.
        read: gives the photo where it was read beforehand.

    Raises:
        ExportError: what no photo is at fault for: the disk is full, the output folder gone.
        WeightsError, ParameterError: the network or a rule's reference cannot be used.
    """
    work.load()
    try:
        return _Sheet(job, work, read_one(job, work) if read is None else read()).done()
    except Exception as error:  # one photo must never stop the rest: it is reported
        if isinstance(error, ExportError):
            work.check_place()
            if _of_the_disk(error):
                raise
        told = _sentence(job, error)
        return PhotoRow(readable_path(job.name), str(job.source), status="failed", error=told)


@dataclass(frozen=True, eq=False)
class _Sheet:
    """One photo on its way; `maps` (of the photo as it came), `files` and `notes` fill up."""

    job: Job
    work: Work
    negative: Negative
    maps: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def done(self) -> PhotoRow:
        photo, clock, work = self.negative.photo, self.negative.clock, self.work
        with clock.part("network"):
            scene = work.segmenter.analyze(photo)
        with clock.part("masks"):
            alphas = Alphas(shown(photo))
            chosen = choose(photo, scene, work, alphas)
        self.notes.extend((*photo.notes, *([chosen.note] if chosen.note else [])))
        with ThreadPoolExecutor(1) as beside:  # a file waits for the disk: painting need not
            maps = beside.submit(self.write_maps, chosen)
            prints = self.paint(chosen, scene, alphas)
            maps.result()
        with clock.part("masks"):
            rows = instance_rows(self.job, photo, chosen, prints, work) if work.rows else ()
            found = tuple(annotate(chosen.labels, chosen.masks))
        return PhotoRow(
            photo=readable_path(self.job.name), source=str(self.job.source),
            digest=self.negative.digest, width=photo.width, height=photo.height,
            seconds=clock.seconds, status="empty" if chosen.note else "done",
            notes=tuple(dict.fromkeys(self.notes)), instances=rows, annotations=found,
            files={kind: (*self.maps.get(kind, ()), *self.files.get(kind, ()))
                   for kind in dict.fromkeys((*self.maps, *self.files))},
        )  # fmt: skip

    def write_maps(self, chosen: Chosen) -> None:
        """What shows the photo as it came: label map and overlay, as far as asked for, and the
        small picture of the report where that shows another one beside it.
        """
        rgb = shown(self.negative.photo)
        with self.negative.clock.part("encode"):
            for name in self.job.results(self.work.outputs):
                kind, path = name.partition("/")[0], self.work.out / name
                self.work.folder_for(path)
                if kind == "labels":
                    save_labels(chosen.labels, path)
                else:
                    save_overlay(rgb, chosen.labels, path)
                self.maps[kind] = [name]
            painted = chosen.colorways and "recolored" in self.work.outputs
            if painted or (self.work.rows and "overlays" in self.work.outputs):
                name = before_path(self.job.name)
                self.work.folder_for(self.work.out / name)
                save_thumb(rgb, self.work.out / name)
                self.maps["thumbs"] = [name]

    def paint(self, chosen: Chosen, scene: Scene, alphas: Alphas) -> list[Print]:
        """Recolored files and cut-outs, as far as asked for."""
        wanted = {"cutouts"} if self.work.plain else {"recolored", "cutouts"}
        if not wanted & set(self.work.outputs):
            return []
        from dmlseg_core.folder.develop.painting import Studio  # noqa: PLC0415 (torch)

        photo, clock = self.negative.photo, self.negative.clock
        studio = Studio(self.job, photo, scene, chosen, self.work, clock, alphas)
        if self.work.plain:
            self.files["cutouts"] = studio.plain_cutouts()
        made = []
        for one in studio.prints():
            made.append(one)
            self.notes.extend(one.notes)
            for kind, paths in one.files.items():
                self.files.setdefault(kind, []).extend(paths)
        return made


def _of_the_disk(error: ExportError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _OF_THE_DISK


def _sentence(job: Job, error: Exception) -> str:
    name = str(job.source)
    known = isinstance(error, DmlsegError | OSError)
    told = str(error) if known else f"it cannot be segmented ({error!r})"
    return one_line(told if name in told else f"{name}: {told}")
