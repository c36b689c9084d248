"""What a user asks of `recolor`: one frozen value, checked when it is made."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import read_color
from dmlseg_core.config import (
    AMOUNTS,
    GLOSS,
    MATERIALS,
    MODES,
    PATTERN_MODE,
    PATTERN_SCALE,
    PROTECT_HIGHLIGHTS,
    STRENGTH,
    TARGET_MODES,
)
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.materials import Target, check_materials


@dataclass(frozen=True, eq=False)
class Look:
    """A look for an object.

    Attributes:
        target: color text (see `color.read_color`) for the modes match and tint.
        mode: match (hit the color), tint (hue and chroma; lightness stays), hue_shift,
            saturation, lightness, pattern (a texture under the object's shading).
        strength: 0 (nothing) to 1.
        protect_highlights: 1 leaves highlights the color of the light, 0 paints them.
        gloss: what becomes of the reflections in the modes match and lightness: wet (as
            photographed), satin, matte; see config.GLOSS.
        amount: for hue_shift, saturation and lightness: see config.AMOUNTS.
        pattern: (h, w, 3) uint8 sRGB tile for the mode pattern; it starts at the corner of the
            object's box.
        pattern_scale: photo pixels per pixel of the tile.
        materials: what of the object takes it: body (its largest material, see `Subject.at`; the
            others stay), all (as if it were one), together (the others are turned along, so that
            they keep their relations to the body).
        targets: colors of single materials: (a color of the palette, its target); a target of
            None keeps a material, so that the next one is the body.

    Raises:
        ParameterError: an unknown mode, no color or texture where one is needed, a number out of
            its range.
    """

    target: str | None = None
    _: KW_ONLY
    mode: str = "match"
    strength: float = 1.0
    protect_highlights: float = 1.0
    gloss: str = "wet"
    amount: float = 0.0
    pattern: NDArray[np.uint8] | None = field(default=None, repr=False)
    pattern_scale: float = 1.0
    materials: str = MATERIALS[0]
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ParameterError(f"mode must be one of {MODES}; got {self.mode!r}")
        if self.gloss not in GLOSS:
            raise ParameterError(f"gloss must be one of {tuple(GLOSS)}; got {self.gloss!r}")
        check_materials(self.materials, self.targets)
        STRENGTH.check(self.strength)
        PROTECT_HIGHLIGHTS.check(self.protect_highlights)
        PATTERN_SCALE.check(self.pattern_scale)
        if self.mode in AMOUNTS:
            AMOUNTS[self.mode].check(self.amount)
        elif self.mode == PATTERN_MODE:
            if self.pattern is None:
                raise ParameterError("mode 'pattern' needs a texture: pattern=, (h, w, 3) uint8")
        elif self.target is None:
            raise ParameterError(f"mode {self.mode!r} needs a target color such as '#c8102e'")
        else:
            read_color(self.target)

    def alone(self, target: str) -> Look:
        """The same for one material; "" is the look's own target, a color turns any mode to one."""
        if not target:
            return replace(self, materials="all", targets=())
        mode = self.mode if self.mode in TARGET_MODES else TARGET_MODES[0]
        return replace(self, target=target, mode=mode, materials="all", targets=())

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be done as asked, one sentence each."""
        if self.target is None or self.mode in AMOUNTS or self.mode == PATTERN_MODE:
            return ()
        note = read_color(self.target).note
        return (note,) if note else ()


def checked_photo(rgb: NDArray[Any], alpha: NDArray[Any]) -> NDArray[np.float32]:
    """Alpha as (H, W) float32, after checks of both; arguments and errors as in `recolor`."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype not in (np.uint8, np.uint16):
        raise ParameterError(
            f"rgb must be (H, W, 3) in uint8 or uint16; got {rgb.shape} {rgb.dtype}"
        )
    if alpha.shape != rgb.shape[:2]:
        raise ParameterError(f"alpha must have the photo's size {rgb.shape[:2]}; got {alpha.shape}")
    if alpha.dtype != np.bool_ and not np.issubdtype(alpha.dtype, np.floating):
        raise ParameterError(f"alpha must be float in [0, 1] or bool; got {alpha.dtype}")
    share = np.ascontiguousarray(alpha, np.float32)
    if share.size == 0:
        raise ParameterError(f"the photo is empty: {rgb.shape}; give at least one pixel")
    if not (share.min() >= 0 and share.max() <= 1):  # NaN fails both comparisons
        raise ParameterError("alpha must lie in [0, 1] and hold no NaN; clip it first")
    if not share.any():
        raise ParameterError("the mask is empty (alpha is 0 everywhere); select something")
    return share


def check_visible(share: NDArray[np.float32], visible: NDArray[Any] | None) -> None:
    """ParameterError unless `visible` is None or bool of the size of `share`."""
    if visible is not None and (visible.dtype != np.bool_ or visible.shape != share.shape):
        raise ParameterError(
            f"visible must be {share.shape} bool; got {visible.shape} {visible.dtype}"
        )


def seen(share: NDArray[np.float32], visible: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The part of (H, W) `share` that is visible; all of it where none is."""
    part = share * visible
    return part if part.any() else share
