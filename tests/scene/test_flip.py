"""The mirrored second pass: its geometry, and what the two passes become."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dmlseg_core.config import QUALITIES, SceneConfig
from dmlseg_core.model.metric import distances2
from dmlseg_core.model.network import Output
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.segmenter import Segmenter
from tests.scene.test_segmenter import CONFIG, NETWORK, RESOLVED, photo, random_network


class Fake(nn.Module):
    """A network of one rule for the vectors; its logits are their first number and zeros."""

    config = NETWORK
    iou_head = SimpleNamespace(fitted=False)

    def __init__(self, rule):
        super().__init__()
        self.rule = rule

    def fuse(self):
        return self

    def forward(self, images, spread=1.0):
        vectors = self.rule(images)  # (1, D, h, w)
        first = vectors[:, None, :1].expand(-1, len(NETWORK.taus), -1, -1, -1)
        rest = torch.zeros_like(first).expand(-1, -1, len(NETWORK.classes), -1, -1)
        return Output(vectors, torch.cat([first, rest], 2))


def sampled(images):
    """The pixel under each cell's centre: mirroring the picture mirrors the answer."""
    return images[:, :, ::4, ::4].contiguous()


def columns(images):
    """Each cell's own column: what the picture shows does not matter."""
    h, w = (n // 4 + 1 for n in images.shape[-2:])
    return torch.arange(w, dtype=torch.float32).expand(1, 1, h, w)


def seen(network, picture, **changes):
    config = SceneConfig(precision="float32", **{"long_side": 128, **changes})
    return Segmenter(network, config).analyze(picture)


SIDES = st.integers(1, 90)


@given(SIDES, SIDES, st.integers(64, 150), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_both_passes_of_an_equivariant_network_agree_cell_by_cell(height, width, side, number):
    """Odd and even widths, any padding: a shift by a quarter of a cell would show."""
    picture = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    plain = seen(Fake(sampled), picture, long_side=side)
    both = seen(Fake(sampled), picture, long_side=side, flip=True)
    first, second = both.embedding.split(3)
    assert (first - second).abs().max() < 1e-5
    assert (first * 2**0.5 - plain.embedding).abs().max() < 1e-5
    assert (both.class_probs - plain.class_probs).abs().max() < 1e-5


@pytest.mark.parametrize("width", [61, 64, 90, 101, 128])
def test_the_second_pass_sees_the_mirrored_photo(width):
    """A network that answers with the column: cell j was the padded grid's last one minus j."""
    picture = photo(0, (75, width))
    both = seen(Fake(columns), picture, flip=True)
    first, second = (half * 2**0.5 for half in both.embedding.split(1))
    w = both.frame.grid_size[1]
    last = (both.frame.padded_size[1] - 1) / 4
    there = torch.arange(w, dtype=torch.float32)
    assert torch.allclose(first, there.expand_as(first), atol=1e-4)
    assert torch.allclose(second, (last - there).expand_as(second), atol=1e-4)
    odds = torch.stack([there, last - there]).exp()
    mean = (odds / (odds + len(NETWORK.classes))).mean(0)
    assert torch.allclose(both.class_probs[:, 0], mean.expand_as(both.class_probs[:, 0]), atol=1e-5)


def symmetric_network():
    """The real network, made blind for left and right: symmetric kernels, no coordinates."""
    network = random_network()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = (module.weight.data + module.weight.data.flip(-1)) / 2
    network.embedding.weight.data[:, -2:] = 0
    first = next(m for m in network.embed.modules() if isinstance(m, nn.Conv2d))
    first.weight.data[:, -2:] = 0
    return network


@pytest.mark.parametrize("size", [(75, 101), (90, 64), (33, 129), (40, 57)])
def test_the_networks_own_strides_keep_the_geometry(size):
    network = symmetric_network()
    plain, both = (seen(network, photo(1, size), flip=flip) for flip in (False, True))
    first, second = (half * 2**0.5 for half in both.embedding.split(NETWORK.embedding_dim))
    scale = plain.embedding.std()
    assert scale > 0.01
    assert (first - plain.embedding).abs().max() < 1e-4 * scale
    assert (second - plain.embedding).abs().max() < 1e-3 * scale
    assert (both.class_probs - plain.class_probs).abs().max() < 1e-3


def test_squared_distances_and_probabilities_are_the_mean_of_the_two_passes():
    """On a photo that needs no padding the second pass is the first one of the mirrored photo."""
    picture = photo(3, (65, 129))
    network = random_network()
    assert Frame.fit((65, 129), 129).padded_size == (65, 129)
    plain, mirrored = (seen(network, p, long_side=129) for p in (picture, picture[:, ::-1].copy()))
    both = seen(network, picture, long_side=129, flip=True)
    cells = torch.randperm(17 * 33, generator=torch.Generator().manual_seed(0))[:60]

    def distances(vectors):
        rows = vectors.flatten(1).T[cells]
        return distances2(rows, rows)

    found = distances(both.embedding)
    first, second = distances(plain.embedding), distances(mirrored.embedding.flip(-1))
    assert (first - second).abs().max() > 0.1  # the passes do differ
    assert torch.allclose(found, (first + second) / 2, rtol=1e-3, atol=1e-3)
    mean = (plain.class_probs + mirrored.class_probs.flip(-1)) / 2
    assert torch.allclose(both.class_probs, mean, atol=1e-4)


def test_a_config_in_place_of_the_segmenters_own():
    segmenter = Segmenter(random_network(), CONFIG)
    fine = segmenter.analyze(photo(), config=SceneConfig().with_quality("best"))
    assert fine.frame == Frame.fit((75, 101), QUALITIES["best"]["long_side"])
    assert fine.embedding.shape[0] == 2 * NETWORK.embedding_dim
    assert fine.config.quality == "best" and fine.config.precision in ("float32", "bfloat16")
    assert fine.nbytes > 4 * segmenter.analyze(photo()).nbytes
    assert segmenter.config == RESOLVED
    assert fine.mask_at(37, 50).to_photo().shape == (75, 101)
