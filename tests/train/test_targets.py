"""Masks that are grown for the targets."""

from __future__ import annotations

import pytest
import torch

from dmlseg_core.config import NetworkConfig
from dmlseg_core.model.network import Output
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.losses import (
    compute_losses,
)
from dmlseg_core.train.targets import mask_iou
from tests.train.test_losses import TAUS, sigma

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
