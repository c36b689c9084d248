"""Which pixels of an object take paint: those near a sampled color, or all but those.

Colors are compared by saturation (a + ib) / L of OKLab, which shade and folds leave alone;
lightness counts where both colors are neutral, since nothing else tells white from black.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import linear_planes_to_oklab, parse_color, srgb_to_linear, srgb_to_oklab
from dmlseg_core.config import GATE_SOFTNESS, GATE_TOLERANCE
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.materials.mixtures import mixed_along, reach_in
from dmlseg_core.paint.materials.small import box_of

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_DARK = 0.12
"""L below which saturation is mostly noise: it is taken for less."""
_FAINT = 0.08
"""Saturation that counts as much as a color's own in what is called a large difference."""
_NEUTRAL = 0.12
"""Saturation from which on lightness does not count."""
_SPAN = 0.5
"""Difference in L of two neutral colors that is as large as that of two opposite hues."""
_STRIP = 1 << 16
_WHOLE, _PASSES = 0.99, 0.95
"""Alpha of what is the object alone; share that passes, or does not, for certain."""


@dataclass(frozen=True)
class ColorGate:
    """Pixels near a color.

    Attributes:
        color: color text, as sampled in the photo or typed.
        tolerance: difference up to which a pixel counts in full; 0 is the color itself, 0.35 the
            same paint in light and shade, 1 about half of all colors. Range GATE_TOLERANCE.
        softness: beyond the tolerance, the width over which it fades to nothing. GATE_SOFTNESS.
        exclude: True takes these pixels out instead.

    Raises:
        ParameterError: no color, or a number out of range.
    """

    color: str
    tolerance: float = 0.35
    softness: float = 0.3
    exclude: bool = False

    def __post_init__(self) -> None:
        parse_color(self.color)
        GATE_TOLERANCE.check(self.tolerance)
        GATE_SOFTNESS.check(self.softness)

    def share(self, lab: Floats) -> Floats:
        """How far (3, N) OKLab colors pass: (N,) float32 in [0, 1]."""
        distance = color_distance(lab, srgb_to_oklab(np.array(parse_color(self.color))))
        fade = (distance - self.tolerance) / max(self.softness, 1e-6)
        near: Floats = 1 - np.clip(fade, 0.0, 1.0).astype(np.float32)
        near *= near * (3 - 2 * near)
        return 1 - near if self.exclude else near


def color_distance(lab: Floats, color: Floats) -> Floats:
    """How unlike one color, whatever the light: (3, N) and (3,) OKLab -> (N,) float32, 0..about 2.

    The difference of saturations over their mean: 2 for opposite hues, more for vivid than for
    faint pairs; 0 between a paint in the sun and in the shade.
    """
    level = np.maximum(lab[0], _DARK)
    first = lab[1] / level, lab[2] / level
    second = color[1:] / max(float(color[0]), _DARK)
    size, own = np.hypot(*first), float(np.hypot(*second))
    distance = np.hypot(first[0] - second[0], first[1] - second[1])
    distance /= 0.5 * (size + own) + _FAINT
    neutral = np.clip(1 - np.maximum(size, own) / _NEUTRAL, 0.0, 1.0)
    apart: Floats = np.hypot(distance, neutral * (lab[0] - color[0]) * (1 / _SPAN))
    return apart.astype(np.float32, copy=False)


def gated(rgb: Pixels, alpha: Floats, gates: ColorGate | Sequence[ColorGate]) -> Floats:
    """Alpha times the gates: a pixel passes that is near any color kept and none excluded.

    Args:
        rgb: (H, W, 3) uint8 or uint16 sRGB.
        alpha: (H, W) float32 in [0, 1].
        gates: one or several; with exclusions alone, everything else passes.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        ParameterError: `gates` holds something else, or nothing of the object passes.
    """
    gates = (gates,) if isinstance(gates, ColorGate) else tuple(gates)
    if not all(isinstance(g, ColorGate) for g in gates):
        raise ParameterError(f"gate must be a ColorGate or several; got {gates!r}")
    share = np.zeros_like(alpha)
    step = max(1, _STRIP // alpha.shape[1])
    for top in range(0, alpha.shape[0], step):
        rows = slice(top, top + step)
        inside = alpha[rows] > 0
        if inside.any():
            calm = _calmed(rgb, top, min(top + step, alpha.shape[0]))[inside]
            passes = _combined(linear_planes_to_oklab(srgb_to_linear(calm.T)), gates)
            share[rows][inside] = passes * alpha[rows][inside]
    if not share.any():
        colors = ", ".join(g.color for g in gates)
        raise ParameterError(
            f"the gate ({colors}) leaves nothing of the object; raise its tolerance or sample "
            "another color"
        )
    return _along_borders(rgb, alpha, share)


def _along_borders(rgb: Pixels, alpha: Floats, share: Floats) -> Floats:
    """Where a gate ends within a few pixels, they are mixtures: how much of each is what passes.

    Distance from a color says little of a mixture: half white on red is near to red, and all of it
    would be painted. Where a gate fades slowly, it stays as it is.
    """
    box = box_of(alpha)
    rgb, alpha, passes = rgb[box], np.ascontiguousarray(alpha[box]), share[box]
    labels = np.less(2 * passes, alpha).astype(np.uint8)
    reach = reach_in(alpha.shape)
    places, others, parts = mixed_along(rgb, alpha, labels, 2, reach)
    sharp = ((alpha >= _WHOLE) & _is_sharp(alpha, passes, reach)).reshape(-1)[places]
    passes = passes.copy()
    passes.reshape(-1)[places[sharp]] = np.where(others == 1, parts, 1 - parts)[sharp]
    result = share.copy()
    result[box] = passes
    return result


def _is_sharp(alpha: Floats, passes: Floats, reach: int) -> NDArray[np.bool_]:
    """(h, w): whether both what passes and what does not lie within reach."""
    window = np.ones((2 * reach + 1,) * 2, np.uint8)
    both = [
        cv2.dilate(np.asarray(side & (alpha >= _WHOLE), np.uint8), window)
        for side in (passes >= _PASSES * alpha, passes <= (1 - _PASSES) * alpha)
    ]
    return np.asarray(np.minimum(*both), np.bool_)


def _combined(lab: Floats, gates: Sequence[ColorGate]) -> Floats:
    kept = [g.share(lab) for g in gates if not g.exclude]
    passes = np.max(kept, axis=0) if kept else np.ones(lab.shape[1], np.float32)
    for gate in gates:
        if gate.exclude:
            passes = passes * gate.share(lab)
    return np.asarray(passes, np.float32)


def _calmed(rgb: Pixels, top: int, bottom: int) -> Pixels:
    """Rows [top, bottom) after a 3 x 3 median: one noisy pixel is no other material."""
    reach = 1
    first, last = max(0, top - reach), min(rgb.shape[0], bottom + reach)
    calm = cv2.medianBlur(np.ascontiguousarray(rgb[first:last]), 2 * reach + 1)
    return calm.reshape(last - first, *rgb.shape[1:])[top - first : bottom - first]
