"""Hair is found from a hard mask, tile by tile, and without PyMatting a clear error."""

import sys

import numpy as np
import pytest

from dmlseg_core.edge import matting as refine_matting
from dmlseg_core.edge.alpha import refine_alpha
from dmlseg_core.edge.matting import hair_reach, matte_alpha
from dmlseg_core.errors import MissingExtraError, ParameterError
from dmlseg_core.paint.apply import recolor
from tests.composites import BLUE, composites
from tests.edge.test_alpha import scene


@pytest.fixture(scope="module")
def scenes():
    return composites(shapes=("soft", "hair"), grounds=("plain", "leaves", "stripes"))


def test_from_a_hard_mask_the_halo_goes(scenes):
    errors = []
    for made in scenes:
        hard = made.alpha >= 0.5
        alpha = matte_alpha(refine_alpha(hard, made.rgb), made.rgb)
        errors.append([made.error(recolor(made.rgb, a, BLUE).rgb) for a in (hard, alpha)])
    hard, matted = np.mean(errors, axis=0)
    assert matted <= 4.0
    assert 3 * matted <= hard


def test_hair_that_the_mask_lacks_is_found(scenes):
    made = next(s for s in scenes if s.name == "hair on leaves")
    hard = made.alpha >= 0.5
    thin = ~hard & made.band
    found = matte_alpha(hard, made.rgb)[thin].sum()
    assert found > 0.8 * made.alpha[thin].sum()


def test_beyond_reach_alpha_stays(scenes):
    made = scenes[0]
    alpha = np.where(made.alpha >= 0.5, np.float32(1), np.float32(0))
    alpha[0, 0], alpha[80, 80] = 0.25, 0.75
    fine = matte_alpha(alpha, made.rgb, radius=5)
    assert fine[0, 0] == np.float32(0.25)
    assert fine[80, 80] == np.float32(0.75)
    assert fine.min() >= 0 and fine.max() <= 1


def test_tiles_leave_no_seams(scenes, monkeypatch):
    made = scenes[-1]
    hard = made.alpha >= 0.5
    whole = matte_alpha(hard, made.rgb)
    monkeypatch.setattr(refine_matting, "_TILE", 48)
    tiled = matte_alpha(hard, made.rgb)
    assert np.abs(tiled - whole).mean() < 0.003
    assert np.quantile(np.abs(tiled - whole), 0.99) < 0.05


def test_a_tile_that_is_solved_from_the_start():
    """Its reach meets nothing but background, yet its surroundings see the object."""
    mask = np.zeros((64, 480), bool)
    mask[:, :138] = True
    rgb = np.where(mask[..., None], np.uint8([200, 30, 30]), np.uint8([30, 90, 60]))
    alpha = matte_alpha(mask, rgb, radius=60)
    assert (alpha == mask).all()


@pytest.mark.parametrize("value", [0, 1])
def test_full_and_empty_masks_stay(value):
    rgb, _ = scene()
    assert (matte_alpha(np.full(rgb.shape[:2], value, np.float32), rgb) == value).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 2), (3, 3), (30, 7)])
def test_small_photos(shape):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    alpha = matte_alpha(rng.random(shape) < 0.5, rgb)
    assert alpha.shape == shape
    assert np.isfinite(alpha).all()


def test_16_bits_say_the_same_as_8(scenes):
    made = scenes[0]
    hard = made.alpha >= 0.5
    deep = matte_alpha(hard, made.rgb.astype(np.uint16) * 257)
    assert np.abs(deep - matte_alpha(hard, made.rgb)).max() < 0.02


def test_reach_follows_the_object():
    mask = np.zeros((300, 400), bool)
    assert hair_reach(mask) == 4
    mask[30:150, 40:60] = True
    assert hair_reach(mask) == 10


def test_without_pymatting_the_error_says_what_to_do(monkeypatch):
    rgb, alpha = scene()
    monkeypatch.setitem(sys.modules, "pymatting", None)
    with pytest.raises(MissingExtraError, match="pip install PyMatting"):
        matte_alpha(alpha >= 0.5, rgb)


def test_bad_input():
    rgb, alpha = scene()
    for share, options in [
        (alpha[1:], {}),
        (2 * alpha, {}),
        (np.where(alpha > 0.5, np.nan, alpha), {}),
        (alpha, {"radius": 0}),
    ]:
        with pytest.raises(ParameterError):
            matte_alpha(share, rgb, **options)
