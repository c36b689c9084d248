"""A look as a look-up table: for a live preview, and as a .cube file for other programs.

Once anchor and target are known, every mode but the pattern is a map of a color. `ColorTable` is
that map as a shader reads it; files are always written by the exact path.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import (
    delta_e_2000,
    linear_planes_to_oklab,
    linear_to_srgb,
    oklab_planes_to_linear,
    srgb_to_linear,
)
from dmlseg_core.config import PATTERN_MODE
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.brush import Brush
from dmlseg_core.paint.layer import Layer
from dmlseg_core.paint.look import Look
from dmlseg_core.paint.subject import Subject

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

SIZE = 33
CUBE_SIZE = 65
_SHAPER = 4096
_SHADE = 0.1
"""L under which saturation is not read: the divisor of a and b stays here."""
_LEVEL = np.linspace(0, 1, 1025)
"""L at which it is looked for where a color map bends."""
_WINDOW = np.full(15, 1 / 15)
_RARE = 0.1
"""Percent of saturations at either end that the table does not reach out for."""


@dataclass(frozen=True, eq=False)
class ColorTable:
    """A color map: OKLab L through a shaper, saturation as it is, then a 3-D table.

    For a pixel's OKLab (L, a, b): x = shaper at L (linear interpolation over L = 0..1);
    (y, z) = ((a, b) / max(L, shade) - low) / (high - low); the result is `table` at (x, y, z),
    each in 0..1 over SIZE nodes, clamped, interpolated in all three directions.

    Attributes:
        shaper: (4096,) float32 in 0..1, rising.
        table: (33, 33, 33, 3) float32, sRGB-encoded 0..1; axes x, y, z.
        low: (2,) float32, saturation at y = z = 0.
        high: (2,) float32, at 1.
        shade: see above.
    """

    shaper: Floats
    table: Floats
    low: Floats
    high: Floats
    shade: float = _SHADE

    def __call__(self, rgb: Bytes) -> Bytes:
        """(..., 3) uint8 sRGB -> (..., 3) uint8 sRGB, as a shader does it."""
        lab = linear_planes_to_oklab(srgb_to_linear(rgb.reshape(-1, 3).T))
        at = np.arange(_SHAPER) / (_SHAPER - 1)
        x = np.interp(lab[0], at, self.shaper)[None]
        span = (self.high - self.low)[:, None]
        yz = (lab[1:] / np.maximum(lab[0], self.shade) - self.low[:, None]) / span
        return _looked_up(self.table, np.concatenate([x, yz])).reshape(rgb.shape)


@dataclass(frozen=True, eq=False)
class Spread:
    """Where an object's own colors lie: some kilobytes, the same for every look.

    Attributes:
        low, high: (2,) float32, the ends of its saturation in a table.
        line: (3, 1025) float32 linear light, its paint from black to white.
        here: (1025,) how much of it is of that L.
        span: (1025,) bool, whether any of it is.
    """

    low: Floats
    high: Floats
    line: Floats
    here: NDArray[np.float64]
    span: NDArray[np.bool_]

    @classmethod
    def of(cls, layer: Layer) -> Spread:
        """Of a layer's sample."""
        lab = linear_planes_to_oklab(srgb_to_linear(layer.own.T))
        saturation = lab[1:] / np.maximum(lab[0], _SHADE)
        ends = np.percentile(saturation, (_RARE, 100 - _RARE), axis=1).astype(np.float32)
        margin = np.maximum(0.05 * (ends[1] - ends[0]), 0.01)
        tint = layer.core.anchor.saturation * _LEVEL
        line = np.stack([_LEVEL, tint.real, tint.imag]).astype(np.float32)
        here = np.histogram(lab[0], bins=len(_LEVEL), range=(0, 1))[0] / lab[0].size
        here = np.convolve(here, _WINDOW, mode="same")
        least, most = float(lab[0].min()) - 0.01, float(lab[0].max()) + 0.01
        span = (least <= _LEVEL) & (most >= _LEVEL)
        return cls(ends[0] - margin, ends[1] + margin, oklab_planes_to_linear(line), here, span)


_spreads: WeakKeyDictionary[Layer, Spread] = WeakKeyDictionary()
"""A color that is dragged asks for the same one at each move; it goes with its layer."""


def _spread_of(layer: Layer) -> Spread:
    if (found := _spreads.get(layer)) is None:
        found = _spreads[layer] = Spread.of(layer)
    return found


@dataclass(frozen=True)
class Cube:
    """A .cube file.

    Attributes:
        text: ASCII; write it as it is.
        error_mean: mean CIEDE2000 against the exact path on the object's own pixels.
        error_p99: its 99th percentile.
    """

    text: str
    error_mean: float
    error_p99: float


def lut_of(subject: Subject, look: Look) -> ColorTable:
    """The table of a look for an object: it holds on the colors of what it paints, the body's
    where materials get colors of their own.

    Raises:
        ParameterError: the mode is pattern, which is no map of a color.
    """
    layer, look = subject.lead(look)
    brush, spread = _brush_of(layer, look), _spread_of(layer)
    nodes = _nodes(brush, spread)
    shade = np.maximum(nodes, _SHADE)[:, None, None]
    y, z = (np.linspace(*ends, SIZE) for ends in zip(spread.low, spread.high, strict=True))
    grid = np.empty((3, SIZE, SIZE, SIZE), np.float32)
    grid[0], grid[1], grid[2] = nodes[:, None, None], y[:, None] * shade, z * shade
    at = np.arange(_SHAPER) / (_SHAPER - 1)
    shaper = np.interp(at, nodes, np.linspace(0, 1, SIZE)).astype(np.float32)
    table = _painted(brush, oklab_planes_to_linear(grid.reshape(3, -1)))
    return ColorTable(shaper, table.reshape(SIZE, SIZE, SIZE, 3), spread.low, spread.high)


def cube_of(subject: Subject, look: Look) -> Cube:
    """The look as a .cube file (Adobe Cube LUT Specification 1.0): a 3-D table of 65^3 colors.

    Input and output are sRGB-encoded. The shaper of `lut_of` is baked in as far as a plain 3-D
    table can hold it, which is all that GIMP, ffmpeg and others read: hence the error.

    Raises:
        ParameterError: the mode is pattern, which is no map of a color.
    """
    layer, look = subject.lead(look)
    brush = _brush_of(layer, look)
    axis = np.linspace(0, 1, CUBE_SIZE)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1)
    lab = linear_planes_to_oklab(srgb_to_linear(grid).astype(np.float32))
    colors = _painted(brush, oklab_planes_to_linear(lab))
    table = colors.reshape(CUBE_SIZE, CUBE_SIZE, CUBE_SIZE, 3)
    own = layer.own
    mean, worst = _error(brush, own, _looked_up(table, own.T / 255.0))
    text = io.StringIO()
    text.write(f'TITLE "dmlseg {look.mode} {look.target or format(look.amount, "g")}"\n')
    text.write("# sRGB in, sRGB out; Delta-E 2000 against the exact recolor on the object: ")
    text.write(f"mean {mean:.2f}, 99 % below {worst:.2f}\n")
    text.write(f"LUT_3D_SIZE {CUBE_SIZE}\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\n")
    # Red runs fastest in the file.
    np.savetxt(text, table.transpose(2, 1, 0, 3).reshape(-1, 3), fmt="%.6f")
    return Cube(text.getvalue(), mean, worst)


def table_error(subject: Subject, look: Look, table: ColorTable) -> tuple[float, float]:
    """Mean and 99th percentile of CIEDE2000, table against exact path, on the object's pixels."""
    layer, look = subject.lead(look)
    own = layer.own
    return _error(_brush_of(layer, look), own, table(own))


def _brush_of(layer: Layer, look: Look) -> Brush:
    if look.mode == PATTERN_MODE:
        raise ParameterError("a pattern is no map of a color: it has no look-up table")
    return layer.plan(look).brush


def _painted(brush: Brush, light: Floats) -> Floats:
    """(3, N) linear light, clipped here -> (N, 3) float32 sRGB-encoded."""
    light = np.clip(light, 0.0, 1.0)
    linear = np.clip(brush(light, np.zeros(0, np.intp), fine=True), 0.0, 1.0)
    return np.ascontiguousarray(linear_to_srgb(linear).T)


def _error(brush: Brush, own: Bytes, shown: Bytes) -> tuple[float, float]:
    lab = linear_planes_to_oklab(srgb_to_linear(own.T))
    exact = np.rint(_painted(brush, oklab_planes_to_linear(lab)) * 255).astype(np.uint8)
    off = delta_e_2000(exact, shown)
    return float(off.mean()), float(np.percentile(off, 99))


def _nodes(brush: Brush, spread: Spread) -> NDArray[np.float64]:
    """(SIZE,) rising L, 0 and 1 at the ends: close together where the color bends quickly.

    Linear interpolation errs by the second derivative times the square of the step.
    """
    bend = np.abs(np.diff(_painted(brush, spread.line), 2, axis=0)).sum(axis=1)
    bend = np.convolve(np.pad(bend, 8, mode="edge"), _WINDOW, mode="same")[7:-7]
    density = np.sqrt(bend[: len(_LEVEL)] * (spread.here + 0.1 * spread.here.mean()))
    span = spread.span
    density = span * (density / max(density.sum(), 1e-12) + 0.5 / span.sum())
    steps = np.cumsum(density + 1e-6)
    nodes: NDArray[np.float64] = np.interp(np.linspace(steps[0], steps[-1], SIZE), steps, _LEVEL)
    return nodes


def _looked_up(table: Floats, at: NDArray[Any]) -> Bytes:
    """Trilinear interpolation of (n, n, n, 3) at (3, N) in 0..1 -> (N, 3) uint8."""
    top = table.shape[0] - 1
    place = np.clip(at, 0, 1) * top
    low = np.minimum(place.astype(np.intp), top - 1)
    rest = (place - low)[..., None]
    value = np.zeros((at.shape[1], 3))
    for corner in np.ndindex(2, 2, 2):
        weight = np.ones((at.shape[1], 1))
        for axis, far in enumerate(corner):
            weight = weight * (rest[axis] if far else 1 - rest[axis])
        value += weight * table[tuple(low[k] + corner[k] for k in range(3))]
    return np.rint(value * 255).astype(np.uint8)
