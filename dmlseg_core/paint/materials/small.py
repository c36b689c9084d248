"""An object at a size at which its materials are told apart, and the colors that tell them.

Materials are large; noise, grain and JPEG blocks are not. A median at this size leaves the former.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import linear_planes_to_oklab, oklab_planes_to_linear, srgb_to_linear

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]

_PIXELS = 40_000
"""Of the object: enough for stripes of a hundredth of its width."""
_MEDIAN = 5
_DARK = 0.15
"""L below which saturation is mostly noise: it is taken for less."""
ABYSS = 0.01
"""Linear light that is added before its logarithm is taken: below it, black is black."""
LOG_LIGHT = 0.12
"""Weight of the logarithm of light beside saturation: a shadow of a quarter counts .17."""


@dataclass(frozen=True, eq=False)
class Small:
    """An object, made small.

    Attributes:
        levels: (h, w, 3) uint8 sRGB, calmed.
        inside: (h, w) bool, what is surely the object.
        features: (3, h, w) float32, see `features_of`.
    """

    levels: Bytes
    inside: Mask
    features: Floats

    @classmethod
    def of(cls, rgb: NDArray[Any], alpha: Floats) -> Small:
        """Of the (H, W, 3) uint8 or uint16 pixels of an object's box and its (H, W) alpha."""
        scale = min(1.0, float((_PIXELS / max(float(alpha.sum()), 1.0)) ** 0.5))
        if scale < 1:
            height, width = (max(1, round(n * scale)) for n in alpha.shape)
            rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA))
            shrunk = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA)
            alpha = np.asarray(shrunk, np.float32)
        levels = (rgb >> 8).astype(np.uint8) if rgb.dtype == np.uint16 else rgb
        calm = np.asarray(cv2.medianBlur(np.ascontiguousarray(levels), _MEDIAN), np.uint8)
        calm = calm.reshape(levels.shape)
        features = features_of(srgb_to_linear(calm.reshape(-1, 3).T))
        return cls(calm, _sure(alpha), features.reshape(3, *alpha.shape))


def box_of(share: Floats) -> tuple[slice, slice]:
    """Rows and columns outside of which (H, W) is 0."""
    left, top, width, height = cv2.boundingRect((share > 0).view(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def _sure(alpha: Floats) -> Mask:
    """Without the rim, where the background shows through; all of what is too thin to have more."""
    most = float(alpha.max())
    inside = (alpha >= 0.95 * most).astype(np.uint8)
    inner = cv2.erode(inside, np.ones((3, 3), np.uint8), borderValue=0)
    return np.asarray(inner if 2 * inner.sum() >= inside.sum() else inside, np.bool_)


def features_of(linear: Floats) -> Floats:
    """(3, N) linear light -> (3, N): saturation (a, b) / L of OKLab, and the logarithm of light.

    Light of another strength on the same paint changes the last one alone.
    """
    lab = linear_planes_to_oklab(linear)
    level = np.maximum(lab[0], _DARK)
    light = LOG_LIGHT * np.log(np.maximum(lab[0], 0) ** 3 + ABYSS)
    return np.stack([lab[1] / level, lab[2] / level, light]).astype(np.float32)


def lit(features: Floats, light: float) -> Floats:
    """(3, N) features of the same colors with so much white light added to each."""
    level = np.cbrt(np.maximum(np.exp(features[2] / LOG_LIGHT) - ABYSS, 0))
    lab = np.stack([level, *(features[:2] * np.maximum(level, _DARK))]).astype(np.float32)
    return features_of(np.maximum(oklab_planes_to_linear(lab), 0) + np.float32(light))
