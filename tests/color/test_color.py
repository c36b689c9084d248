"""Color arithmetic against published tables, round trips and the definitions."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor
from skimage.color import deltaE_ciede2000, rgb2lab, xyz2rgb

from dmlseg_core import color as cs
from dmlseg_core.color.chinese import _WORDS, CHINESE
from dmlseg_core.color.difference import lab_difference
from dmlseg_core.color.english import ENGLISH
from dmlseg_core.errors import ParameterError

DATA = Path(__file__).parents[1] / "data"
# IEC 61966-2-1: XYZ (D65) -> linear sRGB.
XYZ_TO_RGB = np.linalg.inv(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def every_level_cube(step=17):
    axis = np.arange(0, 256, step, dtype=np.uint8)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def test_oklab_matches_ottossons_table():
    for pair in json.loads((DATA / "ottosson_oklab.json").read_text())["pairs"]:
        lab = cs.linear_to_oklab(XYZ_TO_RGB @ pair["xyz"])
        assert np.abs(lab - pair["lab"]).max() < 2e-3, pair


def test_ciede2000_matches_sharmas_table():
    pairs = json.loads((DATA / "sharma_ciede2000.json").read_text())["pairs"]
    assert len(pairs) == 34
    first, second, expected = (np.array(v, float) for v in zip(*pairs, strict=True))
    assert np.abs(lab_difference(first, second) - expected).max() < 1e-4
    assert np.abs(lab_difference(second, first) - expected).max() < 1e-4


def test_lab_and_ciede2000_are_scikit_images():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 40, 50, 3)).astype(np.uint8)
    first[:2], second[1:3] = 128, 40  # grays have no hue
    for one, other, off in ((first, second, 2e-3), (first / 255, second / 255, 1e-8)):
        assert np.abs(cs.rgb_to_lab(one) - rgb2lab(one)).max() < off
        theirs = deltaE_ciede2000(rgb2lab(one), rgb2lab(other))
        assert np.abs(cs.delta_e_2000(one, other) - theirs).max() < off
    # one color, and one against many
    assert np.abs(cs.delta_e_2000(first, second[0, 0]) - deltaE_ciede2000(
        rgb2lab(first), rgb2lab(second[:1, :1])
    )).max() < 2e-3  # fmt: skip


def test_delta_e_takes_srgb():
    assert cs.delta_e_2000(np.uint8([200, 16, 46]), np.uint8([200, 16, 46])) == 0
    # black to white differs by L = 100 alone
    assert cs.delta_e_2000(np.uint8([0, 0, 0]), np.uint8([255, 255, 255])) == pytest.approx(
        100, abs=0.01
    )


def test_srgb_curve_has_the_published_points():
    assert cs.srgb_to_linear(np.array([0.0, 0.04045, 0.5, 1.0])) == pytest.approx(
        [0, 0.0031308, 0.21404114, 1], abs=1e-7
    )
    assert xyz2rgb(np.linalg.inv(XYZ_TO_RGB) @ [0.2, 0.4, 0.6]) == pytest.approx(
        cs.linear_to_srgb(np.array([0.2, 0.4, 0.6])), abs=1e-3
    )


def test_8_bit_round_trips_are_exact():
    levels = np.arange(256, dtype=np.uint8)
    assert (cs.encode_srgb8(cs.srgb_to_linear(levels)) == levels).all()
    cube = every_level_cube()
    assert (cs.encode_srgb8(cs.oklab_to_linear(cs.srgb_to_oklab(cube))) == cube).all()
    planes = cs.linear_planes_to_oklab(np.ascontiguousarray(cs.srgb_to_linear(cube).T))
    assert np.abs(planes.T - cs.srgb_to_oklab(cube)).max() < 1e-5
    assert (cube == cs.encode_srgb8(cs.oklab_planes_to_linear(planes)).T).all()


def test_encoding_clips():
    assert cs.encode_srgb8(np.array([-1.0, 2.0])).tolist() == [0, 255]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (5,), (2, 3), (4, 5, 3), (2, 1, 3, 2)])
def test_8_bit_curves_take_any_shape_and_views(shape):
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    linear = cs.srgb_to_linear(levels)
    assert linear.shape == shape
    assert (linear == cs.decode_table()[levels]).all()
    assert (cs.encode_srgb8(linear) == levels).all()
    assert (cs.encode_srgb8(linear.T) == levels.T).all()


def test_8_bit_encoding_rounds_to_the_nearest_level():
    linear = np.linspace(0, 1, 100_003)
    exact = cs.linear_to_srgb(linear) * 255
    # Half a step of the table is at most 1/39 of a level, at the steep dark end.
    assert np.abs(cs.encode_srgb8(linear.astype(np.float32)) - exact).max() < 0.5 + 1 / 39


def to_lch(lab):
    """OKLab (..., 3) -> (L, C, h in degrees), as CSS Color 4 has it."""
    lightness, a, b = np.moveaxis(lab, -1, 0)
    return np.stack([lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360], axis=-1)


def test_oklch_round_trip():
    lab = cs.srgb_to_oklab(every_level_cube(51))
    assert np.abs(cs.oklch_to_oklab(to_lch(lab)) - lab).max() < 1e-6


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 360))
def test_gamut_fit_keeps_lightness_and_hue(lightness, chroma, hue):
    lab = cs.oklch_to_oklab([lightness, chroma, hue])
    fitted = cs.fit_to_gamut(lab)
    planes = np.ascontiguousarray(cs.oklab_to_linear(fitted)[:, None])
    assert cs.fits_gamut(planes, slack=2e-4).all()
    assert fitted[0] == pytest.approx(lab[0], abs=1e-6)
    assert abs(fitted[1] * lab[2] - fitted[2] * lab[1]) < 1e-5
    assert np.hypot(*fitted[1:]) <= chroma + 1e-6


def test_gamut_fit_leaves_what_fits_and_gives_up_no_more_than_it_must():
    lab = cs.srgb_to_oklab(every_level_cube(51))
    assert np.abs(cs.fit_to_gamut(lab) - lab).max() < 1e-6
    red = cs.srgb_to_oklab(np.uint8([255, 0, 0]))
    wide = cs.fit_to_gamut(red * np.float32([1, 1.5, 1.5]))
    assert np.abs(wide - red).max() < 2e-3


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("#c8102e", (200, 16, 46)),
        ("#fff", (255, 255, 255)),
        ("navy", (0, 0, 128)),
        (" RebeccaPurple ", (102, 51, 153)),
        ("dark red", (139, 0, 0)),
        ("Light Goldenrod-Yellow", (250, 250, 210)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ("oklch(62.8% 0.2577 29.23)", (255, 0, 0)),
        ("oklch(0.628 .2577 29.23deg)", (255, 0, 0)),
        ("oklch(1 0 0)", (255, 255, 255)),
        # CSS Color 4 / WPT css-color: the same color in both spaces
        ("color(display-p3 1 1 1)", (255, 255, 255)),
        ("color(display-p3 0.917488 0.200287 0.138561)", (255, 0, 0)),
        ("color(display-p3 0.458402 0.985265 0.298295)", (0, 255, 0)),
        ("COLOR( display-p3 50% 50% 50% )", (127.5, 127.5, 127.5)),
    ],
)
def test_parse_color(text, rgb):
    assert np.abs(np.array(cs.parse_color(text)) * 255 - rgb).max() < 1.01


@pytest.mark.parametrize(
    "text",
    ["", "#12", "#ggg", "nocolor", "no color", "oklch(2 0 0)", "oklch(1 2)", "oklch(. . .)",
     "rgb(300,0,0)", "#11223344", None, 7, "color(display-p3 1 0)", "color(display-p3 1 0 2)",
     "oklch(-1 0 0)", "color(rec2020 1 0 0)", "oklch(0.5 -0.1 0)"],
)  # fmt: skip
def test_parse_color_refuses(text):
    with pytest.raises(ParameterError) as caught:
        cs.parse_color(text)
    assert "\n" not in str(caught.value)


def test_to_hex():
    assert cs.to_hex(np.uint8([200, 16, 46])) == "#c8102e"
    assert cs.to_hex([1.2, -0.1, 0.5]) == "#ff0080"


@pytest.mark.parametrize("text", ["color(display-p3 1 0 0)", "oklch(0.6 0.4 150)"])
def test_colors_outside_srgb_lose_chroma_alone_and_say_so(text):
    color = cs.read_color(text)
    assert color.note == f"{text} lies outside sRGB; mapped to {cs.to_hex(color.rgb)}"
    got = to_lch(cs.srgb_to_oklab(np.array(color.rgb)))
    # P3 red in OKLCh as CSS Color 4 converts it: 0.6486 0.2990 28.96.
    lightness, chroma, hue = (0.6486, 0.2990, 28.96) if "p3" in text else (0.6, 0.4, 150)
    assert got[0] == pytest.approx(lightness, abs=2e-3)
    assert got[2] == pytest.approx(hue, abs=0.6)
    assert got[1] < chroma
    assert cs.read_color("navy").note == ""


def test_16_bit_round_trip_is_exact_and_agrees_with_8_bits():
    levels = np.arange(65536, dtype=np.uint16)
    assert np.abs(cs.encode_srgb16(cs.srgb_to_linear(levels)).astype(int) - levels).max() <= 1
    eight = np.arange(256)
    deep = cs.encode_srgb(cs.srgb_to_linear(eight.astype(np.uint8)), np.uint16)
    assert np.abs(deep.astype(int) - eight * 257).max() <= 1
    assert cs.encode_srgb(np.array([-1.0, 2.0]), np.uint16).tolist() == [0, 65535]


def test_english_words_are_colors_that_css_does_not_name():
    assert cs.to_hex(cs.parse_color("Burgundy")) == "#800020"
    assert cs.parse_color("wine red") == cs.parse_color("wine-red") == cs.parse_color("酒红")
    for word, hexadecimal in ENGLISH.items():
        assert cs.to_hex(cs.parse_color(word)) == hexadecimal
        with pytest.raises(ValueError):
            ImageColor.getrgb(word)


@pytest.mark.parametrize(
    "text", ["rgb(10 200 30)", "RGB( 10  200 30 )", "hsl(126.3deg 90.5% 41.2%)", "rgb(10, 200, 30)"]
)
def test_css_functions_as_browsers_copy_them(text):
    assert np.abs(255 * np.array(cs.parse_color(text)) - [10, 200, 30]).max() <= 1


def test_chinese_words():
    """With or without 色; each one a color that CSS knows; the table has no word twice."""
    assert cs.read_color("藏青").rgb == cs.read_color("藏青色").rgb == cs.read_color("navy").rgb
    assert cs.read_color(" 深蓝 ").rgb == cs.read_color("darkblue").rgb
    assert all(cs.read_color(word).rgb == cs.read_color(css).rgb for word, css in CHINESE.items())
    assert sum(len(words.split()) for words in _WORDS.values()) == len(CHINESE)
    for traditional, simplified in (("深藍", "深蓝"), ("軍綠色", "军绿"), ("橄欖綠", "橄榄绿")):
        assert cs.read_color(traditional).rgb == cs.read_color(simplified).rgb
    with pytest.raises(ParameterError, match="no color"):
        cs.read_color("色")
