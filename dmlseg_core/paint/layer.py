"""Pixels of one paint: measured once, unmixed at their edges, painted by any number of looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, TypeAlias
from weakref import WeakKeyDictionary

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
from dmlseg_core.edge import ForegroundModel, Spill, sampled
from dmlseg_core.paint.brush import Places
from dmlseg_core.paint.calm import NO_GAIN, Calm
from dmlseg_core.paint.look import Look, seen
from dmlseg_core.paint.materials import box_of
from dmlseg_core.paint.pattern import Cloth
from dmlseg_core.paint.plan import Core, Plan, plan_of, srgb_of
from dmlseg_core.paint.report import Recolored, Report

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_STRIP = 1 << 16
"""Pixels of one piece of work: few enough for the caches, many enough for numpy's calls to pay."""
_EDGE_STRIP = 1 << 20
"""The same of one search for edge pixels, of which there are few."""
_SAMPLE = 60000
"""Pixels that a table of its colors is made for."""
_FAR = 0.05
"""A change in OKLab from which on the old color's ring outside the object is taken back wholly."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What of a photo is painted as one.

    Attributes:
        rgb: (H, W, 3) uint8 or uint16 photo.
        share: (H, W) float32, how much of each pixel is painted.
        visible: (H, W) bool, what is measured; None for all of it.
        box: rows and columns outside of which share is 0.
    """

    rgb: Pixels
    share: Floats
    visible: NDArray[np.bool_] | None
    box: tuple[slice, slice]

    @classmethod
    def on(
        cls, rgb: Pixels, share: Floats, visible: NDArray[np.bool_] | None = None, **more: Any
    ) -> Self:
        """Of checked pixels; what is measured of them waits until it is asked for."""
        return cls(rgb, share, visible, box_of(share), **more)

    @property
    def nbytes(self) -> int:
        """Bytes of its share and of the samples that were taken of it so far."""
        taken = (getattr(self, name) for name in ("core", "own") if name in self.__dict__)
        return int(self.share.nbytes + sum(part.nbytes for part in taken))

    @cached_property
    def known(self) -> Floats:
        """(H, W) float32, the part of `share` that is measured."""
        return self.share if self.visible is None else seen(self.share, self.visible)

    @cached_property
    def core(self) -> Core:
        """The pixels that tell its color."""
        return Core.of(self.rgb, self.known)

    @cached_property
    def foreground(self) -> ForegroundModel | None:
        """Its own colors where pixels are mixed; None for a hard mask."""
        share = self.share[self.box]
        mixed = ((share > 0) & (share < 1)).any()
        return ForegroundModel.of(self.rgb, self.share) if mixed else None

    @cached_property
    def cloth(self) -> Cloth:
        """How a print lies on it."""
        return Cloth.of(self.rgb, self.share, self.box)

    @cached_property
    def own(self) -> NDArray[np.uint8]:
        """(N, 3) uint8: a sample of its sure pixels, the same one for every look."""
        places = sampled(self.share, min(0.95, float(self.share.max())), _SAMPLE)
        pixels = self.rgb.reshape(-1, 3)[places]
        return (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8)

    @cached_property
    def spill(self) -> Spill:
        """The ring of the old color outside, the same for every look."""
        return Spill.of(self.rgb, self.share)

    def plan(self, look: Look) -> Plan:
        """What `paint` will do; made once for each look, and kept as long as that is."""
        if look not in self._plans:
            cloth = self.cloth if look.mode == PATTERN_MODE else None
            self._plans[look] = plan_of(look, self.core, cloth)
        return self._plans[look]

    @cached_property
    def _plans(self) -> WeakKeyDictionary[Look, Plan]:
        return WeakKeyDictionary()

    def paint(self, pairs: Sequence[tuple[Look, Pixels]]) -> None:
        """Paint it, with each look, into a photo where its own pixels are still as they were."""
        # no paint is no rounding either
        pairs = [pair for pair in pairs if pair[0].strength]
        self._measure()
        plans = [self.plan(look) for look, _ in pairs]
        self._painted(plans, [result for _, result in pairs])
        for (look, result), plan in zip(pairs, plans, strict=True):
            self.spill.take_back(result, self._moved(look, plan))

    def _measure(self) -> None:
        """All that any look needs, at the same time."""
        with _pool() as pool:
            names = "foreground", "core", "spill"
            for task in [pool.submit(getattr, self, name) for name in names]:
                task.result()  # its exception is raised here

    def _moved(self, look: Look, plan: Plan) -> float:
        """How far the color goes, 0..1: nothing at all leaves the edge's surroundings alone too."""
        far = 1.0 if look.mode == PATTERN_MODE else np.abs(plan.asked - self.core.anchor.lab).max()
        return look.strength * min(1.0, float(far) / _FAR)

    def measured(self, look: Look, painted: Pixels) -> Recolored:
        """How well a look came out in (H, W, 3) `painted`."""
        plan = self.plan(look)
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

    def _painted(self, plans: Sequence[Plan], results: Sequence[Pixels]) -> None:
        """Change the object's pixels; strips are shared out to OpenCV's threads."""
        work = [(self._paint_edge, rows) for rows in self._strips(_EDGE_STRIP)]
        work += [(self._paint_inside, rows) for rows in self._strips(_STRIP)]
        with _pool() as pool:
            tasks = [pool.submit(paint, plans, results, rows) for paint, rows in work]
        for task in tasks:
            task.result()  # a strip's exception is raised here

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
                own = plain = self._in(self.rgb, places) if plain is None else plain
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
            assert self.foreground is not None  # there are mixed pixels
            own, part = self.foreground.at(*np.divmod(places, self.rgb.shape[1]))
            for plan, result in zip(plans, results, strict=True):
                painted = np.clip(plan.brush(own, places, fine=self._fine), 0.0, 1.0)
                # Another material's part of these pixels may be painted already.
                painted = self._in(result, places) + part * (painted - own)
                _pixels(result)[places] = _coded(painted, self.rgb.dtype)

    def _in(self, rgb: Pixels, places: Places) -> Floats:
        """(3, N) linear light of a version of the photo at flat indices."""
        pixels = _pixels(rgb).take(places, mode="clip")
        return srgb_to_linear(pixels.view(rgb.dtype).reshape(-1, 3).T)

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
