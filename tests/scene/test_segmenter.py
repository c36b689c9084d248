"""Photo to scene through a small network with random weights, end to end."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from dmlseg_core.config import NetworkConfig, SceneConfig
from dmlseg_core.errors import ImageError, ParameterError, WeightsError
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.model.sheet import DataSheet
from dmlseg_core.model.weights import save_weights
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.scene import Override
from dmlseg_core.scene.segmenter import Segmenter, computes_bfloat16

NETWORK = NetworkConfig(width=8, embedding_dim=6, classes=("a", "b", "c"))
CONFIG = SceneConfig(long_side=128, precision="float32", seediness_floor=0.0, budget=10)
RESOLVED = replace(CONFIG, edge_weight=DataSheet().edge_weight)


def photo(number=0, size=(75, 101)):
    """Blocks of color, so that a random network sees something."""
    rng = np.random.default_rng(number)
    blocks = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    rows, columns = (np.arange(n) * k // n for n, k in zip(size, (5, 7), strict=True))
    return blocks[rows[:, None], columns]


def random_network(seed=0):
    """Random weights of He's scale: what the photo shows is not lost on the way to the heads."""
    torch.manual_seed(seed)
    network = EmbeddingNetwork(NETWORK).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    network.embedding.weight.data *= 0.2  # distances of the order of the radii
    return network


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(random_network(), CONFIG)


@pytest.fixture(scope="module")
def scene(segmenter):
    return segmenter.analyze(photo())


# ---------------------------------------------------------------- the scene


def test_the_shapes_of_a_scene(scene):
    frame = Frame.fit((75, 101), 128)
    h, w = frame.grid_size
    assert scene.frame == frame and (h, w) == (24, 32)
    assert scene.embedding.shape == (6, h, w) and scene.class_probs.shape == (4, 4, h, w)
    assert scene.embedding.dtype == scene.class_probs.dtype == torch.float32
    assert scene.taus == NETWORK.taus and scene.classes == ("a", "b", "c")
    assert scene.config == RESOLVED and scene.photo_digest == load_photo(photo()).digest
    assert torch.allclose(scene.class_probs.sum(1), torch.ones(4, h, w), atol=1e-5)
    assert scene.class_probs.min() >= 0 and scene.seediness.shape == (h, w)


def test_a_scene_is_the_networks_answer(scene):
    """The plain, unfused network on the padded photo, cropped to the cells of the photo."""
    network = random_network()
    image = torch.from_numpy(scene.frame.to_input(photo()))[None]
    with torch.inference_mode():
        out = network(image)
    h, w = scene.frame.grid_size
    assert image.shape == (1, 3, 97, 129) and out.embedding.shape[-2:] == (25, 33)
    assert torch.allclose(scene.embedding, out.embedding[0, :, :h, :w], atol=1e-3)
    probs = out.class_logits[0].softmax(1)[..., :h, :w]
    assert torch.allclose(scene.class_probs, probs, atol=1e-3)
    assert scene.embedding.std() > 0.1 and scene.seediness.std() > 0.01


def test_the_same_scene_twice(segmenter, scene):
    again = segmenter.analyze(photo())
    assert torch.equal(again.embedding, scene.embedding)
    assert torch.equal(again.class_probs, scene.class_probs)
    assert again.photo_digest == scene.photo_digest
    other = segmenter.analyze(photo(1))
    assert not torch.equal(other.embedding, scene.embedding)
    assert other.photo_digest != scene.photo_digest


def test_a_file_an_array_and_a_photo_are_one(segmenter, scene, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo()).save(path)
    for source in (path, str(path), load_photo(photo())):
        assert torch.equal(segmenter.analyze(source).embedding, scene.embedding)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (300, 40), (128, 128)])
def test_photos_of_any_shape(segmenter, size):
    scene = segmenter.analyze(photo(2, size))
    assert scene.embedding.shape[1:] == scene.frame.grid_size
    mask = scene.mask_at(size[0] - 1, size[1] - 1)
    assert mask.to_photo().shape == size
    assert len(scene.propose()) >= 1


# ---------------------------------------------------------------- end to end


def test_propose_and_click(scene):
    found = scene.propose()
    assert 2 <= len(found) <= 10
    assert np.stack([m.grid for m in found]).sum(0).max() == 1
    plain = replace(scene, config=replace(scene.config, edge_weight=0.0))  # as proposals are grown
    for mask in found:
        assert mask.class_name in NETWORK.classes and 0 < mask.score <= 1
        assert mask.to_photo().shape == (75, 101)
        y, x = scene.frame.point_of(mask.seed.y, mask.seed.x)
        click = plain.mask_at(y, x, mask.seed.tau)
        assert click.seed == mask.seed and click.grid[mask.seed.y, mask.seed.x]
        assert (mask.grid <= click.grid).all()
    small, large = scene.mask_at(37, 50, 0.8), scene.mask_at(37, 50, 0.3)
    assert (small.grid <= large.grid).all() and small.grid.sum() < large.grid.sum()
    mine = scene.propose(overrides=[Override(37, 50, 0.8)])
    assert (mine[0].grid == small.grid).all()
    areas = [m.grid.sum() for m in scene.stops(37, 50)]
    assert areas == sorted(areas)


def test_two_photos_that_differ_in_one_place_differ_there_most(segmenter, scene):
    """The picture reaches the right cells: a patch changes the vectors on and around it."""
    changed = photo()
    changed[20:35, 60:80] = 255 - changed[20:35, 60:80]
    gap = (segmenter.analyze(changed).embedding - scene.embedding).norm(dim=0).numpy()
    (top, left), (bottom, right) = scene.frame.cell_of(20, 60), scene.frame.cell_of(34, 79)
    inside = gap[top : bottom + 1, left : right + 1].mean()
    far = gap[-6:, :6].mean()
    assert inside > 0.5 and inside > 2 * far


# ---------------------------------------------------------------- options


def test_bfloat16_stays_close_and_gives_float32(scene):
    config = SceneConfig(long_side=128, precision="bfloat16")
    half = Segmenter(random_network(), config).analyze(photo())
    assert half.embedding.dtype == torch.float32
    assert not torch.equal(half.embedding, scene.embedding)
    assert (half.embedding - scene.embedding).abs().mean() < 0.1 * scene.embedding.abs().mean()


def test_precision_is_chosen_by_the_device():
    network = random_network()
    able = computes_bfloat16(torch.device("cpu"))
    chosen = Segmenter(network, SceneConfig(precision="auto")).precision
    assert chosen == ("bfloat16" if able else "float32")
    assert Segmenter(network, CONFIG).precision == "float32"
    assert not computes_bfloat16(torch.device("meta"))


def test_the_long_side_decides_the_grid():
    segmenter = Segmenter(random_network(), SceneConfig(long_side=64, precision="float32"))
    assert segmenter.analyze(photo()).embedding.shape == (6, 12, 16)


def test_a_weights_file_gives_the_same_scene(tmp_path):
    network = random_network()
    rounded = copy.deepcopy(network).half().float()
    save_weights(network, tmp_path / "tiny.safetensors")
    loaded = Segmenter.load(tmp_path / "tiny.safetensors", config=CONFIG)
    ours, theirs = (s.analyze(photo()) for s in (loaded, Segmenter(rounded, CONFIG)))
    assert torch.equal(ours.embedding, theirs.embedding)
    assert loaded.config == RESOLVED


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("device", ["warp", "cuda:99", ""])
def test_devices_that_are_not_there(device):
    with pytest.raises(ParameterError, match=f"device '{device}' cannot be used"):
        Segmenter(random_network(), CONFIG, device=device)


def test_what_is_no_photo(segmenter, tmp_path):
    (tmp_path / "text.png").write_text("no photo")
    for source in (tmp_path / "text.png", tmp_path / "missing.png", np.zeros((2, 2, 7), np.uint8)):
        with pytest.raises(ImageError):
            segmenter.analyze(source)


def test_weights_that_are_missing(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        Segmenter.load(tmp_path / "none.safetensors")
