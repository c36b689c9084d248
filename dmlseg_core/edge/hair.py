"""Where along a mask's edge there is hair: the edge is soft, and what lies outside is not plain.

A crisp edge changes over a pixel or two: the squared steps of the photo along the contour are a
tenth of the squared difference between the colors on its two sides. Hair and fur spread the same
difference over many pixels, and leave texture outside the mask that a crisp edge does not.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]

_SOFT = 0.05
"""Squared steps on the contour over the squared contrast across it: less is hair."""
_STRANDS = 9.0
"""Squared steps on the contour over those just outside: more is an edge before a plain ground."""
_LEAST_CONTRAST = 0.01
_LEAST_STEP = 1e-4


def hairy(colors: Floats, inside: Floats, outside: Floats, window: float) -> Bools:
    """(h, w) bool: the photo's edge nearby looks like hair.

    Args:
        colors: (h, w, 3) float32 sRGB in 0..1, at the size at which hairs are a pixel wide.
        inside: (h, w) float32, each object pixel's distance from the mask's edge, else 0.
        outside: the same of the ground.
        window: standard deviation in pixels of the neighborhood that is judged as one.
    """
    steps = sum(
        (cv2.Sobel(colors, cv2.CV_32F, dx, 1 - dx, ksize=3) ** 2).sum(axis=2) for dx in (0, 1)
    ) / np.float32(64)
    contour = (inside <= 2) & (outside <= 2)
    on_edge = _local(steps, contour, window)
    beside = _local(steps, (outside > 2) & (outside <= 9), window)
    object_color = _local(colors, (inside > 3) & (inside <= 11), window / 2)
    ground_color = _local(colors, (outside > 10) & (outside <= 30), window / 2)
    contrast = ((object_color - ground_color) ** 2).sum(axis=2)
    soft = on_edge + _LEAST_STEP < _SOFT * (contrast + _LEAST_CONTRAST)
    strands = on_edge + _LEAST_STEP < _STRANDS * (beside + _LEAST_STEP)
    return np.asarray(soft & strands)


def _local(values: Floats, where: Bools, window: float) -> Floats:
    """Means of (h, w) or (h, w, 3) values over the pixels `where`, Gaussian windows."""
    weight = where.astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), window) + np.float32(1e-6)
    if values.ndim == 3:
        weight, total = weight[..., None], total[..., None]
    blurred = cv2.GaussianBlur(values * weight, (0, 0), window)
    return np.asarray(blurred / total, np.float32)
