"""CIELAB (CIE 1976) of sRGB bytes, D65, 2 degree observer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

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


def rgb_to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 3) uint8 sRGB to L in [0, 100], a and b about -110 .. 110, float32.

    OpenCV's own float conversion is off by up to .4 and first fills tables for a tenth of a second.
    """
    xyz = cv2.transform(srgb_to_linear(rgb), _TO_F)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + np.float32(16 / 116))
    return np.asarray(cv2.transform(f, _FROM_F), np.float32)
