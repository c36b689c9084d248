"""Color gates: logos, skin and zips stay as they were."""

import cv2
import numpy as np
import pytest

from dmlseg_core.color import delta_e_2000, encode_srgb8, parse_color, srgb_to_linear, srgb_to_oklab
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.apply import ColorGate, recolor
from dmlseg_core.paint.materials.gate import color_distance, gated
from tests.material_renders import THINGS

SIZE = 200


def linear_of(color):
    return srgb_to_linear(np.array(parse_color(color)))


def shirt(cloth="#b3202c", logo="#2f6fd0", noise=0.03):
    """Cloth in folds with a ring and a bar on it, camera noise; and which pixels are the logo."""
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5
    light = 0.6 + 0.3 * np.sin(14 * x + 4 * np.sin(6 * y)) + 0.1 * y
    radius = np.hypot(x, y)
    mark = ((radius > 0.12) & (radius < 0.19)) | ((abs(x) < 0.05) & (abs(y) < 0.04))
    linear = np.where(mark[..., None], linear_of(logo), linear_of(cloth)) * light[..., None]
    linear *= 1 + noise * np.random.default_rng(1).standard_normal(linear.shape)
    return encode_srgb8(linear), np.ones((SIZE, SIZE), bool), mark


PAIRS = [
    ("#b3202c", "#2f6fd0"),
    ("#203060", "#e8c020"),
    ("#208048", "#d03060"),
    ("#c8c8c8", "#b02030"),
]


def kept_and_changed(before, after, mark):
    """Bit for bit; the pixels along the border may be mixtures."""
    same = (before == after).all(axis=2)
    inner = cv2.erode(mark.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return same[inner].mean(), (~same)[~mark].mean()


@pytest.mark.parametrize(("cloth", "logo"), PAIRS)
def test_the_cloth_changes_and_the_logo_stays(cloth, logo):
    rgb, alpha, mark = shirt(cloth, logo)
    done = recolor(rgb, alpha, "#e0b0d0", gate=ColorGate(cloth))
    kept, changed = kept_and_changed(rgb, done.rgb, mark)
    assert kept >= 0.98
    assert changed >= 0.98
    assert done.delta_e <= 1


@pytest.mark.parametrize(("cloth", "logo"), PAIRS)
def test_leaving_the_logo_out_does_the_same(cloth, logo):
    rgb, alpha, mark = shirt(cloth, logo)
    done = recolor(rgb, alpha, "#e0b0d0", gate=ColorGate(logo, exclude=True))
    kept, changed = kept_and_changed(rgb, done.rgb, mark)
    assert kept >= 0.98
    assert changed >= 0.98


def test_the_anchor_is_that_of_what_passes():
    rgb, alpha, _ = shirt()
    anchor = srgb_to_oklab(
        np.array(parse_color(recolor(rgb, alpha, "navy", gate=ColorGate("#2f6fd0")).anchor))
    )
    assert color_distance(anchor[:, None], srgb_to_oklab(linear_srgb("#2f6fd0")))[0] < 0.1


def linear_srgb(color):
    return np.array(parse_color(color))


def test_several_gates_join_and_exclusions_cut():
    rgb, alpha, mark = shirt()
    alpha = alpha.astype(np.float32)
    both = gated(rgb, alpha, [ColorGate("#b3202c"), ColorGate("#2f6fd0")])
    assert both.mean() > 0.97
    cut = gated(
        rgb, alpha, [ColorGate("#b3202c"), ColorGate("#2f6fd0"), ColorGate("#2f6fd0", exclude=True)]
    )
    assert cut[mark].mean() < 0.02
    assert cut[~mark].mean() > 0.97


def test_lightness_tells_neutral_colors_apart():
    rgb, alpha, mark = shirt("#202020", "#f0f0f0")
    share = gated(rgb, alpha.astype(np.float32), ColorGate("#e0e0e0", tolerance=0.6))
    assert share[mark].mean() > 0.95
    assert share[~mark].mean() < 0.02


def test_shade_makes_no_difference():
    light = np.linspace(0.1, 1, 50)[:, None]
    lab = srgb_to_oklab(encode_srgb8(light * linear_of("#c83030"))).T
    assert color_distance(lab, srgb_to_oklab(linear_srgb("#c83030"))).max() < 0.1


def test_share_falls_with_distance_and_lies_in_0_to_1():
    rng = np.random.default_rng(0)
    lab = srgb_to_oklab(rng.integers(0, 256, (500, 3)).astype(np.uint8)).T
    gate = ColorGate("#3070c0", tolerance=0.2, softness=0.5)
    order = np.argsort(color_distance(lab, srgb_to_oklab(linear_srgb("#3070c0"))))
    share = gate.share(lab)[order]
    assert (np.diff(share) <= 1e-6).all()
    assert share.min() == 0
    assert share.max() == 1
    hard = ColorGate("#3070c0", tolerance=0.2, softness=0).share(lab)
    assert set(np.unique(hard)) <= {0.0, 1.0}


def test_sixteen_bits_pass_as_eight_do():
    rgb, alpha, _ = shirt()
    alpha = alpha.astype(np.float32)
    deep = gated(rgb.astype(np.uint16) * 257, alpha, ColorGate("#b3202c"))
    assert np.abs(deep - gated(rgb, alpha, ColorGate("#b3202c"))).max() < 1e-4


def test_alpha_and_gate_multiply_and_zero_is_copied():
    rgb, alpha, _ = shirt()
    alpha = np.where(np.indices(alpha.shape)[1] < 100, 0, 1).astype(np.float32)
    share = gated(rgb, alpha, ColorGate("#b3202c"))
    done = recolor(rgb, alpha, "gold", gate=ColorGate("#b3202c")).rgb
    assert (done[share == 0] == rgb[share == 0]).all()
    assert (share[:, :100] == 0).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ColorGate("nocolor"),
        lambda: ColorGate("red", tolerance=-1),
        lambda: ColorGate("red", softness=float("nan")),
        lambda: recolor(*shirt()[:2], "navy", gate=ColorGate("#00ff00", tolerance=0.1, softness=0)),
        lambda: recolor(*shirt()[:2], "navy", gate=["#00ff00"]),
        lambda: recolor(*shirt()[:2], "navy", gate="#00ff00"),
        lambda: recolor(*shirt()[:2], "navy", gate=[ColorGate("red", 2, exclude=True)]),
    ],
)
def test_bad_gates_are_one_clear_sentence(make):
    with pytest.raises(ParameterError) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["white shirt, black print", "stripes", "check cloth"])
def test_the_border_of_a_gate_keeps_no_line_of_the_old_color(name):
    """Against a render of the same thing in the other paint, on the mixed pixels alone."""
    thing = next(t for t in THINGS if t.name == name)
    (photo, mask), (answer, _) = thing.photo(), thing.answer("#2e7d4f")
    borders = mask & (thing.cover.max(axis=0) < 0.99)
    target = recolor(answer, mask & (thing.cover[0] > 0.99), "navy", materials="all").anchor
    made = recolor(photo, mask, target, gate=ColorGate(thing.paints[0])).rgb
    assert delta_e_2000(made, answer)[borders].mean() < 7  # 15 if all near the color were painted


def test_a_gate_that_fades_slowly_stays_as_it_is():
    way = np.linspace(0, 1, 300)[None, :, None]
    rgb = np.repeat(200 * (1 - way) + way * [200, 30, 30], 40, axis=0).astype(np.uint8)
    share = gated(rgb, np.ones((40, 300), np.float32), ColorGate("#c81e1e", 0.2, 0.4))
    assert np.abs(np.diff(share, axis=1)).max() < 0.1
    assert share.min() == 0 and share.max() == 1
