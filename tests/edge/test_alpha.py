"""Edges snap to the photo, in the edge band only."""

import tracemalloc

import cv2
import numpy as np
import pytest

from dmlseg_core.color import encode_srgb8, srgb_to_linear
from dmlseg_core.edge import alpha as edges
from dmlseg_core.edge.alpha import CELLS, default_radius, refine_alpha
from dmlseg_core.errors import ParameterError
from tests.edge.sharpness import SETS, TOLERANCES, boundary_f, instances, share_map


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
    fine = refine_alpha(alpha >= 0.5, rgb, radius=5)
    assert fine.dtype == np.float32
    assert fine.min() >= 0
    assert fine.max() <= 1
    y, x = np.mgrid[:160, :160] - 79.5
    away = np.abs(np.hypot(y, x) - 160 / 3) > 3 + 8
    assert set(np.unique(fine[away])) <= {0.0, 1.0}


def test_levels_of_any_scale_say_the_same():
    rgb, alpha = scene()
    results = [refine_alpha(s * (alpha - np.float32(0.5)), rgb) for s in (1, 1000)]
    assert (results[0] == results[1]).all()
    assert np.abs(results[0] - refine_alpha(alpha >= 0.5, rgb)).mean() < 0.01


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
    for size, radius in (((480, 640), 11), ((4000, 6000), 107), ((10, 10), 2)):
        assert default_radius(np.ones(size, bool)) == radius


@pytest.mark.parametrize("size", [(480, 640), (1200, 1600)])
@pytest.mark.parametrize(("across", "share"), [(2, 0.5), (4, 1), (6, 1.5), (16, 2), (40, 2)])
def test_the_band_is_a_quarter_of_a_slim_masks_radius(size, across, share):
    """A disc of `across` cells' radius: the band is `share` cells wide, two at most."""
    cell = max(size) / CELLS
    y, x = np.indices(size)
    disc = (y - size[0] / 2) ** 2 + (x - size[1] / 2) ** 2 < (across * cell) ** 2
    found = default_radius(disc | ((y < 2) & (x < size[1] / 3)))  # a thread beside it says nothing
    assert found == pytest.approx(share * cell, abs=0.2 * cell + 0.5)


def test_the_band_shrinks_with_finer_grids():
    assert default_radius(np.ones((480, 640), bool), cells=160) == 8


def test_an_exact_mask_is_refined_narrowly_at_any_grid():
    rgb, alpha = scene()
    for cells in (20, 80):
        soft = refine_alpha(alpha >= 0.5, rgb, cells=cells)
        assert np.abs(soft - alpha).mean() < 0.6 * np.abs((alpha >= 0.5) - alpha).mean()
        assert depth_of((soft > 0.05) & (soft < 0.95), soft >= 0.5) <= 3


def test_a_mask_that_is_off_is_moved_to_the_edge():
    rgb, alpha = scene()
    shifted = np.roll(alpha >= 0.5, (2, 3), (0, 1))
    soft = refine_alpha(shifted, rgb, cells=40)
    assert np.abs(soft - alpha).mean() < 0.35 * np.abs(shifted - alpha).mean()


def test_alpha_is_as_wide_as_the_photos_own_edge():
    for blur, least, most in ((1, 0, 3), (8, 3, 8)):
        rgb, alpha = scene(blur=blur)
        soft = refine_alpha(alpha >= 0.5, rgb, cells=20)
        assert least <= depth_of((soft > 0.05) & (soft < 0.95), soft >= 0.5) <= most


def test_where_the_photo_shows_no_edge_the_mask_decides():
    """An unsure mask is a decision, no smear, whatever the size of the photo."""
    rng = np.random.default_rng(3)
    rgb = rng.integers(90, 110, (600, 900, 3), dtype=np.uint8)
    y, x = np.indices((600, 900))
    mask = np.hypot(y - 300, x - 450) < 200
    soft = refine_alpha(mask, rgb)
    smear = (soft > 0.05) & (soft < 0.95) & (away_from(soft >= 0.5) > 6)
    assert smear.sum() <= 0.002 * mask.sum()


def away_from(hard):
    """Distance of every pixel from the mask's edge."""
    hard = hard.astype(np.uint8)
    return np.maximum(*(cv2.distanceTransform(side, cv2.DIST_L2, 5) for side in (hard, 1 - hard)))


def depth_of(part, hard):
    return away_from(hard)[part].max(initial=0)


def test_a_share_keeps_its_zeros_and_ones_and_gets_sharper():
    rgb, alpha = scene()
    truth = alpha >= 0.5
    share, cells = share_map(truth, 64)
    fine = refine_alpha(share, rgb, edge=0.5, cells=cells)
    assert set(np.unique(fine[(share == 0) | (share == 1)])) <= {0.0, 1.0}
    assert ((fine >= 0.5) != truth).sum() < 0.7 * ((share >= 0.5) != truth).sum()


def test_16_bits_say_the_same_as_8():
    rgb, alpha = scene()
    deep = refine_alpha(alpha >= 0.5, rgb.astype(np.uint16) * 257)
    assert np.abs(deep - refine_alpha(alpha >= 0.5, rgb)).max() < 0.03


def test_inputs_stay_as_they_were():
    rgb, alpha = scene()
    level = alpha - np.float32(0.5)
    for array in (rgb, level):
        array.flags.writeable = False
    kept = rgb.copy(), level.copy()
    refine_alpha(level, rgb)
    assert (rgb == kept[0]).all() and (level == kept[1]).all()


@pytest.mark.parametrize("name", SETS)
def test_guided_upsampling_beats_bilinear_on_real_masks(name, labelled_set):
    scores = []
    for found in instances(labelled_set(name), photos=8, per_photo=1):
        share, cells = share_map(found.mask)
        fine = refine_alpha(share, found.rgb, edge=0.5, cells=cells)
        scores.append([[boundary_f(m >= 0.5, found, t) for m in (share, fine)] for t in TOLERANCES])
    for bilinear, guided in np.mean(scores, axis=0):
        assert guided > bilinear


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
        (alpha, rgb, {"cells": 0}),
        (2 * alpha, rgb, {"edge": 0.5}),
        ((255 * alpha).astype(np.uint8), rgb, {}),
        (alpha[:0], rgb[:0], {}),
    ]:
        with pytest.raises(ParameterError):
            refine_alpha(field, photo, **options)


@pytest.mark.parametrize("radius", [5, 8, 14])
def test_a_flat_photo_moves_no_contour(radius):
    """Nothing speaks against the mask: a small round thing must not melt away."""
    y, x = np.indices((96, 96))
    level = (radius + 0.5 - np.hypot(y - 48, x - 48)).astype(np.float32)
    found = refine_alpha(level, np.full((96, 96, 3), 90, np.uint8)) >= 0.5
    assert abs(found.sum() / (level >= 0).sum() - 1) < 0.25


@pytest.mark.parametrize(("least", "most"), [(0.5, 1000), (0.95, 10_000), (0.2, 77), (2, 9)])
def test_a_sample_is_every_nth_of_all_that_are_sure(monkeypatch, least, most):
    """In strips: a list of a large photo's pixels would take more memory than the photo."""
    share = np.random.default_rng(0).random((333, 77)).astype(np.float32)
    every = np.flatnonzero(share >= least)
    for strip in (1000, 1 << 20):
        monkeypatch.setattr(edges, "_SEARCHED", strip)
        found = edges.sampled(share, least, most)
        assert found.tolist() == every[:: max(1, every.size // most)].tolist()


def test_a_level_is_let_go_when_its_edge_is_known():
    """As many bytes as alpha: with it a large photo took 14 bytes a pixel."""
    y, x = np.ogrid[-1:1:2000j, -1:1:3000j]
    rgb = np.full((2000, 3000, 3), 120, np.uint8)
    tracemalloc.start()
    levels = [(0.8 - np.hypot(y, x)).astype(np.float32)]
    tracemalloc.reset_peak()
    refine_alpha(levels.pop(), rgb)  # the caller's own name is gone, as in `Mask.to_alpha`
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * rgb.size / 3
