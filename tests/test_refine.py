"""Edges: they snap to the photo, and what lies behind them is found."""

import numpy as np
import pytest

from dmlseg_core.colorspace import encode_srgb8, srgb_to_linear
from dmlseg_core.errors import ParameterError
from dmlseg_core.refine import default_radius, estimate_foreground, refine_alpha


def scene(size=160, blur=1.5, noise=2.0):
    """A round object with a soft edge on another color: photo, true alpha."""
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    radius = size / 3 + 3 * np.sin(5 * np.arctan2(y, x))
    alpha = np.clip((radius - np.hypot(y, x)) / blur + 0.5, 0, 1)
    fore, back = (
        srgb_to_linear(np.array([0.75, 0.25, 0.2])),
        srgb_to_linear(np.array([0.35, 0.5, 0.6])),
    )
    rgb = encode_srgb8(alpha[..., None] * fore + (1 - alpha[..., None]) * back).astype(float)
    rgb += np.random.default_rng(0).normal(0, noise, rgb.shape)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8), alpha.astype(np.float32)


def coarse(alpha, cell=4):
    """The mask as a network of that stride would see it, upsampled without looking at the photo."""
    rows, columns = alpha.shape
    cells = alpha.reshape(rows // cell, cell, columns // cell, cell).mean(axis=(1, 3)) >= 0.5
    return cells.repeat(cell, 0).repeat(cell, 1)


def test_edges_snap_to_the_photo():
    rgb, alpha = scene()
    rough = coarse(alpha)
    fine = refine_alpha(rough, rgb, radius=6)
    before = np.abs(rough - alpha).sum()
    assert np.abs(fine - alpha).sum() < 0.35 * before
    assert ((fine >= 0.5) != (alpha >= 0.5)).sum() < 0.2 * (rough != (alpha >= 0.5)).sum()


def test_away_from_the_edge_alpha_is_exactly_0_or_1():
    rgb, alpha = scene()
    fine = refine_alpha(alpha, rgb, edge=0.5, radius=5)
    assert fine.dtype == np.float32
    assert fine.min() >= 0
    assert fine.max() <= 1
    y, x = np.mgrid[:160, :160] - 79.5
    away = np.abs(np.hypot(y, x) - 160 / 3) > 3 + 8
    assert set(np.unique(fine[away])) <= {0.0, 1.0}


def test_level_mask_and_alpha_say_the_same():
    rgb, alpha = scene()
    results = [
        refine_alpha(alpha >= 0.5, rgb),
        refine_alpha(alpha, rgb, edge=0.5),
        refine_alpha(alpha - np.float32(0.5), rgb),
    ]
    assert all((r == results[0]).all() for r in results)


@pytest.mark.parametrize("value", [False, True])
def test_full_and_empty_masks_stay(value):
    rgb, _ = scene()
    assert (refine_alpha(np.full((160, 160), value), rgb) == value).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (30, 7)])
def test_small_photos(shape):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    for radius in (1, 5, 40):
        alpha = refine_alpha(rng.random(shape) < 0.5, rgb, radius=radius)
        assert alpha.shape == shape
        assert np.isfinite(alpha).all()


def test_flat_photos_give_no_nan():
    alpha = refine_alpha(np.eye(40, dtype=bool), np.full((40, 40, 3), 7, np.uint8), radius=8)
    assert np.isfinite(alpha).all()


def test_the_band_grows_with_the_photo():
    assert default_radius((480, 640)) == 10
    assert default_radius((4000, 6000)) == 94
    assert default_radius((10, 10)) == 2


def test_foreground_is_unmixed():
    rgb, alpha = scene(blur=8, noise=0)
    fore = estimate_foreground(rgb, alpha)
    band = (alpha > 0.05) & (alpha < 1)
    assert np.abs(fore[band].astype(int) - rgb[alpha == 1][0]).max() <= 3
    assert (fore[(alpha == 0) | (alpha == 1)] == rgb[(alpha == 0) | (alpha == 1)]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 3), (33, 130)])
def test_foreground_of_small_and_odd_sizes(shape):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    fore = estimate_foreground(rgb, rng.random(shape).astype(np.float32))
    assert fore.shape == rgb.shape
    assert (estimate_foreground(rgb, np.ones(shape, np.float32)) == rgb).all()


def test_bad_input():
    rgb, alpha = scene()
    for field, photo, options in [
        (alpha[1:], rgb, {}),
        (alpha, rgb.astype(float), {}),
        (alpha, rgb[..., 0], {}),
        (np.where(alpha > 0.5, np.nan, 0), rgb, {}),
        (alpha, rgb, {"radius": 0}),
        (alpha, rgb, {"eps": 0}),
        (alpha, rgb, {"gain": 0.5}),
    ]:
        with pytest.raises(ParameterError):
            refine_alpha(field, photo, **options)
    with pytest.raises(ParameterError):
        estimate_foreground(rgb, alpha[1:])
