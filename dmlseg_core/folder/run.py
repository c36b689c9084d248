"""Segment folders of photos: resumable, constant in memory, one broken photo never stops the rest.

Written below the output folder, PATH being a photo's path below its input folder, suffix included:

    labels/PATH.png      label map, 0 = background
    overlays/PATH.jpg    the photo with its instances tinted
    instances.json       COCO with run-length masks, of every photo segmented into this folder
    instances.jsonl      the state that a later run resumes from
    failures.csv         path and reason of each photo whose last try failed
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tqdm.auto import tqdm  # type: ignore[import-untyped]

from dmlseg_core.config import CLASSES
from dmlseg_core.errors import DmlsegError, ExportError
from dmlseg_core.folder.inputs import Job, find_jobs
from dmlseg_core.folder.journal import Journal, Record, write_failures, write_instances
from dmlseg_core.folder.output import AnyMask, annotate, label_photo, save_labels, save_overlay
from dmlseg_core.photo import Photo, load_photo, shown


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
        try:
            report = batch.run(jobs, progress=progress)
            write_instances(iter(journal), Path(out) / "instances.json", classes)
            write_failures(iter(journal), Path(out) / "failures.csv")
        except OSError as error:
            raise ExportError(f"cannot write into {out}: {error.strerror or error}") from error
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
                photo = pool.submit(load_photo, job.source, max_megapixels=self.max_megapixels)
                if waiting is not None:
                    yield waiting
                waiting = job, photo
            if waiting is not None:
                yield waiting

    def _one(self, job: Job, decoded: Future[Photo]) -> str | None:
        """Segment one photo and record it; the reason where it failed."""
        base: Record = {"name": job.name, "source": str(job.source), "settings": self.settings}
        # before the work: a photo that changes meanwhile is redone by the next run
        base["stamp"] = job.stamp()
        try:
            photo = decoded.result()
            masks = self._masks(photo)
            labels = label_photo(masks, shown(photo))
        except Exception as error:  # one photo must never stop the rest: it is reported
            message = _sentence(job, error)
            self._forget(job)
            self.journal.append({**base, "error": message})
            return message
        # errors while writing are no photo's fault: they end the batch
        labels_path, overlay_path = self._paths(job)
        save_labels(labels, labels_path)
        save_overlay(shown(photo), labels, overlay_path)
        found = annotate(labels, masks)
        size = {"height": photo.height, "width": photo.width}
        self.journal.append({**base, "error": None, **size, "annotations": found})
        return None

    def _masks(self, photo: Photo) -> Sequence[AnyMask]:
        return list(self.segmenter.analyze(photo).propose(**self.options))

    def _paths(self, job: Job) -> tuple[Path, Path]:
        return (
            self.out / "labels" / f"{job.name}.png",
            self.out / "overlays" / f"{job.name}.jpg",
        )

    def _is_done(self, job: Job) -> bool:
        written = all(path.exists() for path in self._paths(job))
        return written and self.journal.is_done(job, self.settings)

    def _forget(self, job: Job) -> None:
        """Remove our results of the photo's earlier state: they no longer belong to it."""
        if self.journal.get(job.name) is not None:
            for path in self._paths(job):
                path.unlink(missing_ok=True)


def _sentence(job: Job, error: Exception) -> str:
    name = str(job.source)
    told = str(error) if isinstance(error, DmlsegError | OSError) else repr(error)
    return told if name in told else f"{name}: {told}"
