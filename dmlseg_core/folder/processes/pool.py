"""Photos in several processes at once, each with few threads.

A process takes a photo from file to files; only rows travel. So decoding, the network, painting and
encoding of different photos overlap by themselves, and nothing waits for a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.processes.server import context
from dmlseg_core.folder.processes.worker import begin, do
from dmlseg_core.folder.rows import PhotoRow, readable_path
from dmlseg_core.folder.work import Work

_AHEAD = 2
"""Photos given to the pool for each process: one in hand, one waiting."""


class Pool:
    """The runner of several processes.

    A photo that takes its process down (no memory left, a decoder's crash) is that photo's failure.

    Args:
        workers: processes.
        threads: of each; one where there is a process for every core.
    """

    def __init__(self, workers: int, threads: int = 1) -> None:
        self.workers, self.threads = workers, threads

    def __call__(self, jobs: Iterable[Job], work: Work) -> Iterator[tuple[Job, PhotoRow]]:
        """Rows as they come; interrupted, the photos in hand are finished first."""
        left = iter(jobs)
        while True:
            lost: list[Job] = []
            yield from self._round(left, work, self.workers, lost)
            if not lost:
                return
            for job in lost:  # alone: which of them took the process down is known then
                again: list[Job] = []
                yield from self._round(iter([job]), work, 1, again)
                if again:
                    yield job, _lost(job)

    def _round(
        self, jobs: Iterator[Job], work: Work, workers: int, lost: list[Job]
    ) -> Iterator[tuple[Job, PhotoRow]]:
        """Until no job is left, or a process dies: the photos in hand are `lost` then."""
        hand: dict[Future[PhotoRow], Job] = {}
        pool = ProcessPoolExecutor(workers, context(), begin, (work, self.threads))
        try:
            while not lost:
                for job in islice(jobs, _AHEAD * workers - len(hand)):
                    hand[pool.submit(do, job)] = job
                if not hand:
                    return
                done, _ = wait(hand, return_when=FIRST_COMPLETED)
                yield from _finished([(hand.pop(future), future) for future in done], lost)
        except KeyboardInterrupt:
            kept = [(job, future) for future, job in hand.items() if not future.cancel()]
            yield from _finished(kept, lost)
            raise
        except BrokenProcessPool:  # told by `submit`: the job is the last one taken
            lost.append(job)
        finally:
            lost += hand.values() if lost else ()
            pool.shutdown(wait=True, cancel_futures=True)


def _finished(
    done: Iterable[tuple[Job, Future[PhotoRow]]], lost: list[Job]
) -> Iterator[tuple[Job, PhotoRow]]:
    for job, future in done:
        try:
            row = future.result()
        except BrokenProcessPool:
            lost.append(job)
        else:
            yield job, row


def _lost(job: Job) -> PhotoRow:
    told = f"{job.source}: the process that worked on it was killed or crashed; is memory short?"
    return PhotoRow(readable_path(job.name), str(job.source), status="failed", error=told)
