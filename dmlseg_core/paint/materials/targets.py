"""Which of an object's materials get which color."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import (
    fit_to_gamut,
    linear_to_srgb,
    oklab_to_linear,
    parse_color,
    read_color,
    srgb_to_linear,
    srgb_to_oklab,
    to_hex,
)
from dmlseg_core.config import MATERIALS
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.materials.palette import Material
from dmlseg_core.paint.materials.same import difference
from dmlseg_core.paint.materials.small import features_of

Target: TypeAlias = tuple[str, str | None]
"""A color of the palette, and what its material becomes; None keeps it."""

_NEAR = 1.0
"""`same.difference` up to which a color names a material."""
_MUTED = 0.02
"""Saturation that counts as much as the body's own in how far other hues turn with it."""
_GAINS, _BENDS = (0.0, 1.5), (0.4, 2.5)
"""How far saturation, and the exponent of lightness, of the others follow the body's."""


class Job(NamedTuple):
    """Materials that are painted together, by number, and their target; "" is the look's own."""

    numbers: tuple[int, ...]
    target: str


def check_materials(materials: str, targets: Sequence[Target]) -> None:
    """ParameterError for an unknown word, or colors that are none."""
    if materials not in MATERIALS:
        raise ParameterError(f"materials must be one of {MATERIALS}; got {materials!r}")
    for pair in targets:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ParameterError(f"targets are pairs (color, target or None); got {pair!r:.60}")
        for text in pair:
            if text is not None or text is pair[0]:
                read_color(text)


def jobs_of(
    palette: Sequence[Material], materials: str, targets: Sequence[Target], target: str | None
) -> tuple[tuple[Job, ...], tuple[str, ...]]:
    """What is painted, the body first; and a sentence for each target that no material has.

    Args:
        palette: the object's materials.
        materials, targets: as in `paint.Look`.
        target: the look's color; None for modes that have none.

    Raises:
        ParameterError: nothing is left to paint.
    """
    own, notes = _named(palette, targets)
    rest = tuple(k for k in range(len(palette)) if k not in own)
    jobs = [Job((k,), color) for k, color in own.items() if color is not None]
    if rest and materials == "all":
        jobs.insert(0, Job(rest, ""))
    elif rest:
        body, *others = rest
        jobs.insert(0, Job((body,), ""))
        if materials == "together":
            others = [k for k in others if not palette[k].kind]  # skin and hair are no pattern's
            turned = [turned_along(palette[body].color, target, palette[k].color) for k in others]
            jobs += [Job((k,), color) for k, color in zip(others, turned, strict=True)]
    if not jobs:
        raise ParameterError("every material of the object is kept; let one take the color")
    return tuple(jobs), notes


def _named(
    palette: Sequence[Material], targets: Sequence[Target]
) -> tuple[dict[int, str | None], tuple[str, ...]]:
    """Targets by number of material."""
    own: dict[int, str | None] = {}
    notes = []
    colors = [_features(material.color) for material in palette]
    for color, target in targets:
        away = [difference(_features(color), other) for other in colors]
        nearest = int(np.argmin(away))
        if away[nearest] <= _NEAR:
            own[nearest] = target
        else:
            notes.append(f"the object has no material of the color {color}")
    return own, tuple(notes)


def _features(color: str) -> NDArray[np.float32]:
    linear = srgb_to_linear(np.array(parse_color(color), np.float32))
    return features_of(linear[:, None])[:, 0]


def turned_along(body: str, target: str | None, other: str) -> str:
    """What another material becomes as the body turns to a target: '#rrggbb', "" without one.

    Hue turns and saturation scales as the body's do, as far as the body has color; lightness
    follows the power curve that leads from the body's to the target's, so that white stays white,
    black black, and what was lighter than the body still is.
    """
    if target is None:
        return ""
    first, last, own = (srgb_to_oklab(np.array(parse_color(c))) for c in (body, target, other))
    old, new, tint = (complex(v[1], v[2]) / max(float(v[0]), 0.05) for v in (first, last, own))
    colored = abs(old) / (abs(old) + _MUTED)
    angle = cmath.phase(new / old) if min(abs(old), abs(new)) > 1e-6 else 0.0
    gain = np.clip((abs(new) + _MUTED) / (abs(old) + _MUTED), *_GAINS) ** colored
    turned = tint * gain * cmath.exp(1j * angle * colored)
    ends = [min(max(float(v[0]), 0.02), 0.98) for v in (first, last)]
    bend = np.clip(np.log(ends[1]) / np.log(ends[0]), *_BENDS)
    level = min(max(float(own[0]), 0.0), 1.0) ** float(bend)
    lab = np.array([level, turned.real * level, turned.imag * level], np.float32)
    return to_hex(np.clip(linear_to_srgb(oklab_to_linear(fit_to_gamut(lab))), 0, 1))


def sentence(palette: Sequence[Material], jobs: Sequence[Job]) -> tuple[str, ...]:
    """What is recolored and what is kept; nothing to say where it is all of the object."""
    painted = {k for job in jobs for k in job.numbers}
    kept = [m for k, m in enumerate(palette) if k not in painted]
    if not kept:
        return ()
    share = sum(palette[k].share for k in painted)
    names = ", ".join(f"{m.color} {m.share:.0%}" for m in kept)
    one = len(painted) == 1
    what = "the body" if one else f"{len(painted)} of {len(palette)} materials"
    verb = "is" if one else "are"
    others = "1 other material is" if len(kept) == 1 else f"{len(kept)} other materials are"
    return (f"{what} ({share:.0%} of the object) {verb} recolored; {others} kept: {names}",)
