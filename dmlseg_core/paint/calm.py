"""Noise and JPEG blocks, measured and calmed before a look makes them larger.

Works on coded levels (0..255 in floats), where noise is about the same everywhere. A guided filter
(He et al. 2013) of the object on itself separates what varies by more than its noise from what does
not; of the latter a part is taken away that the coming gain would add, more of color than of light.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dmlseg_core.color import srgb_to_linear

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Places: TypeAlias = NDArray[np.intp]

RADIUS = 4
REACH = 2 * RADIUS + 4
"""Pixels around a place that its calmed value depends on."""
_LEAST = 0.4
"""Levels of noise that 8-bit rounding looks like."""
_LIGHT, _COLOR = 2.0, 3.0
"""Contrast, in deviations of the noise, that is half kept: of light, of color."""
_HALF = 2
_DITHER = 512
"""Pixels along the pattern before it begins again."""
_LIGHT_AND_COLOR = np.array([[1, 1, 1], [2, -1, -1], [-1, -1, 2]], np.float32) / 3
"""The channels' mean; what red and blue have beyond it."""
_GRAIN = 3.0
"""Noise of light over that of color, at most: threads vary in light alone, sensors in both."""
_GRID = 8
_SECOND = np.array([1, -2, 1, -2, 4, -2, 1, -2, 1], np.float32)
"""Second differences down and across, of 3 x 3 pixels."""


class Gain(NamedTuple):
    """By how much a look makes noise larger, in coded levels; 1 where it does not."""

    light: float = 1.0
    color: float = 1.0


NO_GAIN = Gain()


@dataclass(frozen=True)
class Noise:
    """What varies at random in an object, in levels of 255.

    Attributes:
        light: standard deviation of the channels' mean.
        color: of a channel's difference from that mean.
        blocks: steps across the lines of an 8 x 8 grid beyond those elsewhere: JPEG.
    """

    light: float
    color: float
    blocks: float

    @classmethod
    def of(cls, rgb: Pixels, share: Floats, places: Places) -> Noise:
        """Measure (H, W, 3) `rgb` at flat indices, where neighbors are the object's too.

        The operator is blind to ramps (Immerkaer, "Fast noise variance estimation", 1996); its
        median is blind to the few places where there is an edge or a texture.
        """
        rows, columns = _inner(places, share)
        if rows.size == 0:
            return cls(0.0, 0.0, 0.0)
        scale = 257.0 if rgb.dtype == np.uint16 else 1.0
        around = sliding_window_view(rgb, (3, 3), axis=(0, 1))[rows - 1, columns - 1]
        nine: Floats = around.reshape(-1, 9).astype(np.float32)  # a row for each channel
        found = (nine @ _SECOND).reshape(-1, 3)
        light = found.mean(axis=1, keepdims=True)
        both = [float(np.median(np.abs(v))) * 1.4826 / 6 for v in (light, found - light)]
        both[0] = min(both[0], scale * max(_LEAST, _GRAIN * both[1] / scale))
        return cls(both[0] / scale, both[1] / scale, _blocks(nine, rows, columns) / scale)

    @property
    def level(self) -> float:
        """The standard deviation of a channel."""
        return float(np.hypot(self.light, self.color))


class Calm:
    """Some rows of an object, calmed as far as a gain asks for; filtered once for all gains."""

    def __init__(
        self, rgb: Pixels, share: Floats, rows: slice, columns: slice, noise: Noise
    ) -> None:
        """Of (H, W, 3) `rgb`, the pixels of a rectangle where the (H, W) `share` is 1."""
        # Pairs of rows and columns are the photo's own, whatever the rectangle.
        top, left = (max(0, s.start - REACH) // _HALF * _HALF for s in (rows, columns))
        around = np.s_[top : rows.stop + REACH, left : columns.stop + REACH]
        self._weight = (share[around] == 1).astype(np.float32)
        self._rgb = rgb[around]
        self._noise = noise
        self._inside = np.s_[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
        self._corner = rows.start, columns.start

    def linear(self, gain: Gain) -> Floats:
        """(3, N) linear light of the rectangle's pixels, row by row.

        What the filter takes out is put back in part: 1 / gain of light, its square of color. 8-bit
        photos are dithered by what their rounding will be after the gain.
        """
        light, smooth, *colors = self._parts
        own, kept = 1 / gain.light, 1 / gain.color**2
        whole = _blend(light, smooth, own)
        if self._rgb.dtype == np.uint8:
            whole = _blend(whole, _dither(*self._corner, *whole.shape), 1, own)
        first, last = (
            _blend(plane, even, kept) for plane, even in zip(colors[::2], colors[1::2], strict=True)
        )
        planes = (whole + first, whole - first - last, whole + last)
        solid = np.flatnonzero(self._weight[self._inside])
        return np.stack([_to_linear(p).reshape(-1).take(solid, mode="clip") for p in planes])

    @cached_property
    def _parts(self) -> tuple[Floats, ...]:
        """Light, calmed light; red's difference from it, calmed; blue's, calmed: the rectangle."""
        noise = self._noise
        planes = cv2.split(cv2.transform(_levels(self._rgb), _LIGHT_AND_COLOR))
        total = _mean(_halved(self._weight)) + np.float32(1e-6)
        least = max(_LEAST, noise.blocks)
        found = []
        for plane, contrast in zip(
            map(_floats, planes),
            (
                _LIGHT * max(noise.light, least),
                _COLOR * max(noise.color, least),
                _COLOR * max(noise.color, least),
            ),
            strict=True,
        ):
            found += [plane, _guided(plane, self._weight, total, contrast)]
        return tuple(np.ascontiguousarray(plane[self._inside]) for plane in found)


def _levels(rgb: Pixels) -> Floats:
    """Coded pixels -> float32 levels 0..255."""
    scale = 1 / 257 if rgb.dtype == np.uint16 else 1.0
    return np.multiply(rgb, np.float32(scale), dtype=np.float32)


def _to_linear(levels: Floats) -> Floats:
    """Levels 0..255 -> linear light."""
    coded = cv2.addWeighted(levels, 257, levels, 0, 0, dtype=cv2.CV_16U)
    return srgb_to_linear(np.asarray(coded, np.uint16).reshape(levels.shape))


def _dither(top: int, left: int, height: int, width: int) -> Floats:
    """A fixed pattern in -0.5..0.5 without clumps, at the photo's own rows and columns."""
    tile, side = _dither_tile(), _DITHER
    rows, columns = np.arange(top, top + height) % side, np.arange(left, left + width) % side
    return tile.take(rows, axis=0).take(columns, axis=1)


@cache
def _dither_tile() -> Floats:
    """Interleaved gradient noise (Jimenez 2014)."""
    at = (np.arange(_DITHER)[:, None] * 0.00583715 + np.arange(_DITHER) * 0.06711056) % 1
    return ((52.9829189 * at) % 1 - 0.5).astype(np.float32)


def _guided(plane: Floats, weight: Floats, total: Floats, contrast: float) -> Floats:
    """The plane's guided filter on itself, over the weighted pixels alone.

    The windows' sums are of all pixels, but made for every second row and column (He and Sun,
    "Fast guided filter", 2015, who leave pixels out): means of 2 x 2 first. `total` is their
    weight.
    """
    weighed = plane * weight
    mean = _mean(_halved(weighed)) / total
    weighed *= plane
    spread = _mean(_halved(weighed))
    spread /= total
    spread -= mean * mean
    np.maximum(spread, 0, out=spread)
    slope = spread
    slope /= spread + np.float32(contrast**2)
    mean -= slope * mean
    full = _halved(weight)
    slope, mean = (_mean(part * full) / total for part in (slope, mean))
    size = plane.shape[::-1]
    result = _doubled(slope, size)
    result *= plane
    result += _doubled(mean, size)
    return result


def _halved(plane: Floats) -> Floats:
    """Means of 2 x 2 pixels; an odd last row or column stands for itself."""
    height, width = plane.shape
    if height % _HALF or width % _HALF:
        ends = (0, height % _HALF, 0, width % _HALF)
        plane = _floats(cv2.copyMakeBorder(plane, *ends, cv2.BORDER_REPLICATE))
    size = plane.shape[1] // _HALF, plane.shape[0] // _HALF
    return _floats(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _doubled(plane: Floats, size: tuple[int, ...]) -> Floats:
    whole = cv2.resize(plane, None, fx=_HALF, fy=_HALF, interpolation=cv2.INTER_LINEAR)
    return _floats(whole)[: size[1], : size[0]]


def _blend(first: Floats, second: Floats, share: float, other: float | None = None) -> Floats:
    """share * first + other * second, by default 1 - share of it."""
    return _floats(cv2.addWeighted(first, share, second, 1 - share if other is None else other, 0))


def _floats(plane: Any) -> Floats:
    """What OpenCV returned, as numpy knows it."""
    return np.asarray(plane, np.float32)


def _mean(plane: Floats) -> Floats:
    side = 2 * (RADIUS // _HALF) + 1
    return _floats(cv2.blur(plane, (side, side), borderType=cv2.BORDER_CONSTANT))


def _inner(places: Places, share: Floats) -> tuple[Places, Places]:
    """Rows and columns of those whose eight neighbors are painted in full."""
    height, width = share.shape
    rows, columns = np.divmod(places, width)
    inside = (rows > 0) & (rows < height - 1) & (columns > 0) & (columns < width - 1)
    places, flat = places[inside], share.reshape(-1)
    full = np.ones(places.size, bool)
    for y, x in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        full &= flat.take(places + (y * width + x)) == 1
    return rows[inside][full], columns[inside][full]


def _blocks(around: Floats, rows: Places, columns: Places) -> float:
    """Root mean square of the steps across the lines of a grid of 8, beyond that elsewhere.

    Of (3 N, 9) neighborhoods, a row for each channel of the pixels (rows, columns).
    """
    found = []
    for at, before in ((columns, 3), (rows, 1)):
        step = (around[:, 4] - around[:, before]).reshape(-1, 3).mean(axis=1)
        step *= step
        count = np.bincount(at % _GRID, minlength=_GRID)
        means = np.bincount(at % _GRID, step, minlength=_GRID) / np.maximum(count, 1)
        highest = int(means.argmax())
        found.append(means[highest] - np.delete(means, highest).max() if count.min() > 30 else 0.0)
    return float(np.sqrt(max(min(found), 0.0)))
