"""Photos in threads of this process, for a server: its network is loaded once, takes one photo at a
time and asks for turns; what comes before and after it uses the cores meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice

from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.one import Negative, read_one, run_one
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.folder.work import Work

_NICE = 5
"""A thread's place behind those that answer people, where the system knows one of threads."""


class Threads:
    """The runner of several threads.

    Args:
        threads: photos at once.
        pixels: of the photos in hand together; a larger one is done alone.
    """

    def __init__(self, threads: int, pixels: int) -> None:
        self.threads, self.room = threads, _Room(pixels)

    def __call__(self, jobs: Iterable[Job], work: Work) -> Iterator[tuple[Job, PhotoRow]]:
        """Rows as they come. Closed, it waits for the photos in hand; they are done again later."""
        work.load()  # here, once
        left, hand = iter(jobs), dict[Future[PhotoRow], Job]()
        with ThreadPoolExecutor(self.threads, initializer=_behind) as pool:
            while True:
                for job in islice(left, self.threads - len(hand)):
                    hand[pool.submit(self._do, job, work)] = job
                if not hand:
                    return
                done, _ = wait(hand, return_when=FIRST_COMPLETED)
                for future in done:
                    yield hand.pop(future), future.result()

    def _do(self, job: Job, work: Work) -> PhotoRow:
        with ExitStack() as held:

            def read() -> Negative:
                negative = read_one(job, work)
                held.enter_context(self.room.taken(negative.photo.width * negative.photo.height))
                return negative

            return run_one(job, work, read)


class _Room:
    """So many pixels at once, or a larger photo alone."""

    def __init__(self, most: int) -> None:
        self.most, self.held, self.changed = most, 0, threading.Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        """Waits until they fit."""
        with self.changed:
            self.changed.wait_for(lambda: not self.held or self.held + pixels <= self.most)
            self.held += pixels
        try:
            yield
        finally:
            with self.changed:
                self.held -= pixels
                self.changed.notify_all()


def _behind() -> None:
    with suppress(AttributeError, OSError):  # Linux gives a thread a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
