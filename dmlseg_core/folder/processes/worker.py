"""What a process of a pool does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.one import run_one
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.folder.work import Work


class _Here:
    """What the process keeps."""

    work: Work


def begin(work: Work, threads: int) -> None:
    """In a new process: so many threads, deaf to Ctrl-C, gone when its parent is."""
    import cv2  # noqa: PLC0415 (the parent needs neither)
    import torch  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _Here.work = work


def _leave_with_parent() -> None:
    """A killed parent tells nobody: its processes would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def do(job: Job) -> PhotoRow:
    """One photo."""
    return run_one(job, _Here.work)
