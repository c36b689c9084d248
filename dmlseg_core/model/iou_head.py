"""Which mask of a point is meant: the IoU to expect of m(p, tau), for every tau at once.

The mask-class head says which of the T trained thresholds may give an instance. Between them, and
for parts, which it was never asked about, more can be read off the point's own distances: how its
mask grows with tau, how seedy, of how much one class and how compact what it takes in is. A small
network turns these curves into expected IoUs, as the mask-IoU heads of Mask Scoring R-CNN
(arXiv 1903.00241) and SAM (arXiv 2304.02643) do for one mask at a time. It is no part of the paper;
`dmlseg calibrate` fits it to the weights that it travels with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dmlseg_core.config import DIAL
from dmlseg_core.model.metric import radius2, tau_of

Floats = NDArray[np.float32]

_STEPS = 24
_CELLS = 161
"""Of grids with more cells a side only every second (third, ...) cell is read: clicks stay fast."""
_HIDDEN = (128, 64)
_SPREAD, _REACH = 0.25, 4.0
"""Of real IoUs about the expected ones: deviation, and the steps over which they go together. Two
guesses at a part gain by these on clothing and carparts, train photos: docs/lab/clicks.md."""
_LIMIT = 5.0  # standardized features beyond it are cut: a photo unlike all others stays in range


def radii_of(dial: Sequence[float] = DIAL) -> tuple[float, ...]:
    """K squared distances at which IoU is predicted, ascending: over the dial, part to whole."""
    return tuple(np.geomspace(radius2(dial[1]), radius2(dial[0]), _STEPS).tolist())


def describe_point(
    d2: Floats, class_probs: NDArray[np.floating], y: int, x: int, radii: Sequence[float]
) -> Floats:
    """The features of one point.

    Curves, each a mean over the mask of every radius: log of the mask's share of the grid; the
    foreground probability 1 - C_0 at each tau; the probability of the point's own class; distance
    to the point and its square. Then, of the point alone: foreground and class probabilities, its
    place, and the grid's size.

    Args:
        d2: (h, w) float32 squared distances to the point.
        class_probs: (T, C + 1, h, w) float32.
        y, x: its grid cell.
        radii: K squared distances, a geometric series (`IoUHead.radii`).

    Returns:
        (K * (T + 4) + T + C + 3,) float32.
    """
    mine = class_probs[:, 1:, y, x].max(0)  # (C,)
    grid = d2.shape
    step = math.ceil(max(grid) / _CELLS)  # the point itself stays among the cells that are read
    d2, class_probs = (a[..., y % step :: step, x % step :: step] for a in (d2, class_probs))
    y, x = y // step, x // step
    h, w = d2.shape
    foreground = 1 - class_probs[:, 0]  # (T, h, w)
    own = class_probs[:, 1 + int(mine.argmax())].max(0)  # (h, w)
    down, right = np.arange(h, dtype=np.float32)[:, None] - y, np.arange(w, dtype=np.float32) - x
    away2 = (down**2 + right**2) / max(h, w) ** 2
    ring = _rings(d2, radii).ravel()
    # a histogram for each map: faster than one pass over all of them interleaved
    counts = [np.bincount(ring, minlength=len(radii) + 1).astype(float)]
    for values in (*foreground, own, np.sqrt(away2), away2):
        counts.append(np.bincount(ring, values.ravel(), len(radii) + 1))
    sums = np.cumsum(counts, 1)[:, :-1].T  # (K, T + 4)
    area = np.maximum(sums[:, :1], 1)
    curves = np.hstack([np.log(area / (h * w)), sums[:, 1:] / area])
    place = [y / h, x / w, math.log(grid[0] * grid[1])]
    return np.concatenate([curves.ravel(), foreground[:, y, x], mine, place]).astype(np.float32)


def _rings(d2: Floats, radii: Sequence[float]) -> NDArray[np.intp]:
    """Index of the first radius that holds each cell, K where none does: the radii are a geometric
    series, so a logarithm finds it sooner than a search.
    """
    first, step = math.log(radii[0]), math.log(radii[1] / radii[0])
    steps = (np.log(np.maximum(d2, np.float32(1e-12))) - np.float32(first)) / np.float32(step)
    rings: NDArray[np.intp] = np.clip(np.ceil(steps), 0, len(radii)).astype(np.intp)
    return rings


class Meant(NamedTuple):
    """Taus that a click may mean."""

    object: float
    part: float
    """One guess at it."""
    small_part: float
    large_part: float
    """Two guesses, of which the better one is likely right (`best_pair`)."""
    group: float

    def around(self, tau: float) -> Meant:
        """The same guesses about another object: parts are no larger than it, the group no less."""
        part, small, large = (max(tau, one) for one in self[1:4])
        return Meant(tau, part, small, large, min(tau, self.group))


class IoUHead(nn.Module):
    """Features of a point -> expected IoU of its masks with the whole thing, and with the part.

    Args:
        num_taus: T of the network that it reads.
        num_classes: C.
        dial: taus of its largest and its smallest mask.

    Attributes:
        radii: K squared distances, ascending: the masks that it speaks of.
    """

    mean: Tensor
    scale: Tensor
    fitted: Tensor

    def __init__(self, num_taus: int, num_classes: int, dial: Sequence[float] = DIAL) -> None:
        super().__init__()
        self.radii = radii_of(dial)
        inputs = len(self.radii) * (num_taus + 4) + num_taus + num_classes + 3
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.register_buffer("fitted", torch.tensor(False))
        self.layers = nn.Sequential(
            nn.Linear(inputs, _HIDDEN[0]), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(_HIDDEN[0], _HIDDEN[1]), nn.ReLU(),
            nn.Linear(_HIDDEN[1], 2 * len(self.radii)),
        ).requires_grad_(False)  # `dmlseg calibrate` fits it, after the network  # fmt: skip

    def standardize(self, features: Tensor) -> None:
        """Take mean and scale from (n, inputs) features."""
        self.mean.copy_(features.mean(0))
        self.scale.copy_(features.std(0).clamp_min(1e-3))

    def logits(self, features: Tensor) -> Tensor:
        """(..., inputs) -> (..., 2, K)."""
        standard = ((features - self.mean) / self.scale).clamp(-_LIMIT, _LIMIT)
        raw: Tensor = self.layers(standard)
        return raw.reshape(*raw.shape[:-1], 2, len(self.radii))

    @torch.no_grad()
    def forward(self, features: Tensor) -> Tensor:
        """(..., inputs) -> (..., 2, K) expected IoU in [0, 1]: [0] with the whole, [1] the part."""
        return self.logits(features).sigmoid()

    def meant_by(self, d2: Floats, class_probs: Floats, y: int, x: int) -> Meant:
        """Taus of the masks of a point with the best expected IoU; of groups it knows nothing.

        Args:
            d2, class_probs, y, x: as `describe_point` takes them.
        """
        features = describe_point(d2, class_probs, y, x, self.radii)
        whole, part = self(torch.from_numpy(features)).numpy()
        small, large = best_pair(part)
        indices = [whole.argmax(), part.argmax(), small, large]
        tau, part, small_part, large_part = self.taus[indices].tolist()
        return Meant(tau, part, small_part, large_part, group=tau).around(tau)

    def taus_of(self, features: Floats) -> NDArray[np.float64]:
        """(N, inputs) features of points -> (N, 2) of what `meant_by` says of each: whole, part."""
        return np.asarray(self.taus[self(torch.from_numpy(features)).argmax(2).numpy()])

    @cached_property
    def taus(self) -> NDArray[np.float64]:
        """(K,) of the radii."""
        return np.array([tau_of(radius) for radius in self.radii])


@cache
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Both indices of all pairs i < j, and the spread of the difference of their IoUs."""
    first, second = np.triu_indices(count, 1)
    return first, second, _SPREAD * np.sqrt(2 - 2 * np.exp((first - second) / _REACH))


def best_pair(expected: Floats) -> tuple[int, int]:
    """Indices i < j of the two masks of which the better one is expected to be best.

    Where a head is unsure, two guesses are worth more if they differ. IoUs are taken for normal
    variables that go together the more, the fewer steps lie between their radii; of two such the
    expected maximum is known (Clark 1961, The greatest of a finite set of random variables, eq. 2).

    Args:
        expected: (K,) expected IoU at each radius.
    """
    first, second, apart = _pairs(len(expected))
    a, b = expected[first].astype(float), expected[second].astype(float)
    lead = (a - b) / apart
    below = torch.special.ndtr(torch.from_numpy(lead)).numpy()
    bell = np.exp(-(lead**2) / 2) / math.sqrt(2 * math.pi)
    best = int(np.argmax(a * below + b * (1 - below) + apart * bell))
    return int(first[best]), int(second[best])
