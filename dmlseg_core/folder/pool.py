"""Photos in several processes at once, each with the network in one thread.

A process takes a photo from file to files; only rows travel. So decoding, the network, painting and
encoding of different photos overlap by themselves, and nothing waits for a lock.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.one import run_one
from dmlseg_core.folder.rows import PhotoRow, readable_path
from dmlseg_core.folder.work import Work

_AHEAD = 2
"""Photos given to the pool for each process: one in hand, one waiting."""
_PRELOADED = ["dmlseg_core.folder.one", "dmlseg_core.folder.develop.painting",
              "dmlseg_core.folder.develop.likeness"]  # fmt: skip
"""What the processes' server imports, once for all of them."""


class Pool:
    """The runner of several processes.

    A photo that takes its process down (no memory left, a decoder's crash) is that photo's failure.

    Args:
        workers: processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

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
        pool = ProcessPoolExecutor(workers, _context(), initializer=_begin, initargs=(work,))
        try:
            while not lost:
                for job in islice(jobs, _AHEAD * workers - len(hand)):
                    hand[pool.submit(_do, job)] = job
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


def _context() -> multiprocessing.context.BaseContext:
    """Processes begin clean: a fork of a process with threads may hang."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _lost(job: Job) -> PhotoRow:
    told = f"{job.source}: the process that worked on it was killed or crashed; is memory short?"
    return PhotoRow(readable_path(job.name), str(job.source), status="failed", error=told)


class _Here:
    """What a process of the pool keeps."""

    work: Work


def _begin(work: Work) -> None:
    """In a new process: one thread, deaf to Ctrl-C, gone when its parent is."""
    import cv2  # noqa: PLC0415 (the parent needs neither)
    import torch  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _Here.work = work


def _leave_with_parent() -> None:
    """A killed parent tells nobody: its processes would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Job) -> PhotoRow:
    return run_one(job, _Here.work)
