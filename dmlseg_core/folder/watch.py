"""A hot folder: photos are done as they come, each when it is there as a whole."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from dmlseg_core.folder.asked import Batch, Clock, Result
from dmlseg_core.folder.engine import Engine
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.journal import Journal
from dmlseg_core.folder.report.tables import write_tables

_PAUSE = 1.0
"""Seconds between two looks at the folders."""
_EMPTY = 10.0
"""Seconds after which an empty file is taken for what it is: a copy begins with none."""


def watched(batch: Batch) -> Generator[Result]:
    """As `Batch.results`, of the photos that come, until closed or interrupted.

    A file is taken when size and time are what they were at the look before; one that failed, when
    they changed. Tables are written whenever all that came is done.

    Raises:
        ExportError, WeightsError: see there.
    """
    with Journal(batch.work.out / "instances.jsonl") as journal:
        engine, clock, gate = Engine(journal, batch.work, batch.settings), Clock(), _Gate()
        try:
            while True:
                start = time.monotonic()
                todo = engine.todo(gate.passed(batch.find()))
                with closing(engine.run(todo, batch.runner)) as rows:
                    yield from clock.counted(rows)
                if todo:
                    write_tables(journal, clock.told(batch.run), polygons=batch.polygons)
                else:  # a folder that takes long to look at is not looked at all the time
                    time.sleep(max(_PAUSE, time.monotonic() - start))
        except (KeyboardInterrupt, GeneratorExit):
            run = clock.told(batch.run, interrupted=True)
            write_tables(journal, run, polygons=batch.polygons)
            raise


@dataclass
class _Gate:
    """Lets each state of a file through once, when it stopped growing.

    Attributes:
        seen: stamp of each name at the last look.
        through: stamp of each name that was let through.
    """

    seen: dict[str, Any] = field(default_factory=dict)
    through: dict[str, Any] = field(default_factory=dict)

    def passed(self, jobs: list[Job]) -> list[Job]:
        stamps = {job.name: job.stamp() for job in jobs}
        ready = [
            job
            for job in jobs
            if (stamp := stamps[job.name]) is not None
            and self.seen.get(job.name) == stamp != self.through.get(job.name)
            and not _young(stamp)
        ]
        self.seen = stamps
        self.through.update({job.name: stamps[job.name] for job in ready})
        return ready


def _young(stamp: list[int]) -> bool:
    """Whether it is an empty file that somebody may be about to fill."""
    return stamp[0] == 0 and time.time() - stamp[1] / 1e9 < _EMPTY
