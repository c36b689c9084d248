"""The color map behind `recolor`: a tone curve for lightness, an affine map for saturation.

Saturation here is the complex number (a + ib) / L of an OKLab color. Light of another strength on
the same paint scales linear RGB, hence scales L, a and b alike: saturation is free of shading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.colorspace import (
    fit_planes_to_gamut,
    fits_gamut,
    linear_planes_to_oklab,
    oklab_planes_to_linear,
)

Floats: TypeAlias = NDArray[np.float32]

LEVELS = 16384
"""Entries of the tables over L: even at slope 4 a step stays below a quarter of an 8-bit level."""
MAX_SLOPE = 4.0
"""Noise of the photo may grow by this factor, not more, over the object's own range of L."""
SLACK = 2e-3
"""Linear-light overshoot that is clipped rather than fitted; below a just noticeable difference."""
_END = 1e-3
_ROOM = 0.6
_CALM = 0.02
_GAIN = 1.5
_DEEP = 0.2
_LIGHTNESS = np.linspace(0.0, 1.0, LEVELS)


@dataclass(frozen=True)
class Anchor:
    """An object's diffuse color and range: OKLab lightness, complex saturation, 1-99 % of L."""

    lightness: float
    saturation: complex
    low: float
    high: float

    @property
    def lab(self) -> Floats:
        """(3,) float32 OKLab."""
        tint = self.saturation * self.lightness
        return np.array([self.lightness, tint.real, tint.imag], np.float32)


def tone_curve(anchor: Anchor, target: float) -> NDArray[np.float64]:
    """L of the result for L = 0..1 in LEVELS steps; strictly rising, anchor -> target.

    Two hyperbolas (Mobius curves) meet at the anchor with one slope. Darkening keeps the lower
    one straight, which is what darker paint does to diffuse light, and lets highlights climb
    back to white; brightening bends the upper one under white. An end moves inwards when the
    slope over the object's range would pass MAX_SLOPE.
    """
    middle = min(max(anchor.lightness, _END), 1 - _END)
    target = min(max(target, _END), 1 - _END)
    # One 8-bit level above black is a long way in L: a steep curve there would tear contours.
    below, above = target / max(middle, _DEEP), (1 - target) / (1 - middle)
    reach = min(max((anchor.high - middle) / (1 - middle), 0.0), 1.0)
    # Proportional if the object's bright side then keeps to _ROOM of what is left up to white.
    bend = max(reach * (1 / _ROOM - 1) / max(1 - reach, 0.02), 1e-6)
    slope = min(below, max(above / bend, (below * above) ** 0.5), MAX_SLOPE)
    fall = _far_end(target, slope, middle, (middle - anchor.low) / middle)
    rise = _far_end(1 - target, slope, 1 - middle, reach)
    level = _LIGHTNESS
    lower = target - fall * _mobius((middle - level) / middle, fall / middle / slope)
    upper = target + rise * _mobius((level - middle) / (1 - middle), rise / (1 - middle) / slope)
    return np.where(level < middle, lower, upper)


def _mobius(t: NDArray[np.float64], bend: float) -> NDArray[np.float64]:
    """0..1 -> 0..1 rising, slope 1 / bend at 0 and bend at 1."""
    t = np.clip(t, 0.0, 1.0)
    return t / (t + bend * (1 - t))


def _far_end(height: float, slope: float, width: float, reach: float) -> float:
    """The largest height <= `height` of a branch whose slope up to `reach` is <= MAX_SLOPE."""
    reach = min(max(reach, 0.0), 1.0)

    def steepest(h: float) -> float:
        bend = h / width / slope
        return slope * bend**2 / (reach + bend * (1 - reach)) ** 2

    if steepest(height) <= MAX_SLOPE:
        return height
    low, high = min(slope * width, height), height
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if steepest(middle) <= MAX_SLOPE else (low, middle)
    return low


@dataclass(frozen=True, eq=False)
class Paint:
    """A map of linear colors to linear colors; tables over L make it one pass of arithmetic."""

    tone: Floats
    offset: Floats
    scale: Floats
    limit: Floats
    hue: complex
    turn: complex
    foreign: complex
    kept: float

    @classmethod
    def of(
        cls,
        anchor: Anchor,
        lightness: float,
        saturation: complex,
        *,
        strength: float = 1.0,
        protect: float = 1.0,
        keep_tone: bool = False,
        turn: complex | None = None,
    ) -> Paint:
        """Paint that moves `anchor` to (lightness, saturation).

        Args:
            anchor: the object's own color.
            lightness: OKLab L asked for; with `keep_tone` only saturation's reference.
            saturation: (a + ib) / L asked for.
            strength: 0 keeps the photo, 1 is the full change; a line in OKLab between.
            protect: how far highlights above the diffuse range lose the new hue, 0..1.
            keep_tone: leave L alone.
            turn: factor on a pixel's deviation from the anchor's saturation; None is a rotation
                to the new hue, scaled in proportion to saturation.
        """
        level = np.maximum(_LIGHTNESS, 0.5 / LEVELS)
        tone = level if keep_tone else tone_curve(anchor, lightness)
        body, calm = _chroma_tables(tone, level, anchor, protect)
        foreign = 0j
        if turn is None:
            turn = residual_turn(anchor.saturation, saturation)
            foreign = _foreign(anchor.saturation, turn)
        offset = strength * body * (saturation - calm * turn * anchor.saturation)
        tone = level + strength * (tone - level)
        hue = saturation / abs(saturation) if abs(saturation) > 1e-9 else 1 + 0j
        return cls(
            tone=tone.astype(np.float32),
            offset=np.stack([offset.real, offset.imag]).astype(np.float32),
            scale=(strength * body * calm / level).astype(np.float32),
            limit=_chroma_limit(tone, hue),
            hue=hue,
            turn=turn,
            foreign=foreign,
            kept=1 - strength,
        )

    def __call__(self, linear: Floats) -> Floats:
        """(3, N) float32 linear light -> (3, N) float32 linear light in 0..1."""
        lab = linear_planes_to_oklab(linear)
        index = (lab[0] * (LEVELS - 1) + 0.5).astype(np.int32)
        np.clip(index, 0, LEVELS - 1, out=index)
        scale = np.take(self.scale, index)
        real, imag, kept = map(np.float32, (self.turn.real, self.turn.imag, self.kept))
        a, b = lab[1], lab[2]
        painted = np.empty_like(lab)
        np.take(self.tone, index, out=painted[0])
        painted[1] = np.take(self.offset[0], index) + kept * a
        painted[2] = np.take(self.offset[1], index) + kept * b
        if self.foreign:
            u, v = np.float32(self.foreign.real), np.float32(self.foreign.imag)
            against = np.minimum(a * u + b * v, 0)
            a, b = a - against * u, b - against * v
        painted[1] += scale * (real * a - imag * b)
        painted[2] += scale * (imag * a + real * b)
        result = oklab_planes_to_linear(painted)
        outside = np.flatnonzero(~fits_gamut(result, SLACK))
        if outside.size:
            result[:, outside] = self._fitted(painted[:, outside], index[outside])
        return np.clip(result, 0.0, 1.0, out=result)

    def _fitted(self, lab: Floats, index: NDArray[np.int32]) -> Floats:
        """Out-of-gamut OKLab (3, n) -> linear light inside, L constant.

        Chroma is reduced towards the part that lies along the target's own hue (at most what sRGB
        holds there), not towards grey: at a sharp corner such as blue, a pixel whose hue is off
        by a degree would otherwise lose a quarter of the chroma asked for.
        """
        axis = np.array([[self.hue.real], [self.hue.imag]], np.float32)
        along = np.clip((lab[1:] * axis).sum(axis=0), 0, self.limit[index])
        base = along * axis
        rest = lab[1:] - base
        low = np.zeros(index.size, np.float32)
        for step in range(8):
            middle = low + np.float32(0.5 ** (step + 1))
            lab[1:] = base + rest * middle
            low = np.where(fits_gamut(oklab_planes_to_linear(lab), SLACK), middle, low)
        lab[1:] = base + rest * low
        return oklab_planes_to_linear(lab)


def residual_turn(old: complex, new: complex) -> complex:
    """Factor that carries deviations from saturation `old` over to `new`.

    It turns hue along and scales in proportion, so that a colorless pixel of a colored object (a
    highlight) stays colorless; for a colorless object it is capped, lest noise take color.
    """
    gain = min((abs(new) + _CALM) / (abs(old) + _CALM), _GAIN)
    if min(abs(old), abs(new)) < 1e-6:
        return complex(gain)
    product = new * old.conjugate()
    return gain * product / abs(product)


def _foreign(old: complex, turn: complex) -> complex:
    """Axis along which hues opposed to the object's own are held at grey; its square is how much.

    A lamp's orange within a blue sky is not paint: turned along, it would come out as the
    complement of the new color. Without a turn there is nothing to hold.
    """
    size = abs(old)
    if size < 1e-6:
        return 0j
    share = min(1.0, abs(turn / abs(turn) - 1)) * size / (size + _CALM)
    return complex(old / size * share**0.5)


def _chroma_tables(
    tone: NDArray[np.float64], level: NDArray[np.float64], anchor: Anchor, protect: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per L: what saturation is multiplied by to get chroma, and the residual's weight 0..1."""
    middle = max(anchor.lightness, _END)  # below it lies black alone, and it takes the color too
    proportional = float(np.interp(middle, _LIGHTNESS, tone)) / middle * level
    # Above the anchor, light beyond the proportional share is the lamp's color, not the paint's.
    diffuse = np.where(level > middle, np.minimum(tone, proportional), tone)
    lamp = (tone - diffuse) / np.maximum(1 - diffuse, _END)
    body = tone + protect * (diffuse * (1 - lamp) - tone)
    # A shadow lifted beyond proportion would lift the color noise of its few levels as well.
    calm = np.minimum(1.0, proportional / np.maximum(tone, 1e-9))
    # On a colorless object a hue is a reflection, not paint: it is added, and does not grow.
    # Under _DEEP it is mostly noise.
    lift = np.minimum(1.0, level / np.maximum(tone, 1e-9))
    paint = abs(anchor.saturation) / (abs(anchor.saturation) + _CALM)
    calm = np.minimum(calm, paint + (1 - paint) * lift)
    return body, calm * np.minimum(1.0, np.maximum((level / _DEEP) ** 2, lift))


def _chroma_limit(tone: NDArray[np.float64], hue: complex) -> Floats:
    """Largest chroma inside sRGB at each L of `tone`, along the unit `hue`."""
    coarse = np.linspace(0, 1, 513, dtype=np.float32)
    half = np.full_like(coarse, 0.5)  # beyond sRGB at every L
    wide = np.stack([coarse, half * hue.real, half * hue.imag]).astype(np.float32)
    lab = fit_planes_to_gamut(wide)
    limit: Floats = np.interp(tone, coarse, np.hypot(lab[1], lab[2])).astype(np.float32)
    return limit
