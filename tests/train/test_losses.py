"""The losses against slow loops, finite differences and sums done by hand."""

from __future__ import annotations

import math

import pytest
import torch

from dmlseg_core.model.metric import radius2
from dmlseg_core.train.losses import (
    LOSS_EPSILON,
    allowed_classes,
    classification_loss,
    embedding_loss,
)
from dmlseg_core.train.targets import pair_targets

TAUS = (0.25, 0.5, 0.75, 0.9)


def sigma(d2):
    return 2 / (1 + math.exp(d2))


def pair_of(labels, shares, p, q):
    """(target, counts): share of the partitions that join p and q, and whether the pair counts."""
    joined = total = 0.0
    for row, share in zip(labels, shares, strict=True):
        if row[p] == 0 == row[q]:
            return 0.0, False  # background is not one object
        if row[p] >= 0 and row[q] >= 0:
            total += share
            joined += share * (row[p] == row[q])
    return (joined / total, True) if total > 0 else (0.0, False)


def slow_embedding_loss(vectors, labels, shares, size):
    """One crop, pair by pair; None where no pair counts."""
    halves = {True: [], False: []}
    for p in range(len(vectors)):
        for q in range(len(vectors)):
            target, counts = pair_of(labels, shares, p, q)
            if p == q or not counts or not size[p] or not size[q]:
                continue
            d2 = sum((a - b) ** 2 for a, b in zip(vectors[p], vectors[q], strict=True))
            value = target * math.log(sigma(d2))
            value += (1 - target) * math.log(1 - sigma(d2 + LOSS_EPSILON))
            halves[target > 0].append((1 / (size[p] * size[q]), value))
    means = [
        sum(w * v for w, v in half) / sum(w for w, _ in half) for half in halves.values() if half
    ]
    return -sum(means) / len(means) if means else None


def crops(seed, batch=3, partitions=2, points=14):
    """Random labels with void, background and padding."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(-1, 4, (batch, partitions, points), generator=g)
    shares = torch.rand(batch, partitions, generator=g, dtype=torch.float64)
    size = torch.randint(1, 5, (batch, points), generator=g).double()
    size[:, -2:] = 0
    shares[0, 1:] = 0  # a crop with fewer partitions, as `collate` pads it
    labels[0, 1:] = -1
    vectors = torch.randn(batch, points, 3, generator=g, dtype=torch.float64)
    return vectors, labels, shares, size


@pytest.mark.parametrize("seed", range(4))
def test_embedding_loss_equals_a_double_loop(seed):
    vectors, labels, shares, size = crops(seed)
    slow = [
        slow_embedding_loss(*(x.tolist() for x in crop))
        for crop in zip(vectors, labels, shares, size, strict=True)
    ]
    fast = embedding_loss(vectors, pair_targets(labels, shares, size))
    assert fast.item() == pytest.approx(sum(slow) / len(slow), rel=1e-5)


def test_crops_without_pairs_count_for_nothing():
    vectors, labels, shares, size = crops(7)
    size[1], labels[2] = 0, -1
    fast = embedding_loss(vectors, pair_targets(labels, shares, size))
    one = embedding_loss(vectors[:1], pair_targets(labels[:1], shares[:1], size[:1]))
    assert fast.item() == pytest.approx(one.item())
    size[0] = 0
    assert embedding_loss(vectors, pair_targets(labels, shares, size)).item() == 0


@pytest.mark.parametrize("seed", range(3))
def test_weights_sum_to_one_and_halve(seed):
    _, labels, shares, size = crops(seed)
    target, weight = pair_targets(labels, shares, size)
    assert torch.allclose(weight.sum((1, 2)), torch.ones(3, dtype=torch.float64))
    assert torch.allclose((weight * (target > 0)).sum((1, 2)), torch.tensor(0.5).double())
    assert (weight >= 0).all() and torch.equal(weight, weight.transpose(1, 2))
    assert (weight.diagonal(dim1=1, dim2=2) == 0).all()


def test_every_pair_of_groups_weighs_the_same():
    """Objects of 4, 2 and 1 points: what parts them does not depend on their sizes."""
    labels = torch.tensor([[[1, 1, 1, 1, 2, 2, 3]]])
    size = torch.tensor([[4.0, 4, 4, 4, 2, 2, 1]])
    weight = pair_targets(labels, torch.ones(1, 1), size).weight[0]
    groups = ([0, 1, 2, 3], [4, 5], [6])
    sums = [weight[a][:, b].sum().item() for a in groups for b in groups if a != b]
    assert sums == pytest.approx([0.5 / 6] * 6)


def test_background_points_are_parted_from_objects_but_not_joined():
    labels = torch.tensor([[[0, 0, 1]]])
    _, weight = pair_targets(labels, torch.ones(1, 1), torch.tensor([[2.0, 2, 1]]))
    assert weight[0, 0, 1] == 0 and weight[0, 0, 2] > 0


def test_soft_targets_leave_void_out():
    labels = torch.tensor([[[1, 1], [1, 2], [-1, 1]]])
    target, _ = pair_targets(labels, torch.tensor([[0.2, 0.3, 0.5]]), torch.ones(1, 2))
    assert target[0, 0, 1].item() == pytest.approx(0.4)


def two_points(d2, same):
    vectors = torch.tensor([[[0.0], [math.sqrt(d2)]]], dtype=torch.float64)
    labels = torch.tensor([[[1, 1 if same else 2]]])
    return embedding_loss(vectors, pair_targets(labels, torch.ones(1, 1), torch.ones(1, 2))).item()


def test_by_hand():
    """d2 = ln 3 is sigma = 1/2, so either way the loss is ln 2."""
    assert two_points(math.log(3), same=True) == pytest.approx(math.log(2))
    assert two_points(math.log(3), same=False) == pytest.approx(math.log(2), abs=LOSS_EPSILON)
    assert two_points(0, same=True) == pytest.approx(0)
    assert two_points(0, same=False) == pytest.approx(-math.log(math.tanh(LOSS_EPSILON / 2)))
    assert two_points(40, same=False) == pytest.approx(0, abs=1e-9)


def test_coincident_strangers_are_pushed_apart_by_a_bounded_gradient():
    for gap in (1e-4, 1e-2, math.sqrt(LOSS_EPSILON), 0.3):
        vectors = torch.tensor([[[0.0], [gap]]], requires_grad=True)
        pairs = pair_targets(torch.tensor([[[1, 2]]]), torch.ones(1, 1), torch.ones(1, 2))
        embedding_loss(vectors, pairs).backward()
        push = -vectors.grad[0, 1, 0].item()
        assert 0 < push <= 1 / math.sqrt(LOSS_EPSILON)


def test_a_soft_target_is_met_at_sigma_equal_to_it():
    pairs = pair_targets(torch.tensor([[[1, 1], [1, 2]]]), torch.tensor([[0.7, 0.3]]),
                         torch.ones(1, 2))  # fmt: skip
    values = []
    for d2 in (radius2(0.5), radius2(0.7), radius2(0.85)):
        values.append(embedding_loss(torch.tensor([[[0.0], [math.sqrt(d2)]]]), pairs).item())
    assert values[1] < min(values[0], values[2])


def test_gradcheck_of_the_embedding_loss():
    vectors, labels, shares, size = crops(3, batch=2, points=7)
    pairs = pair_targets(labels, shares, size)
    assert torch.autograd.gradcheck(
        lambda v: embedding_loss(v, pairs), vectors.requires_grad_(True)
    )


# ---------------------------------------------------------------- classification


def random_logits(seed):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 4, 5, 6, generator=g, dtype=torch.float64) * 3
    allowed = torch.rand(2, 4, 5, 6, generator=g) < 0.3
    allowed[..., 2] = True
    return logits, allowed, torch.rand(2, 5, generator=g, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_classification_loss_equals_a_loop(seed):
    logits, allowed, weight = random_logits(seed)
    total = 0.0
    for b in range(2):
        for s in range(5):
            for t in range(4):
                row = [math.exp(v) for v in logits[b, t, s].tolist()]
                good = sum(v for v, ok in zip(row, allowed[b, t, s], strict=True) if ok)
                total -= weight[b, s].item() * math.log(good / sum(row)) / 4
    value = classification_loss(logits, allowed, weight).item()
    assert value == pytest.approx(total / weight.sum().item())


def test_with_one_allowed_class_it_is_cross_entropy():
    logits, _, _ = random_logits(0)
    target = torch.randint(0, 6, (2, 4, 5), generator=torch.Generator().manual_seed(1))
    allowed = torch.nn.functional.one_hot(target, 6).bool()
    mine = classification_loss(logits, allowed, torch.ones(2, 5).double())
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 2), target.flatten())
    assert mine.item() == pytest.approx(theirs.item())


def test_gradcheck_of_the_classification_loss():
    logits, allowed, weight = random_logits(2)
    assert torch.autograd.gradcheck(
        lambda x: classification_loss(x, allowed, weight), logits.requires_grad_(True)
    )


def test_no_weight_no_loss():
    logits, allowed, weight = random_logits(0)
    assert classification_loss(logits, allowed, weight * 0).item() == 0


def allowed_ids(*, matched, class_id, unknown=False, open_=False):
    batch = {
        "class_id": torch.tensor([[class_id]]), "unknown": torch.tensor([[unknown]]),
        "open": torch.tensor([open_]),
    }  # fmt: skip
    found = allowed_classes(batch, torch.tensor([[[matched]]]), 5)[0, 0, 0]
    return found.nonzero().flatten().tolist()


def test_allowed_classes():
    assert allowed_ids(matched=True, class_id=2) == [2]
    assert allowed_ids(matched=False, class_id=2) == [0]
    assert allowed_ids(matched=True, class_id=4, unknown=True) == [1, 2, 3, 4]
    assert allowed_ids(matched=False, class_id=4, unknown=True) == [0]
    assert allowed_ids(matched=False, class_id=0) == [0]
    assert allowed_ids(matched=False, class_id=0, open_=True) == [0, 4]
    assert allowed_ids(matched=False, class_id=2, open_=True) == [0]
