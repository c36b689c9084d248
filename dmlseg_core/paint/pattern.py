"""Printed cloth: a tileable texture under the object's own light and shade.

The sum is made in linear light, as the tone curve's model has it: the texture times the shade that
falls on the paint, plus the specular light on top. It follows the folds: the shade that is left of
the object's light without its slow changes is read as a height, as retouchers' displacement maps
are, and shifts the texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

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
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_SIDE = 256
"""Pixels of an object's longer side when its folds are looked at."""
_THREADS, _SLOW = 0.015, 0.08
"""Of that side: deviations of the blurs that leave out threads, and that are no fold."""
_DEPTH, _MOST = 0.025, 0.012
"""Of that side: shift for a fold e times as bright as what is around it; the most."""
_DIM = 0.1
"""Of the usual light: what is added before the logarithm, so that black is no abyss."""
_LARGEST = 64e6
"""Pixels of a scaled tile; larger ones are refused before memory runs out."""


@dataclass(frozen=True, eq=False)
class Cloth:
    """Where a print lies on an object.

    Attributes:
        corner: (y, x) of the photo where a tile begins.
        width: of the photo.
        step: photo pixels along one pixel of `shift`, down and across.
        shift: (h, w) float32, by how many photo pixels folds move the print down and right.
    """

    corner: tuple[int, int]
    width: int
    step: tuple[float, float]
    shift: Floats

    @classmethod
    def of(cls, rgb: Pixels, share: Floats, box: tuple[slice, slice]) -> Cloth:
        """Of an object of a (H, W, 3) photo with a (H, W) share that is 0 outside of the box."""
        rgb, share, width = rgb[box], share[box], rgb.shape[1]
        longest = max(share.shape)
        size = [max(1, round(n * min(1.0, _SIDE / longest))) for n in share.shape]
        small, weight = (
            cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA) for plane in (rgb, share)
        )
        light = srgb_to_linear(np.asarray(small).reshape(*size, 3)).mean(axis=2)
        shift = _heights(light, np.asarray(weight, np.float32), max(size)) * np.float32(
            _DEPTH * longest
        )
        most = np.float32(_MOST * longest)
        step = share.shape[0] / size[0], share.shape[1] / size[1]
        corner = int(box[0].start), int(box[1].start)
        return cls(corner, width, step, most * np.tanh(shift / most))

    def places(self, places: Places) -> tuple[Floats, Floats]:
        """Rows and columns of the flat cloth, from the corner, at flat photo indices (N,)."""
        rows, columns = np.divmod(places, self.width)
        rows, columns = rows - self.corner[0], columns - self.corner[1]
        at = [(v + 0.5) / n - 0.5 for v, n in zip((rows, columns), self.step, strict=True)]
        shift = _bilinear(self.shift[None], *(np.clip(v, 0, None) for v in at))[0]
        return rows - shift, columns - shift


def _heights(light: Floats, weight: Floats, side: int) -> Floats:
    """(h, w) logarithm of the light of folds over that of what is around them; 0 if it is even."""
    inside = weight > 0.5 * weight.max()
    light = np.log(light / max(float(np.median(light[inside])), 1e-4) + np.float32(_DIM))
    near, far = (_blurred(light, weight, share * side) for share in (_THREADS, _SLOW))
    return near - far


def _blurred(plane: Floats, weight: Floats, deviation: float) -> Floats:
    """A Gaussian mean of what weighs something."""
    total, weighed = (
        cv2.GaussianBlur(v, (0, 0), max(deviation, 0.3)) for v in (weight, weight * plane)
    )
    return np.asarray(weighed / np.maximum(total, 1e-3), np.float32)


def _bilinear(planes: Floats, rows: Any, columns: Any, *, wrap: bool = False) -> Floats:
    """(k, N) of (k, h, w) between pixels; the last ones go on, or (wrap) the first ones follow."""
    sides = planes.shape[1:]
    low = [np.floor(v) for v in (rows, columns)]
    rest = [np.asarray(v - n, np.float32) for v, n in zip((rows, columns), low, strict=True)]
    flat, found = planes.reshape(len(planes), -1), np.float32(0)
    for down in (0, 1):
        for right in (0, 1):
            y, x = (
                (n + k).astype(np.intp) % side if wrap else np.minimum(n + k, side - 1)
                for n, k, side in zip(low, (down, right), sides, strict=True)
            )
            part = np.abs(1 - down - rest[0]) * np.abs(1 - right - rest[1])
            found = found + part * np.take(flat, (y * sides[1] + x).astype(np.intp), axis=1)
    return np.asarray(found, np.float32)


@dataclass(frozen=True, eq=False)
class Print:
    """A brush that prints a texture.

    Attributes:
        tile: (3, h, w) float32 linear light of the scaled texture.
        cloth: where it lies.
        tone: (LEVELS,) float32, L of cloth as bright as the texture's light parts.
        shade: (LEVELS,) float32, what the texture is multiplied by.
        lamp: (LEVELS,) float32, the specular light on top.
        kept: share of the old color, 1 - strength.
    """

    tile: Floats
    cloth: Cloth
    tone: Floats
    shade: Floats
    lamp: Floats
    kept: float

    @classmethod
    def of(
        cls,
        anchor: Anchor,
        tile: Floats,
        cloth: Cloth,
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
            cloth=cloth,
            tone=tone.level.astype(np.float32),
            shade=(shade / bright**3).astype(np.float32),
            lamp=lamp.astype(np.float32),
            kept=1 - strength,
        )

    def colors_at(self, places: Places) -> Floats:
        """(3, N) float32 linear light of the flat texture at flat photo indices (N,)."""
        return _bilinear(self.tile, *self.cloth.places(places), wrap=True)

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
