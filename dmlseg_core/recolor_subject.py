"""An object of a photo, measured once; any number of looks for it share that work."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.colorspace import (
    decode_table,
    delta_e_2000,
    encode_srgb,
    linear_planes_to_oklab,
    to_hex,
)
from dmlseg_core.recolor_gate import ColorGate, gated
from dmlseg_core.recolor_look import Look, checked_photo
from dmlseg_core.recolor_plan import Core, Plan, plan_of, srgb_of
from dmlseg_core.refine_foreground import ForegroundModel

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_STRIP = 1 << 15
"""Pixels of one piece of work: its planes stay in a core's cache, and memory stays bounded."""


@dataclass(frozen=True, eq=False)
class Recolored:
    """A recolored photo and how well it hit.

    Attributes:
        rgb: (H, W, 3) sRGB, uint8 or uint16 as the photo was.
        delta_e: CIEDE2000 between the color asked for and `result_anchor`.
        anchor: '#rrggbb', the object's diffuse color before.
        result_anchor: '#rrggbb', the same estimate on the same pixels of `rgb`.
        noise_gain: the tone curve's steepest slope over 1-99 % of the object's lightness.
        notes: what could not be done as asked, one sentence each.
    """

    rgb: Pixels = field(repr=False)
    delta_e: float
    anchor: str
    result_anchor: str
    noise_gain: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Subject:
    """An object as measured.

    Attributes:
        rgb: (H, W, 3) uint8 or uint16 photo.
        alpha: (H, W) float32, how much of each pixel is the object.
        share: (H, W) float32, alpha times the gate: how much of it is painted.
        core: the pixels that tell its color.
        foreground: the object's own colors along its edge; None for a hard mask.
    """

    rgb: Pixels
    alpha: Floats
    share: Floats
    box: tuple[slice, slice]
    core: Core
    foreground: ForegroundModel | None

    @classmethod
    def of(
        cls,
        rgb: Pixels,
        alpha: NDArray[Any],
        *,
        gate: ColorGate | Sequence[ColorGate] | None = None,
    ) -> Subject:
        """Check and measure; arguments and errors as in `recolor`."""
        alpha = checked_photo(rgb, alpha)
        rgb = rgb if rgb.flags.c_contiguous else rgb.copy()
        share = alpha if gate is None else gated(rgb, alpha, gate)
        box = _box_of(share)
        mixed = (alpha[box] > 0) & (alpha[box] < 1)
        foreground = ForegroundModel.of(rgb, alpha) if mixed.any() else None
        return cls(rgb, alpha, share, box, Core.of(rgb, share), foreground)

    def plan(self, look: Look) -> Plan:
        """What `recolor` will do."""
        corner = int(self.box[0].start), int(self.box[1].start)
        return plan_of(look, self.core, corner, self.rgb.shape[1])

    def recolor(self, look: Look) -> Recolored:
        """As the function `recolor`, on this object."""
        return self.recolor_all([look])[0]

    def recolor_all(self, looks: Sequence[Look]) -> tuple[Recolored, ...]:
        """One result for each look; colors are decoded and unmixed once for all of them."""
        plans = [self.plan(look) for look in looks]
        results = self._painted(plans)
        return tuple(map(self._measured, looks, plans, results))

    def _measured(self, look: Look, plan: Plan, painted: Pixels) -> Recolored:
        got = srgb_of(self.core.color_in(painted).lab)
        return Recolored(
            rgb=painted,
            delta_e=float(delta_e_2000(srgb_of(plan.asked), got)),
            anchor=to_hex(srgb_of(self.core.anchor.lab)),
            result_anchor=to_hex(got),
            noise_gain=plan.noise_gain(self.core.anchor),
            notes=look.notes,
        )

    def _painted(self, plans: Sequence[Plan]) -> list[Pixels]:
        """Photos with the object's pixels changed; strips are shared out to OpenCV's threads."""
        results = [self.rgb.copy() for _ in plans]
        top, bottom = self.box[0].start, self.box[0].stop
        step = max(1, _STRIP // (self.box[1].stop - self.box[1].start))
        strips = [(y, min(y + step, bottom)) for y in range(top, bottom, step)]
        paint = partial(self._paint_rows, plans, results)
        with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
            list(pool.map(paint, strips))  # consumed, so that a strip's exception is raised here
        return results

    def _paint_rows(
        self, plans: Sequence[Plan], results: Sequence[Pixels], strip: tuple[int, int]
    ) -> None:
        """Paint the rows [top, bottom) into each plan's result."""
        rows = slice(*strip)
        flat = self.share[rows].reshape(-1)
        touched = flat > 0
        within = np.flatnonzero(touched)
        if within.size == 0:
            return
        places = within + strip[0] * self.rgb.shape[1]
        source = _pixels(self.rgb[rows])[touched]
        planes = np.ascontiguousarray(source.view(self.rgb.dtype).reshape(-1, 3).T)
        linear = np.take(decode_table(self.rgb.dtype), planes)
        share = flat[touched]
        partly = np.flatnonzero(share < 1)
        mixed = linear[:, partly]
        self._unmix(linear, places, partly)
        own = linear[:, partly]
        lab = linear_planes_to_oklab(linear)
        for plan, result in zip(plans, results, strict=True):
            painted = plan.brush(lab, places, fine=self.rgb.dtype == np.uint16)
            painted[:, partly] = mixed + share[partly] * (painted[:, partly] - own)
            levels = np.ascontiguousarray(encode_srgb(painted, self.rgb.dtype).T)
            _pixels(result[rows])[touched] = _pixels(levels)

    def _unmix(self, linear: Floats, places: NDArray[np.intp], partly: NDArray[np.intp]) -> None:
        """Replace the colors of edge pixels by the object's share of them."""
        if self.foreground is None:
            return
        edge = partly[self.alpha.reshape(-1)[places[partly]] < 1]
        if edge.size:
            linear[:, edge] = self.foreground.at(*np.divmod(places[edge], self.rgb.shape[1])).T


def _pixels(rgb: NDArray[Any]) -> NDArray[np.void]:
    """A contiguous (..., 3) array as one item per pixel: such are picked three times as fast."""
    return rgb.view(f"V{3 * rgb.itemsize}").reshape(-1)


def _box_of(share: Floats) -> tuple[slice, slice]:
    touched = share > 0
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
