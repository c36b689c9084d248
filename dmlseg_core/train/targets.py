"""What the losses aim at, computed from labels (pairs) and from the current embedding (classes)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dmlseg_core.model import distances2, radius2


class Pairs(NamedTuple):
    """Targets of all pairs of sampled points."""

    target: Tensor  # (B, S, S) float32 in [0, 1]: the similarity asked for
    weight: Tensor  # (B, S, S) float32: w_pq, sums to 1 for every crop that has pairs


def pair_targets(labels: Tensor, shares: Tensor, size: Tensor) -> Pairs:
    """Target similarity and weight w_pq of every pair of points.

    The target is the share of the photo's partitions that join p and q: 1 or 0 for plain objects,
    between them for parts of one object and for regions that people draw differently. Void is left
    out of the share. w_pq is inversely proportional to the numbers of points that the groups of p
    and q have in S (so every pair of groups counts the same), then joined and separated pairs get
    half of the total each: otherwise the N^2 pairs that part would drown the N that join.

    Args:
        labels: (B, R, S) int64 label of each point in each partition; 0 background, -1 void. The
            labels of a partition without background start at 1.
        shares: (B, R) float32 weight of each partition; 0 where padded.
        size: (B, S) float32 points of p's group in S; 0 where padded.
    """
    p, q = labels[..., :, None], labels[..., None, :]  # (B, R, S, 1), (B, R, 1, S)
    known = ((p >= 0) & (q >= 0)) * shares[..., None, None]  # (B, R, S, S)
    total = known.sum(1)
    target = ((p == q) * known).sum(1) / total.clamp_min(1e-6)
    # background is not one object: two of its points may be a wall and a sky
    backgrounds = ((p == 0) & (q == 0)).any(1)
    inverse = torch.where(size > 0, 1 / size.clamp_min(1), 0)
    weight = inverse[:, :, None] * inverse[:, None, :] * ((total > 0) & ~backgrounds)
    weight = weight * ~torch.eye(size.shape[1], dtype=torch.bool, device=size.device)
    joined = (target > 0) * weight
    parted = (target == 0) * weight
    halves = [w / w.sum((1, 2), keepdim=True).clamp_min(1e-6) for w in (joined, parted)]
    present = sum((h.sum((1, 2), keepdim=True) > 0).float() for h in halves)
    return Pairs(target, sum(halves) / torch.as_tensor(present).clamp_min(1))


def point_distances2(embedding: Tensor, index: Tensor) -> Tensor:
    """(B, S, h * w) squared distances of every cell to the cells `index` (B, S), flat."""
    e = embedding.flatten(2).transpose(1, 2)  # (B, P, D)
    return distances2(torch.gather(e, 1, index[..., None].expand(-1, -1, e.shape[-1])), e)


@torch.no_grad()
def mask_iou(
    embedding: Tensor, index: Tensor, owner: Tensor, truth: Tensor, taus: tuple[float, ...]
) -> Tensor:
    """IoU of m(p, tau), grown with the current embedding, with the ground-truth segment of p.

    Args:
        embedding: (B, D, h, w).
        index: (B, S) int64 flat cells of the points.
        owner: (B, S) int64 label of p's own segment in `truth`; <= 0: p has none.
        truth: (B, h * w) int64 segments, -1 void.
        taus: ascending.

    Returns:
        (B, T, S) float32; 0 where p has no segment.
    """
    d2 = point_distances2(embedding, index)
    d2.masked_fill_((truth < 0)[:, None], torch.inf)
    own = truth[:, None] == owner[..., None]  # (B, S, P)
    own_d2 = d2.masked_fill(~own, torch.inf)
    own_area = own.sum(-1)
    ious = []
    for tau in taus:
        radius = radius2(tau)
        inter = (own_d2 <= radius).sum(-1)
        area = (d2 <= radius).sum(-1)
        ious.append(inter / (area + own_area - inter).clamp_min(1))
    return torch.stack(ious, 1) * (owner > 0)[:, None]
