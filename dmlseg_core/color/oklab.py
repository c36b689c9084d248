"""OKLab and the sRGB gamut inside it.

Björn Ottosson, "A perceptual color space for image processing",
https://bottosson.github.io/posts/oklab/ : linear sRGB -> LMS, cube root, LMS' -> OKLab.

Arrays carry their three channels last unless a name says `planes` (channels first: one contiguous
plane per channel, which is what the fast paths want).
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmlseg_core.color.srgb import srgb_to_linear

Floats: TypeAlias = NDArray[np.float32]

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
LAB_TO_LMS = np.linalg.inv(LMS_TO_LAB)
_RGB_TO_LMS32 = RGB_TO_LMS.astype(np.float32)
_LMS_TO_RGB32 = np.linalg.inv(RGB_TO_LMS).astype(np.float32)
_LMS_TO_LAB32 = LMS_TO_LAB.astype(np.float32)
_LAB_TO_LMS32 = LAB_TO_LMS.astype(np.float32)


def linear_planes_to_oklab(planes: Floats) -> Floats:
    """(3, N) float32 linear light >= 0 -> (3, N) float32 OKLab (L 0..1, a, b about -.4..+.4)."""
    lms = _RGB_TO_LMS32 @ planes
    # Not 0, whose logarithm takes cv2.pow twice as long; the root of this is 1e-6.
    np.maximum(lms, 1e-18, out=lms)
    roots = cv2.pow(lms, 1 / 3)  # SIMD; numpy's cbrt is ten times slower
    lab: Floats = _LMS_TO_LAB32 @ roots.reshape(lms.shape)
    return lab


def oklab_planes_to_linear(planes: Floats) -> Floats:
    """(3, N) float32 OKLab -> (3, N) float32 linear light; outside 0..1 when out of gamut."""
    return roots_to_linear(_LAB_TO_LMS32 @ planes)


def roots_to_linear(roots: Floats) -> Floats:
    """Cube roots of LMS, (3, N) float32, linear in OKLab -> (3, N) float32 linear light."""
    cubes = roots * roots
    cubes *= roots
    linear: Floats = _LMS_TO_RGB32 @ cubes
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


def oklch_to_oklab(lch: ArrayLike) -> Floats:
    """(L, C, h in degrees) (..., 3) -> OKLab (..., 3) float32."""
    lightness, chroma, hue = np.moveaxis(np.asarray(lch, np.float32), -1, 0)
    angle = np.radians(hue)
    lab = [lightness, chroma * np.cos(angle), chroma * np.sin(angle)]
    return np.stack(lab, axis=-1).astype(np.float32, copy=False)


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
