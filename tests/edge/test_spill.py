"""JPEG's 4:2:0 ring is taken back, and only that."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from dmlseg_core.edge.spill import Spill
from dmlseg_core.paint.apply import recolor
from tests.edge.test_alpha import away_from

RED, GROUND = (200, 25, 30), (234, 235, 229)


def picture(front=RED, back=GROUND):
    """A disc, not refined at its edge, and its mask."""
    y, x = np.indices((150, 190))
    mask = np.hypot(y - 70, x - 90) < 45
    rgb = np.where(mask[..., None], np.uint8(front), np.uint8(back))
    rgb = rgb + np.random.default_rng(0).normal(0, 1.5, rgb.shape)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8), mask


def stored(rgb, subsampling):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "jpeg", quality=90, subsampling=subsampling)
    return np.asarray(Image.open(file))


def chroma_off(rgb, where):
    """Mean distance of the colors' chroma from the ground's, in levels."""
    ycc = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(float)[..., 1:]
    ground = cv2.cvtColor(np.uint8([[GROUND]]), cv2.COLOR_RGB2YCrCb)[0, 0, 1:]
    return np.abs(ycc - ground).max(axis=2)[where].mean()


@pytest.mark.parametrize("front", [RED, (40, 60, 190), (20, 110, 40)])
def test_the_ring_goes(front):
    rgb, mask = picture(front)
    jpeg = stored(rgb, "4:2:0")
    ring = ~mask & (away_from(mask) <= 2.5)
    far = away_from(mask) > 12
    shown = recolor(jpeg, mask, "#f2f2f2").rgb
    assert chroma_off(jpeg, ring) > 7
    assert chroma_off(shown, ring) < chroma_off(jpeg, far & ~mask) + 4
    assert (shown[far & ~mask] == jpeg[far & ~mask]).all()


def test_beyond_three_pixels_nothing_changes():
    rgb, mask = picture()
    jpeg = stored(rgb, "4:2:0")
    changed = (recolor(jpeg, mask, "navy").rgb != jpeg).any(axis=2) & ~mask
    assert changed.any()
    assert away_from(mask)[changed].max() <= 3 * 2**0.5 + 0.1


@pytest.mark.parametrize("make", [lambda rgb: rgb, lambda rgb: stored(rgb, "4:4:4")])
def test_a_photo_without_a_ring_is_copied_outside(make):
    rgb, mask = picture()
    photo = make(rgb)
    assert (recolor(photo, mask, "navy").rgb[~mask] == photo[~mask]).all()


def test_a_soft_edge_is_no_ring():
    """Alpha explains what shows of the object past the mask's edge."""
    _, mask = picture()
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2)
    soft = alpha[..., None] * np.float32(RED) + (1 - alpha[..., None]) * np.float32(GROUND)
    assert not Spill.of(np.rint(soft).astype(np.uint8), alpha).places.size


def test_no_strength_and_the_same_color_change_nothing():
    rgb, mask = picture()
    jpeg = stored(rgb, "4:2:0")
    assert (recolor(jpeg, mask, "navy", strength=0).rgb == jpeg).all()
    assert np.abs(recolor(jpeg, mask, "#c8191e").rgb.astype(int) - jpeg)[~mask].max() <= 20


def test_16_bits_have_no_ring():
    """No file of 16 bits stores chroma at half resolution: what is there belongs there."""
    rgb, mask = picture()
    jpeg, share = stored(rgb, "4:2:0"), mask * np.float32(1)
    assert Spill.of(jpeg, share).places.size
    assert not Spill.of(jpeg.astype(np.uint16) * 257, share).places.size


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (9, 2), (7, 30)])
def test_small_photos_are_left_as_they_are(shape):
    """Their edge is too short to tell a ring from chance."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    painted = rgb.copy()
    Spill.of(rgb, rng.random(shape).astype(np.float32)).take_back(painted)
    assert (painted == rgb).all()
