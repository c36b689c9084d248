"""An object of a photo, measured once; any number of looks for it share that work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from dmlseg_core.color import (
    delta_e_2000,
    encode_srgb,
    oklab_to_linear,
    srgb_to_linear,
    to_hex,
)
from dmlseg_core.config import PATTERN_MODE
from dmlseg_core.edge import ForegroundModel, Spill
from dmlseg_core.paint.brush import Places
from dmlseg_core.paint.calm import NO_GAIN, Calm
from dmlseg_core.paint.gate import ColorGate, gated
from dmlseg_core.paint.look import Look, checked_photo, seen
from dmlseg_core.paint.plan import Core, Plan, plan_of, srgb_of
from dmlseg_core.paint.report import Report

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_STRIP = 1 << 16
"""Pixels of one piece of work: few enough for the caches, many enough for numpy's calls to pay."""
_EDGE_STRIP = 1 << 20
"""The same of one search for edge pixels, of which there are few."""
_FAR = 0.05
"""A change in OKLab from which on the old color's ring outside the object is taken back wholly."""


@dataclass(frozen=True, eq=False)
class Recolored:
    """A recolored photo and how well it hit.

    Attributes:
        rgb: (H, W, 3) sRGB, uint8 or uint16 as the photo was.
        delta_e: CIEDE2000 between the color asked for and `result_anchor`.
        anchor: '#rrggbb', the object's diffuse color before.
        result_anchor: '#rrggbb', the same estimate on the same pixels of `rgb`.
        noise_gain: the tone curve's steepest slope over 1-99 % of the object's lightness.
        report: what its pixels look like against what was asked; None for a pattern.
        notes: what could not be done as asked, one sentence each.
    """

    rgb: Pixels = field(repr=False)
    delta_e: float
    anchor: str
    result_anchor: str
    noise_gain: float
    report: Report | None = None
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
        visible: NDArray[np.bool_] | None = None,
    ) -> Subject:
        """Check and measure; arguments and errors as in `recolor`."""
        alpha = checked_photo(rgb, alpha)
        rgb = rgb if rgb.flags.c_contiguous else rgb.copy()
        share = alpha if gate is None else gated(rgb, alpha, gate)
        box = _box_of(share)
        mixed = (alpha[box] > 0) & (alpha[box] < 1)
        with _pool() as pool:
            core = pool.submit(Core.of, rgb, share if visible is None else seen(share, visible))
            foreground = ForegroundModel.of(rgb, alpha) if mixed.any() else None
        return cls(rgb, alpha, share, box, core.result(), foreground)

    @cached_property
    def spill(self) -> Spill:
        """The ring of the old color outside, the same for every look."""
        return Spill.of(self.rgb, self.share)

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
        painted = iter(self._painted([p for p, k in zip(plans, looks, strict=True) if k.strength]))
        # no paint is no rounding either
        results = [next(painted) if look.strength else self.rgb.copy() for look in looks]
        for look, plan, result in zip(looks, plans, results, strict=True):
            self.spill.take_back(result, self._moved(look, plan))
        return tuple(map(self._measured, looks, plans, results))

    def measure(self, look: Look, painted: Pixels) -> Recolored:
        """As `recolor` reports it, of the same photo as a file gives it back: (H, W, 3)."""
        return self._measured(look, self.plan(look), painted)

    def _moved(self, look: Look, plan: Plan) -> float:
        """How far the color goes, 0..1: nothing at all leaves the edge's surroundings alone too."""
        far = 1.0 if look.mode == PATTERN_MODE else np.abs(plan.asked - self.core.anchor.lab).max()
        return look.strength * min(1.0, float(far) / _FAR)

    def _measured(self, look: Look, plan: Plan, painted: Pixels) -> Recolored:
        got = srgb_of(self.core.color_in(painted).lab)
        report = self._report(look, plan, painted)
        return Recolored(
            rgb=painted,
            delta_e=float(delta_e_2000(srgb_of(plan.asked), got)),
            anchor=to_hex(srgb_of(self.core.anchor.lab)),
            result_anchor=to_hex(got),
            noise_gain=plan.noise_gain(self.core.anchor),
            report=report,
            notes=look.notes + plan.notes + (report.notes if report else ()),
        )

    def _report(self, look: Look, plan: Plan, painted: Pixels) -> Report | None:
        if look.mode == PATTERN_MODE:
            return None
        own = self.core.anchor.lab
        change = plan.asked - own
        change[0] *= look.mode != "tint"
        color, asked = (oklab_to_linear(lab) for lab in (own, own + look.strength * change))
        places = self.core.places
        return Report.of(self.rgb, painted, self.share, places, color=color, asked=asked)

    def _painted(self, plans: Sequence[Plan]) -> list[Pixels]:
        """Photos with the object's pixels changed; strips are shared out to OpenCV's threads."""
        results = [self.rgb.copy() for _ in plans]
        work = [(self._paint_edge, rows) for rows in self._strips(_EDGE_STRIP)]
        work += [(self._paint_inside, rows) for rows in self._strips(_STRIP)]
        with _pool() as pool:
            pool.submit(getattr, self, "spill")  # needs nothing of the painting
            tasks = [pool.submit(paint, plans, results, rows) for paint, rows in work]
        for task in tasks:
            task.result()  # a strip's exception is raised here
        return results

    def _strips(self, pixels: int) -> Iterator[slice]:
        """The rows of the box, `pixels` of it at a time."""
        step = max(1, pixels // (self.box[1].stop - self.box[1].start))
        for top in range(self.box[0].start, self.box[0].stop, step):
            yield slice(top, min(top + step, self.box[0].stop))

    def _paint_inside(self, plans: Sequence[Plan], results: Sequence[Pixels], rows: slice) -> None:
        """Paint the pixels of some rows that are the object alone into each plan's result."""
        solid = self.share[rows].reshape(-1) == 1
        places = np.flatnonzero(solid) + rows.start * self.rgb.shape[1]
        if places.size == 0:
            return
        calm = Calm(self.rgb, self.share, rows, self.box[1], self.core.noise)
        plain: Floats | None = None
        for plan, result in zip(plans, results, strict=True):
            if plan.gain != NO_GAIN:
                own = calm.linear(plan.gain)
            else:
                own = plain = self._at(places) if plain is None else plain
            painted = plan.brush(own, places, fine=self._fine)
            # a mask is twice as fast as indices
            _pixels(result[rows])[solid] = _coded(painted, self.rgb.dtype)

    def _paint_edge(self, plans: Sequence[Plan], results: Sequence[Pixels], rows: slice) -> None:
        """The same for those that are only partly painted."""
        share = self.share[rows].reshape(-1)
        partly = np.flatnonzero((share > 0) & (share < 1))
        for first in range(0, partly.size, _STRIP):
            at = partly[first : first + _STRIP]
            places = at + rows.start * self.rgb.shape[1]
            mixed = self._at(places)
            own = self._unmixed(mixed, places)
            for plan, result in zip(plans, results, strict=True):
                painted = np.clip(plan.brush(own, places, fine=self._fine), 0.0, 1.0)
                painted = mixed + share[at] * (painted - own)
                _pixels(result)[places] = _coded(painted, self.rgb.dtype)

    def _unmixed(self, mixed: Floats, places: Places) -> Floats:
        """Colors of pixels with those of edge pixels replaced by the object's share of them."""
        if self.foreground is None:
            return mixed
        edge = np.flatnonzero(self.alpha.reshape(-1)[places] < 1)
        own = mixed.copy()
        own[:, edge] = self.foreground.at(*np.divmod(places[edge], self.rgb.shape[1]))
        return own

    def _at(self, places: Places) -> Floats:
        """(3, N) linear light at flat indices."""
        pixels = _pixels(self.rgb).take(places, mode="clip")
        return srgb_to_linear(pixels.view(self.rgb.dtype).reshape(-1, 3).T)

    @property
    def _fine(self) -> bool:
        return self.rgb.dtype == np.uint16


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, cv2.getNumThreads()))


def _coded(linear: Floats, dtype: DTypeLike) -> NDArray[np.void]:
    """(3, N) linear light, clipped here -> (N,) pixels as of `_pixels`."""
    # Plane by plane, to stay in cache; cv2.merge is ten times as fast as numpy's transpose.
    return _pixels(cv2.merge([encode_srgb(plane, dtype) for plane in linear]))


def _pixels(rgb: NDArray[Any]) -> NDArray[np.void]:
    """A contiguous (..., 3) array as one item per pixel: such are picked three times as fast."""
    return rgb.view(f"V{3 * rgb.itemsize}").reshape(-1)


def _box_of(share: Floats) -> tuple[slice, slice]:
    left, top, width, height = cv2.boundingRect((share > 0).view(np.uint8))
    return slice(top, top + height), slice(left, left + width)
