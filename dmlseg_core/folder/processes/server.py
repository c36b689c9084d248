"""The server that processes of a pool are forked from.

It imports torch once for all of them, which takes longer than everything else before the first
photo: so it is started as soon as it is known that it will be asked.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import BaseContext

_PRELOADED = ["dmlseg_core.folder.processes.preload"]


def context() -> BaseContext:
    """How processes are started: clean, as a fork of a process with threads may hang."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(_PRELOADED)
    return made


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def start_server(workers: int | None = None) -> None:
    """Start it without waiting for it, where there is one and a batch with so many workers will ask
    for it; it ends with this process.
    """
    if (workers or cores()) > 1 and context().get_start_method() == "forkserver":
        from multiprocessing import forkserver  # noqa: PLC0415 (Windows has none)

        forkserver.ensure_running()
