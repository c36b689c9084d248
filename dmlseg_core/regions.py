"""A whole photo as a hierarchy of regions: walls, floors and skies have edges, but no seed.

Superpixels that follow the photo's edges are merged, the most alike neighbours first. How alike two
regions are is a logistic regression on what the network and the photo say of them; its target is
the share of people who draw a boundary there (`train.fit_regions`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import LEVEL
from dmlseg_core.errors import ParameterError
from dmlseg_core.preprocess import Frame
from dmlseg_core.regions_measure import Adjacency, features, measure

WEIGHTS: tuple[float, ...] = (2.555, 1.197, 0.799, 0.194)
BIAS = -4.153
"""Of FEATURES, in the logistic regression: `python -m dmlseg_core.train.fit_regions` fits them."""


@dataclass(frozen=True, eq=False)
class RegionTree:
    """Nested partitions of a photo.

    Attributes:
        superpixels: (h, w) int32, numbered from 0.
        merges: (M, 2) int32 pairs (source, target) of superpixels that stand for their regions, in
            order: the source's region becomes part of the target's.
        levels: (M,) float64 in [0, 1], ascending: the probability that people draw a boundary
            between the two.
        photo_size: (H, W).
    """

    superpixels: NDArray[np.int32] = field(repr=False)
    merges: NDArray[np.int32] = field(repr=False)
    levels: NDArray[np.float64] = field(repr=False)
    photo_size: tuple[int, int]

    def cut(self, level: float) -> NDArray[np.int32]:
        """The partition in which every boundary is at least this probable.

        Args:
            level: in (0, 1); a higher one gives fewer regions, nested in those of a lower one.

        Returns:
            (H, W) int32 region numbers, from 0 on without gaps.

        Raises:
            ParameterError: a level outside (0, 1).
        """
        done = np.searchsorted(self.levels, LEVEL.check(level), side="right")
        region = np.arange(self.superpixels.max() + 1)
        for source, target in self.merges[:done][::-1]:  # the last merge names the whole region
            region[source] = region[target]
        numbers = np.unique(region, return_inverse=True)[1].astype(np.int32)
        height, width = self.photo_size
        labels = numbers[self.superpixels]
        return np.asarray(
            cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.int32
        )


class Grower:
    """Merges the least separate pair of regions until one is left.

    Args:
        found: superpixels.
        weights, bias: of FEATURES in the logistic regression.
    """

    def __init__(
        self, found: Adjacency, weights: tuple[float, ...] = WEIGHTS, bias: float = BIAS
    ) -> None:
        self.found, self.weights, self.bias = found, np.array(weights), bias
        # a region's row is that of the superpixel that it is named by
        self.sums = found.sums.copy()
        self.merges: list[tuple[int, int]] = []
        self.heights: list[float] = []

    def tree(self, photo_size: tuple[int, int]) -> RegionTree:
        """The whole hierarchy, for a photo of (H, W) pixels."""
        from skimage.graph import RAG, merge_hierarchical  # noqa: PLC0415 - a click needs no skimage

        graph: Any = RAG()  # type: ignore[no-untyped-call]
        for number in range(len(self.sums)):
            graph.add_node(number, labels=[number])
        for (a, b), stats in zip(self.found.pairs.tolist(), self.found.edges, strict=True):
            graph.add_edge(a, b, **self.edge(a, b, stats))
        merge: Any = merge_hierarchical  # untyped in scikit-image 0.26
        merge(self.found.labels, graph, np.inf, False, True, self.join, self.weigh)
        levels = 1 / (1 + np.exp(-np.maximum.accumulate(np.array(self.heights, np.float64))))
        pairs = np.array(self.merges, np.int32).reshape(-1, 2)
        return RegionTree(self.found.labels.astype(np.int32), pairs, levels, photo_size)

    def edge(self, a: int, b: int, stats: NDArray[np.float64]) -> dict[str, Any]:
        """What the graph holds of a touching pair: "weight" is the logit of a boundary there."""
        ours, theirs = self.sums[a : a + 1], self.sums[b : b + 1]
        seen = features(ours, theirs, stats[None], self.found.labels.size)[0]
        return {"weight": float(seen @ self.weights + self.bias), "stats": stats, "features": seen}

    def join(self, graph: Any, source: int, target: int) -> None:
        """`source` becomes part of `target`."""
        self.merges.append((source, target))
        self.heights.append(graph[source][target]["weight"])
        self.sums[target] += self.sums[source]

    def weigh(self, graph: Any, source: int, target: int, other: int) -> dict[str, Any]:
        """The edge of a region that has just been joined to one of its neighbours."""
        both = [graph[n][other]["stats"] for n in (source, target) if graph.has_edge(n, other)]
        return self.edge(target, other, sum(both[1:], both[0]))


def region_tree(embedding: NDArray[np.float32], frame: Frame, rgb: NDArray[np.uint8]) -> RegionTree:
    """The hierarchy of an analysed photo.

    Args:
        embedding: (D, h, w).
        frame: where the grid lies on the photo.
        rgb: (H, W, 3) uint8, that photo.

    Raises:
        ParameterError: another size or dtype than the analysed photo's.
    """
    if rgb.shape != (*frame.photo_size, 3) or rgb.dtype != np.uint8:
        raise ParameterError(
            f"expected the analysed photo, uint8 of shape {(*frame.photo_size, 3)}; got "
            f"{rgb.dtype} {rgb.shape}"
        )
    return Grower(measure(embedding, frame, rgb)).tree(frame.photo_size)
