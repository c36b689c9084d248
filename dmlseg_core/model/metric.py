"""THE similarity: one definition shared by loss, masks, seeds and page.

Fathi et al. 2017 (arXiv 1703.10277), eq. 1: sigma(p, q) = 2 / (1 + exp(||e_p - e_q||^2)).
With d2 = ||e_p - e_q||^2 that is 1 - tanh(d2 / 2), so a threshold tau on sigma is a radius on d2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from dmlseg_core.config import TAU
from dmlseg_core.errors import ParameterError

EPSILON = 1e-6
"""Added to d2 before log(1 - sigma): coincident points of different objects give a finite loss."""


def similarity(d2: Tensor) -> Tensor:
    """sigma = 2 / (1 + exp(d2)), eq. 1.

    Args:
        d2: squared L2 distances, any shape, >= 0.

    Returns:
        Same shape, in (0, 1]; exactly 1 at d2 = 0.

    >>> similarity(torch.tensor([0.0, math.log(3)])).tolist()
    [1.0, 0.5]
    """
    return 2 * torch.sigmoid(-d2)


def log_similarity(d2: Tensor) -> Tensor:
    """log sigma = ln 2 - softplus(d2), finite for any finite d2. Same shape, <= 0."""
    return math.log(2) - F.softplus(d2)


def log_dissimilarity(d2: Tensor, epsilon: float = EPSILON) -> Tensor:
    """log(1 - sigma) = log(1 - exp(-d2)) - log(1 + exp(-d2)), without cancellation.

    `epsilon` is added, not clamped: a clamp has no gradient, and two coincident pixels of different
    objects would never part. The gradient with respect to a vector is then at most
    1 / sqrt(epsilon).

    Returns:
        Same shape as `d2`, <= 0, >= about log(epsilon / 2).
    """
    d2 = d2 + epsilon
    return torch.log(-torch.expm1(-d2)) - torch.log1p(torch.exp(-d2))


def radius2(tau: float) -> float:
    """Largest d2 with sigma >= tau: ln(2 / tau - 1).

    Raises:
        ParameterError: tau outside (0, 1).

    >>> [round(radius2(t), 4) for t in (0.25, 0.5, 0.75, 0.9)]
    [1.9459, 1.0986, 0.5108, 0.2007]
    """
    return math.log(2 / TAU.check(tau) - 1)


def tau_of(d2: float) -> float:
    """The tau whose radius is d2: inverse of `radius2`.

    >>> round(tau_of(radius2(0.4)), 12)
    0.4
    """
    falloff = math.exp(-d2)  # exp(d2) would overflow beyond 709
    return 2 * falloff / (1 + falloff)


def squares(vectors: Tensor) -> Tensor:
    """Squared lengths: (..., N, D) -> (..., N), in float32 or wider."""
    wide = vectors if vectors.dtype == torch.float64 else vectors.float()
    # a norm is one pass over memory, square().sum() are two
    lengths: Tensor = torch.linalg.vector_norm(wide, dim=-1)
    return lengths.square()


def distances2(vectors: Tensor, others: Tensor, known: Tensor | None = None) -> Tensor:
    """All squared distances at once, A^2 + B^2 - 2 A.B, in float32 or wider, autocast off.

    bfloat16 would err by 2 at |e| = 10, more than the radius of tau .25, hence the guard.

    Args:
        vectors: (..., N, D).
        others: (..., M, D), same D.
        known: `squares(others)`, where they are asked about again and again.

    Returns:
        (..., N, M), clamped at 0.

    Raises:
        ParameterError: the last dimensions differ.
    """
    if vectors.shape[-1] != others.shape[-1]:
        raise ParameterError(
            f"vectors of one length expected; got {tuple(vectors.shape)} and {tuple(others.shape)}"
        )
    with torch.autocast(vectors.device.type, enabled=False):
        a = vectors if vectors.dtype == torch.float64 else vectors.float()
        b = others if others.dtype == torch.float64 else others.float()
        theirs = squares(b) if known is None else known
        d2: Tensor = squares(a)[..., :, None] + theirs[..., None, :]
        d2.add_(a @ b.transpose(-1, -2), alpha=-2)  # in place: memory is what this waits for
        return F.relu(d2, inplace=True)  # (..., N, M)
