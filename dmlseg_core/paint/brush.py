"""The color map of the modes that keep lightness: an affine map of saturation.

Saturation here is the complex number (a + ib) / L of an OKLab color. Light of another strength on
the same paint scales linear RGB, hence scales L, a and b alike: saturation is free of shading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import (
    LAB_TO_LMS,
    LMS_TO_LAB,
    fit_planes_to_gamut,
    linear_planes_to_oklab,
    roots_to_linear,
)
from dmlseg_core.paint.tone import DEEP, END, LEVELS, LIGHTNESS, Anchor, Tone, tone_curve

Floats: TypeAlias = NDArray[np.float32]
Places: TypeAlias = NDArray[np.intp]

SLACK = 2e-3
"""Linear-light overshoot that is clipped rather than fitted; below a just noticeable difference."""
_CALM = 0.02
_GAIN = 1.5
_SHINES = 0.2
"""Share of specular light from which on paleness is all put down to it."""
_HALVINGS = 3
"""Of the way from a color inside sRGB to one outside, before the last, linear step."""
_TINT_TO_LMS = LAB_TO_LMS[:, 1:]
"""(a, b) -> its part of the cube roots of LMS."""


class Brush(Protocol):
    """Anything that paints an object's pixels."""

    def __call__(self, linear: Floats, places: Places, *, fine: bool = False) -> Floats:
        """The new colors of pixels: (3, N) linear light at flat photo indices (N,) -> the same.

        (3, N) float32, to be clipped to 0..1. `fine` is for more than 8 bits. `linear` is not
        changed.
        """
        ...


class ToneTable:
    """Where pixels lie in the tables over L: the nearest entry, or (fine) between two.

    Nearest is exact to a quarter of an 8-bit level; 16-bit photos need the finer reading.
    """

    def __init__(self, lightness: Floats, fine: bool) -> None:
        at = lightness * np.float32(LEVELS - 1)
        if not fine:
            at += np.float32(0.5)
        self.index: Places = at.astype(np.intp)
        self._rest = at - self.index.astype(np.float32) if fine else None

    def read(self, table: Floats) -> Floats:
        """(N,) float32 entries of a (LEVELS,) float32 table."""
        low: Floats = table.take(self.index, mode="clip")
        if self._rest is None:
            return low
        high = table.take(self.index + 1, mode="clip")
        low += self._rest * (high - low)
        return low


@dataclass(frozen=True, eq=False)
class Paint:
    """A map of OKLab to linear light; tables over L make it one pass of arithmetic.

    It is worked out as cube roots of LMS, which are linear in OKLab: roots = base(L) +
    scale(L) * turned (a, b) + keep (a, b).

    Attributes:
        tone: (LEVELS,) float32, L of the result.
        base: (3, LEVELS), cube roots of LMS of what the anchor's saturation becomes.
        scale: (LEVELS,), what a pixel's own saturation is multiplied by.
        limit: (LEVELS,), the largest chroma along `hue`.
        mix: (4, 3) from OKLab: the turned (a, b) as cube roots of LMS, and how far a color goes
            along the axis of foreign hues.
        spare: (3, 1), what is taken back from foreign hues; None where none are held.
        keep: (3, 3) from OKLab, the old color's part at a strength below 1, else None.
        hue: of the target, a complex number of size 1.
    """

    tone: Floats
    base: Floats
    scale: Floats
    limit: Floats
    mix: Floats
    spare: Floats | None
    keep: Floats | None
    hue: complex

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
        level = np.maximum(LIGHTNESS, 0.5 / LEVELS)
        curve = Tone.kept(anchor) if keep_tone else tone_curve(anchor, lightness)
        body, calm = _chroma_tables(curve, anchor, protect)
        foreign = 0j
        if turn is None:
            turn = residual_turn(anchor.saturation, saturation)
            foreign = _foreign(anchor.saturation, turn)
        offset = strength * body * (saturation - calm * turn * anchor.saturation)
        tone = level + strength * (curve.level - level)
        hue = saturation / abs(saturation) if abs(saturation) > 1e-9 else 1 + 0j
        turned = _TINT_TO_LMS @ _turning(turn)
        against = np.array([foreign.real, foreign.imag])
        return cls(
            tone=tone.astype(np.float32),
            base=(LAB_TO_LMS @ [tone, offset.real, offset.imag]).astype(np.float32),
            scale=(strength * body * calm / level).astype(np.float32),
            limit=_chroma_limit(tone, hue),
            mix=_on_lab(np.vstack([turned, against])),
            spare=(turned @ against)[:, None].astype(np.float32) if foreign else None,
            keep=_on_lab((1 - strength) * _TINT_TO_LMS) if strength < 1 else None,
            hue=hue,
        )

    def __call__(
        self, linear: Floats, places: Places | None = None, *, fine: bool = False
    ) -> Floats:
        """See `Brush`; where the pixels lie makes no difference to paint."""
        lab = linear_planes_to_oklab(linear)
        at = ToneTable(lab[0], fine)
        mixed = self.mix @ lab
        roots = mixed[:3]
        if self.spare is not None:
            roots -= self.spare * np.minimum(mixed[3], 0, out=mixed[3])
        roots *= at.read(self.scale)
        for k, table in enumerate(self.base):
            roots[k] += at.read(table)
        if self.keep is not None:
            roots += self.keep @ lab
        result = roots_to_linear(roots)
        over = overshoot(result)
        outside = np.flatnonzero(over > SLACK)
        if outside.size:
            # numpy's [:, outside] is five times as slow, both ways.
            picked = np.take(roots, outside, axis=1)
            fitted = self._fitted(picked, at.index[outside], over[outside])
            for plane, values in zip(result, fitted, strict=True):
                plane[outside] = values
        return result

    def _fitted(self, roots: Floats, index: Places, over: Floats) -> Floats:
        """Out-of-gamut colors, (3, n) cube roots of LMS -> linear light inside, L constant.

        Chroma is reduced towards the part that lies along the target's own hue (at most what sRGB
        holds there), not towards gray: at a sharp corner such as blue, a pixel whose hue is off
        by a degree would otherwise lose a quarter of the chroma asked for. Halving, then a secant:
        what is left is clipped, far below a just noticeable difference.
        """
        axes = np.array([[1, 0, 0], [0, self.hue.real, self.hue.imag]])  # L, chroma along the hue
        along = (axes @ LMS_TO_LAB).astype(np.float32) @ roots
        np.clip(along[1], 0, np.take(self.limit, index, mode="clip"), out=along[1])
        base = (LAB_TO_LMS @ axes.T).astype(np.float32) @ along
        rest = roots - base
        low, under = np.zeros(index.size, np.float32), np.zeros(index.size, np.float32)
        width = np.float32(1)
        for _ in range(_HALVINGS):
            width *= np.float32(0.5)
            middle = low + width
            now = overshoot(_between(base, rest, middle))
            inside = now <= SLACK
            low, under = np.where(inside, middle, low), np.where(inside, now, under)
            over = np.where(inside, over, now)
        low += width * (np.float32(SLACK) - under) / np.maximum(over - under, 1e-6)
        return _between(base, rest, np.minimum(low, 1, out=low))


def _turning(turn: complex) -> NDArray[np.float64]:
    """(2, 2): the product with a complex number, on (real, imaginary)."""
    return np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])


def _on_lab(tint: NDArray[np.float64]) -> Floats:
    """A map of (a, b), (n, 2), as one of (L, a, b) that leaves L out: (n, 3) float32."""
    return np.column_stack([np.zeros(len(tint)), tint]).astype(np.float32)


def _between(base: Floats, rest: Floats, share: Floats) -> Floats:
    """Linear light at base + share * rest, both (3, n) cube roots of LMS."""
    roots = rest * share
    roots += base
    return roots_to_linear(roots)


def overshoot(linear: Floats) -> Floats:
    """(N,) float32: by how much (3, N) linear colors pass 0 or 1 at their worst; < 0 is inside."""
    high = np.maximum(np.maximum(linear[0], linear[1]), linear[2])
    low = np.minimum(np.minimum(linear[0], linear[1]), linear[2])
    high -= 1
    over: Floats = np.maximum(high, np.negative(low, out=low), out=high)
    return over


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
    tone: Tone, anchor: Anchor, protect: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per L: what saturation is multiplied by to get chroma, and the residual's weight 0..1."""
    level, old = tone.level, np.maximum(LIGHTNESS, 0.5 / LEVELS)
    colored = abs(anchor.saturation) / (abs(anchor.saturation) + _CALM)
    # Specular light counts for less on a brighter paint: so does the paleness it causes.
    paler = np.minimum((1 - tone.after) / np.maximum(1 - tone.before, 1e-3), 1.0)
    shines = np.clip((1 - tone.before) / _SHINES, 0.0, 1.0)  # without a jump where it begins
    paler = 1 - shines * (1 - paler)
    # A colored object shows its highlights by paleness; a neutral one by lightness alone.
    seen = tone.after / np.maximum(1 - (1 - tone.before) * paler, 1e-3)
    fade = colored * np.minimum(seen, 1.0) + (1 - colored) * tone.after
    body = level * (1 - protect * (1 - fade))
    # A shadow lifted beyond proportion would lift the color noise of its few levels as well.
    proportional = (
        float(np.interp(anchor.lightness, LIGHTNESS, level)) / max(anchor.lightness, END) * old
    )
    calm = paler * np.minimum(1.0, proportional / np.maximum(level, 1e-9))
    # On a colorless object a hue is a reflection, not paint: it is added, and does not grow.
    # Under DEEP it is mostly noise.
    lift = np.minimum(1.0, old / np.maximum(level, 1e-9))
    calm = np.minimum(calm, colored + (1 - colored) * lift)
    return body, calm * np.minimum(1.0, np.maximum((old / DEEP) ** 2, lift))


def _chroma_limit(tone: NDArray[np.float64], hue: complex) -> Floats:
    """Largest chroma inside sRGB at each L of `tone`, along the unit `hue`."""
    coarse = np.linspace(0, 1, 513, dtype=np.float32)
    wide = 0.5 * hue  # beyond sRGB at every L
    full = [coarse, np.full_like(coarse, wide.real), np.full_like(coarse, wide.imag)]
    lab = fit_planes_to_gamut(np.stack(full))
    limit: Floats = np.interp(tone, coarse, np.hypot(lab[1], lab[2])).astype(np.float32)
    return limit
