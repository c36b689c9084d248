"""A step of training, and what fusing keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from dmlseg_core.config import BACKBONES
from dmlseg_core.model.backbone import _dilated_by_phases, build_backbone
from tests.model.test_network import TINY, build, lively, pictures

# ---------------------------------------------------------------- training and fusing


@pytest.mark.parametrize("name", BACKBONES)
def test_a_training_step(name):
    network = build(replace(TINY, backbone=name)).train()
    images = pictures(2, (33, 17))

    def loss():
        out = network(images)
        logits = out.class_logits.transpose(1, 2).flatten(3)  # (B, C+1, T, h*w)
        labels = torch.ones(2, *logits.shape[2:], dtype=torch.long)
        return out.embedding.square().mean() + nn.functional.cross_entropy(logits, labels)

    optimizer = torch.optim.SGD(network.parameters(), 1e-3)
    first = loss()
    first.backward()
    trained = {k: p for k, p in network.named_parameters() if p.requires_grad}
    assert {k for k, _ in network.named_parameters()} - trained.keys() == {
        f"iou_head.{k}" for k, _ in network.iou_head.named_parameters()
    }
    for key, parameter in trained.items():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), key
    reached = [p.grad.abs().sum() > 0 for p in trained.values()]
    assert sum(reached) > 0.9 * len(reached)
    before = network.backbone.state_dict()
    before = {k: v.clone() for k, v in before.items()}
    optimizer.step()
    moved = [not torch.equal(before[k], v) for k, v in network.backbone.named_parameters()]
    assert sum(moved) > 0.9 * len(moved)
    with torch.no_grad():
        assert loss().item() < first.item()


@pytest.mark.parametrize("size", [(9, 12), (7, 13), (1, 5)])
@pytest.mark.parametrize("rate", [2, 3])
def test_a_dilated_convolution_by_phases_is_the_plain_one(size, rate):
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 6, 3, padding=rate, dilation=rate, groups=6).double()
    x = torch.randn(2, 6, *size, dtype=torch.double)
    weights = torch.randn(2, 6, *size, dtype=torch.double)  # of the loss: no cell is like another

    def gradients(function):
        image = x.clone().requires_grad_()
        y = function(image)
        return y, *torch.autograd.grad((y * weights).sum(), (image, *conv.parameters()))

    plain, phased = gradients(conv), gradients(lambda image: _dilated_by_phases(conv, image))
    for ours, theirs in zip(phased, plain, strict=True):
        torch.testing.assert_close(ours, theirs)


@torch.inference_mode()
def test_a_backbone_that_is_trained_is_the_one_that_is_used():
    backbone = build_backbone("mobilenetv2")  # without batch norms: both modes are one function
    images = pictures(2, (33, 49))
    trained, used = backbone.train()(images), backbone.eval()(images)
    for name, value in used.items():
        torch.testing.assert_close(trained[name], value, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_fusing_keeps_the_function():
    fused = lively(build()).eval()
    images = pictures()
    before = fused(images)
    heads = (fused.decoder, fused.embed, fused.classify)
    assert any(isinstance(m, nn.BatchNorm2d) for h in heads for m in h.modules())
    assert fused.fuse() is fused and not fused.training
    assert not any(isinstance(m, nn.BatchNorm2d) for h in heads for m in h.modules())
    for ours, theirs in zip(fused(images), before, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4 * theirs.abs().max().item())
    again = fused.fuse()(images)
    assert torch.allclose(again.embedding, fused(images).embedding)
