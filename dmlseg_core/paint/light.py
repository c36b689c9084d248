"""What of an object's pixels is paint, light and shine: the dichromatic model, measured.

A pixel = paint x shading x the lamp's tint + shine (Shafer, "Using color to separate reflection
components", 1985), in linear light. Shading is taken along the object's own color; shine is what
leaves that line towards white. How far either may be trusted is measured, and every constant here
was chosen on the renders of benchmarks/bench_known_answers.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.paint.calm import Noise

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.intp]

DARKEST = 1.5e-3
"""Linear light, sRGB level 5: darker paint is divided by this, since its own value is rounding."""
_SOFT = 0.05
"""Regularizes the two-vector split where the object's color is nearly gray."""
_COLORED = (0.2, 0.6)
"""1 - min / max of a color: from where to where shine shows as paleness, not as light alone."""
_FOREIGN = 6.0
"""What an error across the plane of paint and shine weighs against one towards shine."""
_PEAKED = (4.0, 10.0)
"""99th percentile of |shine| over its median: a lamp's tint stays below, a reflection is above."""
_IN_PLANE = (0.97, 0.995)
"""Share of the deviations that goes towards white: a lamp's tint stays below. Above, a reflection
may be as broad as it likes."""
_CLIPPED = 0.99
"""Linear light of a channel that may hold less than there was."""
_PEAK, _PEAK_OF = 0.02, 0.1
"""Shine beyond this, and beyond this share of the paint's light, is shine even among tints."""
_KNEE = 1.52
"""A matte surface that faces the lamp gets half more light than an average one."""
_BEYOND = 1 / 3
"""Of the knee: what paint may still send back above it."""
_SATIN = (1.4, 2.0)
"""75th percentile of shading over the median: from where to where the sheen is all over."""
_SPREAD = 0.6
"""How much of a satin's contrast is sheen rather than shade."""
_PALE = (0.3, 0.5)
"""Mean linear light of a paint: from where to where it is too bright to tell shine from light."""
_PARTS = 16
"""Along an object's longer side: parts whose light is compared."""
_BROAD = (0.25, 0.4)
"""Linear light that a quarter of an object has beyond its median: from where to where it is the
sun's on a part of it. No sheen sends back so much over so wide a part."""
_ROUGH = 3e-3
"""Linear light: the tint that a gray object's channel shows is half believed at this level."""
_ROUGH_COLORED = 3e-2
"""The same where the object has a color: its weak channels hold little but shine and bounce."""
_ROUGH_BLOCKS = 4e-3
"""More of it for each level of JPEG's blocks, whose colors are coarser still than their light."""


@dataclass(frozen=True, eq=False)
class Light:
    """How an object's linear light splits.

    Attributes:
        color: (3,) the paint in its usual light, DARKEST or more.
        rows: (2, 3) float32: shading along `color`, and shine, of a pixel.
        colored: 0..1, how far shine shows as paleness.
        peaked: 0..1, how far deviations are shine rather than the lamp's tint.
        usual: shading of the object's median pixel; 1 unless it is nearly black.
        knee: shading above which light on a gray object is shine.
        spread: exponent of its shading, below 1 on satin.
        trust: (3,) 0..1, how far a channel's own deviation is the light's.
        crushed: share of pixels under level 4, where shading is lost.
        sunny: 0..1, how far its lit side is in the sun rather than full of sheen.
    """

    color: Doubles
    rows: Floats
    colored: float
    peaked: float
    usual: float
    knee: float
    spread: float
    trust: Doubles
    crushed: float
    sunny: float

    @classmethod
    def of(cls, linear: Floats, noise: Noise, parts: Labels) -> Light:
        """Measure (3, N) linear pixels of some noise; `parts` (N,) says which lie side by side."""
        own = usual_color(linear)
        color = np.maximum(own, DARKEST)
        rows = _rows(color)
        colored = _smooth(1 - color.min() / color.max(), _COLORED)
        shading, shine = rows.astype(np.float64) @ linear
        middle, bright = np.maximum(np.percentile(shading, (50, 75)), 1e-3).tolist()
        sunny = _sunny(shading * color.mean(), parts)
        pale = max(_smooth(color.mean(), _PALE), sunny)
        satin = (1 - colored) * (1 - pale)
        satin *= _smooth(bright / middle, _SATIN)
        knee = middle * _KNEE / max(1 - max(colored, pale), 1e-3)
        least = _ROUGH + _ROUGH_COLORED * colored + _ROUGH_BLOCKS * min(noise.blocks, 2)
        # A level of 255 in linear light: the slope of the sRGB curve there.
        rough = np.maximum(least, noise.level / 255 * 2.27 * color ** (1 - 1 / 2.4))
        return cls(
            color=color,
            rows=rows,
            colored=colored,
            peaked=_peaked(linear, color, shine),
            usual=float(rows[0] @ own),
            knee=knee,
            spread=1 - _SPREAD * satin,
            trust=color**2 / (color**2 + rough**2),
            crushed=float((linear.max(axis=0) < 4 / 255 / 12.92).mean()),
            sunny=sunny,
        )

    def split(self, linear: Floats, share: float = 1.0) -> tuple[Floats, Floats | None]:
        """(3, N) linear light -> shading (N,) without shine, and shine (N,) where paleness tells.

        `share` of the shine is split off; the rest stays with the paint.
        """
        shading, shine = (self.rows @ linear)[:, None]  # as pictures of one row, for OpenCV
        weight = self.colored * share
        if not weight:
            return shading[0], None
        peak = cv2.addWeighted(
            shine, 1, np.maximum(shading, 0), -_PEAK_OF * float(self.color.mean()), -_PEAK
        )
        np.maximum(peak, 0, out=peak)
        kept = self.peaked * weight
        cv2.addWeighted(shine, kept, peak, weight - kept, 0, dst=shine)
        cv2.scaleAdd(shine, -float(self.rows[0].sum()), shading, dst=shading)
        return shading[0], shine[0]

    def body(self, shading: Doubles) -> Doubles:
        """The shading of the paint alone, for shading >= 0 that may hold a gray object's shine."""
        room = _BEYOND * self.knee
        over = np.maximum(shading - self.knee, 0)
        bent = np.minimum(shading, self.knee) + over / (1 + over / room)
        if self.spread == 1:
            return np.asarray(bent, np.float64)
        middle = max(self.usual, 1e-3)
        return np.asarray(middle * (bent / middle) ** self.spread, np.float64)


def usual_color(linear: NDArray[Any]) -> Doubles:
    """(3, N) linear light -> (3,): in each channel the mean of the middle fifth.

    As a median it moves with any rising curve of a channel, so that paint of another color has the
    color asked for where the old one had its own; finer than one level on a black object.
    """
    ordered = np.sort(linear, axis=1)
    count = ordered.shape[1]
    middle = ordered[:, int(0.4 * count) : max(int(np.ceil(0.6 * count)), 1)]
    return np.asarray(middle.mean(axis=1, dtype=np.float64))


def parts_of(places: Labels, width: int) -> Labels:
    """(N,) of flat photo indices, which of _PARTS x _PARTS parts of the object each lies in."""
    rows, columns = (v - v.min() for v in np.divmod(places, width))
    side = max(int(rows.max()), int(columns.max())) + 1
    return np.asarray(rows * _PARTS // side * _PARTS + columns * _PARTS // side, np.intp)


def _sunny(light: Doubles, parts: Labels) -> float:
    """0..1, whether the lit quarter of an object's parts has too much light for sheen.

    Of parts, so that stripes and checks, which are no light, do not count.
    """
    counts = np.bincount(parts)
    means = np.bincount(parts, light) / np.maximum(counts, 1)
    middle, bright = np.percentile(means[parts], (50, 75)).tolist()
    return _smooth(bright - middle, _BROAD)


def _rows(color: Doubles) -> Floats:
    """Least squares of a pixel on color and white, the latter with a penalty: shading, shine."""
    white = np.ones(3)
    normal = [[color @ color, color.sum()], [color.sum(), 3 * (1 + _SOFT)]]
    shine = (np.linalg.inv(normal) @ [color, white])[1]
    # What shine is not taken for is all shading's.
    return np.stack([color / (color @ color), shine]).astype(np.float32)


def _peaked(linear: Floats, color: Doubles, shine: Doubles) -> float:
    """Whether what leaves the paint's line goes towards white, and in small bright places."""
    whole = linear.max(axis=0) < _CLIPPED
    if whole.any():
        linear, shine = linear[:, whole], shine[whole]
    across = np.cross(color, np.ones(3))
    across /= max(float(np.linalg.norm(across)), 1e-9)
    towards, beside = 2 * float(np.mean(shine**2)), float(np.mean((across @ linear) ** 2))
    middle, high = np.percentile(np.abs(shine), (50, 99)).tolist()
    share = towards / (towards + _FOREIGN * beside + 1e-12)
    peaked = share * _smooth(high / max(middle, 1e-4), _PEAKED)
    return max(peaked, _smooth(share, _IN_PLANE))


def _smooth(value: float, ends: tuple[float, float]) -> float:
    """0 below the first end, 1 above the second, smooth between."""
    way = min(max((float(value) - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
    return way * way * (3 - 2 * way)
