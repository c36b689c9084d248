"""Hair is found where the photo shows it; a crisp edge stays as it was, bit for bit."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from dmlseg_core.edge.alpha import refine_alpha
from dmlseg_core.edge.laplacian import MattingLaplacian
from dmlseg_core.edge.matting import hair_reach, matte_alpha
from dmlseg_core.errors import ParameterError
from tests.composites import composites
from tests.edge.test_alpha import away_from, scene


@pytest.fixture(scope="module")
def scenes():
    return composites(shapes=("crisp", "dense", "defocus"), grounds=("leaves", "blotches"))


@pytest.mark.parametrize("shape", ["dense", "defocus"])
def test_soft_edges_come_nearer_to_the_truth(scenes, shape):
    for made in scenes:
        if made.name.startswith(shape):
            refined = refine_alpha(made.alpha >= 0.5, made.rgb)
            before, after = (
                made.error_of_alpha(alpha)
                for alpha in (refined, matte_alpha(refined, made.rgb, radius=16))
            )
            assert after < 0.95 * before, made.name


def test_a_crisp_edge_stays_as_it_was(scenes):
    for made in scenes:
        if made.name.startswith("crisp"):
            refined = refine_alpha(made.alpha >= 0.5, made.rgb)
            assert (matte_alpha(refined, made.rgb) == refined).all()


def test_beyond_reach_and_deep_inside_alpha_stays(scenes):
    made = next(s for s in scenes if s.name == "dense on leaves")
    alpha = np.where(made.alpha >= 0.5, np.float32(1), np.float32(0))
    alpha[0, 0], alpha[80, 80] = 0.25, 0.75
    fine = matte_alpha(alpha, made.rgb, radius=5)
    changed = fine != alpha
    assert changed.any()
    assert fine[0, 0] == np.float32(0.25)
    assert fine[80, 80] == np.float32(0.75)
    assert away_from(alpha >= 0.5)[changed].max() <= 5.5
    assert fine.min() >= 0 and fine.max() <= 1


def test_a_large_photo_says_the_same_as_a_small_one(scenes):
    """Hair is solved at a bounded size and read at the photo's pixels."""
    made = next(s for s in scenes if s.name == "dense on leaves")
    hard = made.alpha >= 0.5
    small = matte_alpha(hard, made.rgb, radius=10)
    rgb = cv2.resize(made.rgb, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    large = matte_alpha(
        cv2.resize(hard.view(np.uint8), None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST) > 0,
        rgb, radius=80,
    )  # fmt: skip
    back = cv2.resize(large, small.shape[::-1], interpolation=cv2.INTER_AREA)
    band = made.band
    assert np.abs(back - small)[band].mean() < 0.5 * np.abs(hard - small)[band].mean()


def test_the_laplacian_is_levins():
    """Against the matrix as the paper writes it, window by window."""
    rng = np.random.default_rng(0)
    colors, picture = rng.random((6, 7, 3)).astype(np.float32), rng.random((6, 7))
    eps, matrix = 1e-3, np.zeros((42, 42))
    for y in range(1, 5):
        for x in range(1, 6):
            at = [(y + i) * 7 + x + j for i in (-1, 0, 1) for j in (-1, 0, 1)]
            own = colors.reshape(-1, 3)[at].astype(float)
            away = own - own.mean(axis=0)
            inverse = np.linalg.inv(away.T @ away / 9 + eps * np.eye(3))
            matrix[np.ix_(at, at)] += np.eye(9) - (1 + away @ inverse @ away.T) / 9
    ours = MattingLaplacian(colors, eps)
    assert ours(picture).ravel() == pytest.approx(matrix @ picture.ravel(), abs=1e-5)
    free = rng.random((6, 7)) < 0.5
    solved = ours.solve(picture, np.full((6, 7), 0.3), free, steps=200)
    rest = (matrix @ solved.ravel() + 0.3 * (solved - picture).ravel())[free.ravel()]
    assert (solved[~free] == picture[~free]).all()
    assert np.abs(rest).max() < 1e-3


def test_nothing_is_compiled():
    """No just-in-time compiler is loaded: a first call takes as long as the next."""
    code = (
        "import sys, numpy as np; from dmlseg_core.edge import matte_alpha;"
        "matte_alpha(np.eye(40) > 0, np.zeros((40, 40, 3), np.uint8));"
        "assert not {'numba', 'pymatting', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


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
    made = next(s for s in scenes if s.name == "dense on leaves")
    hard = made.alpha >= 0.5
    deep = matte_alpha(hard, made.rgb.astype(np.uint16) * 257)
    assert np.abs(deep - matte_alpha(hard, made.rgb)).max() < 0.02


def test_reach_follows_the_object():
    mask = np.zeros((300, 400), bool)
    assert hair_reach(mask) == 4
    mask[30:180, 40:60] = True
    assert hair_reach(mask) == 6


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
