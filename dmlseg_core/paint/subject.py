"""An object of a photo, measured once; any number of looks for it share that work."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import AMOUNTS, PATTERN_MODE
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.layer import Layer
from dmlseg_core.paint.look import Look, check_visible, checked_photo
from dmlseg_core.paint.materials import (
    ColorGate,
    Material,
    Palette,
    box_of,
    check_bodywork,
    check_embedding,
    check_people,
    gated,
    jobs_of,
    sentence,
)
from dmlseg_core.paint.report import Recolored

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


class Jobs(NamedTuple):
    """What of an object takes which color.

    Attributes:
        parts: pixels and their look, the body first.
        notes: what to say of it, one sentence each.
        palette: the materials that were told apart; () where nobody asked.
    """

    parts: list[tuple[Layer, Look]]
    notes: tuple[str, ...] = ()
    palette: tuple[Material, ...] = ()


@dataclass(frozen=True, eq=False)
class Subject(Layer):
    """An object as measured: as one layer, or as a layer for each of its materials.

    Attributes:
        alpha: (H, W) float32, how much of each pixel is the object; `share` is that times the gate.
        whole: whether a gate chose what is painted: it is one material then.
        embedding: (D, h, w) float32 over the whole photo, as a picture of it made small: its
            squared distances tell things apart that have one color; None: color alone does.
        people: (2, h, w) float32 over it, how probably a pixel is a person's skin, hair; None:
            nobody is there.
        bodywork: (h, w) float32 over it, how probably one is of a car's panels, which are one paint
            however they mirror what is around; None: no car is there.
        at: (y, x), the pixel that was pointed at: of two paints nearly as large, the body is the
            one that lies there.
        brushed: (2, H, W) float32 in [0, 1], how much of a pixel a hand painted in: whatever lies
            there is painted with the body; and which share of alpha was there before: what was
            not says nothing of the object's materials.
    """

    alpha: Floats
    whole: bool
    embedding: Floats | None
    people: Floats | None = None
    bodywork: Floats | None = None
    at: tuple[float, float] | None = None
    brushed: Floats | None = None

    @classmethod
    def of(
        cls,
        rgb: Pixels,
        alpha: NDArray[Any],
        *,
        gate: ColorGate | Sequence[ColorGate] | None = None,
        visible: NDArray[np.bool_] | None = None,
        embedding: Floats | None = None,
        people: Floats | None = None,
        bodywork: Floats | None = None,
        at: tuple[float, float] | None = None,
        brushed: Floats | None = None,
    ) -> Subject:
        """Check and measure; arguments and errors as in `recolor`, and ParameterError for an
        embedding that is not (D, h, w) finite floats, and people or bodywork that are not (2, h, w)
        and (h, w) in [0, 1].
        """
        check_embedding(embedding)
        check_people(people)
        check_bodywork(bodywork)
        alpha = checked_photo(rgb, alpha)
        check_visible(alpha, visible)
        rgb = rgb if rgb.flags.c_contiguous else rgb.copy()
        share = alpha if gate is None else gated(rgb, alpha, gate)
        whole = gate is not None
        return cls.on(
            rgb, share, visible, alpha=alpha, whole=whole, embedding=embedding,
            people=people, bodywork=bodywork, at=at, brushed=brushed,
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept of it, beside the photo."""
        planes = self.alpha, self.embedding, self.people, self.bodywork, self.brushed
        others = (p for p in planes if p is not None and p is not self.share)
        parts = sum(part.nbytes for part in list(self._parts.values()))
        return super().nbytes + parts + sum(plane.nbytes for plane in others)

    @cached_property
    def palette(self) -> Palette:
        """Its materials."""
        share, known, box = self._grown
        return Palette.of(
            self.rgb, share, box, known,
            embedding=self.embedding, people=self.people, bodywork=self.bodywork, at=self.at,
        )  # fmt: skip

    @property
    def _grown(self) -> tuple[Floats, Floats, tuple[slice, slice]]:
        """`share`, `known` and `box` without what a hand added; with it, where that is most."""
        if self.brushed is not None:
            share, known = self.share * self.brushed[1], self.known * self.brushed[1]
            if 2 * known.sum() >= self.known.sum():
                return share, known, box_of(share)
        return self.share, self.known, self.box

    def jobs(self, look: Look) -> Jobs:
        """What of it takes which color.

        Raises:
            ParameterError: the look keeps all of it.
        """
        if self.whole and look.targets:
            raise ParameterError("gates choose what is painted: they go with no targets")
        if self.whole or (look.materials == "all" and not look.targets):
            return Jobs([(self, look)])
        found = self.palette.materials
        own = None if look.mode in AMOUNTS or look.mode == PATTERN_MODE else look.target
        jobs, notes = jobs_of(found, look.materials, look.targets, own)
        parts = [
            (self.part(job.numbers, brushed=k == 0), look.alone(job.target))
            for k, job in enumerate(jobs)
        ]
        return Jobs(parts, notes + sentence(found, jobs), found)

    def asked(self, look: Look) -> tuple[str | None, ...]:
        """For each material the color that it is to have; None where it is kept."""
        found = self.palette.materials
        colors: dict[int, str | None] = {}
        with suppress(ParameterError):  # all of it is kept
            for job in jobs_of(found, look.materials, look.targets, look.target)[0]:
                colors |= dict.fromkeys(job.numbers, job.target or look.target)
        return tuple(colors.get(k) for k in range(len(found)))

    def lead(self, look: Look) -> tuple[Layer, Look]:
        """The body and its look: all that there is where no other material is painted."""
        return self.jobs(look).parts[0]

    def part(self, numbers: Sequence[int], *, brushed: bool = False) -> Layer:
        """Some of its materials, by number, as one; itself where these are all.

        Args:
            numbers: of the materials.
            brushed: with what was painted in by hand, whatever that is of; else without it.
        """
        wanted = np.isin(np.arange(len(self.palette.materials)), numbers)
        if wanted.all():
            return self
        key = brushed, *np.flatnonzero(wanted).tolist()
        if key not in self._parts:
            share, (*_, grown) = np.zeros_like(self.share), self._grown
            share[grown] = self.palette.members.share(wanted)
            part = share[self.box]
            if self.brushed is not None:
                part += self.brushed[0][self.box] * (brushed - part)
            part *= self.share[self.box]
            self._parts[key] = Layer.on(self.rgb, share, self.visible)
        return self._parts[key]

    @cached_property
    def _parts(self) -> dict[tuple[bool | int, ...], Layer]:
        return {}

    def recolor(self, look: Look) -> Recolored:
        """As the function `recolor`, on this object."""
        return self.recolor_all([look])[0]

    def recolor_all(self, looks: Sequence[Look]) -> tuple[Recolored, ...]:
        """One result for each look; colors are decoded and unmixed once for all of them."""
        asked = [self.jobs(look) for look in looks]
        results = [self.rgb.copy() for _ in looks]
        work: dict[Layer, list[tuple[Look, Pixels]]] = {}
        for jobs, result in zip(asked, results, strict=True):
            for part, look in jobs.parts:
                work.setdefault(part, []).append((look, result))
        for part, pairs in work.items():
            part.paint(pairs)
        return tuple(self._measured(*pair) for pair in zip(asked, results, strict=True))

    def measure(self, look: Look, painted: Pixels) -> Recolored:
        """As `recolor` reports it, of the same photo as a file gives it back: (H, W, 3).

        Where materials get colors of their own, it is the body that is measured.
        """
        return self._measured(self.jobs(look), painted)

    def _measured(self, jobs: Jobs, painted: Pixels) -> Recolored:
        part, look = jobs.parts[0]
        made = part.measured(look, painted)
        return replace(made, notes=made.notes + jobs.notes, palette=jobs.palette)
