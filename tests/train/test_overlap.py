"""The overlap loss, and the nested one, against loops."""

from __future__ import annotations

import math

import pytest
import torch

from dmlseg_core.errors import ParameterError
from dmlseg_core.model.metric import radius2
from dmlseg_core.model.network import Output
from dmlseg_core.train.losses import (
    SHARPNESS,
    STOPS,
    compute_losses,
    membership,
    nested_loss,
    overlap_loss,
)
from tests.train.test_losses import TAUS
from tests.train.test_targets import toy_batch, toy_config

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
