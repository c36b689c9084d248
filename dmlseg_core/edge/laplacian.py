"""Closed-form matting (Levin, Lischinski, Weiss 2008) without its matrix.

The matting Laplacian times a picture is a guided filter taken away from it (He, Sun, Tang, "Fast
matting using large kernel matting Laplacian matrices", 2010): box sums, which OpenCV has ready.
So nothing is compiled and nothing assembled, and a first call is as fast as the next.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edge.guided import factored, solved

Doubles: TypeAlias = NDArray[np.float64]

_WINDOW = (3, 3)
_COUNT = 9


class MattingLaplacian:
    """The Laplacian of (h, w, 3) colors; a window of a variance below `eps` counts as flat.

    In doubles: the variances of dark, smooth windows are differences that floats lose.
    """

    def __init__(self, colors: NDArray[np.float32], eps: float) -> None:
        self._colors = np.ascontiguousarray(colors - colors.mean(axis=(0, 1)), np.float64)
        height, width = colors.shape[:2]
        self._whole = np.zeros((height, width))  # windows that lie within the picture
        self._whole[1:-1, 1:-1] = 1
        self._mean = _sum(self._colors) / _COUNT
        planes = [self._colors[..., i] for i in range(3)]
        matrix = [
            _sum(planes[i] * planes[j]) / _COUNT
            - self._mean[..., i] * self._mean[..., j]
            + eps * (i == j)
            for i in range(3)
            for j in range(i, 3)
        ]
        self._factors = factored(matrix)
        self.diagonal: Doubles = _sum(self._whole)
        """How many windows each pixel lies in: what it would have alone."""

    def __call__(self, picture: Doubles) -> Doubles:
        """The Laplacian times a picture (h, w)."""
        products = _sum(np.dstack([self._colors * picture[..., None], picture])) / _COUNT
        mean = products[..., 3]
        cross = [products[..., i] - self._mean[..., i] * mean for i in range(3)]
        slope = [self._whole * plane for plane in solved(self._factors, cross)]
        offset = self._whole * mean
        for i in range(3):
            offset = offset - slope[i] * self._mean[..., i]
        fit = _sum(np.dstack([*slope, offset]))
        explained = (fit[..., :3] * self._colors).sum(axis=2) + fit[..., 3]
        return np.asarray(self.diagonal * picture - explained, np.float64)

    def solve(self, goal: Doubles, weight: Doubles, free: NDArray[np.bool_], steps: int) -> Doubles:
        """The picture (h, w) nearest to `goal`, by `weight`, that the colors explain best.

        Where not `free` it is the goal. Conjugate gradients from the goal, at most `steps` of them.
        """
        found, open_ = goal.copy(), free.astype(np.float64)
        shrink = open_ / (self.diagonal + weight)
        rest = -open_ * self(found)
        toward = along = shrink * rest
        size = first = float((rest * toward).sum())
        for _ in range(steps):
            if size <= 1e-6 * first or size <= 0:
                break
            image = open_ * (self(along) + weight * along)
            step = size / float((along * image).sum())
            found += step * along
            rest -= step * image
            toward = shrink * rest
            size, before = float((rest * toward).sum()), size
            along = toward + size / before * along
        return found


def _sum(planes: Doubles) -> Doubles:
    """Sums over 3 x 3 windows, zeros beyond the picture."""
    summed = cv2.boxFilter(planes, -1, _WINDOW, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, np.float64)
