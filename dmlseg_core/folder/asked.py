"""A batch that was asked for: one journal, its tables at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dmlseg_core.folder.engine import Engine, Runner, in_turn
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.journal import Journal
from dmlseg_core.folder.report.run_file import Run
from dmlseg_core.folder.report.tables import write_tables
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.folder.work import Work


@dataclass(frozen=True)
class Result:
    """A photo's row, and whether it was done now or by an earlier run."""

    row: PhotoRow
    fresh: bool


@dataclass(frozen=True)
class Batch:
    """A batch that was asked for and can begin.

    Attributes:
        jobs: its photos, those of other shards left out.
        work: what is asked of each of them.
        settings: of `Work.settings`.
        run: what is told of it in run.json and the report.
        find: finds the photos again, those that came since among them.
        runner: how they are done.
        polygons: `instances.json` holds polygons.
        tidy: a photo's results of other settings are removed when it is done anew.
    """

    jobs: tuple[Job, ...]
    work: Work
    settings: str
    run: Run
    find: Callable[[], list[Job]]
    runner: Runner = in_turn
    polygons: bool = False
    tidy: bool = False

    def results(self) -> Generator[Result]:
        """Every photo: those that an earlier run finished, then the others as they are done.

        Closed or interrupted in the middle, what was done is kept, and another call goes on.

        Raises:
            ExportError: the results cannot be written. WeightsError: the network cannot be loaded.
        """
        with Journal(self.work.out / "instances.jsonl") as journal:
            engine = Engine(journal, self.work, self.settings, tidy=self.tidy)
            todo = engine.todo(self.jobs)
            left = {job.name for job in todo}
            clock = Clock()
            try:
                for job in self.jobs:
                    if job.name not in left:
                        yield Result(engine.row_of(job), fresh=False)
                with closing(engine.run(todo, self.runner)) as rows:
                    yield from clock.counted(rows)
            except (KeyboardInterrupt, GeneratorExit):
                write_tables(
                    journal, clock.told(self.run, interrupted=True), polygons=self.polygons
                )
                raise
            write_tables(journal, clock.told(self.run), polygons=self.polygons)


class Clock:
    """When a run began, how long it took, and how many photos it did in that time."""

    def __init__(self) -> None:
        self.began, self.start, self.fresh = datetime.now(UTC), time.monotonic(), 0

    def counted(self, rows: Iterable[tuple[Job, PhotoRow]]) -> Iterator[Result]:
        """Rows as they are done; those of photos that failed are not counted."""
        for _, row in rows:
            self.fresh += row.error is None
            yield Result(row, fresh=True)

    def told(self, run: Run, *, interrupted: bool = False) -> Run:
        """The run with its times."""
        return replace(
            run, started=self.began.isoformat(timespec="seconds"), interrupted=interrupted,
            seconds=time.monotonic() - self.start, fresh=self.fresh,
        )  # fmt: skip
