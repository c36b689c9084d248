"""Which colors objects have, whatever their size and however light they are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import rgb_to_lab
from dmlseg_core.folder.develop.output import Labels

Colors = NDArray[np.float32]
"""(_BINS, _BINS) float32, shares of an object's pixels by a* and b* of CIELAB as they would be at
L* = 50, sum 1: so more light or less of it, which scales a*, b* and L* + 16 alike, changes nothing.
"""

_BINS, _CHROMA, _BLUR, _PIXELS = 16, 60.0, 0.7, 4000


def colors_of(rgb: NDArray[np.uint8], labels: Labels, count: int) -> list[Colors]:
    """Of each object; one without a pixel has none: zeros.

    Args:
        rgb: (H, W, 3) uint8 sRGB.
        labels: (H, W), 0 = background, k = object k - 1.
        count: of objects.
    """
    return [_colors(rgb.reshape(-1, 3)[np.flatnonzero(labels == k + 1)]) for k in range(count)]


def _colors(pixels: NDArray[np.uint8]) -> Colors:
    """Of (N, 3) pixels, evenly spread ones where there are many; blurred, as a lamp of another
    color moves all of them a little.
    """
    some = pixels[:: len(pixels) // _PIXELS + 1]
    if not len(some):
        return np.zeros((_BINS, _BINS), np.float32)
    lab = rgb_to_lab(some)
    chroma = lab[:, 1:] * ((50 + 16) / (lab[:, :1] + 16))
    place = (chroma + _CHROMA) * (_BINS / (2 * _CHROMA))
    a, b = np.clip(place.astype(np.int64), 0, _BINS - 1).T
    counts = np.bincount(a * _BINS + b, minlength=_BINS * _BINS).reshape(_BINS, _BINS)
    shares = cv2.GaussianBlur(
        counts.astype(np.float32), (0, 0), _BLUR, borderType=cv2.BORDER_REFLECT
    )
    return np.asarray(shares / shares.sum(), np.float32)


def overlap(one: Colors, other: Colors) -> float:
    """Bhattacharyya coefficient, in [0, 1]: 1 where both have the same colors in the same shares,
    0 where they share none.
    """
    return float(np.sqrt(one * other).sum())
