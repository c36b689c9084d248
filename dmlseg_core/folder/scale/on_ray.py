"""`--engine ray`: the photos of a batch on the machines of a Ray cluster.

Ray runs in a process of its own, `ray_driver`, which sends rows back as lines: where the cluster's
head dies, Ray ends the process that it is in, and it writes its own mind to the terminal. Here
either is one sentence, and the batch has recorded all rows that came before.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO, Any, TypeAlias

from dmlseg_core.config import GPUS
from dmlseg_core.errors import (
    ClusterError,
    ExportError,
    MissingExtraError,
    ParameterError,
    one_line,
)
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.folder.work import Work

Driver: TypeAlias = subprocess.Popen[bytes]
COMMAND: tuple[str, ...] = ("-m", "dmlseg_core.folder.scale.ray_driver")
_GRACE = 20
"""Seconds that a driver has to leave its cluster in order."""


@dataclass(frozen=True)
class RayRunner:
    """A runner (`folder.engine.Runner`) that does jobs on a Ray cluster.

    Args:
        address: of the cluster ("10.0.0.1:6379", "ray://...", "auto"); None: RAY_ADDRESS, else a
            cluster of this machine alone, which ends with the run.
        workers: actors, each with a network; None: one per CPU of the cluster, or per `gpus`.
        gpus: of one actor; a fraction shares a GPU.

    Raises:
        ParameterError: no address, or so many GPUs as no machine has.
    """

    address: str | None = None
    workers: int | None = None
    gpus: float = 0.0

    def __post_init__(self) -> None:
        GPUS.check(self.gpus)
        if not isinstance(self.address, str | None):
            raise ParameterError(f"address is a text such as 10.0.0.1:6379; got {self.address!r}")

    def __call__(self, jobs: Iterable[Job], work: Work) -> Iterator[tuple[Job, PhotoRow]]:
        """Rows as they come, in any order.

        Raises:
            MissingExtraError: ray is not installed.
            ClusterError: there is no cluster at the address, or it went away in the middle.
            ExportError: the disk is full, or the output folder is not on every machine.
        """
        if find_spec("ray") is None:
            raise MissingExtraError("--engine ray needs Ray: pip install '.[ray]'")
        waiting = list(jobs)
        if not waiting:
            return
        with _driver() as (driver, log):
            # the pipe stays open: where this process is killed, its end tells the driver
            _send(driver, (waiting, work, self.address, self.workers, self.gpus))
            for number, row in _answers(driver, log):
                yield waiting[number], PhotoRow.of_json(row)


@contextmanager
def _driver() -> Iterator[tuple[Driver, IO[bytes]]]:
    # a checkout is not installed: the driver and its workers find it where this process did
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100
    environment = {**os.environ, "PYTHONPATH": paths, "RAY_BACKEND_LOG_LEVEL": "error"}
    with tempfile.TemporaryFile() as log:
        driver = subprocess.Popen(
            [sys.executable, *COMMAND], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True,  # Ctrl-C is ours: the driver hears of it when we close
        )  # fmt: skip
        try:
            yield driver, log
        finally:
            _end(driver)


def _end(driver: Driver) -> None:
    for pipe in (driver.stdin, driver.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
    try:
        driver.wait(_GRACE)
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()


def _send(driver: Driver, asked: tuple[Any, ...]) -> None:
    assert driver.stdin is not None
    with suppress(BrokenPipeError):  # it died already: `_answers` tells
        pickle.dump(asked, driver.stdin)
        driver.stdin.flush()


def _answers(driver: Driver, log: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    assert driver.stdout is not None
    for line in driver.stdout:
        kind, *answer = json.loads(line)
        if kind == "end":
            return
        if kind == "stopped":
            raise ExportError(answer[0])
        if kind == "cluster":
            raise ClusterError(answer[0])
        yield answer[0], answer[1]
    raise ClusterError(_gone(log))


def _gone(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    told = f" (Ray's last words: {one_line(lines[-1].strip(), 200)})" if lines else ""
    return (
        "the Ray cluster went away; what was done is kept, and the same command goes on from "
        f"there{told}"
    )
