"""Printed cloth: a tileable texture under the object's own light and shade.

The sum is made in linear light, as the tone curve's model has it: the texture times the shade that
falls on the paint, plus the specular light on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import (
    fit_planes_to_gamut,
    linear_planes_to_oklab,
    oklab_planes_to_linear,
    srgb_to_linear,
)
from dmlseg_core.config import PATTERN_SCALE
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.brush import SLACK, Places, ToneTable, overshoot
from dmlseg_core.paint.tone import LIGHTNESS, Anchor, tone_curve

Floats: TypeAlias = NDArray[np.float32]

_LARGEST = 64e6
"""Pixels of a scaled tile; larger ones are refused before memory runs out."""


@dataclass(frozen=True, eq=False)
class Print:
    """A brush that prints a texture.

    Attributes:
        tile: (3, h, w) float32 linear light of the scaled texture.
        corner: (y, x) of the photo where a tile begins.
        width: of the photo.
        tone: (LEVELS,) float32, L of cloth as bright as the texture's light parts.
        shade: (LEVELS,) float32, what the texture is multiplied by.
        lamp: (LEVELS,) float32, the specular light on top.
        kept: share of the old color, 1 - strength.
    """

    tile: Floats
    corner: tuple[int, int]
    width: int
    tone: Floats
    shade: Floats
    lamp: Floats
    kept: float

    @classmethod
    def of(
        cls,
        anchor: Anchor,
        tile: Floats,
        corner: tuple[int, int],
        width: int,
        *,
        strength: float,
        protect: float,
    ) -> Print:
        """Print `tile` (see `scaled_tile`) on an object of color `anchor`."""
        # Light parts of the texture, so that they keep room for folds under white.
        lightness = linear_planes_to_oklab(tile.reshape(3, -1))[0]
        bright = max(float(np.percentile(lightness, 90)), 1e-3)
        tone = tone_curve(anchor, bright)
        # The lamp shines on dark parts of the print as on light ones: its light stays as it was.
        shade = tone.level**3 * (1 - protect * (1 - tone.after))
        lamp = protect * LIGHTNESS**3 * (1 - tone.before)
        return cls(
            tile=tile,
            corner=corner,
            width=width,
            tone=tone.level.astype(np.float32),
            shade=(shade / bright**3).astype(np.float32),
            lamp=lamp.astype(np.float32),
            kept=1 - strength,
        )

    def colors_at(self, places: Places) -> Floats:
        """(3, N) float32 linear light of the flat texture at flat photo indices (N,)."""
        rows, columns = np.divmod(places, self.width)
        height, width = self.tile.shape[1:]
        index = (rows - self.corner[0]) % height * width + (columns - self.corner[1]) % width
        colors: Floats = np.take(self.tile.reshape(3, -1), index, axis=1)
        return colors

    def __call__(self, linear: Floats, places: Places, *, fine: bool = False) -> Floats:
        """See `Brush`."""
        at = ToneTable(linear_planes_to_oklab(linear)[0], fine)
        painted = self.colors_at(places)
        painted *= at.read(self.shade)
        painted += at.read(self.lamp)
        outside = np.flatnonzero(overshoot(painted) > SLACK)
        if outside.size:
            fitted = fit_planes_to_gamut(linear_planes_to_oklab(painted[:, outside]), steps=7)
            painted[:, outside] = oklab_planes_to_linear(fitted)
        if self.kept:
            painted += np.float32(self.kept) * (linear - painted)
        return painted


def scaled_tile(pattern: NDArray[np.uint8], scale: float) -> Floats:
    """A texture at its size in the photo: (h, w, 3) uint8 -> (3, h', w') float32 linear light.

    The edges are treated as neighbors, so that what tiled before tiles after. h' and w' are whole
    pixels: the nearest to h * scale and w * scale.

    Raises:
        ParameterError: not a (h, w, 3) uint8 array, or too large a tile.
    """
    if getattr(pattern, "ndim", 0) != 3 or pattern.shape[2] != 3 or pattern.dtype != np.uint8:
        got = f"{pattern.shape} {pattern.dtype}" if isinstance(pattern, np.ndarray) else pattern
        raise ParameterError(f"pattern must be a (height, width, 3) uint8 texture; got {got!r}")
    if 0 in pattern.shape:
        raise ParameterError(f"pattern must hold at least one pixel; got {pattern.shape}")
    height, width = (max(1, round(n * PATTERN_SCALE.check(scale))) for n in pattern.shape[:2])
    if height * width > _LARGEST:
        raise ParameterError(
            f"pattern_scale {scale:g} makes a tile of {width} x {height} pixels, the most are "
            f"{_LARGEST / 1e6:.0f} megapixels; give a smaller scale or texture"
        )
    linear = srgb_to_linear(pattern)
    if (height, width) != pattern.shape[:2]:
        linear = _resized(linear, height, width)
    return np.ascontiguousarray(linear.transpose(2, 0, 1))


def _resized(linear: Floats, height: int, width: int) -> Floats:
    """Resize with wrap-around: a pixel at the edge has those of the other side for neighbors."""
    shrinks = height <= linear.shape[0] and width <= linear.shape[1]
    if shrinks:  # area averages of whole tiles do not look across the edge
        area = cv2.resize(linear, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(area, np.float32).reshape(height, width, 3)
    pad = 4
    around = np.pad(linear, ((pad, pad), (pad, pad), (0, 0)), mode="wrap")
    # Sample centers of the grown tile, in pixels of the padded one.
    y = (np.arange(height, dtype=np.float32) + 0.5) * linear.shape[0] / height - 0.5 + pad
    x = (np.arange(width, dtype=np.float32) + 0.5) * linear.shape[1] / width - 0.5 + pad
    grown = cv2.remap(
        around, np.tile(x, (height, 1)), np.tile(y[:, None], (1, width)), cv2.INTER_CUBIC
    )
    return np.clip(grown, 0.0, 1.0).astype(np.float32, copy=False)
