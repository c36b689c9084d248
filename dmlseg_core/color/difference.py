"""How different two colors look: CIEDE2000.

Written out, not scikit-image's: that loads scipy, a third of a second before the first color.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmlseg_core.color.lab import rgb_to_lab

Floats = NDArray[np.float64]


def delta_e_2000(rgb: ArrayLike, other: ArrayLike) -> Floats:
    """CIEDE2000 between two sRGB arrays (..., 3), uint8 or float 0..1 (D65)."""
    return lab_difference(rgb_to_lab(rgb), rgb_to_lab(other))


def lab_difference(lab: ArrayLike, other: ArrayLike) -> Floats:
    """CIEDE2000 between CIELAB arrays (..., 3): Sharma, Wu, Dalal 2005, eq. 2 to 22, k = 1."""
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(x, float), -1, 0) for x in (lab, other))
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.arctan2(b, stretch * a) % (2 * np.pi) for a, b in ((a1, b1), (a2, b2)))
    turn = h2 - h1
    turn = np.where(np.abs(turn) > np.pi, turn - np.copysign(2 * np.pi, turn), turn)
    turn = np.where(c1 * c2 == 0, 0.0, turn)
    # the mean hue lies on the shorter arc; a gray has no hue, so the other's counts
    hue = np.where(c1 * c2 == 0, h1 + h2, h1 + turn / 2)
    return _weighed((l1 + l2) / 2, (c1 + c2) / 2, hue, (l2 - l1, c2 - c1, c1, c2, turn))


def _weighed(level: Floats, chroma: Floats, hue: Floats, apart: tuple[Floats, ...]) -> Floats:
    """The difference from the means and the differences of lightness, chroma and hue."""
    lighter, stronger, c1, c2, turn = apart
    turned = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2)
    degrees = np.degrees(hue) % 360
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    t = 1 + sum(size * np.cos(k * hue + np.radians(shift)) for size, k, shift in waves)
    light = 1 + 0.015 * (level - 50) ** 2 / np.sqrt(20 + (level - 50) ** 2)
    strong, turning = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    cross = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    cross = cross * np.sin(2 * np.radians(30) * np.exp(-(((degrees - 275) / 25) ** 2)))
    x, y, z = lighter / light, stronger / strong, turned / turning
    return np.asarray(np.sqrt(np.maximum(x * x + y * y + z * z + cross * y * z, 0)))
