"""Recoloring: known renders, exact hits, properties, and every bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.color import delta_e_2000, encode_srgb8, parse_color, srgb_to_linear, srgb_to_oklab
from dmlseg_core.paint.apply import recolor
from dmlseg_core.paint.tone import LEVELS, Anchor, tone_curve

SIZE = 64


def disk(size=SIZE, radius=0.4):
    y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
    return y**2 + x**2 <= radius**2


def shaded(color, low=0.5, high=1.3, size=SIZE):
    """A cloth of one paint under light from `low` to `high`, on grey."""
    light = np.linspace(low, high, size)[None, :, None] * np.ones((size, 1, 1))
    rgb = np.full((size, size, 3), 120, np.uint8)
    paint = encode_srgb8(srgb_to_linear(np.array(parse_color(color))) * light)
    return np.where(disk(size)[..., None], paint, rgb)


def sphere(color, size=96, shine=0.5):
    """A glossy sphere: Lambert paint plus a white lobe, and its mask."""
    y, x = np.mgrid[:size, :size] / (size - 1) * 2.2 - 1.1
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    normal, light = np.stack([y, x, z], -1), np.array([-0.5, -0.4, 0.77])
    cosine = np.maximum(normal @ (light / np.linalg.norm(light)), 0)
    half = light / np.linalg.norm(light) + [0, 0, 1]
    lobe = np.maximum(normal @ (half / np.linalg.norm(half)), 0) ** 60
    body = (0.15 + 0.85 * cosine)[..., None] * srgb_to_linear(np.array(parse_color(color)))
    return encode_srgb8(body + shine * lobe[..., None]), x**2 + y**2 < 1


@pytest.mark.parametrize("source", ["#c8102e", "#f2f2f2", "#202020", "#808080", "#3c6eb4"])
@pytest.mark.parametrize(
    "target", ["navy", "#ffd400", "#c8102e", "#7fb8a4", "#777777", "white", "black"]
)
def test_match_hits_the_color(source, target):
    done = recolor(shaded(source), disk(), target)
    assert done.delta_e <= (2.0 if target == "white" else 1.5)
    asked = np.array(parse_color(target))
    measured = np.array(parse_color(done.result_anchor))
    assert done.delta_e == pytest.approx(float(delta_e_2000(asked, measured)), abs=0.6)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("#b01020", "#1a1a1a"),
        ("#1a1a1a", "#ffd400"),
        ("#b01020", "#2040a0"),
        ("#e0e0e0", "#203060"),
        ("#808080", "#c8102e"),
        ("#b01020", "#f0f0f0"),
        ("#1d46c8", "#a8dcc8"),
    ],
)
def test_a_glossy_sphere_is_near_its_true_render(source, target):
    before, mask = sphere(source)
    truth, _ = sphere(target)
    # The anchor is the median of the lit surface, not the albedo: ask for the truth's own median.
    wanted = recolor(truth, mask, target).anchor
    done = recolor(before, mask, wanted)
    assert delta_e_2000(done.rgb[mask], truth[mask]).mean() <= 4


def test_a_highlight_stays_the_color_of_the_light():
    before, mask = sphere("#b01020", shine=1.0)
    done = recolor(before, mask, "#2040a0").rgb
    bright = mask & (before.min(axis=2) >= 250)
    assert bright.any()
    assert done[bright].min() >= 235


colors = st.tuples(*[st.integers(12, 243)] * 3).map(lambda c: "#{:02x}{:02x}{:02x}".format(*c))


@settings(max_examples=25, deadline=None)
@given(colors)
def test_match_to_the_own_color_changes_nothing_visible(color):
    rgb = shaded(color, 0.6, 1.05)
    own = recolor(rgb, disk(), color).anchor
    done = recolor(rgb, disk(), own)
    apart = delta_e_2000(done.rgb, rgb)
    levels = np.abs(done.rgb.astype(int) - rgb).max(axis=2)
    assert ((apart <= 1.5) | (levels <= 1)).all()  # near black one level is up to 2.2
    assert apart[disk()].mean() <= 1
    assert done.delta_e <= 1


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.4), st.floats(0, 0.4))
def test_tone_curve_rises_and_hits_within_its_slope(anchor, target, below, above):
    high = min(anchor + above, 1)
    own = Anchor(anchor, 0j, max(anchor - below, 0), high, min(high, 1.15 * anchor))
    curve = tone_curve(own, target).level
    level = np.linspace(0, 1, LEVELS)
    assert (np.diff(curve) > 0).all()
    assert curve.min() >= -1e-9
    assert curve.max() <= 1 + 1e-9
    assert np.interp(anchor, level, curve) == pytest.approx(target, abs=0.006)
    inside = (level[:-1] >= own.low) & (level[1:] <= own.high)
    assert (np.diff(curve) * (LEVELS - 1))[inside].max(initial=0) <= 4.01


@settings(max_examples=25, deadline=None)
@given(colors, colors)
def test_shading_stays_monotone(source, target):
    ramp = np.repeat(srgb_to_linear(np.array(parse_color(source)))[None], 64, 0)
    ramp = encode_srgb8(ramp * np.linspace(0.2, 1, 64)[:, None])[None]
    done = recolor(ramp, np.ones((1, 64), bool), target).rgb
    lightness = srgb_to_oklab(done)[0, :, 0]
    # 8-bit rounding of three channels moves L by about one level's worth.
    assert np.diff(lightness).min() > -0.012
    assert lightness[-1] > lightness[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["navy", "white", "black", "#ff0", "hotpink"]))
def test_noise_in_gives_no_nan_and_inputs_stay(number, target):
    rng = np.random.default_rng(number)
    rgb = rng.integers(0, 256, (17, 23, 3), dtype=np.uint8)
    alpha = np.clip(rng.normal(0.5, 0.6, (17, 23)), 0, 1).astype(np.float32)
    alpha[3, 4] = 0.7
    rgb.flags.writeable = alpha.flags.writeable = False
    kept = rgb.copy(), alpha.copy()
    done = recolor(rgb, alpha, target)
    assert np.isfinite(done.delta_e)
    assert (rgb == kept[0]).all()
    assert (alpha == kept[1]).all()
    assert (done.rgb[alpha == 0] == rgb[alpha == 0]).all()


def test_strength_zero_keeps_and_half_lies_between():
    rgb = shaded("#c8102e")
    assert np.abs(recolor(rgb, disk(), "navy", strength=0).rgb.astype(int) - rgb).max() <= 1
    half = recolor(rgb, disk(), "navy", strength=0.5)
    start, end = (float(srgb_to_oklab(np.array(parse_color(c)))[0]) for c in
                  (half.anchor, recolor(rgb, disk(), "navy").result_anchor))  # fmt: skip
    middle = float(srgb_to_oklab(np.array(parse_color(half.result_anchor)))[0])
    assert middle == pytest.approx((start + end) / 2, abs=0.02)


def test_tint_keeps_lightness():
    rgb = shaded("#999999")
    done = recolor(rgb, disk(), "#3060c0", mode="tint")
    change = srgb_to_oklab(done.rgb)[..., 0] - srgb_to_oklab(rgb)[..., 0]
    assert np.abs(change).max() < 0.01
    assert srgb_to_oklab(done.rgb)[disk()][:, 2].mean() < -0.1


def test_amount_modes():
    rgb = shaded("#b05040")
    grey = recolor(rgb, disk(), mode="saturation", amount=-1).rgb[disk()]
    assert np.ptp(grey, axis=1).max() <= 1
    same = recolor(rgb, disk(), mode="hue_shift", amount=360)
    assert np.abs(same.rgb.astype(int) - rgb).max() <= 1
    lighter = recolor(rgb, disk(), mode="lightness", amount=0.1)
    assert lighter.delta_e < 1
    before, after = (
        srgb_to_oklab(np.array(parse_color(c)))[0] for c in (lighter.anchor, lighter.result_anchor)
    )
    assert after - before == pytest.approx(0.1, abs=0.01)


def test_white_keeps_the_folds_of_the_lit_side():
    """And says what it gave up for them; a thing in even light is as white as asked."""
    done = recolor(shaded("#3c6eb4"), disk(), "#ffffff")
    assert done.report is not None
    assert done.report.clipped < 0.3
    assert done.notes[0].endswith("instead of #ffffff leaves the lit side its folds")
    flat = np.full((SIZE, SIZE, 3), (60, 110, 180), np.uint8)
    even = recolor(flat, disk(), "#ffffff")
    assert even.result_anchor == "#ffffff"
    assert not any("instead of" in note for note in even.notes)


@pytest.mark.parametrize("source", ["#f0eee8", "#3c6eb4", "#303030"])
def test_black_keeps_a_shape(source):
    """And says what it gave up for it; a thing in even light is as black as asked."""
    done = recolor(shaded(source), disk(), "black")
    assert done.notes[0].endswith("instead of #000000 leaves its folds some light")
    assert done.delta_e <= 1.5
    seen = done.rgb[..., 1][disk()].astype(int)
    assert np.ptp(np.percentile(seen, (2, 98))) >= 6
    even = recolor(np.full((SIZE, SIZE, 3), (60, 110, 180), np.uint8), disk(), "black")
    assert even.result_anchor == "#000000"
    assert not any("instead of" in note for note in even.notes)


def test_white_that_stays_white_is_not_darkened():
    """What is nearly the file's white has its folds there, and needs no more room."""
    row = np.linspace(244, 255, SIZE).astype(np.uint8)
    white = np.repeat(np.tile(row, (SIZE, 1))[..., None], 3, axis=2)
    done = recolor(white, disk(), recolor(white, disk(), "navy").anchor)
    assert done.delta_e < 0.3
    assert not any("instead of" in note for note in done.notes)


@pytest.mark.parametrize("target", ["#ffd400", "#c8102e", "#a8d8ff", "white"])
def test_pure_black_takes_the_color_without_contours(target):
    """Half of it clipped to 0, the rest a few levels above: a polished visor."""
    ramp = np.clip(np.arange(-32, 32) // 4, 0, None).astype(np.uint8)
    rgb = np.broadcast_to(ramp[None, :, None], (SIZE, SIZE, 3)).copy()
    done = recolor(rgb, disk(), target)
    assert done.delta_e <= (2.0 if target == "white" else 1.1)
    row = done.rgb[SIZE // 2][disk()[SIZE // 2]]
    assert delta_e_2000(row[1:], row[:-1]).max() < 18  # one 8-bit level
    noisy = rgb.copy()
    noisy[..., 0] += (np.indices((SIZE, SIZE)).sum(0) % 2).astype(np.uint8)
    speckled = srgb_to_oklab(recolor(noisy, disk(), target).rgb[disk()])
    smooth = srgb_to_oklab(done.rgb[disk()])
    assert np.abs(speckled - smooth)[:, 1:].mean() < 0.02


def test_foreign_hues_do_not_become_the_complement():
    """Orange lamps in a blue sky that turns yellow: no blue sparks."""
    rgb = shaded("#283859", 0.8, 1.2)
    rgb[30:33, 30:33] = [230, 150, 60]
    lamp = srgb_to_oklab(recolor(rgb, disk(), "#ffd400").rgb[31, 31])
    assert lamp[2] > -0.02
    turned = recolor(rgb, disk(), mode="hue_shift", amount=180).rgb
    assert srgb_to_oklab(turned[31, 31])[2] < -0.05  # there, all hues turn


def test_edges_carry_no_halo():
    """Composites with known alpha, F and B: red -> blue against the true blue composite."""
    size = 128
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    alpha = np.clip((40 - np.hypot(y, x)) / 6 + 0.5, 0, 1).astype(np.float32)
    red, blue = (srgb_to_linear(np.array(parse_color(c))) for c in ("#b01828", "#2848b0"))
    light = (0.7 + 0.3 * x / size)[..., None]
    errors = []
    for ground in ("#e8e8e8", "#303830", "#40a050"):
        back = srgb_to_linear(np.array(parse_color(ground)))
        share = alpha[..., None]
        shown, truth = (encode_srgb8(share * c * light + (1 - share) * back) for c in (red, blue))
        core = alpha == 1
        wanted = recolor(truth, core, "blue").anchor
        done = recolor(shown, alpha, wanted).rgb
        band = (alpha > 0) & (alpha < 1)
        errors.append(delta_e_2000(done[band], truth[band]).mean())
    assert np.mean(errors) <= 2


@pytest.mark.parametrize("target", ["navy", "white", "#ffd400"])
def test_sixteen_bits_in_sixteen_out(target):
    """A 16-bit photo is the 8-bit one with finer steps; what alpha leaves out is copied."""
    rng = np.random.default_rng(0)
    rgb = shaded("#b05040")
    alpha = np.clip((0.4 - np.hypot(*(np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5))) * 20, 0, 1)
    deep = rgb.astype(np.uint16) * 257
    deep[alpha == 0] = rng.integers(0, 65536, deep[alpha == 0].shape)
    kept = deep.copy()
    done = recolor(deep, alpha, target)
    assert done.rgb.dtype == np.uint16
    assert (deep == kept).all()
    assert (done.rgb[alpha == 0] == kept[alpha == 0]).all()
    sure = alpha == 1
    assert np.abs(done.rgb / 257 - recolor(rgb, sure, target).rgb)[sure].max() <= 2
    assert done.delta_e <= (2.0 if target == "white" else 1.1)


def test_sixteen_bits_do_not_band():
    """A ramp of 4096 steps between two 8-bit levels keeps almost all of them, in order."""
    levels = np.linspace(30000, 34000, 4000).astype(np.uint16)
    deep = np.repeat(levels[None, :, None], 3, axis=2)
    done = recolor(deep, np.ones((1, 4000), bool), "#4060a0").rgb[0]
    assert len(np.unique(done[:, 2])) > 2000
    assert np.diff(done[:, 2].astype(int)).min() >= -1
    same = recolor(deep, np.ones((1, 4000), bool), "red", strength=0).rgb[0]
    assert np.abs(same[:, 0].astype(int) - levels).max() <= 4
