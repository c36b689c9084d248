"""Which rule takes which object of a photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dmlseg_core.folder.rules.find import Find, Like
from dmlseg_core.folder.rules.rule import Rules


@dataclass(frozen=True)
class Candidates:
    """What rules look at: the objects of a photo, the surest first.

    Attributes:
        classes, scores: of each object.
        areas: share of the photo's pixels; 0 where others hide all of it.
        similarities: reference -> similarity of each object to it.
        overlaps: the same of their colors, of references that ask for it.
    """

    classes: Sequence[str]
    scores: Sequence[float]
    areas: Sequence[float]
    similarities: Mapping[Like, Sequence[float]] = field(default_factory=dict)
    overlaps: Mapping[Like, Sequence[float]] = field(default_factory=dict)

    def alike(self, like: Like | None, k: int) -> bool:
        """Whether object k is like a reference; without one, any is."""
        if like is None:
            return True
        overlap = self.overlaps[like][k] if like.colors else 1.0
        return like.takes(self.similarities[like][k], overlap)


def assign(found: Candidates, rules: Rules) -> list[int | None]:
    """Number of the rule that takes each object, None where none does.

    Objects without a visible pixel are taken by none.
    """
    taken: list[int | None] = [None] * len(found.classes)
    for number, rule in enumerate(rules.rules):
        free = [k for k, owner in enumerate(taken) if owner is None and found.areas[k] > 0]
        for k in meant(found, rule.find, free):
            taken[k] = number
    return taken


def meant(found: Candidates, find: Find, free: Sequence[int]) -> list[int]:
    """Which of the objects `free` it finds, the surest first."""
    kept = [
        k
        for k in free
        if find.admits(
            found.classes[k], found.scores[k], found.areas[k], alike=found.alike(find.like, k)
        )
    ]
    if find.largest is not None:
        # the surer one of two of the same size: sorted keeps their order
        kept = sorted(sorted(kept, key=lambda k: -found.areas[k])[: find.largest])
    return kept if find.rank is None else kept[find.rank - 1 : find.rank]
