"""Seeds: which pixels speak for an instance (Fathi et al. 2017, section 3.3).

    S_p = max_tau max_{c >= 1} C^tau_pc
    p_t = argmax_p [ log S_p + alpha * log D(p, p_1..t-1) ],  D = min_q ||e_p - e_q||^2

The argmax is exact and over the whole map. It is fast because pixels are kept in tiles of 64 with a
bounding ball: a new seed can lower D only in tiles whose ball it comes closer to than their
farthest pixel is from its nearest seed, and only those are updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dmlseg_core.config import ALPHA, SEEDINESS_FLOOR
from dmlseg_core.errors import ParameterError
from dmlseg_core.similarity import distances2, radius2

_TILE = 8  # pixels a side
_CHUNK = _TILE * _TILE
_SAFE = 1 - 1e-5  # a tile is skipped only when rounding cannot make it matter


@dataclass(frozen=True)
class Seed:
    """One seed in grid coordinates, with what the mask-classification head says of its mask.

    Attributes:
        y: grid row.
        x: grid column.
        tau: similarity threshold of its mask.
        class_id: 1 .. C.
        score: probability that the mask m(p, tau) is an instance of that class.
    """

    y: int
    x: int
    tau: float
    class_id: int
    score: float


def pixel_matrix(embedding: Tensor) -> Tensor:
    """(D, h, w) -> (h * w, D) rows; no copy where pixels' vectors already lie contiguously."""
    return embedding.permute(1, 2, 0).reshape(-1, embedding.shape[0])


def seediness(class_probs: Tensor) -> Tensor:
    """S_p, the best foreground probability over all taus: (T, C+1, h, w) -> (h, w) in [0, 1]."""
    return class_probs[:, 1:].float().flatten(0, 1).flatten(1).amax(0).view(class_probs.shape[-2:])


def describe(
    class_probs: Tensor, taus: Sequence[float], y: int, x: int, tau: float | None = None
) -> Seed:
    """The seed at a grid cell: argmax over tau and c >= 1 of C (ties: smallest tau, then class).

    With `tau` given, the class and score are those of the trained threshold nearest to it, and the
    seed carries `tau` itself.
    """
    probs = class_probs[:, 1:, y, x]  # (T, C)
    row = 0 if tau is None else int(np.argmin([abs(t - tau) for t in taus]))
    best = int(np.argmax(probs.numpy() if tau is None else probs[row].numpy()))
    if tau is None:
        row, best = divmod(best, probs.shape[1])
    value = float(taus[row]) if tau is None else tau
    return Seed(y, x, value, best + 1, float(probs[row, best]))


class _Picker:
    """Running state of the greedy argmax: score and distance of every active pixel, in tiles."""

    def __init__(
        self, vectors: Tensor, scores: NDArray[np.float32], width: int, alpha: float, floor: float
    ) -> None:
        self.alpha = alpha
        self.all_vectors = vectors
        active = np.flatnonzero((scores >= floor) & (scores > 0))
        tiles = active // width // _TILE * (width // _TILE + 1) + active % width // _TILE
        index = active[np.argsort(tiles, kind="stable")]
        spare = -len(index) % _CHUNK  # the last chunk is filled up with copies that never win
        log_s = np.log(scores[index])
        if len(index):
            index = np.concatenate([index, np.repeat(index[-1:], spare)])
            log_s = np.concatenate([log_s, np.full(spare, -np.inf, np.float32)])
        self.index = index.reshape(-1, _CHUNK)
        self.log_s = log_s.reshape(-1, _CHUNK)
        self.score = self.log_s.copy()
        self.top = self.score.max(1)
        self.vectors = vectors[torch.from_numpy(index)].view(-1, _CHUNK, vectors.shape[1])
        self.distance = np.full(self.index.shape, np.inf, np.float32)
        self.farthest = np.full(len(self.index), np.inf, np.float32)
        self.centers = self.vectors.mean(1)
        offsets = self.vectors - self.centers[:, None]
        self.radius = torch.linalg.vector_norm(offsets, dim=2).amax(1).numpy()

    def best(self) -> int | None:
        """Flat index of the next seed; ties go to the smallest one. None when nothing is left."""
        if not len(self.top) or (value := self.top.max()) == -np.inf:
            return None
        tiles = np.flatnonzero(self.top == value)
        return int(self.index[tiles][self.score[tiles] == value].min())

    def add(self, pixel: int) -> None:
        """Count `pixel` among the chosen seeds."""
        if self.alpha == 0:  # 0 * log D is 0 everywhere but on the seed, which is never taken again
            where = np.nonzero(self.index == pixel)
            self.score[where] = -np.inf
            self.top = self.score.max(1)
            return
        vector = self.all_vectors[pixel : pixel + 1]
        gap = _exact_distances(self.centers, vector) - self.radius
        near = np.flatnonzero(gap * _SAFE <= self.farthest)
        fresh = _exact_distances(self.vectors[torch.from_numpy(near)], vector)
        distance = np.minimum(self.distance[near], fresh)
        with np.errstate(divide="ignore"):  # log 0 = -inf is meant: such a pixel adds nothing
            score = self.log_s[near] + np.float32(2 * self.alpha) * np.log(distance)
        self.distance[near], self.score[near] = distance, score
        self.farthest[near], self.top[near] = distance.max(1), score.max(1)


def _exact_distances(vectors: Tensor, vector: Tensor) -> NDArray[np.float32]:
    """(..., D), (1, D) -> (...) L2 distances by differences: exactly 0 between equal vectors.

    A^2 + B^2 - 2AB would leave noise of 1e-5 there, and equal pixels would no longer tie.
    """
    flat = vectors.reshape(-1, vectors.shape[-1])
    result = torch.cdist(vector, flat, compute_mode="donot_use_mm_for_euclid_dist")
    return result.view(vectors.shape[:-1]).numpy()


def pick_seeds(
    embedding: Tensor,
    class_probs: Tensor,
    taus: Sequence[float],
    *,
    budget: int,
    alpha: float,
    floor: float,
    fixed: Sequence[tuple[int, int]] = (),
) -> tuple[Seed, ...]:
    """Greedy seeds of section 3.3, in the order picked; deterministic.

    Without fixed seeds the first is the most seedy pixel. Ties go to the smallest (y, x). A pixel
    whose vector equals a seed's (D = 0) is never picked when alpha > 0: its mask exists already.

    Args:
        embedding: (D, h, w) float32 on the CPU.
        class_probs: (T, C+1, h, w) probabilities, index 0 = background.
        taus: the T thresholds.
        budget: at most this many seeds, fixed ones included (fixed ones are never cut).
        alpha: weight of the diversity term, in [0, 2].
        floor: pixels with S below it are never picked; a fixed seed always is.
        fixed: grid cells (y, x) that come first, a user's seeds.

    Raises:
        ParameterError: shapes that do not fit each other, or a value outside its range.
    """
    _, h, w = embedding.shape
    if class_probs.shape[0] != len(taus) or class_probs.shape[-2:] != (h, w):
        raise ParameterError(
            f"class_probs must be ({len(taus)}, C+1, {h}, {w}); got {tuple(class_probs.shape)}"
        )
    if any(not (0 <= y < h and 0 <= x < w) for y, x in fixed):
        raise ParameterError(f"fixed seeds must lie in the grid of {h} x {w}; got {list(fixed)}")
    scores = seediness(class_probs).flatten().numpy()
    picker = _Picker(
        pixel_matrix(embedding), scores, w, ALPHA.check(alpha), SEEDINESS_FLOOR.check(floor)
    )
    chosen = list(dict.fromkeys(y * w + x for y, x in fixed))
    for pixel in chosen:
        picker.add(pixel)
    while len(chosen) < budget and (pixel := picker.best()) is not None:  # type: ignore[assignment]
        chosen.append(pixel)
        picker.add(pixel)
    return tuple(describe(class_probs, taus, *divmod(pixel, w)) for pixel in chosen)


def cover(embedding: Tensor, scores: Tensor, tau: float) -> tuple[tuple[int, int], ...]:
    """Seeds (y, x), most seedy first, until every pixel is within `tau` of one of them.

    Args:
        embedding: (D, h, w) float32.
        scores: (h, w) seediness; ties go to the smallest (y, x).
        tau: in (0, 1).
    """
    reach = radius2(tau)
    width = embedding.shape[2]
    open_pixels = torch.argsort(scores.flatten(), descending=True, stable=True)
    vectors = pixel_matrix(embedding)[open_pixels]
    chosen: list[tuple[int, int]] = []
    while len(open_pixels):
        y, x = divmod(int(open_pixels[0]), width)
        chosen.append((y, x))
        uncovered = distances2(vectors[:1], vectors)[0] > reach
        uncovered[0] = False  # rounding must not leave the seed itself uncovered
        open_pixels, vectors = open_pixels[uncovered], vectors[uncovered]
    return tuple(chosen)
