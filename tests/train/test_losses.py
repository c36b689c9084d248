"""The losses against slow loops, finite differences and sums done by hand."""

from __future__ import annotations

import math

import pytest
import torch

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.model.metric import radius2
from dmlseg_core.model.network import Output
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.losses import (
    LOSS_EPSILON,
    SHARPNESS,
    STOPS,
    allowed_classes,
    classification_loss,
    compute_losses,
    embedding_loss,
    membership,
    nested_loss,
    overlap_loss,
)
from dmlseg_core.train.targets import mask_iou, pair_targets

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


# ---------------------------------------------------------------- overlap


@pytest.mark.parametrize("tau", TAUS)
def test_membership_is_one_at_the_point_and_a_half_at_the_radius(tau):
    d2 = torch.tensor([0.0, radius2(tau), 5.0, 40.0, 1e4], dtype=torch.float64)
    found = membership(d2, torch.tensor(tau, dtype=torch.float64))
    assert found[0].item() == pytest.approx(1, abs=1e-4)
    assert found[1].item() == pytest.approx(0.5, abs=3e-3)
    assert (found[1:].diff() < 0).all() and torch.isfinite(found).all()
    odds = 2 * (1 - tau) / tau / math.expm1(5)
    assert found[2].item() == pytest.approx(1 / (1 + odds**-SHARPNESS), rel=1e-3)


def random_crop(seed=0):
    g = torch.Generator().manual_seed(seed)
    embedding = torch.randn(2, 3, 5, 6, generator=g, dtype=torch.float64) * 0.7
    truth = torch.randint(-1, 3, (2, 30), generator=g)
    index = torch.randint(0, 30, (2, 8), generator=g)
    tau = torch.rand(2, 8, generator=g, dtype=torch.float64) * 0.8 + 0.1
    return embedding, index, torch.gather(truth, 1, index), truth, tau


def test_overlap_loss_equals_a_loop():
    embedding, index, owner, truth, tau = random_crop()
    losses = []
    for b in range(2):
        e = embedding[b].flatten(1).T
        for s in range(8):
            if owner[b, s] <= 0:
                continue
            inter = union = 0.0
            for q in range(30):
                if truth[b, q] < 0:
                    continue  # void belongs to neither
                d2 = ((e[q] - e[index[b, s]]) ** 2).sum()
                inside = membership(d2, tau[b, s]).item()
                its = float(truth[b, q] == owner[b, s])
                inter, union = inter + inside * its, union + inside + its - inside * its
            losses.append(1 - inter / union)
    assert losses
    found = overlap_loss(embedding, index, owner, truth, tau).item()
    assert found == pytest.approx(sum(losses) / len(losses))


def test_gradcheck_of_the_overlap_loss():
    embedding, *rest = random_crop(1)
    assert torch.autograd.gradcheck(
        lambda e: overlap_loss(e, *rest), embedding.requires_grad_(True), atol=1e-4
    )


def test_overlap_is_asked_for_at_the_level_that_the_labels_know():
    """Distance 1 lies within the radius of tau .25 and of .5 (1.1), not within that of .75."""
    batch = toy_batch()
    line = torch.where(torch.arange(16) % 4 < 1, 0.0, 1.0)  # object: columns 0 and 1
    line[batch["objects"][0] == 0] = 9.0
    output = Output(line.view(1, 1, 4, 4), torch.zeros(1, 4, 5, 4, 4))
    plain = compute_losses(output, batch, toy_config())["overlap"].item()
    one, at_half = torch.tensor(1.0), torch.tensor(0.5)
    inside = membership(one, at_half).item()  # points 0 and 6 (every fourth): point 0 has an object
    assert plain == pytest.approx(1 - (4 + 4 * inside) / 8, abs=1e-4)
    parts = torch.where(torch.arange(16)[None] % 4 < 1, 7, torch.where(batch["objects"] > 0, 8, 0))
    known = {**batch, "parts": parts, "part": torch.tensor([[7, 7, 8, -1, -1, -1]])}
    both = compute_losses(output, known, toy_config())["overlap"].item()
    whole, beyond = (membership(one, torch.tensor(t)).item() for t in (0.25, 0.75))
    assert both == pytest.approx((1 - (4 + 4 * whole) / 8) + (1 - 4 / (4 + 4 * beyond)), abs=1e-4)
    empty = {**batch, "object": torch.full((1, 6), -1)}
    assert compute_losses(output, empty, toy_config())["overlap"].item() == 0


# ---------------------------------------------------------------- masks grown for the targets


def test_mask_iou_equals_a_loop():
    g = torch.Generator().manual_seed(0)
    embedding = torch.randn(2, 3, 5, 6, generator=g) * 0.7
    truth = torch.randint(-1, 3, (2, 30), generator=g)
    index = torch.randint(0, 30, (2, 8), generator=g)
    owner = torch.gather(truth, 1, index)
    found = mask_iou(embedding, index, owner, truth, TAUS)
    for b in range(2):
        e = embedding[b].flatten(1).T.double()
        for s in range(8):
            for t, tau in enumerate(TAUS):
                inter = union = 0
                for q in range(30):
                    if truth[b, q] < 0:
                        continue  # void belongs to neither
                    d2 = ((e[q] - e[index[b, s]]) ** 2).sum().item()
                    mine = sigma(d2) >= tau
                    its = bool(truth[b, q] == owner[b, s])
                    inter, union = inter + (mine and its), union + (mine or its)
                want = inter / union if owner[b, s] > 0 else 0
                assert found[b, t, s].item() == pytest.approx(want, abs=1e-6)


def toy_batch():
    """A 4 x 4 grid, object 1 (class 3) on the left half, background on the right."""
    objects = torch.tensor([[1, 1, 0, 0] * 4])
    index = torch.tensor([[0, 4, 5, 2, 6, 7]])
    own = torch.gather(objects, 1, index)
    return {
        "index": index, "size": torch.full((1, 6), 3.0), "labels": own[:, None],
        "shares": torch.ones(1, 1), "objects": objects, "parts": torch.full((1, 16), -1),
        "object": torch.where(own > 0, own, -1), "part": torch.full((1, 6), -1),
        "class_id": own * 3, "unknown": torch.zeros(1, 6, dtype=torch.bool),
        "weight": torch.ones(1, 6), "open": torch.tensor([False]),
        "classified": torch.arange(6)[None],
    }  # fmt: skip


def toy_config(**values):
    return TrainConfig(network=NetworkConfig(classes=("a", "b", "c", "d")), **values)


def test_targets_follow_the_embedding():
    """Perfect embedding: the object's points are its class at each tau. All alike: background."""
    batch = toy_batch()
    apart = torch.where(batch["objects"] > 0, 0.0, 9.0).view(1, 1, 4, 4)
    logits = torch.zeros(1, 4, 5, 4, 4)
    logits[:, :, 3, :, :2] = logits[:, :, 0, :, 2:] = 40
    good = compute_losses(Output(apart, logits), batch, toy_config())
    assert good["classification"].item() == pytest.approx(0, abs=1e-6)
    assert good["embedding"].item() < 1e-3
    # the object is half of the one mask that everything grows: IoU .5 does not exceed .5
    same = compute_losses(Output(apart * 0, logits), batch, toy_config())
    assert same["classification"].item() == pytest.approx(20, rel=1e-3)


def test_a_part_is_matched_too():
    """The grown mask is one half of the object: background unless that half is a known part."""
    batch = toy_batch()
    whole = {**batch, "objects": torch.ones(1, 16, dtype=torch.long),
             "object": torch.ones(1, 6, dtype=torch.long),
             "class_id": torch.full((1, 6), 3)}  # fmt: skip
    halves = torch.where(batch["objects"] > 0, 1, 2)
    small = torch.where(torch.arange(16) % 4 < 1, 0.0, 9.0).view(1, 1, 4, 4)  # a quarter
    whole["index"] = torch.tensor([[0, 4, 8, 12, 0, 4]])
    logits = torch.zeros(1, 4, 5, 4, 4)
    logits[:, :, 3] = 40
    alone = compute_losses(Output(small, logits), whole, toy_config())["classification"].item()
    assert alone == pytest.approx(40, rel=1e-3)
    quarter = torch.where(torch.arange(16)[None] % 4 < 1, 7, 8)
    parts = {**whole, "parts": quarter, "part": torch.full((1, 6), 7)}
    assert compute_losses(Output(small, logits), parts, toy_config())["classification"] < 1e-6
    parts = {**whole, "parts": halves, "part": torch.full((1, 6), 1)}  # IoU .5: not above it
    assert compute_losses(Output(small, logits), parts, toy_config())["classification"] > 39


def test_no_gradient_flows_through_the_masks():
    batch = toy_batch()
    embedding = torch.randn(1, 2, 4, 4, requires_grad=True)
    logits = torch.randn(1, 4, 5, 4, 4, requires_grad=True)
    compute_losses(Output(embedding, logits), batch, toy_config())["classification"].backward()
    assert embedding.grad is None and logits.grad.abs().sum() > 0


# ---------------------------------------------------------------- nested targets


def at_each_stop(crop):
    """Overlap loss of each point by itself, (3, B, S), through `overlap_loss`; nan: it has none."""
    embedding, index, owner, truth, _ = crop
    out = torch.full((len(STOPS), *owner.shape), torch.nan, dtype=torch.float64)
    for k, tau in enumerate(STOPS):
        for b, s in (owner > 0).nonzero().tolist():
            one = [
                x[b : b + 1] for x in (embedding, index[:, s : s + 1], owner[:, s : s + 1], truth)
            ]
            out[k, b, s] = overlap_loss(*one, torch.full((1, 1), tau, dtype=torch.float64))
    return out


@pytest.mark.parametrize("pull", [0.0, 0.1, 1.0])
def test_nested_loss_is_the_best_stops_with_a_pull_on_all(pull):
    crop = random_crop(2)
    alone = at_each_stop(crop)
    wanted = (1 - pull) * alone.amin(0) + pull * alone.mean(0)
    assert nested_loss(*crop[:4], pull).item() == pytest.approx(wanted.nanmean().item())


def test_without_a_pull_only_the_best_mask_learns():
    """The gradient is that of the overlap loss at the best stop; the pull adds the others'."""
    line = torch.tensor([0.0, 0.0, 1.0, 1.0, 9.0, 9.0], dtype=torch.float64)
    embedding = line.view(1, 1, 1, 6).requires_grad_(True)
    rest = torch.tensor([[0]]), torch.tensor([[1]]), torch.tensor([[1, 1, 0, 0, 0, 0]])

    def gradient(loss):
        return torch.autograd.grad(loss, embedding)[0]

    taus = [torch.full((1, 1), tau, dtype=torch.float64) for tau in STOPS]
    each = [overlap_loss(embedding, *rest, tau) for tau in taus]
    assert min(each) == each[0]  # the label is the part
    alone = [gradient(loss) for loss in each]
    assert torch.allclose(gradient(nested_loss(embedding, *rest, 0.0)), alone[0])
    mean = torch.stack(alone).mean(0)
    assert not torch.allclose(mean, alone[0])
    pulled = gradient(nested_loss(embedding, *rest, 0.25))
    assert torch.allclose(pulled, 0.75 * alone[0] + 0.25 * mean)


def test_gradcheck_of_the_nested_loss():
    embedding, *rest, _ = random_crop(1)
    assert torch.autograd.gradcheck(
        lambda e: nested_loss(e, *rest, 0.2), embedding.requires_grad_(True), atol=1e-4
    )


def test_a_run_may_ask_for_nested_targets():
    batch = toy_batch()
    output = Output(torch.randn(1, 1, 4, 4), torch.zeros(1, 4, 5, 4, 4))
    plain, nested = (
        compute_losses(output, batch, toy_config(nested=n))["overlap"].item() for n in (0.0, 0.05)
    )
    assert nested <= plain + 0.05 and nested != plain
    with pytest.raises(ParameterError, match="nested"):
        toy_config(nested=2)
