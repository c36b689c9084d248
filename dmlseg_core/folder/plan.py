"""What a batch would do: photos are looked at, nothing is written into the output folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dmlseg_core.folder.asked import Batch
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.rows import InstanceRow, PhotoRow
from dmlseg_core.folder.work import Work

THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_PAINTED = 4
"""Photos that are painted, to measure what that takes."""


@dataclass
class Count:
    """Objects, and the photos that they are on."""

    objects: int = 0
    photos: int = 0

    def add(self, objects: int) -> None:
        """One photo's."""
        self.objects += objects
        self.photos += objects > 0


@dataclass
class Plan:
    """What a batch would do.

    Attributes:
        photos: of the batch.
        looked: of these were looked at; figures below are of them, but for `seconds` and `bytes`.
        failed: source and reason of each that could not be read.
        classes: what was found, by class.
        rules: what each rule recolors, by its name.
        thresholds: least likeness -> what it would find, where rules name a reference.
        files: kind -> how many would be written.
        skipped: photos of which nothing would be recolored, with the reason -> how many.
        painted: photos that were painted into a temporary folder, to be measured.
        seconds: that the whole batch would take, about, on a cluster whose size nobody told on one
            actor; None where nothing could be measured.
        bytes: that it would write, about.
    """

    photos: int
    looked: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Count] = field(default_factory=dict)
    thresholds: dict[float, Count] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    painted: int = 0
    seconds: float | None = None
    bytes: int | None = None

    def add(self, row: PhotoRow, work: Work) -> None:
        """Count a photo that was looked at."""
        self.looked += 1
        if row.error is not None:
            self.failed.append((row.source, row.error))
            return
        objects = {one.instance: one for one in row.instances}
        self.classes.update(one.class_name for one in objects.values())
        for name, number in Counter(one.rule for one in objects.values() if one.rule).items():
            self.rules.setdefault(name, Count()).add(number)
        for threshold, count in self.thresholds.items():
            count.add(sum((one.likeness or 0) >= threshold for one in objects.values()))
        self.files.update(_files(row.instances, work))
        if row.status == "empty":
            self.skipped[row.notes[-1]] += 1

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        counts = {name: vars(count) for name, count in self.rules.items()}
        found = {f"{t:g}": vars(count) for t, count in self.thresholds.items()}
        return {**vars(self), "rules": counts, "thresholds": found}


def _files(rows: Sequence[InstanceRow], work: Work) -> Counter[str]:
    """What would be written of a photo, by kind."""
    colored = [row for row in rows if row.swatch is not None]
    plenty = Counter(row.instance for row in colored)
    counts = {
        "labels": 1,
        "overlays": 1,
        # every colorway holds each painted object once
        "recolored": max(plenty.values(), default=0),
        "cutouts": len(rows if work.plain else colored),
    }
    return Counter({kind: counts[kind] for kind in work.outputs if counts[kind]})


def make_plan(
    batch: Batch, sample: int | None = None, tell: Callable[[PhotoRow], None] = lambda _: None
) -> Plan:
    """Look at a batch's photos.

    Args:
        batch: what is asked.
        sample: at most so many photos, evenly spread; None: all of them.
        tell: called with each photo's row.

    Raises:
        WeightsError: the network cannot be loaded. ExportError: there is no temporary folder.
    """
    jobs = _spread(batch.jobs, sample or len(batch.jobs))
    made = Plan(len(batch.jobs))
    rules = batch.work.rules
    if rules is not None:
        made.rules = {rules.name_of(k): Count() for k, r in enumerate(rules.rules) if r.ways}
        if any(rule.find.like is not None for rule in rules.rules):
            own = [r.find.like.threshold for r in rules.rules if r.find.like is not None]
            made.thresholds = {t: Count() for t in sorted({*THRESHOLDS, *own})}
    seen: dict[str, PhotoRow] = {}
    for job, row in batch.runner(jobs, replace(batch.work, outputs=())):
        made.add(row, batch.work)
        seen[job.name] = replace(row, instances=row.instances[:1], annotations=())
        tell(row)
    _measure(made, batch, jobs, seen)
    return made


def _spread(jobs: Sequence[Job], count: int) -> list[Job]:
    """So many of them, one at least, evenly spread; a shard may have none."""
    count = min(max(1, count), len(jobs))
    return [jobs[k * len(jobs) // count] for k in range(count)]


def _measure(made: Plan, batch: Batch, jobs: Sequence[Job], seen: dict[str, PhotoRow]) -> None:
    """Do some photos for good, in a temporary folder, and scale what that took by their pixels:
    those that something is recolored of, and the others, by themselves.
    """
    seconds = size = 0.0
    for status in ("done", "empty"):
        kind = [job for job in jobs if seen[job.name].status == status]
        if not kind:
            continue
        tried = _spread(kind, _PAINTED)
        with TemporaryDirectory(prefix="dmlseg-plan-") as folder:
            work = replace(batch.work, out=Path(folder))
            rows = [row for _, row in batch.runner(tried, work) if row.error is None]
            written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        share = _pixels([seen[job.name] for job in kind]) / max(1, _pixels(rows))
        seconds += share * sum(sum(row.seconds.values()) for row in rows)
        size += share * written
        made.painted += len(rows)
    if made.painted:
        scale = made.photos / made.looked
        made.seconds = scale * seconds / (batch.run.workers or 1)
        made.bytes = round(scale * size)


def _pixels(rows: Sequence[PhotoRow]) -> int:
    return sum(row.width * row.height for row in rows)
