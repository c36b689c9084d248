"""Printed cloth: the texture under the object's shading."""

import numpy as np
import pytest

from dmlseg_core.color import delta_e_2000, encode_srgb8, parse_color, srgb_to_linear, srgb_to_oklab
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.apply import recolor
from dmlseg_core.paint.pattern import scaled_tile


def checks(cell=4, colors=("#c02030", "#f0e8d8")):
    odd = (np.indices((2 * cell, 2 * cell)) // cell).sum(axis=0) % 2
    return encode_srgb8(srgb_to_linear(np.array([parse_color(c) for c in colors]))[odd])


def folds(color, size=96):
    """Cloth with soft folds filling columns 16..80; and its light."""
    y, x = np.mgrid[:size, :size] / size
    light = 0.75 + 0.2 * np.sin(9 * x + 3 * y)
    rgb = encode_srgb8(light[..., None] * srgb_to_linear(np.array(parse_color(color))))
    mask = np.zeros((size, size), bool)
    mask[8:88, 16:80] = True
    return rgb, mask, light


@pytest.mark.parametrize("cloth", ["#b0b0b0", "#404858", "#b03040"])
def test_it_is_the_texture_under_the_light_of_the_cloth(cloth):
    """Known answer: a printed cloth under the same light, brightness free."""
    rgb, mask, light = folds(cloth)
    tile = checks(colors=("#a02838", "#2858a0"))
    done = recolor(rgb, mask, mode="pattern", pattern=tile).rgb
    flat = np.tile(srgb_to_linear(tile), (20, 20, 1))[:80, :64]
    got = srgb_to_linear(done[8:88, 16:80])
    gain = np.median(got.sum(2) / (flat * light[8:88, 16:80, None]).sum(2))
    truth = encode_srgb8(flat * gain * light[8:88, 16:80, None])
    assert delta_e_2000(done[8:88, 16:80], truth).mean() <= 2.5
    assert (done[~mask] == rgb[~mask]).all()


def test_a_highlight_lies_on_top_of_the_print():
    rgb, mask, _ = folds("#b03040")
    rgb[40:44, 40:44] = 255
    done = recolor(rgb, mask, mode="pattern", pattern=checks()).rgb
    assert done[41:43, 41:43].min() >= 225


def test_it_starts_at_the_corner_of_the_object_and_repeats():
    rgb = np.full((64, 64, 3), 128, np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[10:50, 20:60] = True
    done = recolor(rgb, mask, mode="pattern", pattern=checks()).rgb[10:50, 20:60]
    assert (done[:8, :8] == done[8:16, 16:24]).all()
    assert (done[0, 0] == done[3, 3]).all()
    assert (done[0, 0] != done[0, 4]).any()


@pytest.mark.parametrize("scale", [0.5, 1, 2.5, 3])
def test_scale_is_photo_pixels_per_texture_pixel(scale):
    tile = scaled_tile(checks(), scale)
    assert tile.shape == (3, round(8 * scale), round(8 * scale))
    assert tile.min() >= 0
    assert tile.max() <= 1
    flat = srgb_to_linear(checks()).reshape(-1, 3).mean(axis=0)
    assert tile.mean(axis=(1, 2)) == pytest.approx(flat, abs=0.02)


def test_growing_keeps_the_tile_seamless():
    wave = (127 + 100 * np.sin(np.arange(16) / 16 * 2 * np.pi)).astype(np.uint8)
    tile = scaled_tile(np.repeat(np.tile(wave, (4, 1))[..., None], 3, 2), 8)[0, 0]
    steps = np.abs(np.diff(np.append(tile, tile[0])))
    assert steps[-1] <= steps[:-1].max()


def test_strength_lies_between_and_deep_photos_work():
    rgb, mask, _ = folds("#b0b0b0")
    tile = checks()
    none = recolor(rgb, mask, mode="pattern", pattern=tile, strength=0).rgb
    assert np.abs(none.astype(int) - rgb).max() <= 1
    eight = recolor(rgb, mask, mode="pattern", pattern=tile).rgb
    deep = recolor(rgb.astype(np.uint16) * 257, mask, mode="pattern", pattern=tile).rgb
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - eight)[mask].max() < 1.5


def test_reported_color_is_what_was_printed():
    rgb, mask, _ = folds("#909090")
    plain = np.full((3, 3, 3), (200, 60, 60), np.uint8)
    done = recolor(rgb, mask, mode="pattern", pattern=plain)
    assert done.delta_e <= 1.5
    asked = srgb_to_oklab(np.uint8([200, 60, 60]))
    assert np.abs(srgb_to_oklab(np.array(parse_color(done.result_anchor))) - asked).max() < 0.02


@pytest.mark.parametrize(
    "options",
    [
        {"pattern": None},
        {"pattern": np.zeros((4, 4), np.uint8)},
        {"pattern": np.zeros((4, 4, 3))},
        {"pattern": np.zeros((0, 4, 3), np.uint8)},
        {"pattern": [[1, 2, 3]]},
        {"pattern": checks(), "pattern_scale": 0},
        {"pattern": np.zeros((1000, 1000, 3), np.uint8), "pattern_scale": 40},
    ],
)
def test_bad_patterns_are_one_clear_sentence(options):
    rgb, mask, _ = folds("#909090")
    with pytest.raises(ParameterError) as caught:
        recolor(rgb, mask, mode="pattern", **options)
    assert "\n" not in str(caught.value)


def ridge(scale=1):
    """Cloth with one fold along the row 100, and the rows where stripes begin on it and off it."""
    size = 200 * scale
    y = np.arange(size)[:, None] / scale
    light = 0.35 + 0.4 * np.exp(-(((y - 100) / 8) ** 2)) + np.zeros((1, size))
    rgb = np.repeat(encode_srgb8(light)[..., None], 3, axis=2)
    stripes = np.repeat(checks(8, ("#202020", "#f0f0f0"))[:1], 8, axis=0)
    done = recolor(
        rgb, np.ones((size, size), bool), mode="pattern", pattern=stripes, pattern_scale=scale
    ).rgb
    profiles = [srgb_to_linear(done[row * scale]).mean(axis=1) for row in (100, 30)]
    fits = [np.corrcoef(np.roll(profiles[1], k), profiles[0])[0, 1] for k in range(16 * scale)]
    return int(np.argmax(fits)) / scale


def test_a_print_follows_folds_as_far_in_a_preview_as_in_the_file():
    shift = ridge()
    assert 1 <= shift <= 4
    assert abs(ridge(scale=3) - shift) <= 1


def test_a_print_lies_on_the_sunlit_half_of_a_gray_thing():
    light = np.where(np.arange(96) < 60, 0.2, 0.62) + np.zeros((96, 1))
    rgb = np.repeat(encode_srgb8(light)[..., None], 3, axis=2)
    plain = np.full((3, 3, 3), (110, 25, 25), np.uint8)
    done = recolor(rgb, np.ones((96, 96), bool), mode="pattern", pattern=plain).rgb
    lab = srgb_to_oklab(done[48])
    saturation = np.hypot(lab[:, 1], lab[:, 2]) / lab[:, 0]
    assert saturation[70:].min() >= 0.6 * saturation[:50].max()
