"""From a look to the brush that makes it: which color is asked for, and the paint that hits it."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import (
    linear_planes_to_oklab,
    linear_to_srgb,
    oklab_to_linear,
    parse_color,
    srgb_to_linear,
    srgb_to_oklab,
)
from dmlseg_core.config import AMOUNTS, PATTERN_MODE
from dmlseg_core.paint.brush import Brush, Paint, Places
from dmlseg_core.paint.look import Look
from dmlseg_core.paint.pattern import Print, scaled_tile
from dmlseg_core.paint.tone import Anchor

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_SAMPLE = 10000
"""Pixels that the anchor is estimated from; medians of more do not move by a hundredth."""
# A white object has no room above for folds, a black one none below: stop one Delta-E short.
_LIGHTNESS_ENDS = (0.1, 0.985)
_COLORED = 0.06
"""Saturation from which on highlights show as paleness."""
_MATTE = 1.15
"""Largest L of a matte surface, relative to its median: half more light."""
_SHINY = 0.8
"""The same where the median has shine on it."""
_ROUNDS = 3
"""Corrections of the aim; what is left after them is below a tenth of a Delta-E."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be done to an object.

    Attributes:
        asked: (3,) OKLab that the object's anchor should have after it.
        brush: maps its pixels.
        tone: (LEVELS,) float32, the brush's L for each L.
    """

    asked: Floats
    brush: Brush
    tone: Floats

    def noise_gain(self, anchor: Anchor) -> float:
        """The tone curve's steepest slope over 1-99 % of the object's lightness."""
        slopes = np.diff(self.tone) * (len(self.tone) - 1)
        low, high = (int(v * (len(slopes) - 1)) for v in (anchor.low, anchor.high))
        return float(slopes[low : high + 1].max())


@dataclass(frozen=True, eq=False)
class Core:
    """The pixels that say what color an object is: sure, in diffuse light.

    Attributes:
        places: (N,) flat indices into the photo.
        lab: (3, N) float32 OKLab.
        anchor: their color, and the range of the whole object's L.
    """

    places: Places
    lab: Floats
    anchor: Anchor

    @classmethod
    def of(cls, rgb: Pixels, share: Floats) -> Core:
        """Measure the object of a share (H, W) in [0, 1], not all 0.

        Left out are highlights (brighter and paler than most), deep shadow, and the outer tenths
        of lightness.
        """
        flat = share.reshape(-1)
        sure = np.flatnonzero(flat >= min(0.95, float(flat.max())))
        sure = sure[:: max(1, sure.size // _SAMPLE)]
        # In doubles: a gray object's saturation in floats is rounding, and would pass for shine.
        lab = srgb_to_oklab(rgb.reshape(-1, 3)[sure]).T
        lightness, saturation = lab[0], np.hypot(lab[1], lab[2]) / np.maximum(lab[0], 0.02)
        middle, common = np.median(lightness), np.median(saturation)
        lowest, low, high, highest = np.percentile(lightness, (1, 10, 90, 99)).tolist()
        specular = (lightness > middle) & (saturation < 0.5 * common)
        diffuse = (lightness >= max(low, 0.5 * middle)) & (lightness <= high) & ~specular
        if not diffuse.any():
            diffuse[:] = True
        lit = _lit(lightness, saturation, float(common))
        lab = lab[:, diffuse]
        anchor = replace(anchor_of(lab), low=lowest, high=highest, lit=lit)
        return cls(sure[diffuse], lab, anchor)

    def color_in(self, rgb: Pixels) -> Anchor:
        """The same estimate on the same pixels of another version of the photo."""
        pixels = rgb.reshape(-1, 3)[self.places]
        return anchor_of(linear_planes_to_oklab(srgb_to_linear(pixels.T)))


def _lit(lightness: Floats, saturation: Floats, common: float) -> float:
    """The largest L at which an object shows its paint alone, fully lit; above it light shines.

    A colored object is no paler there than elsewhere. On a neutral one only the spread of lightness
    tells: a matte surface that faces the lamp gets half more light than an average one (_MATTE); if
    a quarter of the object is beyond that, the average itself has some shine on it.
    """
    if common >= _COLORED:
        return float(np.percentile(lightness[saturation >= 0.8 * common], 98))
    middle, bright, high = map(float, np.percentile(lightness, (50, 75, 99)))
    shine = min(max(bright / max(middle, 1e-3) - _MATTE, 0.0) / (_MATTE - 1), 1.0)
    return min(high, middle * (_MATTE - (_MATTE - _SHINY) * shine))


def anchor_of(lab: Floats) -> Anchor:
    """Median color of (3, N) OKLab."""
    level = np.maximum(lab[0], 0.02)
    middle = float(np.median(lab[0]))
    tint = complex(np.median(lab[1] / level), np.median(lab[2] / level))
    return Anchor(middle, tint, low=middle, high=middle, lit=middle)


def plan_of(look: Look, core: Core, corner: tuple[int, int], width: int) -> Plan:
    """The plan of a look for an object.

    Args:
        look: what is asked.
        core: the object as measured.
        corner: (y, x) of its box, where a texture begins.
        width: of the photo.
    """
    if look.mode in AMOUNTS:
        return _shift(look, core.anchor)
    if look.mode == PATTERN_MODE:
        return _printed(look, core, corner, width)
    assert look.target is not None  # Look has checked it
    asked = srgb_to_oklab(np.array(parse_color(look.target)))
    own = core.anchor
    if look.mode == "tint":
        goal = replace(own, saturation=complex(asked[1], asked[2]) / own.lightness)
        return _aimed(look, core, asked, goal)
    lightness = min(max(float(asked[0]), _LIGHTNESS_ENDS[0]), _LIGHTNESS_ENDS[1])
    goal = replace(own, lightness=lightness, saturation=complex(asked[1], asked[2]) / lightness)
    return _aimed(look, core, asked, goal)


def _aimed(look: Look, core: Core, asked: Floats, goal: Anchor) -> Plan:
    """Paint whose result measures as `goal`: the core's median moves a little in the gamut."""
    aim, keep = goal, look.mode == "tint"
    for _ in range(_ROUNDS):
        paint = Paint.of(
            core.anchor,
            aim.lightness,
            aim.saturation,
            protect=look.protect_highlights,
            keep_tone=keep,
        )
        got = anchor_of(linear_planes_to_oklab(np.clip(paint(core.lab), 0.0, 1.0)))
        aim = replace(
            aim,
            lightness=min(max(aim.lightness + goal.lightness - got.lightness, 0.02), 0.998),
            saturation=aim.saturation + 0.8 * (goal.saturation - got.saturation),
        )
    paint = Paint.of(
        core.anchor,
        aim.lightness,
        aim.saturation,
        protect=look.protect_highlights,
        keep_tone=keep,
        strength=look.strength,
    )
    return Plan(asked, paint, paint.tone)


def _shift(look: Look, own: Anchor) -> Plan:
    """The modes that change what is there by an amount."""
    lightness, turn = own.lightness, 1 + 0j
    if look.mode == "hue_shift":
        turn = cmath.exp(1j * math.radians(look.amount))
    elif look.mode == "saturation":
        turn = complex(1 + look.amount)
    else:
        lightness = min(max(lightness + look.amount, _LIGHTNESS_ENDS[0]), _LIGHTNESS_ENDS[1])
    paint = Paint.of(
        own,
        lightness,
        own.saturation * turn,
        strength=look.strength,
        protect=look.protect_highlights,
        keep_tone=look.mode != "lightness",
        turn=turn,
    )
    asked = replace(own, lightness=lightness, saturation=own.saturation * turn)
    return Plan(asked.lab, paint, paint.tone)


def _printed(look: Look, core: Core, corner: tuple[int, int], width: int) -> Plan:
    """A texture under the object's shading; asked is what lies on the core, flatly lit."""
    assert look.pattern is not None  # Look has checked it
    brush = Print.of(
        core.anchor,
        scaled_tile(look.pattern, look.pattern_scale),
        corner,
        width,
        strength=look.strength,
        protect=look.protect_highlights,
    )
    flat = linear_planes_to_oklab(brush.colors_at(core.places))
    return Plan(anchor_of(flat).lab, brush, brush.tone)


def srgb_of(lab: Floats) -> NDArray[Any]:
    """(3,) OKLab -> (3,) sRGB float64 0..1."""
    linear = oklab_to_linear(lab).astype(np.float64)
    srgb: NDArray[Any] = np.clip(linear_to_srgb(linear), 0, 1)
    return srgb
