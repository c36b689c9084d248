"""S: the random points of a crop that enter the losses (paper, section 3.1).

Points live on the network's grid. Cell j of the stride-4 grid lies exactly on crop pixel 4j, so a
label map is brought to the grid by taking every fourth pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmlseg_core.model import STRIDE
from dmlseg_core.train.data import Sample


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one crop, padded to a fixed number S so that crops can be batched.

    Attributes:
        index: (S,) int64, flat grid cell of each point (0 where padded).
        size: (S,) float32, points of its own group in S; 0 marks padding.
    """

    index: np.ndarray
    size: np.ndarray


def to_grid(labels: np.ndarray) -> np.ndarray:
    """(..., H, W) label maps to the grid's cell centres: (..., h, w)."""
    return np.ascontiguousarray(labels[..., ::STRIDE, ::STRIDE])


def group_map(sample: Sample, rng: np.random.Generator) -> np.ndarray:
    """The label map whose groups get K points each: parts where known, objects, or human regions.

    Where several people drew regions one of them is chosen at random; a part map is the last.

    Returns:
        (h, w) integer labels; -1 void; 0 background unless the set is a partition.
    """
    maps = to_grid(sample.partitions)
    if sample.rule.partition:
        return maps[rng.integers(len(maps))]  # type: ignore[no-any-return]
    if len(maps) == 1:
        return maps[0]  # type: ignore[no-any-return]
    objects, parts = maps[0], maps[-1]
    rest = (objects > 0) & (parts <= 0)  # pixels of no part are still pixels of the object
    return np.where(rest, parts.max(initial=0) + objects, parts)  # type: ignore[no-any-return]


def sample_points(
    sample: Sample, points: int, max_groups: int, background: int, rng: np.random.Generator
) -> Points:
    """Draw K points from each of at most `max_groups` groups, and `background` from outside them.

    A group smaller than K gives all it has.
    """
    groups = group_map(sample, rng).ravel()
    labels = np.unique(groups[groups >= 0])
    outside = 0 if not sample.rule.partition else -1
    inside = labels[labels != outside]
    if len(inside) > max_groups:
        inside = rng.choice(inside, max_groups, replace=False)
    chosen = [_draw(np.flatnonzero(groups == label), points, rng) for label in inside]
    if not sample.rule.partition:
        chosen.append(_draw(np.flatnonzero(groups == 0), background, rng))
    return _padded(chosen, points * max_groups + background)


def _draw(cells: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(cells, min(count, len(cells)), replace=False)


def _padded(chosen: list[np.ndarray], total: int) -> Points:
    index = np.zeros(total, np.int64)
    size = np.zeros(total, np.float32)
    if chosen:
        flat = np.concatenate(chosen)
        index[: len(flat)] = flat
        size[: len(flat)] = np.repeat([len(c) for c in chosen], [len(c) for c in chosen])
    return Points(index, size)
