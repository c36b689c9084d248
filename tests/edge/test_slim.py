"""Slim parts that a photo cannot tell from what is about them stay; what it can tell is trimmed."""

import numpy as np
import pytest

from dmlseg_core.edge import alpha as edges
from dmlseg_core.edge.alpha import refine_alpha
from dmlseg_core.edge.slim import keep_slim

CELLS = 80
"""Of a photo of 320 pixels: cells of 4."""


def figure(leg, photo_leg=None):
    """A body with a leg of `leg` pixels: level, photo; None: the photo shows no leg at all."""
    inside = np.zeros((240, 320), bool)
    inside[40:140, 100:220] = True
    shown = inside.copy()
    inside[140:210, 160 - leg // 2 : 160 + leg // 2] = True
    if photo_leg is not None:
        shown[140:210, 160 - photo_leg // 2 : 160 + photo_leg // 2] = True
    rgb = np.where(shown[..., None], np.uint8((200, 60, 50)), np.uint8((20, 22, 30)))
    noise = np.random.default_rng(0).integers(-4, 5, rgb.shape)
    return np.where(inside, 1.0, -1.0), np.clip(rgb + noise, 0, 255).astype(np.uint8), inside


def without(monkeypatch):
    monkeypatch.setattr(edges, "keep_slim", lambda *_, **__: None)


@pytest.mark.parametrize("leg", [8, 10])
def test_a_dark_leg_in_the_dark_stays(leg, monkeypatch):
    level, rgb, inside = figure(leg)
    alpha = refine_alpha(level, rgb, cells=CELLS)
    below = np.s_[150:200, 140:180]
    assert ((alpha >= 0.5) & inside)[below].sum() > 0.9 * inside[below].sum()
    without(monkeypatch)
    alone = refine_alpha(level, rgb, cells=CELLS)
    assert ((alone >= 0.5) & inside)[below].sum() < 0.6 * inside[below].sum()


def test_a_leg_drawn_too_wide_is_trimmed_to_the_photo(monkeypatch):
    level, rgb, _ = figure(20, photo_leg=16)
    alpha = refine_alpha(level, rgb, cells=CELLS)
    widths = (alpha[155:195, 140:180] >= 0.5).sum(axis=1)
    assert abs(np.median(widths) - 16) <= 1
    without(monkeypatch)
    assert np.abs(alpha - refine_alpha(level, rgb, cells=CELLS)).max() == 0  # nothing was put back


def test_the_edge_of_a_thick_part_is_the_photo_s_alone():
    inside = np.zeros((240, 320), bool)
    inside[60:180, 80:240] = True
    found = np.zeros((240, 320), np.float32)
    found[67:173, 87:233] = 1
    kept = found.copy()
    keep_slim(kept, inside, cell=4)
    changed = kept != found
    changed[55:85, 75:105] = changed[55:85, 215:245] = False  # a corner is a slim part
    changed[155:185, 75:105] = changed[155:185, 215:245] = False
    assert not changed.any()


@pytest.mark.parametrize("belongs", [True, False])
@pytest.mark.parametrize("cell", [1, 4, 13.7])
def test_about_a_point_the_mask_stands(belongs, cell):
    inside = np.full((90, 130), not belongs)
    inside[30:60, 40:100] = belongs
    filtered = np.full(inside.shape, np.float32(not belongs))
    away = filtered.copy()
    keep_slim(away, inside, cell=cell)
    at = (58.4, 99.2)
    alpha = away.copy()
    keep_slim(alpha, inside, cell=cell, points=[at])
    assert (alpha[58, 99] >= 0.5) == belongs
    far = np.hypot(*(np.mgrid[:90, :130] - np.array(at)[:, None, None])) > 4 * cell + 3
    assert (alpha[far] == away[far]).all()


def test_what_is_put_back_does_not_depend_on_strips(monkeypatch):
    level, rgb, _ = figure(10)
    whole = refine_alpha(level, rgb, cells=CELLS)
    monkeypatch.setattr("dmlseg_core.edge.slim._STRIP", 7)
    assert np.abs(refine_alpha(level, rgb, cells=CELLS) - whole).max() == 0
