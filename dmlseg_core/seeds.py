"""Seeds: which pixels speak for an instance (Fathi et al. 2017, section 3.3).

    S_p = max_tau max_{c >= 1} C^tau_pc
    p_t = argmax_p [ log S_p + alpha * log D(p, p_1..t-1) ],  D = min_q ||e_p - e_q||^2

The argmax is exact and over the whole map, and fast because it is lazy (Minoux 1978): D only falls
as seeds are added, so a score computed against fewer seeds is an upper bound. Pixels are kept in
tiles of 64, and only a tile whose bound is the best of all is brought up to date.
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
    """Running state of the greedy argmax: score and distance of every active pixel, in tiles.

    `seen[t]` seeds are counted in tile t; from the first seed on its `top` is an upper bound.
    """

    def __init__(
        self, vectors: Tensor, scores: NDArray[np.float32], width: int, alpha: float, floor: float
    ) -> None:
        self.alpha = alpha
        self.all_vectors = vectors.numpy()
        self.seeds = self.all_vectors[:0]
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
        self.vectors = self.all_vectors[index].reshape(-1, _CHUNK, vectors.shape[1])
        self.distance = np.full(self.index.shape, np.inf, np.float32)
        self.seen = np.zeros(len(self.index), np.int64)

    def best(self) -> int | None:
        """Flat index of the next seed; ties go to the smallest one. None when nothing is left."""
        while len(self.top) and (value := self.top.max()) != -np.inf:
            tiles = np.flatnonzero(self.top == value)
            stale = tiles[self.seen[tiles] < len(self.seeds)]
            if not len(stale):
                return int(self.index[tiles][self.score[tiles] == value].min())
            for tile in stale:
                self._update(slice(tile, tile + 1), self.seeds[self.seen[tile] :])
        return None

    def add(self, pixel: int) -> None:
        """Count `pixel` among the chosen seeds."""
        if self.alpha == 0:  # 0 * log D is 0 everywhere but on the seed, which is never taken again
            where = np.nonzero(self.index == pixel)
            self.score[where] = -np.inf
            self.top = self.score.max(1)
            return
        self.seeds = np.concatenate([self.seeds, self.all_vectors[pixel : pixel + 1]])
        if len(self.seeds) == 1:  # until now the score was log S alone, which bounds nothing
            self._update(slice(None), self.seeds)

    def _update(self, tiles: slice, seeds: NDArray[np.float32]) -> None:
        """Count further seeds in some tiles."""
        fresh = _nearest(self.vectors[tiles], seeds)
        distance = np.minimum(self.distance[tiles], fresh)
        with np.errstate(divide="ignore"):  # log 0 = -inf is meant: such a pixel adds nothing
            score = self.log_s[tiles] + np.float32(2 * self.alpha) * np.log(distance)
        self.distance[tiles], self.score[tiles] = distance, score
        self.top[tiles], self.seen[tiles] = score.max(1), len(self.seeds)


def _nearest(vectors: NDArray[np.float32], seeds: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., D), (N, D) -> (...) L2 distance to the nearest seed, by differences.

    Exactly 0 between equal vectors: A^2 + B^2 - 2AB would leave noise of 1e-5 there, and equal
    pixels would no longer tie. NumPy, because a tile is too small to wake torch's threads for.
    """
    gaps = vectors[..., None, :] - seeds  # (..., N, D)
    squares = np.einsum("...nd,...nd->...n", gaps, gaps)
    return np.asarray(np.sqrt(squares.min(-1)))


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
