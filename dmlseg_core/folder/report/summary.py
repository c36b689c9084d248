"""What a report says of a whole batch, gathered in one pass and in constant memory."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from dmlseg_core.folder.rows import InstanceRow, PhotoRow

SHOWN, SLOWEST, FAILED, OBJECTS = 2000, 10, 200, 40
"""Photos of the contact sheet, rows of the two lists, objects told of one photo: more nobody reads
and no browser lays out; instances.csv and failures.csv hold all."""
_STEPS = 100
"""Delta-E is counted in steps of 1 / _STEPS: exact enough for a median, small for any batch."""


@dataclass
class Spread:
    """Numbers, known by how often each came."""

    counts: Counter[int] = field(default_factory=Counter)
    highest: float = 0.0

    def add(self, value: float) -> None:
        """Count a number, >= 0."""
        self.counts[round(value * _STEPS)] += 1
        self.highest = max(self.highest, value)

    def quantile(self, share: float) -> float:
        """The number below which `share` (0..1) of all lie, between two of them as numpy, pandas
        and spreadsheets have it; 0 where there are none.
        """
        place = share * (self.counts.total() - 1)
        if place < 0:
            return 0.0
        low = self._at(int(place))
        step = low + (place % 1) * (self._at(math.ceil(place)) - low)
        return min(step / _STEPS, self.highest)

    def _at(self, place: int) -> int:
        """The number at a place of all in order, from 0 on, in steps."""
        for step in sorted(self.counts):
            place -= self.counts[step]
            if place < 0:
                return step
        raise IndexError(place)


@dataclass
class ColorSummary:
    """What one color of one rule came to."""

    delta_e: Spread = field(default_factory=Spread)
    within_2: int = 0
    missed: int = 0


@dataclass
class Summary:
    """Counts, spreads, and the photos worth looking at; it does not grow with their number.

    Attributes:
        photos: status -> how many.
        objects: found in all photos.
        left: of these, how many no rule took.
        painted: objects recolored, each color by itself, patterns too.
        colors: (rule, swatch, target) -> what it came to, in the order in which they came.
        delta_e: of all recolored objects but those with a pattern, which has no color to meet.
        missed: recolored objects above the limit.
        seconds: stage -> sum over all photos.
        failed: FAILED at most, in the order in which they came.
    """

    photos: Counter[str] = field(default_factory=Counter)
    objects: int = 0
    left: int = 0
    painted: int = 0
    colors: dict[tuple[str, str, str], ColorSummary] = field(default_factory=dict)
    delta_e: Spread = field(default_factory=Spread)
    missed: int = 0
    seconds: Counter[str] = field(default_factory=Counter)
    failed: list[PhotoRow] = field(default_factory=list)
    _sheet: _Best = field(default_factory=lambda: _Best(SHOWN))
    _slowest: _Best = field(default_factory=lambda: _Best(SLOWEST))

    def add(self, row: PhotoRow) -> None:
        """Count a photo."""
        self.photos[row.status] += 1
        if row.status == "failed":
            if len(self.failed) < FAILED:
                self.failed.append(row)
            return
        self.seconds.update(row.seconds)
        _count(self, row.instances)
        brief = replace(row, instances=_worst_first(row.instances)[:OBJECTS], annotations=())
        self._sheet.offer(worst(row), brief)
        self._slowest.offer(total_seconds(row), brief)

    @cached_property
    def sheet(self) -> list[PhotoRow]:
        """Worst Delta-E first, then those without one, as they came; SHOWN at most."""
        return self._sheet.ranked()

    @cached_property
    def slowest(self) -> list[PhotoRow]:
        """SLOWEST at most, slowest first."""
        return self._slowest.ranked()


def worst(photo: PhotoRow) -> float:
    """The largest Delta-E of a photo's objects; -1 where nothing was recolored."""
    return max((r.delta_e for r in photo.instances if r.delta_e is not None), default=-1.0)


def _worst_first(rows: Iterable[InstanceRow]) -> tuple[InstanceRow, ...]:
    return tuple(sorted(rows, key=lambda r: -1.0 if r.delta_e is None else r.delta_e, reverse=True))


def total_seconds(photo: PhotoRow) -> float:
    """Time that a photo took, all stages."""
    return sum(photo.seconds.values())


def _count(found: Summary, rows: Sequence[InstanceRow]) -> None:
    found.objects += len({row.instance for row in rows})
    found.left += sum(row.rule is None for row in rows)
    found.painted += sum(row.painted for row in rows)
    for row in rows:
        if row.delta_e is None:
            continue
        found.delta_e.add(row.delta_e)
        found.missed += row.passed is False
        key = (row.rule or "", row.swatch or "", row.target or "")
        color = found.colors.setdefault(key, ColorSummary())
        color.delta_e.add(row.delta_e)
        color.within_2 += row.delta_e <= 2
        color.missed += row.passed is False


class _Best:
    """The rows of the highest figures; of equal ones those that came first."""

    def __init__(self, size: int) -> None:
        self._size, self._heap = size, list[tuple[float, int, PhotoRow]]()
        self._number = 0

    def offer(self, figure: float, row: PhotoRow) -> None:
        self._number -= 1
        entry = figure, self._number, row
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def ranked(self) -> list[PhotoRow]:
        return [row for *_, row in sorted(self._heap, reverse=True)]


def shares(seconds: Mapping[str, float]) -> dict[str, float]:
    """Stage -> its share of the time, 0..1."""
    total = sum(seconds.values()) or 1.0
    return {stage: value / total for stage, value in seconds.items()}
