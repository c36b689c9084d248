"""Faults over a crop: each does what its name says, labels stay, and the generator decides all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dmlseg_core.errors import ParameterError
from dmlseg_core.train.data import hide as faults
from dmlseg_core.train.data.augment import Augment, AugmentConfig
from dmlseg_core.train.data.hide import HideConfig, hide

GREY = np.full((64, 80, 3), 128, np.uint8)


def rng(k=0):
    return np.random.default_rng(k)


def stripes():
    """Columns of 40 and 215, one pixel each: the finest detail that there is."""
    return (
        np.repeat(np.where(np.arange(80) % 2, 215, 40)[None, :, None], 64, 0)
        .repeat(3, 2)
        .astype(np.uint8)
    )


def test_at_a_chance_of_0_nothing_is_drawn_and_nothing_changes():
    source = rng()
    before = source.bit_generator.state
    assert hide(GREY, HideConfig(), source) is GREY
    assert source.bit_generator.state == before


@pytest.mark.parametrize("chance", [0.5, 1.0])
def test_a_fault_follows_from_the_generator_alone(chance):
    image = rng(9).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    kept = image.copy()
    one, same, other = (hide(image, HideConfig(chance), rng(k)) for k in (1, 1, 2))
    assert one.dtype == np.uint8 and one.shape == image.shape
    assert (one == same).all() and (one != other).any() and (image == kept).all()


def test_noise_has_the_standard_deviation_that_was_drawn():
    limit = 20.0
    found = [
        np.std(faults._noisy(GREY, HideConfig(noise=limit), rng(k)) - 128.0) for k in range(60)
    ]
    # uniform in [0, limit]; rounding to bytes adds 1/12 to the variance
    assert max(found) < limit + 1 and np.mean(found) == pytest.approx(limit / 2, rel=0.15)
    grain = faults._noisy(GREY, HideConfig(noise=limit), rng(3)) - 128.0
    assert abs(np.corrcoef(grain[..., 0].ravel(), grain[..., 1].ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1]) < 0.05


def test_blur_and_low_resolution_take_detail_and_keep_the_mean():
    image = stripes()
    for fault, config in (
        (faults._blurred, HideConfig(blur=3.0)), (faults._coarse, HideConfig(low=0.2)),
    ):  # fmt: skip
        made = [fault(image, config, rng(k)) for k in range(12)]
        assert min(m.std() for m in made) < 0.1 * image.std()
        assert all(m.shape == image.shape for m in made)
        assert all(m.mean() == pytest.approx(image.mean(), abs=3) for m in made)


def test_gamma_is_a_curve_with_both_ends_fixed():
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2)
    config = HideConfig(gamma=2.0)
    middles = []
    for k in range(40):
        out = faults._curved(ramp, config, rng(k))[0, :, 0].astype(int)
        assert out[0] == 0 and out[255] == 255 and (np.diff(out) >= 0).all()
        middles.append(out[128])
    low, high = (255 * (128 / 255) ** g for g in (2.0, 0.5))
    assert low - 1 <= min(middles) < 128 - 20 and 128 + 20 < max(middles) <= high + 1


def test_a_cast_is_a_gain_of_each_channel():
    out = faults._cast(GREY, HideConfig(cast=0.25), rng(4))
    assert (out == out[0, 0]).all() and len(set(out[0, 0].tolist())) == 3
    assert np.abs(out[0, 0] / 128 - 1).max() <= 0.25 + 1 / 128


def test_jpeg_leaves_its_blocks_and_the_colors_their_channels():
    red = np.zeros((64, 64, 3), np.uint8) + np.array([230, 30, 20], np.uint8)
    assert np.abs(faults._crushed(red, HideConfig(jpeg=10), rng()).astype(int) - red).max() <= 12
    detail = rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    rough = faults._crushed(detail, HideConfig(jpeg=1), rng(8))
    assert np.abs(rough.astype(int) - detail).mean() > 10


def test_labels_are_those_of_the_clear_crop(sample):
    """Faults are drawn after everything else of a crop: only the picture differs."""
    instances = np.zeros((90, 120), np.int16)
    instances[20:70, 30:90] = 1
    photo = sample(instances, (3,), image=rng(5).integers(0, 256, (90, 120, 3)).astype(np.uint8))
    clear = AugmentConfig(97, mosaic=0.0)
    hidden = replace(clear, hide=HideConfig(chance=1.0))
    for k in range(5):
        a, b = (Augment(c)(photo, torch.Generator().manual_seed(k)) for c in (clear, hidden))
        assert (a.instances == b.instances).all() and (a.partitions == b.partitions).all()
        assert (a.image != b.image).any()


@pytest.mark.parametrize("wrong", [
    {"chance": 1.5}, {"chance": float("nan")}, {"gamma": 0.5}, {"jpeg": 0}, {"low": 0},
    {"blur": -1},
])  # fmt: skip
def test_limits_are_checked(wrong):
    with pytest.raises(ParameterError, match=f"hide.{next(iter(wrong))}"):
        HideConfig(**wrong)
