"""What lies behind an edge is found: unmixed colors, recolored composites with known answers."""

import numpy as np
import pytest

from dmlseg_core.edge.foreground import estimate_foreground
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


def test_the_true_alpha_leaves_no_halo():
    scenes = composites(shapes=("soft", "hair"), grounds=("dark", "leaves", "stripes"))
    errors = [s.error(recolor(s.rgb, s.alpha, BLUE).rgb) for s in scenes]
    assert np.mean(errors) <= 2.0


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
