"""Filters that run on tiles of the band say what they would say of the whole picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from dmlseg_core.edge import band
from dmlseg_core.edge.alpha import refine_alpha
from dmlseg_core.edge.band import Pyramid, halved, moved
from dmlseg_core.edge.tiles import Tiles

EPS = 1e-3


def filtered_slowly(mask, rgb, radius, passes):
    """The same filter of the whole picture, each cell's system solved by itself."""
    step, cells = band._grid(radius)
    height, width = mask.shape
    size = width // step, height // step
    guide, goal = (
        cv2.resize(a, size, interpolation=cv2.INTER_AREA) / 255
        for a in (rgb, mask.view(np.uint8) * np.uint8(255))
    )

    def mean(array):
        side = 2 * cells + 1
        return uniform_filter(array, (side, side) + (1,) * (array.ndim - 2), mode="reflect")

    own = mean(guide)
    matrix = mean(guide[..., :, None] * guide[..., None, :]) - own[..., :, None] * own[..., None, :]
    for _ in range(passes):
        cross = mean(guide * goal[..., None]) - own * mean(goal)[..., None]
        slope = np.linalg.solve(matrix + EPS * np.eye(3), cross[..., None])[..., 0]
        linear = mean(np.dstack([slope, mean(goal) - (slope * own).sum(axis=-1)]))
        explained, variance = (slope * cross).sum(axis=-1), mean(goal * goal) - mean(goal) ** 2
        found = (linear[..., :3] * guide).sum(axis=-1) + linear[..., 3]
        goal = np.clip(4 * (found - 0.5) + 0.5, 0, 1)
    trust = mean(np.clip(explained / np.maximum(variance, 1e-4), 0, 1))
    wide = cv2.resize(np.dstack([linear, trust]), (width, height), interpolation=cv2.INTER_LINEAR)
    return (wide[..., :3] * rgb / 255).sum(axis=-1) + wide[..., 3], wide[..., 4]


def picture(seed, height, width):
    """Smooth colors with noise, and a mask whose edge wanders through the picture."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (5, 6, 3)).astype(np.float32)
    rgb = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
    rgb = np.clip(rgb + rng.normal(0, 12, rgb.shape), 0, 255).astype(np.uint8)
    field = cv2.resize(rng.normal(0, 1, (5, 7)).astype(np.float32), (width, height))
    return field > 0, rgb


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**16), radius=st.integers(1, 16), passes=st.integers(1, 2),
    cells=st.tuples(st.integers(50, 90), st.integers(50, 90)), small=st.booleans(),
)  # fmt: skip
def test_tiles_say_what_the_whole_picture_says(seed, radius, passes, cells, small):
    step, reach = band._grid(radius)
    mask, rgb = picture(seed, cells[0] * step, cells[1] * step)
    side = step * (8 if small else 32)
    tiles = Tiles.about(mask, step, max(side, 8 * radius // step * step), step)
    margin = (2 * reach * passes + 1) * step
    tiles = Tiles(tiles.corners, tiles.size, margin if len(tiles.corners) > 1 else 0)
    soft, trust = filtered_slowly(mask, rgb, radius, passes)
    for piece in band._filtered(mask.view(np.uint8), rgb, tiles, radius, eps=EPS, passes=passes):
        for found, right in ((piece.soft, soft), (piece.trust, trust)):
            made = right.astype(np.float32).copy()
            piece.tiles.put(found, made)
            assert np.abs(made - right).max() < 1e-4


@pytest.mark.parametrize(("radius", "passes"), [(2, 1), (3, 2), (5, 2), (6, 1), (6, 2)])
def test_the_margin_is_as_wide_as_the_filter_reaches(radius, passes):
    """Tiles as they are used, many of them: no seam where two of them meet."""
    step, _ = band._grid(radius)
    y, x = np.indices((480 * step, 480 * step))
    mask = np.hypot(y - 200 * step, x - 190 * step) < 150 * step
    rgb = picture(radius, *mask.shape)[1]
    tiles = band._tiles(mask, radius, passes)
    assert len(tiles.corners) > 20
    soft, _ = filtered_slowly(mask, rgb, radius, passes)
    for piece in band._filtered(mask.view(np.uint8), rgb, tiles, radius, eps=EPS, passes=passes):
        made = soft.astype(np.float32).copy()
        piece.tiles.put(piece.soft, made)
        assert np.abs(made - soft).max() < 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3), (200, 330), (333, 64)])
def test_tiles_hold_every_pixel_near_the_edge(shape):
    rng = np.random.default_rng(shape[1])
    mask = cv2.resize(rng.random((4, 5)).astype(np.float32), shape[::-1]) > 0.5
    for radius in range(1, 2 * band._NARROW):
        near = band._band(mask.view(np.uint8), radius)
        held = np.zeros(shape, bool)
        for part in band._tiles(mask, radius, 1).batches():
            part.put(part.own(part.gather(np.ones(shape, bool))), held)
        assert not (near & ~held).any()


def test_what_is_gathered_is_put_back():
    rng = np.random.default_rng(0)
    rgb, mask = rng.integers(0, 256, (150, 210, 3), dtype=np.uint8), np.zeros((150, 210), bool)
    mask[60:, 20:24] = True
    tiles, made = Tiles.about(mask, 2, 32, 6), np.zeros_like(rgb)
    assert 1 < len(tiles.corners) < 35
    for part in tiles.batches():
        part.put(part.own(part.gather(rgb)), made)
    held = made.any(axis=2)
    assert (made[held] == rgb[held]).all() and held[60:, 20:24].all() and not held.all()


def test_the_band_is_what_has_both_sides_in_its_window():
    rng = np.random.default_rng(1)
    mask = cv2.resize(rng.random((6, 6)).astype(np.float32), (40, 30)) > 0.5
    found = band._band(mask.view(np.uint8), 3)
    for y, x in np.ndindex(mask.shape):
        window = mask[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4]
        assert found[y, x] == (window.any() and not window.all())


def test_halves_are_means():
    rgb = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    right = rgb[:4, :6].reshape(2, 2, 3, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved(rgb) - right).max() <= 0.5
    assert Pyramid(rgb).at(2).shape == (1, 1, 3)


@pytest.mark.parametrize("radius", [12, 24, 60, 100])
def test_a_wide_band_finds_the_same_edge_on_the_photo_made_smaller(radius):
    y, x = np.indices((601, 803))
    truth = np.hypot(y - 300, x - 400) < 220 + 12 * np.sin(7 * np.arctan2(y - 300, x - 400))
    rgb = np.where(truth[..., None], (180, 70, 60), (90, 120, 130)).astype(np.float32)
    rgb = cv2.GaussianBlur(rgb, (0, 0), 1) + np.random.default_rng(0).normal(0, 4, rgb.shape)
    rgb = np.clip(rgb, 0, 255).astype(np.uint8)
    off = np.roll(truth, (radius // 3, radius // 3), (0, 1))
    found, width = moved(off, Pyramid(rgb), radius, EPS)
    assert (found != truth).sum() < 0.3 * 1600  # pixels of contour
    assert width <= 5


def test_alpha_does_not_depend_on_where_the_tiles_lie():
    """A photo and the same photo shifted by some pixels have the same alpha, shifted."""
    y, x = np.indices((520, 520))
    mask = np.hypot(y - 260, x - 260) < 170
    rgb = picture(3, 520, 520)[1]
    rgb[mask] //= 2
    whole = refine_alpha(mask, rgb, radius=3)
    for dy, dx in ((5, 11), (17, 2)):
        part = refine_alpha(mask[dy:, dx:], np.ascontiguousarray(rgb[dy:, dx:]), radius=3)
        assert np.abs(part - whole[dy:, dx:]).max() < 1e-3
