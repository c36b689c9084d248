"""L = L_e + lambda * L_cls (paper, sections 3.1 and 3.2) and L_iou, as a named dict."""

from __future__ import annotations

import torch
from torch import Tensor

from dmlseg_core.model import Output, distances2, log_dissimilarity, log_similarity
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.targets import Pairs, mask_iou, pair_targets, point_distances2

LOSS_EPSILON = 1e-3  # bounds the gradient of log(1 - sigma) at 1 / sqrt(1e-3), about 32
SHARPNESS = 2.0  # of `membership`: a hard mask's gradient is nowhere, a softer one's everywhere
LEVELS = {"object": 0.25, "part": 0.75}
"""tau at which a segment's mask is asked for where the labels know parts; without parts it is .5:
between the two lies .4, the target similarity of two parts of one object."""
STOPS = (0.75, 0.5, 0.25)
"""tau of a point's three masks in `nested_loss`: part, thing, group."""


def embedding_loss(vectors: Tensor, pairs: Pairs) -> Tensor:
    """Weighted logistic loss on pairs, eq. 2, with w_pq summing to 1 per crop (no further 1/|S|).

    For a soft target t the minimum lies at sigma = t. Crops without pairs count for nothing.

    Args:
        vectors: (B, S, D) embeddings of the sampled points.
        pairs: targets and weights, (B, S, S).
    """
    d2 = distances2(vectors, vectors)
    joined = pairs.target * log_similarity(d2)
    parted = (1 - pairs.target) * log_dissimilarity(d2, LOSS_EPSILON)
    per_crop = -(pairs.weight * (joined + parted)).sum((1, 2))
    counted = (pairs.weight.sum((1, 2)) > 0).sum().clamp_min(1)
    return per_crop.sum() / counted


def classification_loss(logits: Tensor, allowed: Tensor, weight: Tensor) -> Tensor:
    """Softmax cross-entropy against *sets* of classes: -log of the probability of the allowed ones.

    With one allowed class this is eq. 4. An object whose class is unknown allows every class but
    the background; the background of a set that labels VOC's classes only allows `object` too.

    Args:
        logits: (B, T, S, C + 1).
        allowed: (B, T, S, C + 1) bool, at least one per point.
        weight: (B, S) float32.
    """
    chosen = logits.masked_fill(~allowed, -torch.inf).logsumexp(-1)
    loss = (logits.logsumexp(-1) - chosen).mean(1)  # (B, S)
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


def overlap_loss(
    embedding: Tensor, index: Tensor, owner: Tensor, truth: Tensor, tau: Tensor
) -> Tensor:
    """1 - soft IoU of m(p, tau) with p's own segment, mean over the points that have one.

    The pairs of L_e say how far apart two segments are; what a user sees is whether one radius
    holds all of a segment and nothing else. Every cell of the crop takes part, as a member of
    m(p, tau) to the degree of `membership` (soft Jaccard: Rahman & Wang 2016).

    Args:
        embedding: (B, D, h, w).
        index: (B, S) int64 flat cells of the points.
        owner: (B, S) int64 label of p's own segment in `truth`; <= 0: p has none.
        truth: (B, h * w) int64 segments, -1 void.
        tau: (B, S) threshold of each point.
    """
    apart = _apart(point_distances2(embedding, index), owner, truth, tau)
    return _mean_of_owned(apart, owner)


def nested_loss(
    embedding: Tensor, index: Tensor, owner: Tensor, truth: Tensor, pull: float
) -> Tensor:
    """`overlap_loss` of the best of a point's three masks, with a small pull on all of them.

    A point has a part, a thing and a group, and a label is one of the three without saying which:
    the mask that is nearest to it answers for it, so that it does not push the others away
    (multiple choice learning: Guzman-Rivera et al. 2012; SAM, arXiv 2304.02643, does so too).

    Args:
        embedding, index, owner, truth: as `overlap_loss` takes them.
        pull: share, in [0, 1], that the mean over the three has in the loss; without any a mask
            that is never the best learns nothing.
    """
    d2 = point_distances2(embedding, index)
    taus = (d2.new_full(owner.shape, tau) for tau in STOPS)
    apart = torch.stack([_apart(d2, owner, truth, tau) for tau in taus])
    return _mean_of_owned((1 - pull) * apart.amin(0) + pull * apart.mean(0), owner)


def _apart(d2: Tensor, owner: Tensor, truth: Tensor, tau: Tensor) -> Tensor:
    """(B, S): 1 - soft IoU of m(p, tau) with p's own segment; d2 (B, S, P)."""
    inside = membership(d2, tau[..., None]) * (truth >= 0)[:, None]  # (B, S, P)
    own = (truth[:, None] == owner[..., None]).to(inside.dtype)
    inter = (inside * own).sum(-1)
    return 1 - inter / (inside.sum(-1) + own.sum(-1) - inter).clamp_min(1)


def _mean_of_owned(values: Tensor, owner: Tensor) -> Tensor:
    counted = owner > 0
    return (values * counted).sum() / counted.sum().clamp_min(1)


def membership(d2: Tensor, tau: Tensor) -> Tensor:
    """Soft indicator of d2 <= radius2(tau): 1 at d2 = 0, 1/2 at the radius, falls like e^(-2 d2).

    sigmoid(SHARPNESS * (logit(sigma) - logit(tau))), where logit(sigma) = ln 2 - ln(e^d2 - 1).
    """
    log_expm1 = d2 + torch.log(-torch.expm1(-d2 - LOSS_EPSILON))
    return torch.sigmoid(SHARPNESS * (torch.log(2 * (1 - tau) / tau) - log_expm1))


def allowed_classes(batch: dict[str, Tensor], matched: Tensor, num_outputs: int) -> Tensor:
    """(B, T, S, C + 1): the classes a point may take at each tau.

    A point whose mask matches its object takes the object's class (any class where unknown); every
    other point of an object is background; points outside take what their set says of it.
    """
    ids = torch.arange(num_outputs, device=matched.device)
    own = (ids == batch["class_id"][..., None]) | (batch["unknown"][..., None] & (ids > 0))
    outside = (ids == 0) | (batch["open"][..., None] & (ids == num_outputs - 1))
    failed = torch.where((batch["class_id"] > 0)[..., None], ids == 0, outside)
    return torch.where(matched[..., None], own[:, None], failed[:, None])


def compute_losses(
    output: Output, batch: dict[str, Tensor], config: TrainConfig
) -> dict[str, Tensor]:
    """Losses of a batch made by `stream.collate`: {"embedding", "classification", "overlap"}."""
    index = batch["index"]
    e = output.embedding.flatten(2).transpose(1, 2)  # (B, P, D)
    vectors = torch.gather(e, 1, index[..., None].expand(-1, -1, e.shape[-1]))
    pairs = pair_targets(batch["labels"], batch["shares"], batch["size"])
    pick = batch["classified"]  # (B, S'): which of the S points the classification loss uses
    few = {k: torch.gather(batch[k], 1, pick) for k in ("index", "class_id", "unknown", "weight")}
    few |= {"open": batch["open"]}
    taus = config.network.taus
    iou = torch.zeros(len(index), len(taus), pick.shape[1], device=index.device)
    for owner, truth in (("object", "objects"), ("part", "parts")):
        own = torch.gather(batch[owner], 1, pick)
        if (own > 0).any():
            found = mask_iou(output.embedding.detach(), few["index"], own, batch[truth], taus)
            iou = torch.maximum(iou, found)
    logits = output.class_logits.flatten(3)  # (B, T, C + 1, P)
    at = few["index"][:, None, None].expand(-1, *logits.shape[1:3], -1)
    logits = torch.gather(logits, 3, at).transpose(2, 3)  # (B, T, S', C + 1)
    allowed = allowed_classes(few, iou > config.match_iou, logits.shape[-1])
    return {
        "embedding": embedding_loss(vectors, pairs),
        "classification": classification_loss(logits, allowed, few["weight"]),
        "overlap": _overlap(output.embedding, batch, config.nested),
    }


def _overlap(embedding: Tensor, batch: dict[str, Tensor], nested: float) -> Tensor:
    """The overlap loss of every fourth point, of objects and of parts where the labels know them.

    Args:
        embedding: (B, D, h, w).
        batch: made by `stream.collate`.
        nested: pull of `nested_loss`; 0: `overlap_loss`, each kind of label at its own tau.
    """
    few = batch["index"][:, ::4]
    parts = (batch["parts"] > 0).any(1, keepdim=True)  # (B, 1): crops whose labels know parts
    total = embedding.new_zeros(())
    for owner, truth in (("object", "objects"), ("part", "parts")):
        own = batch[owner][:, ::4]
        if (own > 0).any() and nested:
            total = total + nested_loss(embedding, few, own, batch[truth], nested)
        elif (own > 0).any():
            tau = torch.where(parts, LEVELS[owner], 0.5).expand_as(own)
            total = total + overlap_loss(embedding, few, own, batch[truth], tau)
    return total
