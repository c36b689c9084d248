"""What runs on each machine of a Ray cluster."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from dmlseg_core.errors import DmlsegError, ExportError
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.journal import Place
from dmlseg_core.folder.one import run_one
from dmlseg_core.folder.work import Work

Batch: TypeAlias = dict[str, Sequence[bytes]]


class PhotoActor:
    """One network on one machine: jobs in, answers out."""

    def __init__(self, work: bytes) -> None:
        import cv2  # noqa: PLC0415 (the driver needs neither)
        import torch  # noqa: PLC0415

        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.work, self.fault = pickle.loads(work), ""
        try:
            self.work = replace(self.work, place=_place_here(self.work))
            self.work.load()
        except DmlsegError as error:  # Ray would begin it again, for ever
            self.fault = str(error)

    def __call__(self, batch: Batch) -> dict[str, list[bytes]]:
        """Answers of jobs."""
        return {"answer": [self._answer(*pickle.loads(job)) for job in batch["job"]]}

    def _answer(self, number: int, job: Job) -> bytes:
        try:
            if self.fault:
                raise ExportError(self.fault)
            return line_of("row", number, run_one(job, self.work).to_json())
        except DmlsegError as error:
            return line_of("stopped", str(error))


def line_of(*answer: Any) -> bytes:
    """An answer as a line of JSON, ASCII alone: a path need not be valid Unicode."""
    return json.dumps(answer).encode() + b"\n"


def _place_here(work: Work) -> Place | None:
    """The journal as this machine sees it: a shared folder has another device number on each.

    Raises:
        ExportError: the output folder is not on this machine.
    """
    if work.place is None:
        return None
    path, _, inode = work.place
    try:
        status = Path(path).stat()
    except OSError:
        status = None
    if status is None or status.st_ino != inode:
        raise ExportError(
            f"the output folder {work.out} is not to be seen from the machine {os.uname().nodename}"
            "; choose one that all machines of the cluster share"
        )
    return path, status.st_dev, status.st_ino
