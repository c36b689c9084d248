"""A brush that puts other paint under the light that `Light` found.

With A the object's color and B the new one, shading s, tables g (the new shading), r and e (shine
on a gray object):

    new = B g(s) + B trust r(s) ((pixel - shine) / A - s) + gloss (shine + e(s) A)

The middle term is the lamp's tint: it multiplies the new paint as it did the old. Where A is nearly
nothing `trust` and r fade it out, and g follows OKLab's L with a slope that is limited, so that the
noise of a dark object is not blown up: one continuous map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import linear_planes_to_oklab, oklab_planes_to_linear
from dmlseg_core.paint.brush import Places
from dmlseg_core.paint.calm import Gain
from dmlseg_core.paint.light import Doubles, Light
from dmlseg_core.paint.tone import MAX_SLOPE

Floats: TypeAlias = NDArray[np.float32]

_ENTRIES = 8192
"""Of the tables, over the root of shading: at the usual shade a step is a quarter of a level."""
_ROUGH = 6e-4
"""Linear light under which a dark pixel's own tint is noise."""
_ABYSS = 1e-3
"""Linear light added to the shading of an object that is all crushed to black."""
_OVER = 1.05
"""How far the lit side may pass white before it is bent under it: as a camera's would clip."""
_WIDE, _GIVE = 1.3, 0.5
"""Linear light of the lit side from which on all contrast gives way, and how much per e-fold."""
_LESS = 0.4
"""Of a pixel's new light: what having less sheen than the usual pixel may take away."""
_TINTS = (-0.55, 0.8)
"""How far a lamp's color takes a channel from the mean; beyond it lies another material."""
_NEUTRAL, _VIVID = 0.3, 0.5
"""The share of tints that stays on neutral paint, and 1 - min / max from which on all does."""
_ROOM = 0.08
"""Of the shading: what the lit side keeps above a target at the edge of the gamut."""

_WHITE = 0.92
"""Linear light of the least that a target of white becomes where there are folds: #f6f6f6, two
Delta-E less."""
_PALE = (0.6, 0.9)
"""Least channel of a target, linear: from where to where it is a white."""
_BLACK = 0.0027
"""Linear light of the most that a target of black becomes where there are: #090909, one and
a half more."""
_FOLDED = 0.25
"""By how much the lit side is lighter than the usual shade where black gets all of that."""


@dataclass(frozen=True, eq=False)
class Shades:
    """What of the tables is the object's alone, whatever color it gets: made once for a drag.

    Attributes:
        light: of the object.
        top: largest shading in the tables.
        body: (_ENTRIES,) shading of the paint alone.
        rise: (_ENTRIES,) root of the shading, less the usual one's.
        shine: (_ENTRIES,) shine on a gray object.
        usual: body of the usual pixel.
        lit: body of the lit side.
        here: shine of the usual pixel.
        share: how much of the shine is split off at all.
    """

    light: Light
    top: float
    body: Doubles
    rise: Doubles
    shine: Doubles
    usual: float
    lit: float
    here: float
    share: float

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.body.nbytes + self.rise.nbytes + self.shine.nbytes

    @classmethod
    def of(cls, light: Light, bright: float, share: float = 1.0) -> Shades:
        """Of an object; `bright` is the shading of its lit side."""
        top = float(light.rows[0].sum())
        shading = np.linspace(0, 1, _ENTRIES) ** 2 * top
        body = light.body(shading)
        usual = float(light.body(np.array([light.usual]))[0])
        lit = float(light.body(np.array([min(max(bright, light.usual), light.knee)]))[0])
        shine = share * (1 - light.colored) * (shading - body)
        body = shading - shine
        here = share * (1 - light.colored) * (light.usual - usual)
        rise = _rise(light, body, usual)
        return cls(light, top, body, rise, shine, usual, lit, here, share)


@dataclass(frozen=True, eq=False)
class Repaint:
    """See the module.

    Attributes:
        shades: of the object.
        tables: (3, _ENTRIES) float32: g, r, e.
        paint: (3,) float32, B.
        tint: (3,) float32, B trust.
        gloss: what becomes of shine: 1 leaves it as it was.
        strength: 0 keeps the photo; a line in OKLab between.
    """

    shades: Shades
    tables: Floats
    paint: Floats
    tint: Floats
    gloss: float
    strength: float

    @classmethod
    def of(
        cls, shades: Shades, color: Doubles, *, gloss: float = 1.0, strength: float = 1.0
    ) -> Repaint:
        """Paint of a (3,) linear `color`."""
        light, body = shades.light, shades.body
        # What shines on the usual pixel is not the paint's.
        paint = np.maximum(color - gloss * shades.here * light.color, 0.1 * color)
        new = _shading(shades, paint)
        new = _under_white(new, float(paint.max()), float(np.interp(shades.lit, body, new)))
        shine = np.maximum(shades.shine, -_LESS * new * float(paint.mean() / light.color.mean()))
        weak = _ROUGH / float(light.color.mean())
        tables = np.stack([new, new * body / (body**2 + weak**2), shine]).astype(np.float32)
        tint = paint * light.trust * _believed(color)
        fine = (paint.astype(np.float32), tint.astype(np.float32))
        return cls(shades, tables, *fine, gloss, strength)

    def __call__(
        self, linear: Floats, places: Places | None = None, *, fine: bool = False
    ) -> Floats:
        """See `Brush`; where the pixels lie makes no difference."""
        shading, shine = self.shades.light.split(linear, self.shades.share)
        new, rate, extra = self._read(shading, fine)
        result = np.empty_like(linear)
        low, high = (np.float32(end) * new for end in _TINTS)
        for k, (plane, out) in enumerate(zip(linear, result, strict=True)):
            self._tint(k, plane, (shading, shine, rate, low, high), out)
            # OpenCV makes one pass of what takes numpy two or three.
            cv2.addWeighted(out, float(self.tint[k]), new, float(self.paint[k]), 0, dst=out)
            for light, share in ((shine, 1.0), (extra, self.shades.light.color[k])):
                if light is not None and self.gloss:
                    cv2.scaleAdd(light, self.gloss * float(share), out, dst=out)
        return result if self.strength == 1 else self._between(linear, result)

    def _tint(
        self,
        k: int,
        plane: Floats,
        of: tuple[Floats, Floats | None, Floats, Floats, Floats],
        out: Floats,
    ) -> None:
        """What channel k has beyond the paint's own shading, within limits, into `out`."""
        shading, shine, rate, low, high = of
        if shine is not None:
            plane = np.subtract(plane, shine, out=out)
        cv2.addWeighted(plane, 1 / float(self.shades.light.color[k]), shading, -1, 0, dst=out)
        cv2.multiply(out, rate, dst=out)
        cv2.max(out, low, dst=out)
        cv2.min(out, high, dst=out)

    @property
    def gain(self) -> Gain:
        """By how much noise of the usual pixel grows."""
        own = self.shades.light.color + _ABYSS
        light = (self.paint.mean() + _ABYSS) / own.mean()
        color = ((self.tint + _ABYSS) / own).max()
        size = (self.strength * v ** (1 / 2.4) for v in (light, color))
        return Gain(*(max(1.0, float(v)) for v in size))

    def _read(self, shading: Floats, fine: bool) -> tuple[Floats, Floats, Floats | None]:
        """The tables at shadings: the nearest entry, or (fine) between two."""
        at = np.sqrt(
            np.clip(shading, 0, self.shades.top) * np.float32((_ENTRIES - 1) ** 2 / self.shades.top)
        )
        index = (at if fine else at + np.float32(0.5)).astype(np.int32)
        rows = self.tables if self.shades.light.colored < 1 else self.tables[:2]
        low = [row.take(index, mode="clip") for row in rows]
        if fine:
            rest = at - index.astype(np.float32)
            high = [row.take(index + 1, mode="clip") for row in rows]
            low = [a + rest * (b - a) for a, b in zip(low, high, strict=True)]
        return low[0], low[1], low[2] if len(low) == 3 else None

    def _between(self, old: Floats, new: Floats) -> Floats:
        """A line in OKLab."""
        first, last = (linear_planes_to_oklab(np.clip(v, 0, 1)) for v in (old, new))
        return oklab_planes_to_linear(first + np.float32(self.strength) * (last - first))


def with_room(goal: Doubles, shades: Shades) -> Doubles:
    """The (3,) linear color to aim at, which is white or black only where there are no folds.

    A white is lowered as far as the lit side needs room below the file's white; a black is raised,
    as paint without any light has no shape.
    """
    lit = (shades.lit + 1e-6) / (shades.usual + 1e-6)
    least = np.clip(max(1 / lit, _WHITE) / goal.max(), 0.0, 1.0) if goal.max() > 0 else 1.0
    near = np.clip((goal.min() - _PALE[0]) / (_PALE[1] - _PALE[0]), 0.0, 1.0)
    light = _BLACK * np.clip((lit - 1) / _FOLDED, 0.0, 1.0)
    return np.asarray(goal * (1 - near * (1 - least)) + max(light - goal.max(), 0.0))


def _believed(color: Doubles) -> float:
    """How much of what looks like a lamp's color goes onto new paint.

    All of it but on white, gray and black, where most is what the old paint varied by: rust on
    green, a cheek, dust; nobody sees that in navy, and white has pastel patches of it.
    """
    vivid = min((1 - color.min() / max(color.max(), 1e-6)) / _VIVID, 1.0)
    return float(_NEUTRAL + (1 - _NEUTRAL) * vivid)


def _rise(light: Light, body: Doubles, usual: float) -> Doubles:
    """How far the root of a shading is above the usual one's, in units of that."""
    own = float(light.color.mean())
    lift = _ABYSS * light.crushed
    return np.cbrt((body * own + lift) / max(usual * own + lift, 1e-6)) - 1


def _shading(shades: Shades, paint: Doubles) -> Doubles:
    """The new paint's shading: 1 at the usual shade, with its slope over OKLab's L limited."""
    own = shades.usual * float(shades.light.color.mean())
    slope = np.cbrt(max(own, 1e-5) / max(float(paint.mean()), 1e-6)) * MAX_SLOPE
    return np.asarray(np.maximum(1 + min(1.0, slope) * shades.rise, 0) ** 3)


def _under_white(shading: Doubles, paint: float, lit: float) -> Doubles:
    """Bend what the lit side would pass white with: folds stay, and a vivid paint stays vivid.

    A little may clip, as in a camera. Where much would, both sides give way: contrast is divided.
    """
    high = paint * lit
    if high <= _OVER:
        return shading
    wide = max(float(np.log(high / _WIDE)), 0.0)
    power = 1 / (1 + _GIVE * wide)
    shading, lit = shading**power, lit**power
    top = 1 + (_OVER - 1) / (1 + 4 * (high - _OVER))
    room, reach = max(top / paint - 1, _ROOM), lit - 1
    over = np.maximum(shading - 1, 0)
    return np.where(over > 0, 1 + over / (1 + over * max(1 / room - 1 / reach, 0)), shading)
