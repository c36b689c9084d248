"""Neutral things in strong light, and so bright that they take no tint."""

import numpy as np
import pytest

from dmlseg_core.color import encode_srgb8, parse_color, srgb_to_oklab
from dmlseg_core.paint.apply import recolor
from tests.paint.test_light import HEIGHT, WIDTH, gray_photo, inner


@pytest.mark.parametrize(("level", "target", "said"), [
    (255, "#c8102e", True), (250, "navy", True), (225, "#e0d8d0", False), (150, "#c8102e", False),
])  # fmt: skip
def test_white_that_takes_no_tint_says_so(level, target, said):
    done = recolor(gray_photo(np.full(WIDTH, level)), inner(), target, mode="tint")
    assert any("white" in note for note in done.notes) == said


def test_a_gray_thing_half_in_the_sun_is_all_painted():
    """Wool in shade, its back in light of four times as much: that is no sheen."""
    light = np.where(np.arange(WIDTH) < 0.65 * WIDTH, 0.2, 0.8) * np.linspace(0.95, 1.05, WIDTH)
    done = recolor(gray_photo(encode_srgb8(light)), inner(), "#b01828").rgb
    lab = srgb_to_oklab(done[HEIGHT // 2, 12:-12])
    asked = srgb_to_oklab(np.array(parse_color("#b01828")))
    saturation = np.hypot(lab[:, 1], lab[:, 2]) / lab[:, 0]
    assert saturation.min() >= 0.8 * np.hypot(asked[1], asked[2]) / asked[0]


def test_stripes_are_no_sunlight():
    """A zebra: its white is kept from the paint, as a reflection is."""
    light = np.where(np.arange(WIDTH) // 2 % 3, 0.2, 0.8)
    done = recolor(gray_photo(encode_srgb8(light)), inner(), "#b01828", materials="all").rgb
    lab = srgb_to_oklab(done[HEIGHT // 2, 12:-12][light[12:-12] > 0.5])
    assert (np.hypot(lab[:, 1], lab[:, 2]) / lab[:, 0]).max() < 0.15
