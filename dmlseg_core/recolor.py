"""Give an object another color and keep its shading: pure arrays in, pure arrays out.

The object's own diffuse color (`anchor`) is moved to the target in OKLab. Lightness goes through
a monotone tone curve, hue and chroma through an affine map of saturation (`recolor_paint`): paint
of another color under the same light. Edge pixels are unmixed first, so that only the object's
share of them changes; the sum is made in linear light.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.colorspace import (
    decode_table,
    delta_e_2000,
    encode_srgb8,
    linear_planes_to_oklab,
    linear_to_srgb,
    oklab_to_linear,
    parse_color,
    srgb_to_oklab,
    to_hex,
)
from dmlseg_core.config import AMOUNTS, MODES, PROTECT_HIGHLIGHTS, STRENGTH
from dmlseg_core.errors import ParameterError
from dmlseg_core.recolor_paint import Anchor, Paint
from dmlseg_core.refine import ForegroundModel

__all__ = ["AMOUNTS", "MODES", "Recolored", "Subject", "recolor", "recolor_many"]

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

_STRIP = 1 << 15
"""Pixels of one piece of work: its planes stay in a core's cache, and memory stays bounded."""
_SAMPLE = 20000
"""Pixels that the anchor is estimated from; medians of more do not move by a hundredth."""
# A white object has no room above for folds, a black one none below: stop one Delta-E short.
_LIGHTNESS_ENDS = (0.1, 0.985)


@dataclass(frozen=True, eq=False)
class Recolored:
    """A recolored photo and how well it hit.

    Attributes:
        rgb: (H, W, 3) uint8 sRGB.
        delta_e: CIEDE2000 between the color asked for and `result_anchor`.
        anchor: '#rrggbb', the object's diffuse color before.
        result_anchor: '#rrggbb', the same estimate on the same pixels of `rgb`.
        noise_gain: the tone curve's steepest slope over 1-99 % of the object's lightness.
    """

    rgb: Bytes = field(repr=False)
    delta_e: float
    anchor: str
    result_anchor: str
    noise_gain: float


def recolor(
    rgb: Bytes,
    alpha: NDArray[Any],
    target: str | None = None,
    *,
    mode: str = "match",
    strength: float = 1.0,
    protect_highlights: float = 1.0,
    amount: float = 0.0,
) -> Recolored:
    """Recolor one object.

    Args:
        rgb: (H, W, 3) uint8 sRGB; not changed.
        alpha: (H, W) float in [0, 1] or bool; 0 is copied bit for bit.
        target: color text (see `colorspace.parse_color`) for the modes match and tint.
        mode: match (hit the color), tint (hue and chroma; lightness stays), hue_shift,
            saturation, lightness.
        strength: 0 (nothing) to 1.
        protect_highlights: 1 leaves highlights the color of the light, 0 paints them.
        amount: for the last three modes, see AMOUNTS.

    Raises:
        ParameterError: a bad shape, dtype, mode, color or range, NaN, or an empty mask.
    """
    return Subject.of(rgb, alpha).recolor(
        target, mode=mode, strength=strength, protect_highlights=protect_highlights, amount=amount
    )


@dataclass(frozen=True, eq=False)
class Subject:
    """An object of a photo, measured once: further colors share all that needs no target."""

    rgb: Bytes
    alpha: Floats
    box: tuple[slice, slice]
    core: NDArray[np.intp]
    anchor: Anchor
    foreground: ForegroundModel | None

    @classmethod
    def of(cls, rgb: Bytes, alpha: NDArray[Any]) -> Subject:
        """Check and measure; arguments and errors as in `recolor`."""
        share = _checked(rgb, alpha)
        touched = share > 0
        rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
        if rows.size == 0:
            raise ParameterError("the mask is empty (alpha is 0 everywhere); select something")
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        core, anchor = _measure(rgb, share)
        mixed = bool(((share[box] > 0) & (share[box] < 1)).any())
        foreground = ForegroundModel.of(rgb, share) if mixed else None
        return cls(rgb, share, box, core, anchor, foreground)

    def recolor(
        self,
        target: str | None = None,
        *,
        mode: str = "match",
        strength: float = 1.0,
        protect_highlights: float = 1.0,
        amount: float = 0.0,
    ) -> Recolored:
        """As the function `recolor`, on this object."""
        STRENGTH.check(strength)
        PROTECT_HIGHLIGHTS.check(protect_highlights)
        asked, paint = self._plan(target, mode, strength, protect_highlights, amount)
        painted = self._painted(paint)
        result = _anchor_of(painted.reshape(-1, 3)[self.core])
        wanted, got = _srgb_of(asked), _srgb_of(result.lab)
        slopes = np.diff(paint.tone) * (len(paint.tone) - 1)
        low, high = (int(v * (len(slopes) - 1)) for v in (self.anchor.low, self.anchor.high))
        return Recolored(
            rgb=painted,
            delta_e=float(delta_e_2000(wanted, got)),
            anchor=to_hex(_srgb_of(self.anchor.lab)),
            result_anchor=to_hex(got),
            noise_gain=float(slopes[low : high + 1].max()),
        )

    def _plan(
        self, target: str | None, mode: str, strength: float, protect: float, amount: float
    ) -> tuple[Floats, Paint]:
        """(3,) OKLab asked for, and the paint that gets there."""
        own = self.anchor
        if mode not in MODES:
            raise ParameterError(f"mode must be one of {MODES}; got {mode!r}")
        if mode in AMOUNTS:
            return _shift(own, mode, AMOUNTS[mode].check(amount), strength, protect)
        if target is None:
            raise ParameterError(f"mode {mode!r} needs a target color such as '#c8102e'")
        asked = srgb_to_oklab(np.array(parse_color(target)))
        lightness = min(max(float(asked[0]), _LIGHTNESS_ENDS[0]), _LIGHTNESS_ENDS[1])
        goal = replace(own, lightness=lightness, saturation=complex(asked[1], asked[2]) / lightness)
        if mode == "tint":
            goal = replace(own, saturation=complex(asked[1], asked[2]) / own.lightness)
        return asked, self._aimed(goal, strength, protect, keep_tone=mode == "tint")

    def _aimed(self, goal: Anchor, strength: float, protect: float, keep_tone: bool) -> Paint:
        """Paint whose result measures as `goal`: the core's median moves a little in the gamut."""
        pixels = self.rgb.reshape(-1, 3)[self.core]
        linear = decode_table()[np.ascontiguousarray(pixels.T)]
        aim = goal
        for _ in range(3):
            paint = Paint.of(
                self.anchor, aim.lightness, aim.saturation, protect=protect, keep_tone=keep_tone
            )
            got = _anchor_of_planes(linear_planes_to_oklab(paint(linear)))
            aim = replace(
                aim,
                lightness=min(max(aim.lightness + goal.lightness - got.lightness, 0.02), 0.998),
                saturation=aim.saturation + 0.8 * (goal.saturation - got.saturation),
            )
        return Paint.of(
            self.anchor,
            aim.lightness,
            aim.saturation,
            protect=protect,
            keep_tone=keep_tone,
            strength=strength,
        )

    def _painted(self, paint: Paint) -> Bytes:
        """The photo with the object's pixels changed; strips are shared out to OpenCV's threads."""
        result = self.rgb.copy()
        top, bottom = self.box[0].start, self.box[0].stop
        step = max(1, _STRIP // (self.box[1].stop - self.box[1].start))
        strips = [(y, min(y + step, bottom)) for y in range(top, bottom, step)]
        with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
            for done in pool.map(lambda strip: self._paint_rows(paint, strip, result), strips):
                assert done is None  # consumed, so that a strip's exception is raised here
        return result

    def _paint_rows(self, paint: Paint, strip: tuple[int, int], result: Bytes) -> None:
        """Paint the rows [top, bottom) of the box into `result`."""
        top, bottom = strip
        window = slice(top, bottom), self.box[1]
        share = self.alpha[window]
        rows, columns = np.nonzero(share)
        if rows.size == 0:
            return
        share = share[rows, columns]
        rows += top
        columns += self.box[1].start
        linear = decode_table()[np.ascontiguousarray(self.rgb[rows, columns].T)]
        edge = np.flatnonzero(share < 1)
        mixed = linear[:, edge]
        if edge.size and self.foreground is not None:
            linear[:, edge] = self.foreground.at(rows[edge], columns[edge]).T
        painted = paint(linear)
        if edge.size:
            painted[:, edge] = mixed + share[edge] * (painted[:, edge] - linear[:, edge])
        result[rows, columns] = encode_srgb8(painted).T


def recolor_many(
    rgb: Bytes, alpha: NDArray[Any], targets: Sequence[str | None], **options: Any
) -> tuple[Recolored, ...]:
    """Several target colors for one object; measured and unmixed once. Options as `recolor`."""
    subject = Subject.of(rgb, alpha)
    return tuple(subject.recolor(target, **options) for target in targets)


def _shift(
    own: Anchor, mode: str, amount: float, strength: float, protect: float
) -> tuple[Floats, Paint]:
    """The modes that change what is there by an amount."""
    lightness, turn = own.lightness, 1 + 0j
    if mode == "hue_shift":
        turn = cmath.exp(1j * math.radians(amount))
    elif mode == "saturation":
        turn = complex(1 + amount)
    else:
        lightness = min(max(lightness + amount, _LIGHTNESS_ENDS[0]), _LIGHTNESS_ENDS[1])
    paint = Paint.of(
        own,
        lightness,
        own.saturation * turn,
        strength=strength,
        protect=protect,
        keep_tone=mode != "lightness",
        turn=turn,
    )
    asked = replace(own, lightness=lightness, saturation=own.saturation * turn)
    return asked.lab, paint


def _checked(rgb: Bytes, alpha: NDArray[Any]) -> Floats:
    """Alpha as float32, after checks."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ParameterError(f"rgb must be (H, W, 3) uint8; got {rgb.shape} {rgb.dtype}")
    if alpha.shape != rgb.shape[:2]:
        raise ParameterError(f"alpha must have the photo's size {rgb.shape[:2]}; got {alpha.shape}")
    if alpha.dtype != np.bool_ and not np.issubdtype(alpha.dtype, np.floating):
        raise ParameterError(f"alpha must be float in [0, 1] or bool; got {alpha.dtype}")
    share = np.asarray(alpha, np.float32)
    if not (share.min() >= 0 and share.max() <= 1):  # NaN fails both comparisons
        raise ParameterError("alpha must lie in [0, 1] and hold no NaN; clip it first")
    return share


def _measure(rgb: Bytes, alpha: Floats) -> tuple[NDArray[np.intp], Anchor]:
    """Flat indices of the object's diffuse core, and the anchor measured there."""
    sure = np.flatnonzero(alpha >= min(0.95, float(alpha.max())))
    sure = sure[:: max(1, sure.size // _SAMPLE)]
    lab = srgb_to_oklab(rgb.reshape(-1, 3)[sure]).T
    lightness, saturation = lab[0], np.hypot(lab[1], lab[2]) / np.maximum(lab[0], 0.02)
    middle, common = np.median(lightness), np.median(saturation)
    low, high = np.percentile(lightness, (10, 90))
    specular = (lightness > middle) & (saturation < 0.5 * common)
    diffuse = (lightness >= max(low, 0.5 * middle)) & (lightness <= high) & ~specular
    core = sure[diffuse] if diffuse.any() else sure
    anchor = _anchor_of(rgb.reshape(-1, 3)[core])
    span = np.percentile(lightness, (1, 99)).tolist()
    return core, replace(anchor, low=span[0], high=span[1])


def _anchor_of(pixels: Bytes) -> Anchor:
    """Median color of (N, 3) uint8 pixels."""
    return _anchor_of_planes(srgb_to_oklab(pixels).T)


def _anchor_of_planes(lab: Floats) -> Anchor:
    level = np.maximum(lab[0], 0.02)
    middle = float(np.median(lab[0]))
    tint = complex(np.median(lab[1] / level), np.median(lab[2] / level))
    return Anchor(middle, tint, middle, middle)


def _srgb_of(lab: Floats) -> NDArray[Any]:
    """(3,) OKLab -> (3,) sRGB float64 0..1."""
    linear = oklab_to_linear(lab).astype(np.float64)
    srgb: NDArray[Any] = np.clip(linear_to_srgb(linear), 0, 1)
    return srgb
