"""`dmlseg merge`: the shards of a batch, done on several machines, as one batch.

All is checked before anything is written. Files are linked where the disk can, else copied, and
each photo is recorded when its files are there: a merge that was cut short goes on when it is run
again, and so does a batch in the merged folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.folder.journal import Journal, Record
from dmlseg_core.folder.report.run_file import Run
from dmlseg_core.folder.report.tables import write_tables
from dmlseg_core.folder.scale.shard import Shard
from dmlseg_core.photo import whole_file


def merge(shards: Sequence[str | Path], out: str | Path, *, polygons: bool = False) -> int:
    """Bring the results of several output folders together; these are only read.

    A photo that several of them have is taken from the first that did it.

    Args:
        shards: output folders of `dmlseg batch`.
        out: a new folder, or one that an earlier merge made.
        polygons: `instances.json` holds polygons instead of run lengths.

    Returns:
        How many photos the merged folder has, failed ones too.

    Raises:
        ParameterError: a folder is none of a batch, lies in `out` or the other way round; two of
            them were made with other weights, or have a photo under one name that is another one
            or was made with other settings.
        ExportError: the results cannot be written.
    """
    found = [Shard(Path(path)) for path in shards]
    if not found:
        raise ParameterError("give the output folders that shall be merged")
    for shard in found:
        _refuse_inside(shard.folder, Path(out))
    _refuse_other_weights(found)
    chosen = _chosen(found)
    with Journal(Path(out) / "instances.jsonl") as journal:
        _refuse_others(journal, chosen)
        for name, shard in sorted(chosen.items()):
            _take(shard, shard.record(name), journal)
        write_tables(journal, _run_of(found), polygons=polygons)
        return sum(1 for _ in journal)


def _refuse_inside(shard: Path, out: Path) -> None:
    one, other = shard.resolve(), out.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ParameterError(
            f"{shard} and the output folder {out} lie in one another; choose a folder beside them"
        )


def _refuse_other_weights(shards: Sequence[Shard]) -> None:
    first = shards[0]
    for other in shards[1:]:
        if other.run.weights != first.run.weights or other.run.classes != first.run.classes:
            raise ParameterError(
                f"{first.folder} and {other.folder} were made with different weights; "
                "run one of them again with the other's"
            )


def _chosen(shards: Sequence[Shard]) -> dict[str, Shard]:
    """Each photo's name, and the first shard that did it; else the first in which it failed."""
    chosen: dict[str, Shard] = {}
    for shard in shards:
        for name in shard.names():
            other = chosen.get(name)
            if other is None:
                chosen[name] = shard
                continue
            mine, theirs = shard.record(name), other.record(name)
            _refuse_conflict(shard.folder, mine, other.folder, theirs)
            if theirs["error"] is not None and mine["error"] is None:
                chosen[name] = shard
    return chosen


def _refuse_conflict(folder: Path, mine: Record, other: Path, theirs: Record) -> None:
    """Two records of one name must be of one photo and of one question."""
    if mine["settings"] != theirs["settings"]:
        raise ParameterError(
            f"{mine['name']} was made with other settings in {folder} than in {other}; run one of "
            "them again with the other's, or merge them into different folders"
        )
    digests = [r["row"]["digest"] for r in (mine, theirs) if r["error"] is None]
    if len(set(digests)) > 1:
        raise ParameterError(
            f"{mine['name']} is one photo in {folder} and another one in {other}; "
            "merge them into different folders"
        )


def _refuse_others(journal: Journal, chosen: dict[str, Shard]) -> None:
    for name, shard in chosen.items():
        there = journal.get(name)
        if there is not None:
            _refuse_conflict(shard.folder, shard.record(name), journal.path.parent, there)


def _take(shard: Shard, record: Record, journal: Journal) -> None:
    there = journal.get(record["name"])
    if there is not None and there["error"] is None:
        return
    for name in shard.files(record):
        journal.check_place()
        _bring(shard.folder / name, journal.path.parent / name)
    journal.append(record)


def _bring(source: Path, target: Path) -> None:
    """Link or copy a file, whole or not at all.

    Raises:
        ExportError: it is not there any more, or cannot be written.
    """
    if not source.is_file():
        raise ExportError(f"{source} is missing; run the batch that made it again, then merge")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            target.unlink(missing_ok=True)
            # every writer of ours puts a new file in place: nobody writes into a linked one
            os.link(source, target)
            return
        with source.open("rb") as file, whole_file(target) as copy:
            shutil.copyfileobj(file, copy)
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error.strerror or error}") from error


def _run_of(shards: Sequence[Shard]) -> Run:
    """What is told of all of them: the first one's question, and the time that they took."""
    runs = [shard.run for shard in shards]
    workers = [run.workers for run in runs]
    return replace(
        runs[0], options={k: v for k, v in runs[0].options.items() if k != "shard"},
        started=min(run.started for run in runs), seconds=_together(runs), engine="merge",
        workers=None if None in workers else sum(n or 0 for n in workers),
        interrupted=any(run.interrupted for run in runs),
        parts=tuple(
            {"folder": shard.folder.name, "shard": shard.run.options.get("shard"),
             "started": shard.run.started, "seconds": round(shard.run.seconds, 3),
             "engine": shard.run.engine, "workers": shard.run.workers}
            for shard in shards
        ),
    )  # fmt: skip


def _together(runs: Sequence[Run]) -> float:
    """Seconds in which at least one of them ran."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(_spans(runs)):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _spans(runs: Sequence[Run]) -> Iterator[tuple[float, float]]:
    for run in runs:
        start = run.started_at()
        yield start, start + run.seconds
