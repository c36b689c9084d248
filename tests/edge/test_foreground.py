"""What lies behind an edge is found: unmixed colors, recolored composites with known answers."""

import tracemalloc

import numpy as np
import pytest

from dmlseg_core.color import linear_to_srgb, srgb_to_linear
from dmlseg_core.edge.alpha import refine_alpha
from dmlseg_core.edge.foreground import ForegroundModel, estimate_foreground
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.apply import recolor
from tests.composites import BLUE, composites
from tests.edge.test_alpha import scene


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


def test_16_bits_are_unmixed_as_finely():
    rgb, alpha = scene(blur=8, noise=0)
    deep = estimate_foreground(rgb.astype(np.uint16) * 257, alpha)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - estimate_foreground(rgb, alpha)).max() <= 0.6


@pytest.mark.parametrize(
    ("dark", "light"), [((18, 17, 20), (250, 250, 248)), ((240, 240, 236), (30, 60, 90))]
)
@pytest.mark.parametrize("bend", [0.45, 2.2])
def test_an_alpha_that_is_off_is_told_by_the_colors(dark, light, bend):
    """As one found in gamma-coded levels is, where light was mixed; and the other way round."""
    _, alpha = scene(blur=4, noise=0)
    noise = np.random.default_rng(0).normal(0, 1.5, (*alpha.shape, 3))
    mixed = [srgb_to_linear(np.array(c, np.float32) / 255) for c in (dark, light)]
    linear = alpha[..., None] * mixed[0] + (1 - alpha[..., None]) * mixed[1]
    rgb = np.clip(np.rint(linear_to_srgb(linear) * 255 + noise), 0, 255).astype(np.uint8)
    wrong = (alpha**bend).astype(np.float32)
    places = np.nonzero((wrong > 0) & (wrong < 1))
    fore, share = ForegroundModel.of(rgb, wrong).at(*places)
    off, now = (np.abs(found - alpha[places]).mean() for found in (wrong[places], share))
    assert now < 0.65 * off
    assert np.abs(linear_to_srgb(fore).T * 255 - dark).max() < 45
    assert np.abs(ForegroundModel.of(rgb, alpha).at(*places)[1] - alpha[places]).mean() < 0.02


@pytest.mark.parametrize(
    ("pair", "limit"), [("red to blue", 1.2), ("white to navy", 3.4), ("black to yellow", 4.2)]
)
def test_the_true_alpha_leaves_no_halo(pair, limit):
    scenes = composites(("soft", "hair"), ("dark", "leaves", "stripes"), pair=pair)
    assert np.mean([made.error_of_alpha(made.alpha) for made in scenes]) <= limit


def test_black_made_yellow_has_no_dark_outline():
    """F may not fall to the darkest that the object has, where alpha is a little too small."""
    for made in composites(("crisp",), ("plain", "ramp", "blotches"), pair="black to yellow"):
        alpha = refine_alpha(made.alpha >= 0.5, made.rgb)
        assert made.error_of_alpha(alpha) <= 2.2, made.name


def test_pixels_without_the_object_are_copied():
    made = composites(shapes=("hair",), grounds=("leaves",))[0]
    shown, outside = recolor(made.rgb, made.alpha, BLUE).rgb, made.alpha == 0
    assert (shown[outside] == made.rgb[outside]).all()
    assert (shown[~outside] != made.rgb[~outside]).any()


def test_bad_input():
    rgb, alpha = scene()
    for photo, share in [
        (rgb, alpha[1:]),
        (rgb, np.where(alpha > 0.5, np.nan, alpha)),
        (rgb.astype(float), alpha),
    ]:
        with pytest.raises(ParameterError):
            estimate_foreground(photo, share)


def test_the_objects_color_stays_within_what_the_object_has():
    """An alpha that is too wide asks for a darker F than the object has anywhere."""
    rgb, alpha = scene(blur=6, noise=0)
    wide = np.clip(alpha * 1.6, 0, 1).astype(np.float32)
    own = rgb[wide >= 0.99]
    fore = estimate_foreground(rgb, wide)[(wide > 0) & (wide < 1)].astype(int)
    low, high = np.quantile(own, (0.01, 0.99), axis=0)
    assert (fore >= low - 1).all() and (fore <= high + 1).all()


def test_each_side_is_let_go_when_it_is_told():
    height, width = 2048, 3072
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    alpha = np.clip((0.8 - np.hypot(y, x)) * height / 8 + 0.5, 0, 1).astype(np.float32)
    rgb = np.full((height, width, 3), 120, np.uint8)
    tracemalloc.start()
    ForegroundModel.of(rgb, alpha)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 6 * alpha.size  # it was 9
