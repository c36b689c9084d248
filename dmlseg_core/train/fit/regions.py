"""Fit what says how alike two regions are (`DataSheet.region_weights`) to boundaries people draw.

`python -m dmlseg_core.train.fit.regions WEIGHTS SET` writes it into the weights' manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from dmlseg_core.config import Range
from dmlseg_core.errors import DatasetError, DmlsegError
from dmlseg_core.measure import IntArray
from dmlseg_core.model import DataSheet, write_sheet
from dmlseg_core.scene import (
    FEATURES,
    Adjacency,
    Grower,
    Pieces,
    Segmenter,
    features,
    measure,
)
from dmlseg_core.shell import Parser
from dmlseg_core.train.data import open_set, trained_photos

PHOTOS = 60
ROUNDS = 3
"""Each round looks at the pairs that the last one's constants would merge."""


def votes(labels: IntArray, people: Sequence[IntArray]) -> list[NDArray[np.float64]]:
    """By person, (N, regions): pixels of each superpixel in each of the person's regions."""
    flat, count = labels.ravel(), int(labels.max()) + 1
    tables = []
    for drawn in people:
        numbers = np.unique(drawn, return_inverse=True)[1].ravel()
        width = int(numbers.max()) + 1
        table = np.bincount(flat * width + numbers, minlength=count * width)
        tables.append(table.reshape(count, width).astype(np.float64))
    return tables


class _Watcher(Grower):
    """A grower that writes down every pair it weighs, and how many people part it."""

    def __init__(self, found: Adjacency, people: Sequence[IntArray], *constants: Any) -> None:
        super().__init__(found, *constants)
        self.tables = votes(found.labels, people)
        self.rows: list[NDArray[np.float64]] = []  # features, share of people, root of the length

    def weigh(self) -> NDArray[np.float64]:
        a, b = self.pairs.T
        seen = features(self.sums[a], self.sums[b], self.edges, self.found.labels.size)
        drawn = [table.argmax(1) for table in self.tables]
        parted = np.mean([regions[a] != regions[b] for regions in drawn], axis=0)
        self.rows.append(np.column_stack([seen, parted, self.edges[:, 0] ** 0.5]))
        return super().weigh()

    def join(
        self, source: NDArray[np.intp], target: NDArray[np.intp], height: NDArray[np.float64]
    ) -> None:
        super().join(source, target, height)
        for table in self.tables:
            table[target] += table[source]


def minimize(loss: Callable[[], Tensor], w: Tensor, rounds: int) -> None:
    """Set a leaf to where a smooth loss of it is least: L-BFGS, at most so many rounds."""
    optimizer = torch.optim.LBFGS([w], max_iter=rounds, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        now = loss()
        now.backward()  # type: ignore[no-untyped-call]
        return now

    optimizer.step(closure)  # type: ignore[no-untyped-call]


def fit_logistic(
    features: Tensor, target: Tensor, weight: Tensor, penalty: float = 1e-4
) -> tuple[Tensor, float]:
    """Logistic regression with soft targets: weights and bias for the features as they are.

    Args:
        features: (K, F).
        target: (K,) in [0, 1].
        weight: (K,) of each row.
        penalty: of the squared weights of the standardized features.
    """
    mean, spread_ = features.mean(0), features.std(0).clamp_min(1e-9)
    x, w = (features - mean) / spread_, torch.zeros(features.shape[1] + 1, dtype=features.dtype)
    w.requires_grad_(True)
    minimize(
        lambda: (
            F.binary_cross_entropy_with_logits(x @ w[:-1] + w[-1], target, weight)
            + penalty * w[:-1].square().sum()
        ),
        w,
        200,
    )
    slopes = w.detach()[:-1] / spread_
    return slopes, float(w.detach()[-1] - (slopes * mean).sum())


def fit(
    photos: Sequence[tuple[Adjacency, Sequence[IntArray]]], rounds: int = ROUNDS
) -> tuple[tuple[float, ...], float]:
    """A data sheet's region weights and bias, from superpixels and people's partitions of them."""
    start = DataSheet()
    weights, bias = start.region_weights, start.region_bias
    for _ in range(rounds):
        rows = []
        for found, people in photos:
            watcher = _Watcher(found, people, weights, bias)
            watcher.tree(found.labels.shape)
            rows += watcher.rows
        table = torch.from_numpy(np.concatenate(rows))
        slopes, bias = fit_logistic(table[:, :-2], table[:, -2], table[:, -1] / table[:, -1].mean())
        weights = tuple(slopes.tolist())
    return weights, bias


def fit_regions(
    weights: Path, folder: Path, photos: int = PHOTOS
) -> tuple[tuple[float, ...], float]:
    """Write into a weights file's manifest what PHOTOS photos of a training set ask for.

    Args:
        weights: NAME.safetensors, its manifest.json beside it.
        folder: set of human partitions; its train list is read.
        photos: at most so many, spread over the set.

    Returns:
        Region weights and bias.

    Raises:
        WeightsError, DatasetError: a file cannot be read, or the set has objects.
    """
    found, bias = fit(list(_measured(weights, folder, photos)))
    write_sheet(weights, region_weights=found, region_bias=bias)
    return found, bias


def main(words: Sequence[str] | None = None) -> None:
    """Write into the manifest what PHOTOS photos of a training set ask for."""
    parser = Parser(description=__doc__)
    parser.add_argument("weights", type=Path, help="NAME.safetensors")
    parser.add_argument("set", type=Path, help="set of human partitions; its train list is read")
    parser.add_argument("--photos", type=int, default=PHOTOS)
    args = parser.parse_args(words)
    try:
        weights, bias = fit_regions(args.weights, args.set, args.photos)
    except DmlsegError as error:
        parser.exit(1, f"{error}\n")
    named = ", ".join(f"{n} {w:.3f}" for n, w in zip(FEATURES, weights, strict=True))
    print(f"{named}; bias {bias:.3f}")


def _measured(
    weights: Path, folder: Path, photos: int
) -> Iterator[tuple[Adjacency, list[IntArray]]]:
    """Superpixels and people's partitions of at most `photos` photos spread over the set."""
    Range("--photos", 1, 10**6).check(photos)
    segmenter, samples = Segmenter.load(weights), trained_photos(open_set(folder))
    for i in np.unique(np.linspace(0, len(samples) - 1, photos).round().astype(int)):
        sample = samples[int(i)]
        if not sample.rule.partition:
            raise DatasetError(
                f"{folder} has objects: expected a set of human partitions (regions)"
            )
        scene = segmenter.analyze(sample.image)
        found = measure(scene.embedding.numpy(), scene.frame, Pieces.of(sample.image))
        height, width = found.labels.shape
        yield (
            found,
            [
                cv2.resize(p, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
                for p in sample.partitions
            ],
        )


if __name__ == "__main__":
    main()
