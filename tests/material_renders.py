"""Objects of several paints, rendered with one of them exchanged: known answers by material.

The light is that of tests/renders.py, at twice its size; which paint lies where is drawn four times
as finely, so that borders are antialiased as a lens leaves them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import encode_srgb8, parse_color, srgb_to_linear
from tests.renders import Bytes, Doubles, Light, ball, car, cloth, jpeg, two_lamps

SIDE = 224
_FINE = 4
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Thing:
    """An object of several paints.

    Attributes:
        name: what it is.
        paints: its colors; the first is the body's.
        light: what falls on it.
        drawing: (y, x) in -0.5..0.5, twice (N, N) -> (N, N) int, which paint lies there.
        noise: levels on the photo.
        quality: of the photo's JPEG; 0 is none.
    """

    name: str
    paints: tuple[str, ...]
    light: Callable[[], Light]
    drawing: Callable[[Doubles, Doubles], NDArray[np.intp]]
    noise: float = 0
    quality: int = 0

    @property
    def cover(self) -> Doubles:
        """(K, SIDE, SIDE) how much of each pixel each paint covers; sums to 1."""
        y, x = np.mgrid[: SIDE * _FINE, : SIDE * _FINE] / (SIDE * _FINE - 1) - 0.5
        drawn = self.drawing(y, x)
        each = [(drawn == k).astype(np.float64) for k in range(len(self.paints))]
        return np.stack([cv2.resize(v, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for v in each])

    def answer(self, body: str | None = None) -> tuple[Bytes, Mask]:
        """The object, its body in another paint, without noise or JPEG, on gray; and its mask."""
        light = self.light()
        colors = [parse_color(p) for p in (body or self.paints[0], *self.paints[1:])]
        paint = np.einsum("khw,kc->hwc", self.cover, srgb_to_linear(np.array(colors)))
        falls, shine = (_grown(v) for v in (light.body, light.shine))
        mask = _grown(light.mask.astype(np.float64)) > 0.999
        seen = np.where(mask[..., None], falls * paint + shine, 0.18)
        return encode_srgb8(np.clip(seen, 0, None)), mask

    def photo(self) -> tuple[Bytes, Mask]:
        """The same in its own paint, as a camera delivers it."""
        rgb, mask = self.answer()
        if self.noise:
            grain = np.random.default_rng(7).standard_normal(rgb.shape) * self.noise
            rgb = np.clip(np.rint(rgb + grain), 0, 255).astype(np.uint8)
        return (jpeg(rgb, self.quality) if self.quality else rgb), mask


def _grown(plane: Doubles) -> Doubles:
    return np.asarray(cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float64)


def _print(y: Doubles, x: Doubles) -> NDArray[np.intp]:
    """A ring and a bar on the chest."""
    ring = np.abs(np.hypot(y + 0.08, x) - 0.13) < 0.035
    bar = (np.abs(y - 0.2) < 0.03) & (np.abs(x) < 0.2)
    return np.asarray(ring | bar, np.intp)


def _wheels(y: Doubles, x: Doubles) -> NDArray[np.intp]:
    """Glass above, two tyres below."""
    glass = (y < -0.14) & (y > -0.34) & (np.abs(x) < 0.22)
    tyre = np.hypot(y - 0.27, np.abs(x) - 0.2) < 0.1
    return np.where(tyre, 2, glass.astype(np.intp))


def _half(y: Doubles, x: Doubles) -> NDArray[np.intp]:
    """The lower part of a bowl in lime, the upper in white."""
    return np.asarray(y + 0.06 * np.sin(9 * x) < -0.03, np.intp)


def _checks(y: Doubles, x: Doubles) -> NDArray[np.intp]:
    return np.asarray((np.floor(y * 11) + np.floor(x * 11)) % 3 == 0, np.intp)


def _stripes(y: Doubles, x: Doubles) -> NDArray[np.intp]:
    return np.asarray((x + 0.02 * np.sin(12 * y)) % 0.125 < 0.05, np.intp)


THINGS = (
    Thing("white shirt, black print", ("#ecebe8", "#19191b"), cloth, _print),
    Thing("navy shirt, white print", ("#1f2a5a", "#ecebe8"), cloth, _print, noise=2),
    Thing("red shirt, yellow print", ("#b01828", "#ffd400"), lambda: two_lamps(ball_=False),
          _print, quality=90),
    Thing("red car", ("#b01828", "#2b3338", "#161616"), car, _wheels),
    Thing("white car", ("#ecebe8", "#20262a", "#161616"), car, _wheels, quality=90),
    Thing("lime half of a bowl", ("#8ab52a", "#ecebe8"), lambda: ball(shine=0.4), _half),
    Thing("check cloth", ("#f0efe9", "#a01c2c"), cloth, _checks, noise=2),
    Thing("stripes", ("#e9e6df", "#23345f"), cloth, _stripes, quality=90),
    Thing("stripes, two lamps", ("#d9a428", "#1d5a3a"), lambda: two_lamps(ball_=False), _stripes),
)  # fmt: skip
