"""Color arithmetic: sRGB, linear light, OKLab, CIEDE2000, color names, and fitting to the gamut.

Arrays carry their three channels last unless a name says `planes` (channels first: one contiguous
plane per channel, which is what the fast paths want). Linear light is 0..1 in sRGB primaries.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ImageColor

from dmlseg_core.errors import ParameterError

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

# Björn Ottosson, "A perceptual color space for image processing",
# https://bottosson.github.io/posts/oklab/ : linear sRGB -> LMS, cube root, LMS' -> OKLab.
RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
# Inverted here, not copied: the published inverses are rounded and would drift in a round trip.
_LMS_TO_RGB = np.linalg.inv(RGB_TO_LMS).astype(np.float32)
_LAB_TO_LMS = np.linalg.inv(LMS_TO_LAB).astype(np.float32)
_RGB_TO_LMS32 = RGB_TO_LMS.astype(np.float32)
_LMS_TO_LAB32 = LMS_TO_LAB.astype(np.float32)

_FINE = 65535
"""Steps of the linear -> sRGB table: 20 to one 8-bit level in the darkest, steepest part."""


def srgb_to_linear(values: ArrayLike) -> NDArray[Any]:
    """Decode sRGB (IEC 61966-2-1).

    Args:
        values: uint8 0..255, or floats 0..1; any shape.

    Returns:
        Linear light 0..1: float32 for uint8 (by table), else the input's float type.
    """
    array = np.asarray(values)
    if array.dtype == np.uint8:
        return np.take(decode_table(), array)
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    high = np.maximum((array + 0.055) / 1.055, 0.0) ** 2.4
    return np.where(array <= 0.04045, array / 12.92, high).astype(array.dtype, copy=False)


def linear_to_srgb(values: ArrayLike) -> NDArray[Any]:
    """Encode linear light 0..1 (any shape, float) as sRGB 0..1; the inverse of srgb_to_linear."""
    array = np.asarray(values)
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    high = 1.055 * np.maximum(array, 0.0) ** (1 / 2.4) - 0.055
    return np.where(array <= 0.0031308, array * 12.92, high).astype(array.dtype, copy=False)


@cache
def decode_table() -> Floats:
    """(256,) float32: linear light of each 8-bit sRGB level."""
    table: Floats = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)
    table.flags.writeable = False
    return table


@cache
def _encode_table() -> Bytes:
    table: Bytes = np.rint(linear_to_srgb(np.arange(_FINE + 1) / _FINE) * 255).astype(np.uint8)
    return table


def encode_srgb8(linear: NDArray[np.floating[Any]]) -> Bytes:
    """Linear light (any shape, clipped to 0..1 here) -> uint8 sRGB, rounded to nearest."""
    index = np.clip(linear, 0.0, 1.0)
    index *= _FINE
    index += 0.5
    coded: Bytes = np.take(_encode_table(), index.astype(np.uint16))
    return coded


def linear_planes_to_oklab(planes: Floats) -> Floats:
    """(3, N) float32 linear light >= 0 -> (3, N) float32 OKLab (L 0..1, a, b about -.4..+.4)."""
    lms = np.maximum(_RGB_TO_LMS32 @ planes, 0.0)
    roots = cv2.pow(lms, 1 / 3)  # SIMD; numpy's cbrt is five times slower
    lab: Floats = _LMS_TO_LAB32 @ roots.reshape(lms.shape)
    return lab


def oklab_planes_to_linear(planes: Floats) -> Floats:
    """(3, N) float32 OKLab -> (3, N) float32 linear light; outside 0..1 when out of gamut."""
    roots = _LAB_TO_LMS @ planes
    cubes = roots * roots
    cubes *= roots
    linear: Floats = _LMS_TO_RGB @ cubes
    return linear


def linear_to_oklab(linear: ArrayLike) -> Floats:
    """Linear light (..., 3), any sign -> OKLab (..., 3) float32."""
    array = np.asarray(linear, np.float64)
    lab: Floats = (np.cbrt(array @ RGB_TO_LMS.T) @ LMS_TO_LAB.T).astype(np.float32)
    return lab


def oklab_to_linear(lab: ArrayLike) -> Floats:
    """OKLab (..., 3) -> linear light (..., 3) float32, not clipped."""
    array = np.asarray(lab, np.float32)
    planes = oklab_planes_to_linear(np.ascontiguousarray(array.reshape(-1, 3).T))
    return np.ascontiguousarray(planes.T).reshape(array.shape)


def srgb_to_oklab(rgb: ArrayLike) -> Floats:
    """SRGB (..., 3), uint8 or float 0..1 -> OKLab (..., 3) float32."""
    return linear_to_oklab(srgb_to_linear(rgb))


def oklab_to_oklch(lab: ArrayLike) -> Floats:
    """OKLab (..., 3) -> (L, C, h) (..., 3) float32, h in degrees 0..360."""
    array = np.asarray(lab, np.float32)
    lightness, a, b = np.moveaxis(array, -1, 0)
    hue = np.degrees(np.arctan2(b, a)) % 360
    return np.stack([lightness, np.hypot(a, b), hue], axis=-1).astype(np.float32, copy=False)


def oklch_to_oklab(lch: ArrayLike) -> Floats:
    """(L, C, h in degrees) (..., 3) -> OKLab (..., 3) float32."""
    lightness, chroma, hue = np.moveaxis(np.asarray(lch, np.float32), -1, 0)
    angle = np.radians(hue)
    lab = [lightness, chroma * np.cos(angle), chroma * np.sin(angle)]
    return np.stack(lab, axis=-1).astype(np.float32, copy=False)


def delta_e_2000(rgb: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """CIEDE2000 between two sRGB arrays (..., 3), uint8 or float 0..1 (D65, scikit-image)."""
    # Imported here: skimage.color pulls scipy in, which a mere look-up of a color must not.
    from skimage.color import deltaE_ciede2000, rgb2lab  # noqa: PLC0415

    first, second = rgb2lab(np.asarray(rgb)), rgb2lab(np.asarray(other))
    difference = deltaE_ciede2000(first, second)  # type: ignore[no-untyped-call]
    return np.asarray(difference, np.float64)


def fits_gamut(linear_planes: Floats, slack: float = 1e-4) -> NDArray[np.bool_]:
    """(N,) bool: which of (3, N) linear colors lie in 0..1, give or take `slack`."""
    low, high = linear_planes.min(axis=0), linear_planes.max(axis=0)
    inside: NDArray[np.bool_] = (low >= -slack) & (high <= 1 + slack)
    return inside


def fit_planes_to_gamut(lab_planes: Floats, steps: int = 14) -> Floats:
    """Reduce chroma at constant L and hue until the color fits sRGB.

    Args:
        lab_planes: (3, N) float32 OKLab; L is clipped to 0..1 first.
        steps: halvings of the chroma interval; 14 leave an error of C / 16384.

    Returns:
        (3, N) float32 OKLab; colors that fitted come back unchanged.
    """
    fitted = lab_planes.copy()
    np.clip(fitted[0], 0.0, 1.0, out=fitted[0])
    outside = np.flatnonzero(~fits_gamut(oklab_planes_to_linear(fitted)))
    if outside.size == 0:
        return fitted
    trial = fitted[:, outside]
    full = trial[1:].copy()
    low = np.zeros(outside.size, np.float32)
    for step in range(steps):
        middle = low + np.float32(0.5 ** (step + 1))
        trial[1:] = full * middle
        low = np.where(fits_gamut(oklab_planes_to_linear(trial)), middle, low)
    fitted[1:, outside] = full * low
    return fitted


def fit_to_gamut(lab: ArrayLike) -> Floats:
    """OKLab (..., 3) -> OKLab (..., 3) inside sRGB: less chroma, the same L and hue."""
    array = np.asarray(lab, np.float32)
    planes = fit_planes_to_gamut(np.ascontiguousarray(array.reshape(-1, 3).T))
    return np.ascontiguousarray(planes.T).reshape(array.shape)


_OKLCH = re.compile(
    r"oklch\(\s*([0-9.]+)(%?)\s*[,\s]\s*([0-9.]+)(%?)\s*[,\s]\s*(-?[0-9.]+)(?:deg)?\s*\)", re.I
)


def parse_color(text: str) -> tuple[float, float, float]:
    """Read a color: '#rgb', '#rrggbb', a CSS name, 'rgb(...)', 'hsl(...)' or 'oklch(L C h)'.

    Returns:
        (r, g, b) sRGB floats 0..1. An `oklch` color outside sRGB loses chroma until it fits.

    Raises:
        ParameterError: it is none of these.

    >>> [round(255 * v) for v in parse_color("#c8102e")]
    [200, 16, 46]
    """
    if not isinstance(text, str):
        raise ParameterError(f"a color must be text such as '#c8102e'; got {text!r}")
    try:
        if text.strip().lower().startswith("oklch"):
            return _parse_oklch(text.strip())
        channels = ImageColor.getrgb(text.strip())
    except ValueError:
        raise ParameterError(
            f"{text!r} is no color; give '#c8102e', a CSS name such as 'navy', or 'oklch(.6 .2 25)'"
        ) from None
    if len(channels) != 3:
        raise ParameterError(f"a color to paint with has no transparency; got {text!r}")
    if not all(0 <= v <= 255 for v in channels):  # PIL takes rgb(300, 0, 0) without a word
        raise ParameterError(f"the channels of {text!r} must lie in 0..255")
    return channels[0] / 255, channels[1] / 255, channels[2] / 255


def _parse_oklch(text: str) -> tuple[float, float, float]:
    found = _OKLCH.fullmatch(text)
    if found is None:
        raise ValueError(text)
    # CSS Color 4: 100 % lightness is 1, 100 % chroma is 0.4.
    lightness = float(found[1]) * (0.01 if found[2] else 1)
    chroma = float(found[3]) * (0.004 if found[4] else 1)
    if not 0 <= lightness <= 1:
        raise ValueError(text)
    lab = fit_to_gamut(oklch_to_oklab([lightness, chroma, float(found[5])]))
    red, green, blue = np.clip(linear_to_srgb(oklab_to_linear(lab)), 0, 1).tolist()
    return red, green, blue


def to_hex(rgb: ArrayLike) -> str:
    """SRGB (3,), uint8 or float 0..1 -> '#rrggbb'."""
    array = np.asarray(rgb)
    levels = array if array.dtype == np.uint8 else np.rint(np.clip(array, 0, 1) * 255)
    return "#" + "".join(f"{int(v):02x}" for v in levels)
