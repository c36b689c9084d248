"""What a batch would do: photos are looked at, nothing is written into the output folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from dmlseg_core.folder.asked import Batch
from dmlseg_core.folder.engine import in_turn
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


Show: TypeAlias = Callable[[PhotoRow, Path], None]


def make_plan(
    batch: Batch,
    sample: int | None = None,
    tell: Callable[[PhotoRow], None] = lambda _: None,
    show: Show = lambda *_: None,
) -> Plan:
    """Look at a batch's photos; a few of them are painted at once, to measure what that takes.

    Args:
        batch: what is asked.
        sample: at most so many photos, evenly spread; None: all of them.
        tell: called with each photo's row.
        show: called with the row of each photo that was painted, and the temporary folder that its
            files are in until it returns.

    Raises:
        WeightsError: the network cannot be loaded. ExportError: there is no temporary folder.
    """
    jobs = _spread(batch.jobs, sample or len(batch.jobs))
    made = _blank(batch)
    sizes: dict[str, list[int]] = {}

    def add(row: PhotoRow) -> None:
        made.add(row, batch.work)
        if row.error is None:
            sizes.setdefault(row.status, []).append(row.width * row.height)
        tell(row)

    first = _spread(jobs, _PAINTED)
    at_once = {*first}
    rest = [job for job in jobs if job not in at_once]
    with TemporaryDirectory(prefix="dmlseg-plan-") as folder:
        tries = _Tries(batch, batch.work.but(out=Path(folder)), show)
        for row in tries.paint(first):
            add(row)
        others: dict[str, list[Job]] = {}
        for job, row in batch.runner(rest, tries.work.but(outputs=())):
            add(row)
            others.setdefault(row.status, []).append(job)
        for status in set(sizes).difference(tries.costs):  # none of the first was of this kind
            list(tries.paint(_spread(others[status], _PAINTED)))
    tries.measure(made, sizes)
    return made


def _blank(batch: Batch) -> Plan:
    made, rules = Plan(len(batch.jobs)), batch.work.rules
    if rules is not None:
        made.rules = {rules.name_of(k): Count() for k, r in enumerate(rules.rules) if r.ways}
        if any(rule.find.like is not None for rule in rules.rules):
            own = [r.find.like.threshold for r in rules.rules if r.find.like is not None]
            made.thresholds = {t: Count() for t in sorted({*THRESHOLDS, *own})}
    return made


def _spread(jobs: Sequence[Job], count: int) -> list[Job]:
    """So many of them, one at least, evenly spread; a shard may have none."""
    count = min(max(1, count), len(jobs))
    return [jobs[k * len(jobs) // count] for k in range(count)]


@dataclass
class _Tries:
    """Photos done for good, in a temporary folder.

    Attributes:
        work: of the folder.
        costs: status, as photos with nothing to recolor take less -> pixels, seconds and bytes of
            each photo.
    """

    batch: Batch
    work: Work
    show: Show
    costs: dict[str, list[tuple[int, float, int]]] = field(default_factory=dict)

    def paint(self, jobs: Sequence[Job]) -> Iterator[PhotoRow]:
        """Their rows; other machines do not see the folder, so a cluster's photos are done here."""
        runner = in_turn if self.batch.run.engine == "ray" else self.batch.runner
        for _, row in runner(jobs, self.work):
            if row.error is None:
                cost = row.width * row.height, sum(row.seconds.values()), self._size(row)
                self.costs.setdefault(row.status, []).append(cost)
                self.show(row, self.work.out)
            yield row

    def _size(self, row: PhotoRow) -> int:
        return sum((self.work.out / p).stat().st_size for ps in row.files.values() for p in ps)

    def measure(self, made: Plan, sizes: Mapping[str, Sequence[int]]) -> None:
        """Scale what they took to all photos, by the pixels of those that were looked at."""
        made.painted = sum(map(len, self.costs.values()))
        if not made.painted:
            return
        seconds = size = 0.0
        for status, costs in self.costs.items():
            pixels, times, bytes_ = (sum(column) for column in zip(*costs, strict=True))
            share = sum(sizes.get(status, ())) / max(1, pixels)
            seconds, size = seconds + share * times, size + share * bytes_
        scale = made.photos / made.looked
        made.seconds = round(scale * seconds / (self.batch.run.workers or 1), 3)
        made.bytes = round(scale * size)
