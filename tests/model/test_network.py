"""The network: shapes, geometry, training, fusing; random weights on tiny inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from dmlseg_core.config import BACKBONES, NetworkConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.model.backbone import build_backbone
from dmlseg_core.model.network import EmbeddingNetwork, _upsample

INIT = Path(__file__).parents[3] / "shared" / "init"
TINY = NetworkConfig(width=8, embedding_dim=6, classes=("a", "b", "c"))
SIDES = (49, 65)  # 16 * 3 + 1, 16 * 4 + 1


def build(config=TINY, seed=0):
    torch.manual_seed(seed)
    return EmbeddingNetwork(config)


def pictures(batch=1, sides=SIDES, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((batch, 3, *sides), generator=generator) * 2 - 1


def lively(network, seed=2):
    """Batch norms with statistics of their own, as after training."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            n = module.num_features
            module.running_mean.copy_(0.1 * torch.randn(n, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(n, generator=generator))
            module.weight.data.copy_(0.5 + torch.rand(n, generator=generator))
            module.bias.data.copy_(0.1 * torch.randn(n, generator=generator))
    return network


@pytest.fixture(scope="module", params=BACKBONES)
def network(request):
    """One of each backbone; tests must leave it as they found it."""
    return build(replace(TINY, backbone=request.param)).eval()


# ---------------------------------------------------------------- shapes


@torch.inference_mode()
def test_output_shapes(network):
    out = network(pictures())
    assert out.embedding.shape == (1, 6, 13, 17)
    assert out.class_logits.shape == (1, 4, 4, 13, 17)
    assert out.embedding.dtype == out.class_logits.dtype == torch.float32
    assert torch.isfinite(out.embedding).all() and torch.isfinite(out.class_logits).all()
    assert out.embedding.std() > 0 and out.class_logits.std() > 0


@torch.inference_mode()
def test_the_pyramid_keeps_its_contract(network):
    maps = network.backbone(pictures())
    channels = network.backbone.channels
    assert {name: tuple(m.shape[1:]) for name, m in maps.items()} == {
        "s4": (channels["s4"], 13, 17),
        "s8": (channels["s8"], 7, 9),
        "s16": (channels["s16"], 4, 5),
        "context": (channels["context"], 4, 5),
    }


@torch.inference_mode()
def test_autocast_gives_float32_out():
    network = build().eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert {t.dtype for t in network(pictures())} == {torch.float32}


@torch.inference_mode()
def test_photos_of_a_batch_do_not_meet(network):
    both = pictures(2)
    alone = [network(both[i : i + 1]).embedding[0] for i in (0, 1)]
    assert not torch.allclose(*alone, atol=1e-4)
    assert torch.allclose(network(both).embedding, torch.stack(alone), atol=1e-4)


def test_the_config_decides_the_tensors():
    network = build(NetworkConfig(width=16, embedding_dim=5, taus=(0.3, 0.6), classes=("x",)))
    out = network.eval()(pictures(sides=(17, 33)))
    assert out.embedding.shape == (1, 5, 5, 9) and out.class_logits.shape == (1, 2, 2, 5, 9)


@pytest.mark.parametrize(
    "shape", [(1, 3, 48, 64), (1, 3, 49, 64), (1, 1, 49, 65), (3, 49, 65), (1, 3, 50, 65)]
)
def test_images_of_another_shape(shape):
    with pytest.raises(ParameterError, match=r"16m \+ 1.*got \(" + ", ".join(map(str, shape))):
        build()(torch.zeros(shape))


def test_configs_that_are_none():
    with pytest.raises(ParameterError, match="backbone must be one of"):
        build_backbone("vgg")
    with pytest.raises(ParameterError, match="backbone must be one of"):
        NetworkConfig(backbone="vgg")
    with pytest.raises(ParameterError, match="width >= 8"):
        NetworkConfig(width=4)
    for scales in ((), (0.5,), (1.0, 0.0), (1.0, 8.0)):
        with pytest.raises(ParameterError, match=r"scales must contain 1\.0"):
            NetworkConfig(scales=scales)


# ---------------------------------------------------------------- geometry


def mirror_symmetric(module):
    """Every kernel made its own mirror image, up-down and left-right."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.kernel_size != (1, 1):
            w = part.weight.data
            w = w + w.flip(-1)
            part.weight.data = (w + w.flip(-2)) / 2
    return module


@pytest.mark.parametrize("name", BACKBONES)
@torch.inference_mode()
def test_cell_j_is_centred_on_pixel_four_j(name):
    """With symmetric kernels, mirroring the input mirrors every map.

    Mirroring takes pixel p to 16m - p and cell j to 4m - j. A cell centred on pixel 4j + c would
    turn up at 4j - c, so equality holds for c = 0 alone; padding that is one-sided, or an
    upsampling that shifts, breaks it.
    """
    network = mirror_symmetric(lively(build(replace(TINY, backbone=name)))).eval()
    network.embed[0].weight.data[:, -2:] = 0  # the coordinates are no mirror images
    network.embedding.weight.data[:, -2:] = 0
    images = pictures()
    plain = network(images)
    for axis in (-1, -2):
        mirrored = network(images.flip(axis))
        for ours, theirs in zip(mirrored, plain, strict=True):
            spread = theirs.flatten(-2).std(-1).mean()
            assert spread > 1e-6
            assert (ours - theirs.flip(axis)).abs().max() < 1e-3 * spread + 1e-6
        maps, flipped = network.backbone(images), network.backbone(images.flip(axis))
        for key, value in maps.items():
            gap = (flipped[key] - value.flip(axis)).abs().max()
            assert gap < 1e-3 * value.abs().max(), key


@pytest.mark.parametrize("pixel", [(32, 40), (36, 28)])
@torch.inference_mode()
def test_an_impulse_answers_around_its_cell(pixel):
    """Features of stride 4: the answer to one pixel is centred on the cell of that pixel."""
    torch.manual_seed(0)
    backbone = mirror_symmetric(build_backbone("mobilenetv2")).eval()
    flat = torch.zeros((1, 3, 65, 81))
    dot = flat.clone()
    dot[:, :, *pixel] = 1
    answer = (backbone(dot)["s4"] - backbone(flat)["s4"]).abs().sum((0, 1))
    i, j = pixel[0] // 4, pixel[1] // 4
    around = answer[i - 3 : i + 4, j - 3 : j + 4]
    assert answer.sum() > 0 and around.sum() == pytest.approx(answer.sum().item(), rel=1e-4)
    assert torch.allclose(around, around.flip(0), rtol=1e-3, atol=1e-3 * around.max().item())
    assert torch.allclose(around, around.flip(1), rtol=1e-3, atol=1e-3 * around.max().item())
    assert around.argmax() == 3 * 7 + 3


def test_upsampling_keeps_cell_centres():
    """Cell j of a coarse map stays at cell 2j; half-pixel upsampling is mirror-symmetric too."""
    coarse = torch.rand(1, 2, 4, 5)
    fine = _upsample(coarse, torch.zeros(1, 1, 7, 9))
    assert torch.allclose(fine[:, :, ::2, ::2], coarse, atol=1e-6)


@torch.inference_mode()
def test_the_embedding_tells_identical_places_apart():
    """On a flat photo a plain convolution gives one vector far from the rim; ours does not."""
    network = build().eval()
    e = network(torch.zeros((1, 3, 17, 257))).embedding[0, :, 2]  # (D, w): one row of cells
    assert (e[:, 20] - e[:, 44]).norm() > 0.01
    e_half = network(torch.zeros((1, 3, 257, 17))).embedding[0, :, :, 2]
    assert (e_half[:, 20] - e_half[:, 44]).norm() > 0.01


# ---------------------------------------------------------------- scales


@torch.inference_mode()
def test_scales_are_concatenated():
    one, two = (build(replace(TINY, scales=s)).eval() for s in ((1.0,), (0.5, 1.0)))
    images = pictures()
    assert two.features(images)[0].shape == (1, 16, 13, 17)
    assert two.classify[0].in_channels == 16 and one.classify[0].in_channels == 8
    assert two(images).embedding.shape == one(images).embedding.shape
    # the features at scale 1 are those of the single-scale network; the other half differs
    one.backbone.load_state_dict(two.backbone.state_dict())
    one.decoder.load_state_dict(two.decoder.state_dict())
    half, full = two.features(images)[0].split(8, 1)
    assert torch.allclose(full, one.features(images)[0], atol=1e-6)
    assert not torch.allclose(half, full, atol=1e-3)


@torch.inference_mode()
def test_the_smaller_scale_sees_the_halved_picture():
    two = build(replace(TINY, scales=(1.0, 0.5))).eval()
    images = pictures(sides=(65, 97))
    halved = nn.functional.interpolate(images, (33, 49), mode="bilinear", align_corners=True)
    assert torch.equal(halved, images[:, :, ::2, ::2]) or torch.allclose(
        halved, images[:, :, ::2, ::2], atol=1e-4
    )
    inner = two.decoder(two.backbone(halved))  # (1, 8, 9, 13)
    half = two.features(images)[0][:, 8:]
    assert torch.allclose(half[:, :, ::2, ::2], inner, atol=1e-4)


# ---------------------------------------------------------------- pretrained start


def test_the_deeplab_start_fits():
    path = INIT / "deeplabv3_mobilenetv2_coco_voc.safetensors"
    if not path.exists():
        pytest.skip("shared/init holds no pretrained backbone")
    from safetensors.torch import load_file

    from dmlseg_core.train.pretrained import load_pretrained, read_pretrained

    network = build()
    load_pretrained(network, read_pretrained(path))
    stored = load_file(path)
    for key, value in network.backbone.state_dict().items():
        assert torch.equal(value, stored[key].float()), key
    with torch.inference_mode():
        maps = network.eval().backbone(pictures(sides=(129, 129)))
    assert all(torch.isfinite(m).all() for m in maps.values())
    assert (maps["context"] > 0).float().mean() > 0.01  # alive behind its last ReLU
