"""The run over many photos: what is done already, what is recorded, what is told.

How photos are done (here, in a pool of processes, on a cluster) is a `Runner`; everything else is
the same for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.journal import Journal, Record, is_done
from dmlseg_core.folder.one import Negative, read_one, run_one
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.folder.work import Work

Runner: TypeAlias = Callable[[Iterable[Job], Work], Iterator[tuple[Job, PhotoRow]]]
"""Does jobs as they come, takes each one only when it is about to be done, and gives back their
rows, in any order. Closing it leaves the rest undone.
"""


def in_turn(jobs: Iterable[Job], work: Work) -> Iterator[tuple[Job, PhotoRow]]:
    """The runner of one process: one photo at a time; the next one is decoded meanwhile, and no
    more than that.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: tuple[Job, Future[Negative]] | None = None
        for job in jobs:
            read = pool.submit(read_one, job, work)
            if waiting is not None:
                yield waiting[0], run_one(waiting[0], work, waiting[1].result)
            waiting = job, read
        if waiting is not None:
            yield waiting[0], run_one(waiting[0], work, waiting[1].result)


@dataclass
class Engine:
    """A run's journal, its work, and what came of it so far.

    Attributes:
        journal: open.
        work: what is asked of every photo.
        settings: of `Work.settings`; photos done under others are done anew.
        keep_rows: whether records hold their photo's row.
        tidy: whether a photo's results of other settings are removed when it is done anew.
    """

    journal: Journal
    work: Work
    settings: str
    keep_rows: bool = True
    tidy: bool = False
    stamps: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work = replace(self.work, place=self.journal.place())

    def todo(self, jobs: Sequence[Job]) -> list[Job]:
        """Those that are not done yet, or not any more.

        Raises:
            ExportError: a name belongs to another photo that still exists.
        """
        self.journal.refuse_takeover(jobs)
        return [job for job in jobs if not self._is_done(job)]

    def run(self, jobs: Iterable[Job], runner: Runner) -> Generator[tuple[Job, PhotoRow]]:
        """Do jobs; each one is recorded before it is given back.

        Raises:
            ExportError: the disk is full, or the output folder has gone.
        """
        for job, row in runner(self._stamped(jobs), self.work):
            self._record(job, row)
            yield job, row

    def row_of(self, job: Job) -> PhotoRow:
        """The row of a photo that was done before."""
        record = self.journal.get(job.name)
        assert record is not None
        return row_of(record)

    def _stamped(self, jobs: Iterable[Job]) -> Iterator[Job]:
        for job in jobs:
            # before the work: a photo that changes meanwhile is redone by the next run
            self.stamps[job.name] = job.stamp()
            yield job

    def _record(self, job: Job, row: PhotoRow) -> None:
        base: Record = {"name": job.name, "source": str(job.source), "settings": self.settings}
        base["stamp"] = self.stamps.pop(job.name)
        if row.error is not None:
            self._forget(job)
            self.journal.append({**base, "error": row.error})
            return
        self._forget_changed(job, row)
        size = {"height": row.height, "width": row.width}
        found = {"annotations": list(row.annotations)}
        more = {"row": replace(row, annotations=()).to_json()} if self.keep_rows else {}
        self.journal.append({**base, "error": None, **size, **found, **more})

    def _paths(self, job: Job, record: Record | None) -> list[str]:
        """A photo's files as a record tells them, below the output folder."""
        if record is not None and "row" in record:
            return [name for names in record["row"]["files"].values() for name in names]
        return job.results(self.work.outputs)

    def _is_done(self, job: Job) -> bool:
        record = self.journal.get(job.name)
        if record is None or ("row" in record) != self.keep_rows:
            return False
        # a name that the disk cannot hold is no file, not an error as for Path.exists
        places = (self.work.out / path for path in self._paths(job, record))
        written = all(os.path.exists(path) for path in places)  # noqa: PTH110
        return written and is_done(record, job, self.settings)

    def _forget(self, job: Job, but: Collection[str] = ()) -> None:
        """Remove our results of the photo's earlier state: they no longer belong to it."""
        record = self.journal.get(job.name)
        if record is not None:
            for path in set(self._paths(job, record)).difference(but):
                with suppress(OSError):
                    (self.work.out / path).unlink(missing_ok=True)

    def _forget_changed(self, job: Job, row: PhotoRow) -> None:
        """The same of a photo whose content changed, but for the files that are new. Other rules
        leave the files of earlier ones, which still show this photo, unless told otherwise.
        """
        before = (self.journal.get(job.name) or {}).get("row", {}).get("digest")
        if self.tidy or before not in (None, row.digest):
            self._forget(job, [path for paths in row.files.values() for path in paths])


def row_of(record: Record) -> PhotoRow:
    """The row of a batch's record, its annotations among it."""
    if record["error"] is not None:
        return PhotoRow(record["name"], record["source"], status="failed", error=record["error"])
    return PhotoRow.of_json({**record["row"], "annotations": record["annotations"]})
