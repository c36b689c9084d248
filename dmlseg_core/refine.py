"""Edges without a halo: a soft alpha that follows the photo, and the colors behind it.

Both work in the edge band only; away from it alpha is 0 or 1 and a pixel is its own color.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.colorspace import decode_table, encode_srgb8
from dmlseg_core.errors import ParameterError

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Box: TypeAlias = tuple[slice, slice]

CELLS = 96
"""Grid cells along a photo's long side: the masks' own resolution, hence their edge's doubt."""
_PYRAMID = 4
"""Photo pixels along one cell of the finest level of the foreground pyramid."""


def refine_alpha(
    field: NDArray[Any],
    rgb: Bytes,
    *,
    edge: float = 0.0,
    radius: int | None = None,
    eps: float = 1e-3,
    gain: float = 2.0,
) -> Floats:
    """Snap a mask's edge to the photo: a guided filter (He, Sun, Tang 2013) in the edge band.

    Args:
        field: (H, W) bool mask, or float whose contour `edge` is the mask's edge (inside is
            `field >= edge`): 0 for a similarity level, 0.5 for an alpha.
        rgb: (H, W, 3) uint8 photo, the guide.
        edge: see `field`; ignored for bool.
        radius: half width of the band in photo pixels; None is 1.5 cells of the network's grid.
        eps: variance of the guide (0..1 units) below which a window counts as flat.
        gain: contrast about 0.5 after the filter; 1 leaves its soft ramps.

    Returns:
        (H, W) float32 alpha in [0, 1]; exactly 0 or 1 outside the band.

    Raises:
        ParameterError: sizes differ, a value is NaN, or a parameter is out of range.
    """
    inside = _inside(field, rgb, edge)
    radius = default_radius(inside.shape) if radius is None else radius
    if radius < 1 or not eps > 0 or not gain >= 1:
        raise ParameterError(
            f"radius must be >= 1, eps > 0, gain >= 1; got {radius}, {eps}, {gain}"
        )
    alpha = inside.astype(np.float32)
    share = cv2.boxFilter(alpha, -1, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REPLICATE)
    # Box sums carry rounding noise, so that "exactly 0 or 1" needs a margin: one pixel's share.
    margin = 0.5 / (2 * radius + 1) ** 2
    band = (share > margin) & (share < 1 - margin)
    if not band.any():
        return alpha
    box = _bounding_box(band, margin=2 * radius)
    soft = _guided(alpha[box], rgb[box], radius, eps)
    soft = np.clip((soft - 0.5) * gain + 0.5, 0.0, 1.0)
    alpha[box][band[box]] = soft[band[box]]
    return alpha


def default_radius(size: tuple[int, ...]) -> int:
    """Half width of the edge band for a photo of (H, W): 1.5 grid cells, at least 2 pixels."""
    return max(2, round(1.5 * max(size[:2]) / CELLS))


def _inside(field: NDArray[Any], rgb: Bytes, edge: float) -> NDArray[np.bool_]:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ParameterError(f"rgb must be (H, W, 3) uint8; got {rgb.shape} {rgb.dtype}")
    if field.shape != rgb.shape[:2]:
        raise ParameterError(
            f"the mask must have the photo's size {rgb.shape[:2]}; got {field.shape}"
        )
    if field.dtype == np.bool_:
        return field
    if np.isnan(field).any():
        raise ParameterError("the mask holds NaN; give finite numbers")
    inside: NDArray[np.bool_] = field >= edge
    return inside


def _bounding_box(mask: NDArray[np.bool_], margin: int) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def _guided(target: Floats, rgb: Bytes, radius: int, eps: float) -> Floats:
    """Color guided filter of `target` (h, w); coefficients at reduced size, applied at full size.

    The fast form of He and Sun 2015: windows of radius r need their linear coefficients only
    about every r / 4 pixels, which keeps 50 MP photos cheap.
    """
    height, width = target.shape
    step = max(1, radius // 4)
    small = (max(1, width // step), max(1, height // step))
    guide = _resized(rgb.astype(np.float32) * np.float32(1 / 255), small, cv2.INTER_AREA)
    goal = _resized(target, small, cv2.INTER_AREA)
    coefficients = _coefficients(guide, goal, max(1, radius // step), eps)
    slope, offset = (_resized(c, (width, height), cv2.INTER_LINEAR) for c in coefficients)
    weighted: Floats = (slope * (rgb * np.float32(1 / 255))).sum(axis=2) + offset
    return weighted


def _resized(array: Floats, size: tuple[int, int], how: int) -> Floats:
    """cv2.resize to (width, height) that keeps every axis, also those of length 1."""
    resized = cv2.resize(array, size, interpolation=how)
    return np.asarray(resized, np.float32).reshape(size[1], size[0], *array.shape[2:])


def _coefficients(guide: Floats, goal: Floats, radius: int, eps: float) -> tuple[Floats, Floats]:
    """Window means of the best linear fit goal ~ slope . guide + offset: (h, w, 3) and (h, w)."""

    def mean(array: Floats) -> Floats:
        size = (2 * radius + 1, 2 * radius + 1)
        # Reflection: replicating the last row would weigh it as a flat, textureless margin.
        averaged = cv2.boxFilter(array, -1, size, borderType=cv2.BORDER_REFLECT)
        return np.asarray(averaged, np.float32)

    guide_mean, goal_mean = mean(guide), mean(goal)
    products = guide[..., :, None] * guide[..., None, :]
    second = np.stack([mean(products[..., i, :].copy()) for i in range(3)], axis=-2)
    covariance = second - guide_mean[..., :, None] * guide_mean[..., None, :]
    covariance += np.eye(3, dtype=np.float32) * np.float32(eps)
    cross = mean(guide * goal[..., None]) - guide_mean * goal_mean[..., None]
    slope = _solve3(covariance, cross)
    offset = goal_mean - (slope * guide_mean).sum(axis=2)
    return mean(slope), mean(offset)


def _solve3(matrix: Floats, right: Floats) -> Floats:
    """Solve (..., 3, 3) symmetric x = (..., 3) by cofactors; numpy's solve is slower on 3 x 3."""
    rows = [matrix[..., i, :] for i in range(3)]
    minors = [np.cross(rows[1], rows[2]), np.cross(rows[2], rows[0]), np.cross(rows[0], rows[1])]
    determinant = (rows[0] * minors[0]).sum(axis=-1, keepdims=True)
    solved: Floats = sum(m * right[..., i : i + 1] for i, m in enumerate(minors)) / determinant
    return solved.astype(np.float32, copy=False)


def estimate_foreground(rgb: Bytes, alpha: Floats) -> Bytes:
    """The object's own color under every pixel of the edge band, background taken out.

    Args:
        rgb: (H, W, 3) uint8 sRGB photo.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 3) uint8 sRGB: the estimate where 0 < alpha < 1, elsewhere a copy of `rgb`.

    Raises:
        ParameterError: the sizes differ.
    """
    if alpha.shape != rgb.shape[:2]:
        raise ParameterError(f"alpha must have the photo's size {rgb.shape[:2]}; got {alpha.shape}")
    estimate = np.array(rgb)
    rows, columns = np.nonzero((alpha > 0) & (alpha < 1))
    if rows.size:
        colors = ForegroundModel.of(rgb, alpha).at(rows, columns)
        estimate[rows, columns] = encode_srgb8(colors)
    return estimate


class ForegroundModel:
    """Smooth guesses of the object's and the background's color along the edge, in linear light.

    Sure pixels are averaged into a pyramid and filled outwards (pull-push, Gortler et al. 1996);
    an edge pixel then splits what it shows between the two guesses, as in the last step of blur
    fusion (Forte 2021). It costs a few passes at quarter size, so that 50 MP photos stay cheap.
    """

    def __init__(self, rgb: Bytes, alpha: Floats, box: Box, fore: Floats, back: Floats) -> None:
        self._rgb, self._alpha, self._box = rgb, alpha, box
        self._fore, self._back = fore, back

    @classmethod
    def of(cls, rgb: Bytes, alpha: Floats) -> ForegroundModel:
        """Gather the model of (H, W, 3) uint8 and (H, W) alpha around the edge band."""
        band = (alpha > 0) & (alpha < 1)
        box = _bounding_box(band, margin=16 * _PYRAMID) if band.any() else np.s_[0:1, 0:1]
        fore, back = _gather(rgb[box], alpha[box])
        return cls(rgb, alpha, box, _pull_push(fore), _pull_push(back))

    def at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        """(N, 3) float32 linear foreground color of the pixels (rows, columns)."""
        mixed = decode_table()[self._rgb[rows, columns]]
        alpha = self._alpha[rows, columns][:, None]
        fore, back = (self._sample(level, rows, columns) for level in (self._fore, self._back))
        rest = mixed - alpha * fore - (1 - alpha) * back
        # The smallest change of the two guesses that explains the pixel exactly.
        fore += rest * alpha / (alpha**2 + (1 - alpha) ** 2)
        clipped: Floats = np.clip(fore, 0.0, 1.0)
        return clipped

    def _sample(self, level: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        """Bilinear samples of a pyramid level (h, w, 3) at photo pixels."""
        places = [
            ((at - (side.start or 0) + 0.5) / _PYRAMID - 0.5).clip(0, length - 1)
            for at, side, length in zip((rows, columns), self._box, level.shape[:2], strict=True)
        ]
        low = [p.astype(np.intp) for p in places]
        high = [np.minimum(i + 1, n - 1) for i, n in zip(low, level.shape[:2], strict=True)]
        dy, dx = ((p - i).astype(np.float32)[:, None] for p, i in zip(places, low, strict=True))
        upper = level[low[0], low[1]] * (1 - dx) + level[low[0], high[1]] * dx
        lower = level[high[0], low[1]] * (1 - dx) + level[high[0], high[1]] * dx
        sampled: Floats = upper * (1 - dy) + lower * dy
        return sampled


def _gather(rgb: Bytes, alpha: Floats) -> tuple[Floats, Floats]:
    """Weighted color sums per pyramid cell, (h, w, 4) = (w r, w g, w b, w): object, background."""
    cells = -(-rgb.shape[0] // _PYRAMID), -(-rgb.shape[1] // _PYRAMID)
    both = tuple(np.empty((*cells, 4), np.float32) for _ in range(2))
    strip = 32  # cells: bounds the float copies to a few MB whatever the photo's size
    for top in range(0, cells[0], strip):
        rows = slice(top * _PYRAMID, (top + strip) * _PYRAMID)
        linear, share = decode_table()[rgb[rows]], alpha[rows]
        pad = -linear.shape[0] % _PYRAMID, -linear.shape[1] % _PYRAMID
        for sums, part in zip(both, (share, 1 - share), strict=True):
            # A mixed pixel counts only where no sure one is near.
            weight = np.where(part >= 0.99, 1.0, 1e-3 * part**2).astype(np.float32)[..., None]
            stack = np.concatenate([linear * weight, weight], axis=2)
            stack = np.pad(stack, ((0, pad[0]), (0, pad[1]), (0, 0)))
            size = (stack.shape[1] // _PYRAMID, stack.shape[0] // _PYRAMID)
            sums[top : top + strip] = cv2.resize(stack, size, interpolation=cv2.INTER_AREA)
    return both[0], both[1]


def _pull_push(sums: Floats, doubt: float = 0.02) -> Floats:
    """Fill a (h, w, 4) grid of weighted sums: mean colors (h, w, 3), empty cells from coarser ones.

    `doubt` is the weight of the coarser level's color in each cell.
    """
    height, width = sums.shape[:2]
    if height * width == 1:
        return np.asarray(sums[..., :3] / np.maximum(sums[..., 3:], 1e-12), np.float32)
    half = (-(-width // 2), -(-height // 2))
    below = _pull_push(_resized(sums, half, cv2.INTER_AREA), doubt)
    coarse = _resized(below, (width, height), cv2.INTER_LINEAR)
    filled: Floats = (sums[..., :3] + doubt * coarse) / (sums[..., 3:] + doubt)
    return filled
