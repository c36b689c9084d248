"""An object's measured color, and the tone curve that carries its lightness to another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

LEVELS = 4096
"""Entries of the tables over L: at slope 4 a step is a quarter of an 8-bit level."""
LIGHTNESS = np.linspace(0.0, 1.0, LEVELS)
"""L of each entry."""
_LEVEL = np.maximum(LIGHTNESS, 0.5 / LEVELS)
"""The same, for division."""
MAX_SLOPE = 4.0
"""Noise of the photo may grow by this factor, not more, over the object's own range of L."""
END = 1e-3
"""The least distance of an anchor or a target from black and white."""
DEEP = 0.2
"""One 8-bit level above black is a long way in L: below this L, slopes and hues mean little."""
_ROOM = 0.65
"""Share of the way from the target up to white that its own lit side may take."""
_CRUSHED = 2 * MAX_SLOPE
"""Slope below the object's range from which on its black counts as crushed: that end moves."""


@dataclass(frozen=True)
class Anchor:
    """An object's diffuse color and range.

    Attributes:
        lightness: OKLab L.
        saturation: (a + ib) / L.
        low: 1st percentile of the object's L.
        high: 99th percentile.
        lit: largest L that its paint alone has; above it, light is specular.
    """

    lightness: float
    saturation: complex
    low: float
    high: float
    lit: float

    @property
    def lab(self) -> Floats:
        """(3,) float32 OKLab."""
        tint = self.saturation * self.lightness
        return np.array([self.lightness, tint.real, tint.imag], np.float32)


@dataclass(frozen=True, eq=False)
class Tone:
    """What becomes of each L = 0..1, in LEVELS steps.

    Attributes:
        level: (LEVELS,) float64, L of the result; strictly rising.
        before: (LEVELS,) float64, the paint's share of the old light, 0..1; the rest is specular.
        after: (LEVELS,) float64, its share of the new light.
    """

    level: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]

    @classmethod
    def kept(cls, anchor: Anchor) -> Tone:
        """The straight line: lightness stays."""
        share = _cube(_diffuse(anchor.lit, _inner(anchor.lightness)) / _LEVEL)
        return cls(_LEVEL, share, share)


def tone_curve(anchor: Anchor, target: float) -> Tone:
    """The curve that moves the anchor's L to `target`: another paint under the same light.

    The dichromatic model (Shafer 1985) in OKLab, where L is a cube root of light: the diffuse part
    of L scales with the paint; light above the diffuse range is the lamp's, and is added as it was.
    A lit side that would pass _ROOM is bent under it. Black and white stay; slopes over the
    object's range are cut at MAX_SLOPE, and an end moves where the range reaches it.
    """
    middle, target = _inner(anchor.lightness), _inner(target)
    # Shine within the anchor itself is there only for a brighter paint to outshine.
    lit = anchor.lit if target > middle else max(anchor.lit, middle)
    diffuse = _diffuse(lit, middle)
    specular = _cube(_LEVEL) - _cube(diffuse)
    own, shine = (float(np.interp(middle, LIGHTNESS, v)) for v in (diffuse, specular))
    paint = _under_white(diffuse / own * np.cbrt(target**3 - shine), target)
    # White stays white: lamps of a darker paint are as bright as they were, give or take.
    share = (1 - paint[-1] ** 3) / max(float(specular[-1]), END)
    level = np.cbrt(_cube(paint) + share * specular)
    after = np.minimum(_cube(paint / np.maximum(level, _LEVEL * END)), 1.0)
    return Tone(_limited(level, anchor, middle, target), _cube(diffuse / _LEVEL), after)


def _cube(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Powers by numpy take thirty times as long."""
    return values * values * values


def _inner(lightness: float) -> float:
    return min(max(lightness, END), 1 - END)


def _diffuse(lit: float, middle: float) -> NDArray[np.float64]:
    """L of the light that the paint itself sends back, for each L; the rest is specular."""
    knee = min(lit, middle + 0.9 * (1 - middle))
    top = knee + min(0.1 * middle, 0.5 * (1 - knee))
    over = np.maximum(LIGHTNESS - knee, 0)
    return np.where(over > 0, knee + _bent(over, top - knee, 1 - knee), _LEVEL)


def _under_white(paint: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """Bend what the lit side would pass white with; both sides give way, so that folds remain."""
    room, reach = _ROOM * (1 - target), float(paint[-1]) - target
    if reach <= room:
        return paint
    slope = (room / reach) ** 0.5
    above = target + _bent(slope * np.maximum(paint - target, 0), room, slope * reach)
    down = np.clip(1 - paint / target, 0, 1)
    below = target * (1 - down / (down + (1 - down) / slope))
    return np.where(paint > target, above, below)


def _bent(t: NDArray[np.float64], height: float, reach: float) -> NDArray[np.float64]:
    """A hyperbola from 0 with slope 1 to `height` at `reach`; a line where that is higher."""
    return t / (1 + t * max(1 / height - 1 / reach, 0.0))


def _limited(
    level: NDArray[np.float64], anchor: Anchor, middle: float, target: float
) -> NDArray[np.float64]:
    """The curve with slopes cut at MAX_SLOPE over the object's range, through (middle, target)."""
    step = 1 / (LEVELS - 1)
    rises = np.diff(level)
    low = int(min(max(anchor.low, 0.0), middle) / step)
    high = math.ceil(max(min(anchor.high, 1.0), middle) / step)
    cut = rises.copy()
    cut[low:high] = np.clip(rises[low:high], END * step, MAX_SLOPE * step)
    curve = np.concatenate([[0.0], np.cumsum(cut)])
    curve += target - np.interp(middle, LIGHTNESS, curve)
    floor = max(curve[low] - _CRUSHED * low * step, 0.0)
    curve[:low] = floor + (curve[low] - floor) * level[:low] / level[low]
    curve[high:] = _to_white(curve[high], cut[min(high, len(cut)) - 1], LEVELS - high)
    inside: NDArray[np.float64] = np.clip(curve, 1e-6 * LIGHTNESS, 1 - 1e-6 * (1 - LIGHTNESS))
    return inside


def _to_white(start: float, rise: float, count: int) -> NDArray[np.float64]:
    """The curve above the object's range: on with the same slope at first, 1 at the end.

    It turns up late, so that noise on the brightest folds does not sparkle.
    """
    way = np.linspace(0, 1, count) if count > 1 else np.zeros(1)
    start = min(start, 1.0)
    straight = min(max(rise * (count - 1), END) / max(1 - start, END), 1.0)
    return start + (1 - start) * (straight * way + (1 - straight) * _cube(way))
