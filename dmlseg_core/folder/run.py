"""Segment folders of photos: resumable, constant in memory, one broken photo never stops the rest.

Written below the output folder, PATH being a photo's path below its input folder, suffix included:

    labels/PATH.png      label map, 0 = background
    overlays/PATH.jpg    the photo with its instances tinted
    instances.json       COCO (run lengths, or polygons), of every photo segmented into this folder
    instances.jsonl      the state that a later run resumes from
    failures.csv         path and reason of each photo whose last try failed
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tqdm.auto import tqdm  # type: ignore[import-untyped]

from dmlseg_core.config import CLASSES
from dmlseg_core.errors import DmlsegError, ExportError, ImageError, one_line
from dmlseg_core.folder.inputs import OUTPUTS, Job, find_jobs
from dmlseg_core.folder.journal import Journal, Record
from dmlseg_core.folder.output import AnyMask, Labels, annotate, label_photo, save_overlay
from dmlseg_core.folder.tables import write_failures, write_instances
from dmlseg_core.photo import Photo, load_photo, save_labels, shown

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of writing that the next photo would meet as well: they end a run."""


class AnySegmenter(Protocol):
    """What a batch needs of a `Segmenter`."""

    def analyze(self, photo: Photo, /) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Failure:
    """A photo that could not be segmented, and why, in one sentence."""

    source: Path
    error: str


@dataclass(frozen=True)
class BatchReport:
    """What a run did.

    Attributes:
        done: photos segmented now.
        skipped: photos that an earlier run had finished.
        failures: photos that failed now.
        interrupted: Ctrl-C came; the same call goes on where it stopped.
    """

    done: int
    skipped: int
    failures: tuple[Failure, ...]
    interrupted: bool = False


def segment_folder(
    inputs: Sequence[str | Path],
    out: str | Path,
    segmenter: AnySegmenter,
    *,
    options: Mapping[str, Any] | None = None,
    max_megapixels: float = 100,
    classes: Sequence[str] = CLASSES,
    settings: Mapping[str, Any] | None = None,
    polygons: bool = False,
    progress: bool = True,
) -> BatchReport:
    """Segment photos and whole folders (recursive, their tree mirrored).

    Photos that an earlier run finished with the same settings are skipped, unless they changed.

    Args:
        inputs: photos and folders; nothing is ever written into them.
        out: output folder.
        segmenter: makes a scene of a photo.
        options: keyword arguments of `scene.propose`.
        max_megapixels: larger photos are refused.
        classes: foreground class names, in order.
        settings: what else decides the result (weights, config); other settings redo the photos.
        polygons: `instances.json` holds polygons, of photos done before as well.
        progress: draw a progress bar on stderr.

    Raises:
        ParameterError: no photo, or `out` lies in an input folder.
        ExportError: the results cannot be written.
    """
    jobs = find_jobs(inputs, out)
    keys = {"settings": dict(settings or {}), "options": dict(options or {})}
    digest = hashlib.sha256(json.dumps(keys, sort_keys=True, default=str).encode()).hexdigest()
    with Journal(Path(out) / "instances.jsonl") as journal:
        batch = _Batch(journal, segmenter, options or {}, max_megapixels, digest[:16])
        report = batch.run(jobs, progress=progress)
        journal.check_place()
        write_instances(journal, Path(out) / "instances.json", classes, polygons=polygons)
        write_failures(journal, Path(out) / "failures.csv")
    return report


@dataclass(frozen=True)
class _Batch:
    journal: Journal
    segmenter: AnySegmenter
    options: Mapping[str, Any]
    max_megapixels: float
    settings: str

    @property
    def out(self) -> Path:
        return self.journal.path.parent

    def run(self, jobs: Sequence[Job], *, progress: bool) -> BatchReport:
        self.journal.refuse_takeover(jobs)
        todo = [job for job in jobs if not self._is_done(job)]
        failures: list[Failure] = []
        done, interrupted = 0, False
        bar = tqdm(total=len(jobs), initial=len(jobs) - len(todo), unit="photo",
                   disable=not progress, file=sys.stderr)  # fmt: skip
        try:
            with bar:
                for job, photo in self._decode_ahead(todo):
                    error = self._one(job, photo)
                    if error is None:
                        done += 1
                    else:
                        failures.append(Failure(job.source, error))
                        tqdm.write(f"dmlseg: {error}", file=sys.stderr)
                    bar.update()
        except KeyboardInterrupt:
            interrupted = True
        return BatchReport(done, len(jobs) - len(todo), tuple(failures), interrupted)

    def _decode_ahead(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Future[Photo]]]:
        """Each job with its photo; the next one is decoded meanwhile, and no more than that."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting: tuple[Job, Future[Photo]] | None = None
            for job in jobs:
                photo = pool.submit(self._decode, job)
                if waiting is not None:
                    yield waiting
                waiting = job, photo
            if waiting is not None:
                yield waiting

    def _decode(self, job: Job) -> Photo:
        if job.fault is not None:
            raise ImageError(job.fault)
        return load_photo(job.source, max_megapixels=self.max_megapixels)

    def _one(self, job: Job, decoded: Future[Photo]) -> str | None:
        """Segment one photo and record it; the reason where it failed.

        Raises:
            ExportError: what no photo is at fault for: the disk is full, the output folder gone.
        """
        base: Record = {"name": job.name, "source": str(job.source), "settings": self.settings}
        # before the work: a photo that changes meanwhile is redone by the next run
        base["stamp"] = job.stamp()
        try:
            found = self._results(job, decoded.result())
        except Exception as error:  # one photo must never stop the rest: it is reported
            if isinstance(error, ExportError):
                self.journal.check_place()
                if _of_the_disk(error):
                    raise
            message = _sentence(job, error)
            self._forget(job)
            self.journal.append({**base, "error": message})
            return message
        self.journal.append({**base, "error": None, **found})
        return None

    def _results(self, job: Job, photo: Photo) -> Record:
        """The photo's files, written, and its part of the record."""
        masks = self._masks(photo)
        labels = label_photo(masks, shown(photo))
        self._write(job, photo, labels)
        size = {"height": photo.height, "width": photo.width}
        return {**size, "annotations": annotate(labels, masks)}

    def _write(self, job: Job, photo: Photo, labels: Labels) -> None:
        self.journal.check_place()  # else the folder would be made anew, without its journal
        labels_path, overlay_path = self._paths(job)
        for path in (labels_path, overlay_path):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or error
                raise ExportError(f"{path.parent} cannot be made: {reason}") from error
        save_labels(labels, labels_path)
        save_overlay(shown(photo), labels, overlay_path)

    def _masks(self, photo: Photo) -> Sequence[AnyMask]:
        return list(self.segmenter.analyze(photo).propose(**self.options))

    def _paths(self, job: Job) -> list[Path]:
        return [self.out / kind / (job.name + suffix) for kind, suffix in OUTPUTS.items()]

    def _is_done(self, job: Job) -> bool:
        # a name that the disk cannot hold is no file, not an error as for Path.exists
        written = all(os.path.exists(path) for path in self._paths(job))  # noqa: PTH110
        return written and self.journal.is_done(job, self.settings)

    def _forget(self, job: Job) -> None:
        """Remove our results of the photo's earlier state: they no longer belong to it."""
        if self.journal.get(job.name) is not None:
            for path in self._paths(job):
                with suppress(OSError):
                    path.unlink(missing_ok=True)


def _of_the_disk(error: ExportError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _OF_THE_DISK


def _sentence(job: Job, error: Exception) -> str:
    name = str(job.source)
    known = isinstance(error, DmlsegError | OSError)
    told = str(error) if known else f"it cannot be segmented ({error!r})"
    return one_line(told if name in told else f"{name}: {told}")
