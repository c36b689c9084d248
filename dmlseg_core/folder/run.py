"""Segment folders of photos: resumable, constant in memory, one broken photo never stops the rest.

Written below the output folder, PATH being a photo's path below its input folder, suffix included:

    labels/PATH.png      label map, 0 = background
    overlays/PATH.jpg    the photo with its instances tinted
    instances.json       COCO (run lengths, or polygons), of every photo segmented into this folder
    instances.jsonl      the state that a later run resumes from
    failures.csv         path and reason of each photo whose last try failed
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm  # type: ignore[import-untyped]

from dmlseg_core.config import CLASSES
from dmlseg_core.folder.checked import checked_options
from dmlseg_core.folder.engine import Engine, in_turn
from dmlseg_core.folder.inputs import OUTPUTS, Job
from dmlseg_core.folder.journal import Journal
from dmlseg_core.folder.report.coco import failures_file, instances_file
from dmlseg_core.folder.sources.find import find_jobs
from dmlseg_core.folder.work import AnySegmenter, Work


@dataclass(frozen=True)
class Failure:
    """A photo that could not be segmented, and why, in one sentence."""

    source: Path | str
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
        progress: draw a progress bar where stderr is a terminal.

    Raises:
        ParameterError: no photo, or `out` lies in an input folder.
        ExportError: the results cannot be written.
    """
    options = checked_options(options)
    jobs = find_jobs(inputs, out)
    work = Work(
        Path(out), outputs=tuple(OUTPUTS), max_megapixels=max_megapixels, options=options,
        classes=classes, rows=False, given=segmenter,
    )  # fmt: skip
    keys = {"settings": dict(settings or {}), "options": options}
    digest = hashlib.sha256(json.dumps(keys, sort_keys=True, default=str).encode()).hexdigest()
    with Journal(Path(out) / "instances.jsonl") as journal:
        engine = Engine(journal, work, digest[:16], keep_rows=False)
        report = _all(engine, jobs, progress=progress)
        journal.check_place()
        with (
            instances_file(Path(out) / "instances.json", classes, polygons=polygons) as found,
            failures_file(Path(out) / "failures.csv") as failed,
        ):
            for record in journal:
                found(record)
                failed(record)
    return report


def _all(engine: Engine, jobs: Sequence[Job], *, progress: bool) -> BatchReport:
    todo = engine.todo(jobs)
    failures: list[Failure] = []
    done, interrupted = 0, False
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(todo), unit="photo",
               disable=None if progress else True, file=sys.stderr)  # fmt: skip
    try:
        with bar:
            for job, row in engine.run(todo, in_turn):
                if row.error is None:
                    done += 1
                else:
                    failures.append(Failure(job.source, row.error))
                    tqdm.write(f"dmlseg: {row.error}", file=sys.stderr)
                bar.update()
    except KeyboardInterrupt:
        interrupted = True
    return BatchReport(done, len(jobs) - len(todo), tuple(failures), interrupted)
