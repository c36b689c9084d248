"""From a look to the brush that makes it: which color is asked for, and the paint that hits it."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import (
    linear_planes_to_oklab,
    linear_to_oklab,
    linear_to_srgb,
    oklab_planes_to_linear,
    oklab_to_linear,
    parse_color,
    srgb_to_linear,
    srgb_to_oklab,
    to_hex,
)
from dmlseg_core.config import AMOUNTS, GLOSS, PATTERN_MODE
from dmlseg_core.edge import sampled
from dmlseg_core.paint.brush import Paint, Places
from dmlseg_core.paint.calm import NO_GAIN, Gain, Noise
from dmlseg_core.paint.light import Light, parts_of, usual_color
from dmlseg_core.paint.look import Look
from dmlseg_core.paint.pattern import Cloth, Print, scaled_tile
from dmlseg_core.paint.repaint import Repaint, Shades, with_room
from dmlseg_core.paint.tone import LIGHTNESS, Anchor

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_SAMPLE = 10000
"""Pixels that an object is measured on; medians of more do not move by a hundredth."""
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
_LEAST_LIGHT = 0.15
"""OKLab L under which an object is too black to be tinted."""
_NEARLY_WHITE = 0.9
"""OKLab L over which one may be too white for it."""
_LIT = 1.5
"""The brightest of a matte object's shading over its 75th percentile, at most."""
_HALF = 0.5
"""OKLab L between the blacks and the whites."""
_CRUSHED = 0.05
"""Share of pixels under level 4 from which on a bright target is told what is missing."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be done to an object.

    Attributes:
        asked: (3,) OKLab that the object's anchor should have after it.
        brush: maps its pixels.
        gain: by how much it makes noise larger.
        notes: what could not be done as asked, one sentence each.
    """

    asked: Floats
    brush: Repaint | Paint | Print
    gain: Gain = NO_GAIN
    notes: tuple[str, ...] = ()

    def noise_gain(self, anchor: Anchor) -> float:
        """The tone curve's steepest slope over 1-99 % of the object's lightness."""
        tone = _tone_of(self.brush, anchor)
        slopes = np.diff(tone) * (len(tone) - 1)
        low, high = (int(v * (len(slopes) - 1)) for v in (anchor.low, anchor.high))
        return float(slopes[low : high + 1].max())


@dataclass(frozen=True, eq=False)
class Core:
    """The pixels that say what color an object is, and how light falls on it.

    Attributes:
        places: (N,) flat indices into the photo: a sample of what is surely the object.
        linear: (3, N) float32 linear light.
        anchor: their color, and the range of L.
        light: how they split into paint, light and shine.
        noise: what varies at random.
    """

    places: Places
    linear: Floats
    anchor: Anchor
    light: Light
    noise: Noise

    @classmethod
    def of(cls, rgb: Pixels, share: Floats) -> Core:
        """Measure the object of a share (H, W) in [0, 1], not all 0."""
        sure = sampled(share, min(0.95, float(share.max())), _SAMPLE)
        linear = np.ascontiguousarray(srgb_to_linear(rgb.reshape(-1, 3)[sure]).T)
        noise = Noise.of(rgb, share, sure)
        light = Light.of(linear, noise, parts_of(sure, share.shape[1]))
        anchor = _ranged(anchor_of(linear), linear_planes_to_oklab(linear), light.sunny)
        return cls(sure, linear, anchor, light, noise)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        kept = (shades.nbytes for shades in list(self._shades.values()))
        return self.places.nbytes + self.linear.nbytes + sum(kept)

    def shades(self, share: float) -> Shades:
        """What other paint has of it, `share` of the shine split off; the last one is kept: a color
        that is dragged asks for the same at each move.
        """
        if (found := self._shades.get(share)) is None:
            found = Shades.of(self.light, self._bright, share)
            self._shades.clear()
            self._shades[share] = found
        return found

    @cached_property
    def _shades(self) -> dict[float, Shades]:
        return {}

    @cached_property
    def _bright(self) -> float:
        """Shading of its lit side, without reflections."""
        high, most = np.percentile(self.light.split(self.linear)[0], (75, 99)).tolist()
        return float(min(most, _LIT * high))

    def color_in(self, rgb: Pixels) -> Anchor:
        """The same estimate on the same pixels of another version of the photo."""
        return anchor_of(srgb_to_linear(rgb.reshape(-1, 3)[self.places]).T)


def _ranged(anchor: Anchor, lab: Floats, sunny: float) -> Anchor:
    """With the range of L, and the largest at which an object shows its paint alone.

    A colored object is no paler there than elsewhere. On a neutral one only the spread of lightness
    tells: a matte surface that faces the lamp gets half more light than an average one (_MATTE); if
    a quarter of the object is beyond that, the average itself has some shine on it.
    """
    saturation = np.hypot(lab[1], lab[2]) / np.maximum(lab[0], 0.02)
    common = float(np.median(saturation))
    low, middle, bright, high = np.percentile(lab[0], (1, 50, 75, 99)).tolist()
    if common >= _COLORED:
        lit = float(np.percentile(lab[0][saturation >= 0.8 * common], 98))
    else:
        shine = min(max(bright / max(middle, 1e-3) - _MATTE, 0.0) / (_MATTE - 1), 1.0)
        lit = min(high, middle * (_MATTE - (_MATTE - _SHINY) * shine))
        lit += sunny * (high - lit)
    return replace(anchor, low=low, high=high, lit=lit)


def anchor_of(linear: Floats) -> Anchor:
    """The usual color of (3, N) linear light."""
    lab = linear_to_oklab(usual_color(linear))
    level = float(lab[0])
    tint = complex(lab[1], lab[2]) / max(level, 0.02)
    return Anchor(level, tint, low=level, high=level, lit=level)


def plan_of(look: Look, core: Core, cloth: Cloth | None = None) -> Plan:
    """The plan of a look for an object.

    Args:
        look: what is asked.
        core: the object as measured.
        cloth: where a texture lies on it; for the mode pattern.
    """
    if look.mode == PATTERN_MODE:
        return _printed(look, core, cloth)
    own = core.anchor
    if look.mode == "lightness":
        level = min(max(own.lightness + look.amount, _LIGHTNESS_ENDS[0]), _LIGHTNESS_ENDS[1])
        return _repainted(look, core, replace(own, lightness=level).lab)
    if look.mode in AMOUNTS:
        return _turned(look, core)
    assert look.target is not None  # Look has checked it
    asked = srgb_to_oklab(np.array(parse_color(look.target)))
    return (_tinted if look.mode == "tint" else _repainted)(look, core, asked)


def _repainted(look: Look, core: Core, asked: Floats) -> Plan:
    """Other paint under the same light, aimed so that the result measures as asked."""
    shades, gloss = core.shades(look.protect_highlights), GLOSS[look.gloss]
    goal = with_room(np.clip(oklab_to_linear(asked), 0, 1).astype(np.float64), shades)
    aim = goal
    for _ in range(_ROUNDS):
        brush = Repaint.of(shades, aim, gloss=gloss)
        got = usual_color(np.clip(brush(core.linear), 0.0, 1.0))
        aim = np.clip(aim * np.clip((goal + 1e-4) / (got + 1e-4), 0.5, 2), 0, 1)
    made = Repaint.of(shades, aim, gloss=gloss, strength=look.strength)
    notes = (*_moved(goal, asked), *_lost(core.light, made.gain.light))
    return Plan(asked, made, made.gain, notes)


def _tone_of(brush: Repaint | Paint | Print, own: Anchor) -> Floats:
    """(LEVELS,) float32, L of the result for each L of the object's own color."""
    if not isinstance(brush, Repaint):
        return np.asarray(brush.tone, np.float32)
    level = LIGHTNESS.astype(np.float32)
    tint = own.saturation * level
    ramp = oklab_planes_to_linear(np.stack([level, tint.real, tint.imag]).astype(np.float32))
    painted = brush(np.clip(ramp, 0, 1), np.zeros(0, np.intp), fine=True)
    return np.asarray(linear_planes_to_oklab(np.clip(painted, 0, 1))[0], np.float32)


def _moved(goal: NDArray[Any], asked: Floats) -> tuple[str, ...]:
    """That a white became less than asked, or a black more, in a sentence."""
    become, wanted = to_hex(linear_to_srgb(goal)), to_hex(srgb_of(asked))
    where = "the lit side its folds" if float(asked[0]) > _HALF else "its folds some light"
    return () if become == wanted else (f"{become} instead of {wanted} leaves {where}",)


def _lost(light: Light, gain: float) -> tuple[str, ...]:
    """What no paint brings back, in sentences."""
    if light.crushed < _CRUSHED or gain < 2:
        return ()
    return (
        f"{light.crushed:.0%} of the object is black without detail in the photo; its folds cannot "
        "be brought back",
    )


def _tinted(look: Look, core: Core, asked: Floats) -> Plan:
    """Hue and chroma of the target; lightness stays."""
    own = core.anchor
    goal = complex(asked[1], asked[2]) / max(own.lightness, _LEAST_LIGHT)
    aim = goal
    for _ in range(_ROUNDS):
        paint = Paint.of(own, own.lightness, aim, protect=look.protect_highlights, keep_tone=True)
        aim += 0.8 * (goal - anchor_of(np.clip(paint(core.linear), 0.0, 1.0)).saturation)
    paint = Paint.of(
        own, own.lightness, aim, protect=look.protect_highlights, keep_tone=True,
        strength=look.strength,
    )  # fmt: skip
    dark, got = own.lightness < _LEAST_LIGHT, anchor_of(np.clip(paint(core.linear), 0.0, 1.0))
    pale = own.lightness > _NEARLY_WHITE and abs(got.saturation) < abs(goal) * look.strength / 2
    note = "the object is {}; the mode match gives it a color"
    told = ["black, which holds no tint"] * dark + ["white, which holds little tint"] * pale
    return Plan(asked, paint, notes=tuple(map(note.format, told)))


def _turned(look: Look, core: Core) -> Plan:
    """The modes that turn or scale what color is there."""
    own, turn = core.anchor, complex(1 + look.amount)
    if look.mode == "hue_shift":
        turn = cmath.exp(1j * math.radians(look.amount))
    paint = Paint.of(
        own,
        own.lightness,
        own.saturation * turn,
        strength=look.strength,
        protect=look.protect_highlights,
        keep_tone=True,
        turn=turn,
    )
    return Plan(replace(own, saturation=own.saturation * turn).lab, paint)


def _printed(look: Look, core: Core, cloth: Cloth | None) -> Plan:
    """A texture under the object's shading; asked is what lies on the core, flatly lit."""
    assert look.pattern is not None and cloth is not None  # Look has checked it; Layer makes it
    brush = Print.of(
        core.anchor,
        scaled_tile(look.pattern, look.pattern_scale),
        cloth,
        strength=look.strength,
        protect=look.protect_highlights,
    )
    return Plan(anchor_of(brush.colors_at(core.places)).lab, brush)


def srgb_of(lab: Floats) -> NDArray[Any]:
    """(3,) OKLab -> (3,) sRGB float64 0..1."""
    linear = oklab_to_linear(lab).astype(np.float64)
    srgb: NDArray[Any] = np.clip(linear_to_srgb(linear), 0, 1)
    return srgb
