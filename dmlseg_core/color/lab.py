"""CIELAB (CIE 1976) of sRGB, D65, 2 degree observer."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmlseg_core.color.srgb import srgb_to_linear

_RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
_TO_F = _RGB_TO_XYZ / _WHITE[:, None]
_FROM_F = np.array([[0, 116, 0, -16], [500, -500, 0, 0], [0, 200, -200, 0]], float)


def rgb_to_lab(rgb: ArrayLike) -> NDArray[Any]:
    """(..., 3) sRGB to L in [0, 100], a and b about -110 .. 110.

    OpenCV's own float conversion is off by up to .4 and first fills tables for a tenth of a second.

    Args:
        rgb: as `srgb_to_linear` takes it; integers give float32, floats their own type.
    """
    linear = srgb_to_linear(rgb)
    rows = np.ascontiguousarray(linear).reshape(-1, 1, 3)
    xyz = cv2.transform(rows, _TO_F)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).astype(linear.dtype)
    return np.asarray(cv2.transform(f, _FROM_F)).reshape(linear.shape)
