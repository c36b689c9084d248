"""Seeds: which pixels speak for an instance (Fathi et al. 2017, section 3.3).

    S_p = max_tau max_{c >= 1} C^tau_pc
    p_t = argmax_p [ log S_p + alpha * log D(p, p_1..t-1) ],  D = min_q ||e_p - e_q||^2

The argmax is exact and over the whole map, and fast because it is lazy (Minoux 1978): D only falls
as seeds are added, so a score computed against fewer seeds is an upper bound, and only pixels that
may still lead are brought up to date.
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
from dmlseg_core.model import distances2, radius2, tau_of

_SHARPNESS = 8
_AT_ONCE = 256  # bounds the (seeds, pixels) matrix
_FRONT = 1024
"""Pixels that every pick brings up to date; the others follow when one of them may lead."""


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
    probs = class_probs.numpy()[:, 1:, y, x]  # (T, C)
    row = 0 if tau is None else int(np.argmin([abs(t - tau) for t in taus]))
    best = int(np.argmax(probs if tau is None else probs[row]))
    if tau is None:
        row, best = divmod(best, probs.shape[1])
    value = float(taus[row]) if tau is None else tau
    return Seed(y, x, value, best + 1, float(probs[row, best]))


def click_tau(class_probs: Tensor, taus: Sequence[float], y: int, x: int) -> float:
    """The threshold for a clicked cell: the trained ones, weighted by how likely each is right.

    The mean of the radii d2(tau), weighted by (1 - C^tau_0)^8: close to the best of T where one
    stands out, between them where several do well. The power was chosen on held-out photos
    (docs/paper.md); class names play no part, so that a thing of no known class is not cut short.
    """
    foreground = 1 - class_probs[:, 0, y, x].double().numpy()
    weight = np.maximum(foreground, 1e-6) ** _SHARPNESS
    radii = [radius2(tau) for tau in taus]
    return tau_of(float(np.average(radii, weights=weight)))


class _Picker:
    """Running state of the greedy argmax over the active pixels.

    Only the `front`, the pixels of the best scores, is brought up to date at every pick; the
    others' scores, computed against fewer seeds, are upper bounds, of which `rest` is the largest.
    """

    def __init__(
        self, vectors: Tensor, scores: NDArray[np.float32], alpha: float, floor: float
    ) -> None:
        self.alpha = np.float32(alpha)
        self.pixels = vectors.numpy()
        self.index = np.flatnonzero((scores >= floor) & (scores > 0))
        self.log_s = np.log(scores[self.index])
        self.vectors = self.pixels[self.index]
        self.squares = np.einsum("nd,nd->n", self.vectors, self.vectors)
        self.distance2 = np.full(len(self.index), np.inf, np.float32)
        self.score = self.log_s.copy()
        self.pending: list[int] = []  # seeds that only the front has counted
        self.front: _Front | None = None
        self.rest = np.float32(-np.inf)

    def best(self) -> int | None:
        """Flat index of the next seed; ties go to the smallest one. None when nothing is left."""
        if self.front is None or not self.front.best()[0] > self.rest:
            self._refresh()
        assert self.front is not None
        value, pixel = self.front.best()
        return None if value == -np.inf else pixel

    def add(self, pixel: int) -> None:
        """Count `pixel` among the chosen seeds."""
        if self.alpha == 0:  # 0 * log D is 0 everywhere but on the seed, which is never taken again
            self.score[self.index == pixel] = -np.inf
            self.front = None
            return
        first = not self.pending and np.isinf(self.distance2[:1]).all()
        self.pending.append(pixel)
        if first:  # until now the score was log S alone, which bounds nothing
            self.front = None
        elif self.front is not None:
            self.front.count(self.pixels[pixel], self.alpha)

    def _refresh(self) -> None:
        """Count the pending seeds everywhere, and choose the front anew."""
        if self.pending:
            for pixel in self.pending:
                fresh = _distances2(self.vectors, self.squares, self.pixels[pixel])
                np.minimum(self.distance2, fresh, out=self.distance2)
            self.score = _score(self.log_s, self.distance2, self.alpha)
            self.pending.clear()
        size = min(_FRONT, len(self.score))
        least = np.partition(self.score, -size)[-size] if size else np.float32(0)
        inside = self.score >= least  # a tie at the border is inside
        self.rest = self.score[~inside].max(initial=-np.inf)
        self.front = _Front(
            self.index[inside],
            self.log_s[inside],
            self.vectors[inside],
            self.squares[inside],
            self.distance2[inside],
            self.score[inside],
        )


@dataclass(eq=False)
class _Front:
    """The pixels that are kept up to date, in the order of their index."""

    index: NDArray[np.intp]
    log_s: NDArray[np.float32]
    vectors: NDArray[np.float32]
    squares: NDArray[np.float32]
    distance2: NDArray[np.float32]
    score: NDArray[np.float32]

    def best(self) -> tuple[float, int]:
        """Score and flat index of the leader; ties go to the smallest index."""
        if not len(self.index):
            return -np.inf, -1
        k = int(self.score.argmax())
        return float(self.score[k]), int(self.index[k])

    def count(self, seed: NDArray[np.float32], alpha: np.float32) -> None:
        """Count the vector of one more seed."""
        fresh = _distances2(self.vectors, self.squares, seed)
        closer = np.flatnonzero(fresh < self.distance2)
        self.distance2[closer] = fresh[closer]
        self.score[closer] = _score(self.log_s[closer], fresh[closer], alpha)


def _score(
    log_s: NDArray[np.float32], distance2: NDArray[np.float32], alpha: np.float32
) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):  # log 0 = -inf is meant: such a pixel adds nothing
        return np.asarray(log_s + alpha * np.log(distance2))


def _distances2(
    vectors: NDArray[np.float32], own: NDArray[np.float32], seed: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N, D), (N,), (D,) -> (N,) squared distances to a seed, 0 between equal vectors.

    `own` are the squared lengths of `vectors`.

    A^2 + B^2 - 2AB leaves noise of 1e-6 of A^2 where it should be 0, and equal pixels would no
    longer tie: what comes out that small is computed again by differences.
    """
    d2 = vectors @ (-2 * seed)
    d2 += own
    d2 += seed @ seed
    close = np.flatnonzero(d2 <= 1e-4 * own)
    gaps = vectors[close] - seed
    d2[close] = np.einsum("nd,nd->n", gaps, gaps)
    return np.asarray(d2)


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
        pixel_matrix(embedding), scores, ALPHA.check(alpha), SEEDINESS_FLOOR.check(floor)
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


def nearest_seed(embedding: Tensor, points: Sequence[tuple[int, int]]) -> Tensor:
    """Which of N seeds' vectors is the nearest to each pixel's; ties go to the earlier seed.

    Args:
        embedding: (D, h, w) float32.
        points: N > 0 grid cells (y, x).

    Returns:
        (h, w) int32, index of a seed.
    """
    _, h, w = embedding.shape
    pixels = pixel_matrix(embedding)
    vectors = pixels[torch.tensor([y * w + x for y, x in points])]
    nearest = torch.full((h * w,), torch.inf)
    labels = torch.zeros(h * w, dtype=torch.int32)
    for first in range(0, len(vectors), _AT_ONCE):
        d2, which = distances2(vectors[first : first + _AT_ONCE], pixels).min(0)
        closer = d2 < nearest
        nearest = torch.where(closer, d2, nearest)
        labels = torch.where(closer, which.int() + first, labels)
    return labels.view(h, w)
