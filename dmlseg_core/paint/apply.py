"""Give an object another color and keep its shading: pure arrays in, pure arrays out.

Pixels are split into paint, light and shine (`light`), other paint is put under the same light
(`repaint`), and what noise this would make visible is calmed first (`calm`). Edge pixels are
unmixed first, so that only the object's share of them changes; the sum is made in linear light.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import AMOUNTS, MODES
from dmlseg_core.paint.look import Look
from dmlseg_core.paint.materials import ColorGate, Target
from dmlseg_core.paint.report import Recolored
from dmlseg_core.paint.subject import Subject

__all__ = [
    "AMOUNTS",
    "MODES",
    "ColorGate",
    "Look",
    "Recolored",
    "Subject",
    "recolor",
    "recolor_many",
]

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


def recolor(
    rgb: Pixels,
    alpha: NDArray[Any],
    target: str | None = None,
    *,
    mode: str = "match",
    strength: float = 1.0,
    protect_highlights: float = 1.0,
    gloss: str = "wet",
    amount: float = 0.0,
    gate: ColorGate | Sequence[ColorGate] | None = None,
    visible: NDArray[np.bool_] | None = None,
    pattern: NDArray[np.uint8] | None = None,
    pattern_scale: float = 1.0,
    materials: str = "body",
    targets: Sequence[Target] = (),
) -> Recolored:
    """Recolor one object.

    Args:
        rgb: (H, W, 3) uint8 or uint16 sRGB; not changed. The result has the same dtype.
        alpha: (H, W) float in [0, 1] or bool; 0 is copied bit for bit, but for the ring of three
            pixels that 8-bit photos with half-size chroma have about an object (`edge.Spill`).
        target: see `Look`, as are mode, strength, protect_highlights, gloss, amount, pattern,
            pattern_scale, materials and targets.
        gate: paint only what is near some colors, or spare it; where it is 0, pixels are copied
            bit for bit.
        visible: (H, W) bool, pixels that anybody sees; others are painted but not measured.

    Raises:
        ParameterError: a bad shape, dtype, mode, color or range, NaN, an empty mask, or a gate
            that leaves nothing. A gate chooses what is painted, so it goes with no targets.
    """
    look = Look(
        target,
        mode=mode,
        strength=strength,
        protect_highlights=protect_highlights,
        gloss=gloss,
        amount=amount,
        pattern=pattern,
        pattern_scale=pattern_scale,
        materials=materials,
        targets=tuple(targets),
    )
    return Subject.of(rgb, alpha, gate=gate, visible=visible).recolor(look)


def recolor_many(
    rgb: Pixels,
    alpha: NDArray[Any],
    targets: Sequence[str | None],
    *,
    gate: ColorGate | Sequence[ColorGate] | None = None,
    **options: Any,
) -> tuple[Recolored, ...]:
    """Several target colors for one object, measured and unmixed once; options as in `Look`."""
    looks = [Look(target, **options) for target in targets]
    return Subject.of(rgb, alpha, gate=gate).recolor_all(looks)
