"""The process that talks with Ray: a pickled question in, answers out, one JSON line each.

Ray Data maps over paths. Each actor holds one network, reads photos and writes their files itself;
only jobs (a path) and rows (a few kilobytes) travel, so the object store never fills and nothing is
spilled. A lost worker or machine is Ray's to replace: what it had in hand is done again.

    ["row", number, row]   a photo's row
    ["stopped", sentence]  what the next photo would meet as well: the disk is full
    ["cluster", sentence]  there is no cluster
    ["end"]
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, BinaryIO

from dmlseg_core.errors import ClusterError, one_line
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.scale.ray_actor import PhotoActor, line_of
from dmlseg_core.folder.work import Work

_BLOCKS, _MOST = 16, 64
"""Blocks per actor, so that all end together; jobs of a block at most, as a lost one is redone."""

_PATIENCE = 10
"""Seconds that a cluster's machine has to answer a call."""


def _connect(address: str | None) -> Any:
    ray: Any = import_module("ray")  # an extra: no type of it is known where it is not installed
    import_module("ray.data")
    address = address or os.environ.get("RAY_ADDRESS") or None
    own = {} if address else {"include_dashboard": False}
    try:
        _reach(address or "")
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except (RuntimeError, ValueError, OverflowError, OSError) as error:
        reason = one_line(str(error).strip().partition("\n")[0], 300)
        place = address or "this machine"
        raise ClusterError(f"no Ray cluster answers at {place}: {reason}") from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def _reach(address: str) -> None:
    """OSError where nobody listens at "HOST:PORT": Ray would try again for a quarter of an hour."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():  # "auto" and "local" are for Ray to find
        with socket.create_connection((host.strip("[]"), int(port)), _PATIENCE):
            pass


def _answers(
    ray: Any, jobs: Sequence[Job], work: Work, actors: int | None, gpus: float
) -> Iterator[bytes]:
    actors = min(actors or _fit(ray.cluster_resources(), gpus), len(jobs))
    size = max(1, min(_MOST, len(jobs) // (_BLOCKS * actors)))
    # pickled: a path need not be valid Unicode, as Arrow's strings are
    items = [{"job": pickle.dumps((number, job))} for number, job in enumerate(jobs)]
    paths = ray.data.from_items(items, override_num_blocks=-(-len(items) // size))
    answers = paths.map_batches(
        PhotoActor, fn_constructor_args=(pickle.dumps(work),), batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=actors), num_cpus=1, num_gpus=gpus,
    )  # fmt: skip
    return (item["answer"] for item in answers.iter_rows())


def _fit(there: dict[str, float], gpus: float) -> int:
    """Actors that the cluster has room for."""
    room = there.get("GPU", 0.0) / gpus if gpus else there.get("CPU", 1.0)
    if room < 1:
        raise ClusterError(
            f"the Ray cluster has {there.get('GPU', 0):g} GPUs, an actor asks for {gpus:g}; "
            "ask for fewer, or for none"
        )
    return int(room)


def _leave_when(asker: BinaryIO) -> None:
    """End with the process that asked, however it ends."""
    asker.read()
    os._exit(1)


def main() -> None:
    """Answer one question."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever Ray prints is no answer
    jobs, work, address, actors, gpus = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_leave_when, args=(sys.stdin.buffer,), daemon=True).start()
    try:
        ray = _connect(address)
        for line in _answers(ray, jobs, work, actors, gpus):
            answers.write(line)
        answers.write(line_of("end"))
        ray.shutdown()
    except ClusterError as error:
        answers.write(line_of("cluster", str(error)))


if __name__ == "__main__":
    main()
