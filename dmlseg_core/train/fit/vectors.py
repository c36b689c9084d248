"""Linear classifiers of single embedding vectors, as far as what training made of them goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from dmlseg_core.errors import DatasetError
from dmlseg_core.scene import Segmenter
from dmlseg_core.train.data import Sample, open_set, trained_photos
from dmlseg_core.train.fit.regions import minimize

Floats: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.intp]

PHOTOS = 190
VOID = -1
_POINTS = 100
"""Of each kind in a view of a photo."""
_PENALTY = 1e-4


def fit(vectors: Floats, kinds: Labels, rarer: float = 0.0) -> NDArray[np.float64]:
    """Softmax regression: (K, D + 1) weights and bias of each kind but the first, whose are 0.

    Args:
        vectors: (N, D).
        kinds: (N,) 0 .. K.
        rarer: logarithm of how much rarer kinds 1 .. K are than here.
    """
    x, y = torch.from_numpy(vectors).double(), torch.from_numpy(kinds)
    mean, spread = x.mean(0), x.std(0).clamp_min(1e-9)
    x = (x - mean) / spread
    w = torch.zeros(x.shape[1] + 1, int(y.max()) + 1, dtype=x.dtype, requires_grad=True)
    minimize(
        lambda: F.cross_entropy(x @ w[:-1] + w[-1], y) + _PENALTY * w[:-1].square().sum(), w, 300
    )
    slopes = w.detach()[:-1] / spread[:, None]
    found = torch.cat([slopes, (w.detach()[-1] - mean @ slopes)[None]]).T
    found = (found - found[:1])[1:]
    found[:, -1] -= rarer
    return np.asarray(found.numpy())


def joined(rows: Sequence[tuple[Floats, Labels]]) -> tuple[Floats, Labels]:
    """(N, D) vectors and (N,) kinds of all that was `drawn`."""
    vectors, kinds = zip(*rows, strict=True)
    return np.concatenate(vectors), np.concatenate(kinds)


def rounded(linear: NDArray[np.float64]) -> tuple[float, ...]:
    """Weights and bias as they stand in a data sheet."""
    return tuple(float(f"{v:.4g}") for v in linear)


def part_numbers(folder: Path, names: Sequence[str]) -> list[int]:
    """Numbers of parts in a set's partmap.txt.

    Raises:
        DatasetError: it names no such part.
    """
    path = folder / "partmap.txt"
    lines = path.read_text("utf-8").split() if path.is_file() else []
    known = {name: int(number) for number, _, name in (line.partition(":") for line in lines)}
    if missing := [name for name in names if name not in known]:
        raise DatasetError(f"{path} names no part {' and '.join(missing)}; give a set that does")
    return [known[name] for name in names]


def spread(folder: Path, photos: int) -> Iterator[Sample]:
    """At most so many photos of a set's train list, spread over it."""
    samples = trained_photos(open_set(folder))
    for i in np.unique(np.linspace(0, len(samples) - 1, photos).round().astype(int)):
        yield samples[int(i)]


def drawn(
    segmenter: Segmenter,
    image: NDArray[np.uint8],
    labels: Labels,
    count: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Floats, Labels]]:
    """Vectors of at most _POINTS pixels of each of `count` kinds, and their kinds.

    Args:
        segmenter: of the weights.
        image: (H, W, 3) uint8.
        labels: (H, W) kinds 0 .. count - 1; others are left out.
        count: kinds.
        rng: decides which.
    """
    scene = segmenter.analyze(image)
    for kind in range(count):
        ys, xs = np.nonzero(labels == kind)
        at = rng.choice(ys.size, min(_POINTS, ys.size), replace=False)
        cells = np.array([scene.frame.cell_of(float(ys[k]), float(xs[k])) for k in at], np.intp)
        rows, columns = cells.reshape(-1, 2).T
        yield scene.embedding.numpy()[:, rows, columns].T, np.full(at.size, kind)
