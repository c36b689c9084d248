"""Colors as people write them: hex, CSS names and functions, OKLCh, Display P3."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ImageColor

from dmlseg_core.color.chinese import css_of_chinese
from dmlseg_core.color.english import ENGLISH
from dmlseg_core.color.oklab import (
    fit_to_gamut,
    fits_gamut,
    linear_to_oklab,
    oklab_to_linear,
    oklch_to_oklab,
)
from dmlseg_core.color.srgb import linear_to_srgb, srgb_to_linear
from dmlseg_core.errors import ParameterError

# CSS Color 4, section "Sample code for color conversions", exact fractions:
# https://www.w3.org/TR/css-color-4/#color-conversion-code
_P3_TO_XYZ = np.array(
    [
        [608311 / 1250200, 189793 / 714400, 198249 / 1000160],
        [35783 / 156275, 247089 / 357200, 198249 / 2500400],
        [0, 32229 / 714400, 5220557 / 5000800],
    ]
)
_XYZ_TO_RGB = np.array(
    [
        [12831 / 3959, -329 / 214, -1974 / 3959],
        [-851781 / 878810, 1648619 / 878810, 36519 / 878810],
        [705 / 12673, -2585 / 12673, 705 / 667],
    ]
)
_WORDS = re.compile(r"[A-Za-z]+(?:[ _-][A-Za-z]+)+")
"""People write dark red where CSS has darkred."""
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_GAP = r"(?:\s*,\s*|\s+)"
_OKLCH = re.compile(
    rf"oklch\(\s*({_NUMBER})(%?){_GAP}({_NUMBER})(%?){_GAP}({_NUMBER})(?:deg)?\s*\)", re.I
)
_P3 = re.compile(
    rf"color\(\s*display-p3\s+({_NUMBER})(%?)\s+({_NUMBER})(%?)\s+({_NUMBER})(%?)\s*\)", re.I
)
_SPACED = re.compile(rf"(rgb|hsl)\(\s*({_NUMBER}(?:deg|%)?(?:\s+{_NUMBER}%?){{2}})\s*\)", re.I)
"""As CSS Color 4 has them, and browsers copy them: without commas."""
_JND = 2e-3
"""Linear-light overshoot below which a color counts as inside sRGB: not noticeable."""


class Color(NamedTuple):
    """A color that was read: (r, g, b) sRGB floats 0..1, and what had to be done to it, or ''."""

    rgb: tuple[float, float, float]
    note: str


def parse_color(text: str) -> tuple[float, float, float]:
    """`read_color` without its note.

    >>> [round(255 * v) for v in parse_color("#c8102e")]
    [200, 16, 46]
    """
    return read_color(text).rgb


def read_color(text: str) -> Color:
    """Read a color as people and CSS Color 4 write it.

    '#rgb', '#rrggbb', a CSS name ('darkred' or 'dark red'), another English one
    (`english.ENGLISH`), a Chinese one (`chinese.CHINESE`), 'rgb(r g b)' or 'hsl(h s% l%)', with
    commas or not, 'oklch(L C h)' or 'color(display-p3 r g b)'. A color outside
    sRGB loses chroma, at constant OKLab lightness and hue, until it fits; the note then says so.

    Raises:
        ParameterError: it is none of these.
    """
    if not isinstance(text, str):
        raise ParameterError(f"a color must be text such as '#c8102e'; got {text!r}")
    written = text.strip()
    written = css_of_chinese(written) or written
    if _WORDS.fullmatch(written):
        written = re.sub(r"[ _-]", "", written)
    written = ENGLISH.get(written.lower(), written)
    if spaced := _SPACED.fullmatch(written):
        written = f"{spaced[1]}({', '.join(spaced[2].replace('deg', '').split())})"
    if (linear := _wide_linear(written)) is not None:
        return _brought_into_srgb(written, linear)
    try:
        channels = ImageColor.getrgb(written)
    except ValueError:
        raise ParameterError(
            f"{text!r} is no color; give '#c8102e', a CSS name such as 'navy', "
            "'oklch(0.6 0.2 25)' or 'color(display-p3 1 0 0)'"
        ) from None
    if len(channels) != 3:
        raise ParameterError(f"a color to paint with has no transparency; got {text!r}")
    if not all(0 <= v <= 255 for v in channels):  # PIL takes rgb(300, 0, 0) without a word
        raise ParameterError(f"the channels of {text!r} must lie in 0..255")
    return Color((channels[0] / 255, channels[1] / 255, channels[2] / 255), "")


def _wide_linear(text: str) -> NDArray[np.float64] | None:
    """Linear sRGB (3,), any sign, of an OKLCh or Display-P3 text; None for other texts."""
    if found := _OKLCH.fullmatch(text):
        # CSS Color 4: 100 % lightness is 1, 100 % chroma is 0.4.
        lightness = float(found[1]) * (0.01 if found[2] else 1)
        chroma = float(found[3]) * (0.004 if found[4] else 1)
        if not (0 <= lightness <= 1 and chroma >= 0):
            raise ParameterError(f"{text!r} needs a lightness in 0..1 and a chroma of 0 or more")
        return oklab_to_linear(oklch_to_oklab([lightness, chroma, float(found[5])])).astype(float)
    if found := _P3.fullmatch(text):
        pairs = zip(found.groups()[::2], found.groups()[1::2], strict=True)
        channels = np.array([float(v) * (0.01 if percent else 1) for v, percent in pairs])
        if not ((channels >= 0) & (channels <= 1)).all():
            raise ParameterError(f"the channels of {text!r} must lie in 0..1")
        linear: NDArray[np.float64] = _XYZ_TO_RGB @ _P3_TO_XYZ @ srgb_to_linear(channels)
        return linear
    return None


def _brought_into_srgb(text: str, linear: NDArray[np.float64]) -> Color:
    note = ""
    if not fits_gamut(linear[:, None].astype(np.float32), slack=_JND)[0]:
        linear = oklab_to_linear(fit_to_gamut(linear_to_oklab(linear))).astype(float)
        note = f"{text} lies outside sRGB; mapped to {to_hex(linear_to_srgb(linear))}"
    red, green, blue = np.clip(linear_to_srgb(linear), 0, 1).tolist()
    return Color((red, green, blue), note)


def to_hex(rgb: ArrayLike) -> str:
    """SRGB (3,), uint8 or float 0..1 -> '#rrggbb'."""
    array = np.asarray(rgb)
    levels = array if array.dtype == np.uint8 else np.rint(np.clip(array, 0, 1) * 255)
    return "#" + "".join(f"{int(v):02x}" for v in levels)
