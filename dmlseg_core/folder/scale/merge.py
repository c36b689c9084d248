"""`dmlseg merge`: the shards of a batch, done on several machines, as one batch.

All is checked before anything is written. Files are linked where the disk can, else copied, and
each photo is recorded when its files are there: a merge that was cut short goes on when it is run
again, and so does a batch in the merged folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.folder.journal import Journal, Record
from dmlseg_core.folder.report.run_file import read_run
from dmlseg_core.folder.report.tables import write_tables
from dmlseg_core.folder.scale.parts import (
    Told,
    missing,
    refuse_other_questions,
    refuse_other_weights,
    run_of,
)
from dmlseg_core.folder.scale.shard import Shard
from dmlseg_core.photo import whole_file


@dataclass(frozen=True)
class Merged:
    """What a merged folder holds.

    Attributes:
        photos: how many, failed ones too.
        missing: shards that are not in it, of those whose others are: "2/3".
    """

    photos: int
    missing: tuple[str, ...] = ()


def merge(shards: Sequence[str | Path], out: str | Path, *, polygons: bool = False) -> Merged:
    """Bring the results of several output folders together; these are only read.

    A photo that several of them have is taken from the first that did it.

    Args:
        shards: output folders of `dmlseg batch`.
        out: a new folder, or one that an earlier merge made.
        polygons: `instances.json` holds polygons instead of run lengths.

    Raises:
        ParameterError: a folder is none of a batch, lies in `out` or the other way round; two of
            them were made with other weights, are shards that were asked for different things,
            or have a photo under one name that is another one or was made with other settings.
        ExportError: the results cannot be written.
    """
    found = [Shard(Path(path)) for path in shards]
    if not found:
        raise ParameterError("give the output folders that shall be merged")
    for shard in found:
        _refuse_inside(shard.folder, Path(out))
    told: Told = [*_earlier(Path(out)), *((shard.folder, shard.run) for shard in found)]
    refuse_other_weights(told)
    refuse_other_questions(told)
    chosen = _chosen(found)
    with Journal(Path(out) / "instances.jsonl") as journal:
        _refuse_others(journal, chosen)
        for name, shard in sorted(chosen.items()):
            _take(shard, shard.record(name), journal)
        run = run_of(told)
        write_tables(journal, run, polygons=polygons)
        return Merged(sum(1 for _ in journal), missing(run.parts))


def _earlier(out: Path) -> Told:
    """What was merged into the folder before; nothing where that was cut short."""
    with suppress(ParameterError):
        return [(out, read_run(out / "run.json"))]
    return []


def _refuse_inside(shard: Path, out: Path) -> None:
    one, other = shard.resolve(), out.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ParameterError(
            f"{shard} and the output folder {out} lie in one another; choose a folder beside them"
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
    if not os.path.isfile(source):  # noqa: PTH113 (Path.is_file raises where nobody may look)
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
