"""A whole photo as a hierarchy of regions that follow its edges.

Superpixels are merged, the least separate neighbours first. How separate two regions are is a
logistic regression on what the network and the photo say of them; its target is the share of people
who draw a boundary there (`train.fit.regions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import LEVEL
from dmlseg_core.model import DataSheet
from dmlseg_core.scene.adjacency import Adjacency, Pieces, features, measure
from dmlseg_core.scene.frame import Frame


@dataclass(frozen=True, eq=False)
class RegionTree:
    """Nested partitions of a photo.

    Superpixels are numbered so that every region is a run of consecutive numbers; two superpixels
    are first in one region at the largest gap between them.

    Attributes:
        superpixels: (h, w) int32, numbers 0 .. N - 1.
        cells: (rows, columns) int32, the superpixel at the centre of each cell of the grid.
        gaps: (N - 1,) float32, logit of the probability that people draw a boundary between the
            regions of superpixels k and k + 1 that are merged last.
        photo_size: (H, W).
    """

    superpixels: NDArray[np.int32] = field(repr=False)
    cells: NDArray[np.int32] = field(repr=False)
    gaps: NDArray[np.float32] = field(repr=False)
    photo_size: tuple[int, int]

    def cut(self, level: float) -> NDArray[np.int32]:
        """The partition in which every boundary is more probable than `level`.

        Args:
            level: in (0, 1); the regions of a lower one lie in those of a higher one.

        Returns:
            (H, W) int32 region numbers, from 0 on without gaps.

        Raises:
            ParameterError: a level outside (0, 1).
        """
        limit = np.log(LEVEL.check(level) / (1 - level))
        numbers = np.concatenate([[0], np.cumsum(self.gaps > limit)]).astype(np.int32)
        nearest = (
            (2 * np.arange(side) + 1) * few // (2 * side)
            for side, few in zip(self.photo_size, self.superpixels.shape, strict=True)
        )
        return numbers[self.superpixels][np.ix_(*nearest)]

    def distances2(self, y: int, x: int) -> NDArray[np.float32]:
        """Squared distance of every cell to cell (y, x): (rows, columns), 0 in its own superpixel.

        The d2 at which sigma is the probability that people draw no boundary in between: with
        probability s(g) of one, 2 / (1 + exp(d2)) = 1 - s(g) gives d2 = ln(1 + 2 exp(g)).
        """
        own = int(self.cells[y, x])
        highest = np.empty(len(self.gaps) + 1, np.float32)
        highest[own] = -np.inf
        np.maximum.accumulate(self.gaps[own:], out=highest[own + 1 :])
        np.maximum.accumulate(self.gaps[:own][::-1], out=highest[:own][::-1])
        return np.asarray(np.logaddexp(0, highest + np.float32(np.log(2)))[self.cells])


class Grower:
    """Merges pairs of regions until one is left.

    In a round all pairs are merged that are each other's least separate neighbours: such pairs do
    not get in each other's way, so a round is a handful of array operations.

    Args:
        found: superpixels.
        weights, bias: of FEATURES in the logistic regression.
    """

    def __init__(self, found: Adjacency, weights: Sequence[float], bias: float) -> None:
        self.found, self.weights, self.bias = found, np.array(weights, np.float64), bias
        count = len(found.sums)
        self.logits = np.full(len(found.pairs), np.nan, np.float64)  # not weighed yet
        # a region's row, ends and height stand at one of its superpixels
        self.sums, self.pairs, self.edges = found.sums.copy(), found.pairs, found.edges
        self.first, self.last = np.arange(count), np.arange(count)
        self.height = np.full(count, -np.inf, np.float64)
        self.next, self.gap = np.full(count, -1), np.full(count, np.inf, np.float64)

    def tree(self, photo_size: tuple[int, int]) -> RegionTree:
        """The whole hierarchy, for a photo of (H, W) pixels."""
        start = 0
        while len(self.pairs):
            logits = self.weigh()
            source, target, height = self._mutual(logits)
            self.join(source, target, height)
            start = int(self.first[target[0]])
        order = np.empty(len(self.sums), int)
        for k in range(len(order)):
            order[k], start = start, int(self.next[start])
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        gaps = self.gap[order[:-1]].astype(np.float32)
        labels, cells = (place[m].astype(np.int32) for m in (self.found.labels, self.found.cells))
        return RegionTree(labels, cells, gaps, photo_size)

    def weigh(self) -> NDArray[np.float64]:
        """Logit of a boundary between each touching pair of regions; only new pairs are weighed."""
        new = np.flatnonzero(np.isnan(self.logits))
        a, b = self.pairs[new].T
        seen = features(self.sums[a], self.sums[b], self.edges[new], self.found.labels.size)
        self.logits[new] = seen @ self.weights + self.bias
        return self.logits

    def _mutual(
        self, logits: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Pairs that are each other's least separate neighbour; ties go to the earlier pair."""
        least = np.full(len(self.sums), np.inf, np.float64)
        for side in self.pairs.T:
            np.minimum.at(least, side, logits)
        mutual = np.flatnonzero((logits == least[self.pairs].T).all(0))
        earliest = np.full(len(self.sums), len(logits))
        for side in self.pairs[mutual].T:
            np.minimum.at(earliest, side, mutual)
        mutual = mutual[(mutual == earliest[self.pairs[mutual]].T).all(0)]
        source, target = self.pairs[mutual].T
        return source, target, logits[mutual]

    def join(
        self, source: NDArray[np.intp], target: NDArray[np.intp], height: NDArray[np.float64]
    ) -> None:
        """Each `source` becomes part of its `target`; no region is in two of the pairs."""
        height = np.maximum.reduce([height, self.height[source], self.height[target]])
        self.height[target] = height
        self.next[self.last[target]], self.gap[self.last[target]] = self.first[source], height
        self.last[target] = self.last[source]
        self.sums[target] += self.sums[source]
        name, grown = np.arange(len(self.sums)), np.zeros(len(self.sums), np.bool_)
        name[source], grown[target] = target, True
        pairs = name[self.pairs]
        changed = grown[pairs].any(1)
        self._rename(pairs, np.flatnonzero(~changed), np.flatnonzero(changed))

    def _rename(
        self, pairs: NDArray[np.intp], kept: NDArray[np.intp], changed: NDArray[np.intp]
    ) -> None:
        """The pairs that are left: those `kept`, and after them the `changed` ones, each once."""
        count, ends = len(self.sums), np.sort(pairs[changed], 1)
        apart = ends[:, 0] != ends[:, 1]
        unique, which = np.unique(ends[apart] @ [count, 1], return_inverse=True)
        edges = [np.bincount(which, e, len(unique)) for e in self.edges[changed[apart]].T]
        self.pairs = np.concatenate([pairs[kept], np.stack(np.divmod(unique, count), 1)])
        self.edges = np.concatenate([self.edges[kept], np.stack(edges, 1).astype(np.float64)])
        self.logits = np.append(self.logits[kept], np.full(len(unique), np.nan, np.float64))


def region_tree(
    embedding: NDArray[np.float32], frame: Frame, pieces: Pieces, sheet: DataSheet
) -> RegionTree:
    """The hierarchy of an analysed photo.

    Args:
        embedding: (D, h, w).
        frame: where the grid lies on the photo.
        pieces: `Pieces.of` that photo.
        sheet: of the weights that the embedding comes from.
    """
    found = measure(embedding, frame, pieces)
    return Grower(found, sheet.region_weights, sheet.region_bias).tree(frame.photo_size)
