"""What is told of a merge: what its parts were asked, when they ran, which shards are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.report.run_file import Run

Part: TypeAlias = Mapping[str, Any]
"""Of run.json: folder, shard as [i, n] or None, started, seconds, fresh, engine, workers; options
where they are not those of the merge.
"""
Told: TypeAlias = Sequence[tuple[Path, Run]]
"""Folders, and what their batches told."""


def run_of(folders: Told) -> Run:
    """What is told of all of them: the first one's question, and the time that they took."""
    runs = [run for _, run in folders]
    asked = _question(runs[0])
    parts = _once([part for folder, run in folders for part in _parts(folder, run, asked)])
    workers, fresh = ([part[key] for part in parts] for key in ("workers", "fresh"))
    return replace(
        runs[0], options=asked, started=min(part["started"] for part in parts),
        seconds=together(parts), engine="merge",
        workers=None if None in workers else sum(workers),
        interrupted=any(run.interrupted for run in runs), parts=parts,
        fresh=None if None in fresh else sum(fresh),
    )  # fmt: skip


def _parts(folder: Path, run: Run, asked: Mapping[str, Any]) -> Sequence[Part]:
    """One, or those that were merged before."""
    if run.parts:
        return run.parts
    told = {
        "folder": folder.name, "shard": run.options.get("shard"), "started": run.started,
        "seconds": round(run.seconds, 3), "engine": run.engine, "workers": run.workers,
        "fresh": run.fresh,
    }  # fmt: skip
    own = _question(run)
    return [told if own == asked else {**told, "options": own}]


def _once(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Each part once; of a shard that was merged again, the later run."""
    found: dict[str, Part] = {}
    for part in parts:
        found[str(part["shard"] or part)] = part
    return tuple(found.values())


def missing(parts: Iterable[Part]) -> tuple[str, ...]:
    """Shards that were not merged, of those whose others were: "2/3"."""
    there: dict[int, set[int]] = {}
    for part in parts:
        if part["shard"] is not None:
            number, count = part["shard"]
            there.setdefault(count, set()).add(number)
    return tuple(f"{k}/{n}" for n in there for k in range(1, n + 1) if k not in there[n])


def refuse_other_weights(folders: Told) -> None:
    """ParameterError where two folders were made by different networks."""
    first, run = folders[0]
    for other, its in folders[1:]:
        if its.weights != run.weights or its.classes != run.classes:
            raise ParameterError(
                f"{first} and {other} were made with different weights; "
                "run one of them again with the other's"
            )


def refuse_other_questions(folders: Told) -> None:
    """ParameterError where two shards were asked for different things: they are of one batch.
    Whole batches may have been asked what they like.
    """
    shards = [(folder, _question(run)) for folder, run in folders if _is_shard(run)]
    for other, its in shards[1:]:
        first, asked = shards[0]
        if odd := [key for key in {**asked, **its} if asked.get(key) != its.get(key)]:
            raise ParameterError(
                f"{first} and {other} are shards of different batches: their {', '.join(odd)} "
                "differ; run one of them again as the other, or merge into different folders"
            )


def _is_shard(run: Run) -> bool:
    return any(part.get("shard") for part in run.parts or [run.options])


def _question(run: Run) -> dict[str, Any]:
    """What was asked, whichever part of it."""
    return {key: value for key, value in run.options.items() if key != "shard"}


def together(parts: Sequence[Part]) -> float:
    """Seconds in which at least one of them ran."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(map(_span, parts)):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _span(part: Part) -> tuple[float, float]:
    try:
        start = datetime.fromisoformat(part["started"]).timestamp()
    except ValueError:
        start = 0.0
    return start, start + part["seconds"]
