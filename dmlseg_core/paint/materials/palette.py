"""The palette of an object: its materials, which of them is its body, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import srgb_to_linear, to_hex
from dmlseg_core.config import PEOPLE
from dmlseg_core.paint.materials.clusters import clusters_of, counts_of, labels_of
from dmlseg_core.paint.materials.islands import grown, without_islands
from dmlseg_core.paint.materials.joining import joined
from dmlseg_core.paint.materials.members import Members
from dmlseg_core.paint.materials.same import groups_of, without_mixtures
from dmlseg_core.paint.materials.small import Small
from dmlseg_core.paint.materials.things import things_of, told_of

Floats: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.intp]
Box: TypeAlias = tuple[slice, slice]

_VOTERS = 3
"""Side of the window of the small picture in which materials vote for a pixel of the photo."""

_DOUBT = 0.3
"""Weight of what the object is made of in the votes along its rim."""

_RIVAL = 1 / 3
"""Of the largest material's share: one that has as much is the body where it was pointed at."""
_CAR, _SECOND = 0.25, 1 / 2
"""Share of bodywork from which on an object is a car; of its panels, what _RIVAL is of others: a
second paint is more than grilles and trim.
"""
_CHIP = 0.1
"""Of the largest piece of a material: who points at a smaller one means what is around it."""
_EYES, _WITHIN = 0.01, 0.9
"""Of the object: pieces up to so large, so much of whose surroundings is skin or hair, are too."""
_AT = 2
"""Pixels of the small picture about a point that tell which material lies there."""


@dataclass(frozen=True)
class Material:
    """One paint of an object.

    Attributes:
        color: '#rrggbb', its usual color.
        share: of the object's area, 0..1.
        kind: one of PEOPLE, "" for a paint of things.
    """

    color: str
    share: float
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Palette:
    """The materials of an object, its body first, then the largest.

    The body is the largest one; or one at least a third as large that somebody pointed at. Skin and
    hair are so where they are three times as large as all else; hair that was pointed at, as any.
    Of a car panels alone count, whatever was pointed at: panes and wheels are no body.

    Attributes:
        materials: one to five, and at most two of PEOPLE.
    """

    materials: tuple[Material, ...]
    _source: tuple[Any, ...] = field(repr=False)

    @classmethod
    def of(
        cls,
        rgb: NDArray[Any],
        alpha: Floats,
        box: Box,
        known: Floats,
        *,
        embedding: Floats | None = None,
        people: Floats | None = None,
        bodywork: Floats | None = None,
        at: tuple[float, float] | None = None,
    ) -> Palette:
        """Tell the materials of an object apart.

        Args:
            rgb: (H, W, 3) uint8 or uint16 sRGB.
            alpha: (H, W) float32 in [0, 1].
            box: rows and columns outside of which alpha is 0.
            known: (H, W), the part of alpha that is measured.
            embedding: (D, h, w) over the whole photo; see `things`.
            people: (2, h, w) over it: how probably a pixel is one of PEOPLE; None: nobody is there.
            bodywork: (h, w) over it: how probably one is a car's panels; None: no car is there.
            at: (y, x), the pixel of the photo that was pointed at.
        """
        size = alpha.shape
        rgb, alpha = rgb[box], alpha[box]
        small = Small.of(rgb, known[box])
        inside = small.inside
        centers = clusters_of(small.features[:, inside])
        labels = labels_of(small.features, inside, centers)
        labels = np.append(without_mixtures(labels, centers), -1)[labels]
        groups = groups_of(small.features, labels, centers, _means(small, labels, len(centers)))
        things = None if embedding is None else things_of(embedding, size, box, inside)
        told = told_of(people, bodywork, size, box, inside)
        own = joined(small.features, np.append(groups, -1)[labels], things, told)
        if things is not None:
            own = without_islands(small.features, own, things)
        kind = np.zeros(int(own.max()) + 1, np.intp)
        if told is not None:
            own, kind = _with_people(own, told)
        place = None if at is None else _shrunk_place(at, box, own.shape)
        order = _order(own, kind, place, None if told is None else told[-1])
        own = np.append(np.argsort(order), -1)[own]
        # A cluster's color may be that of two things.
        count = len(order)
        pairs, first = np.unique(labels[inside] * count + own[inside], return_index=True)
        source = rgb, alpha, own, centers[pairs // count], own[inside][first]
        return cls(_materials(small, own, kind[order]), source)

    @cached_property
    def members(self) -> Members:
        """How much of each material lies at each pixel of the box."""
        rgb, alpha, own, centers, materials = self._source
        return Members.of(rgb, alpha, _votes(own, len(self.materials)), centers, materials)


def _shrunk_place(at: tuple[float, float], box: Box, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the small picture about a pixel of the photo."""
    places = [
        int((v - s.start) * n / (s.stop - s.start)) for v, s, n in zip(at, box, size, strict=True)
    ]
    down, across = (slice(max(v - _AT, 0), max(v + _AT + 1, 0)) for v in places)
    return down, across


def _with_people(own: Labels, chances: Floats) -> tuple[Labels, Labels]:
    """The labels, those that are likely skin, or hair, made one; (K,) kind of each, 0 of things.

    Args:
        own: (h, w) labels, -1 outside.
        chances: see `told_of`; bodywork is a paint of things.
    """
    count = int(own.max()) + 1
    things = chances[:1] + chances[-1:]
    chances = np.concatenate([things, chances[1:-1]])
    likely = np.stack([np.bincount(own[own >= 0], chance) for chance in chances])
    kind = likely.argmax(axis=0)
    own = np.append(np.where(kind > 0, count + kind, np.arange(count)), -1)[own]
    _with_eyes(own, count)
    found, names = np.unique(own[own >= 0], return_inverse=True)
    named = np.full_like(own, -1)
    named[own >= 0] = names
    return named, np.maximum(found - count, 0)


def _with_eyes(own: Labels, count: int) -> None:
    """Give what is small and lies within labels from `count` on, as eyes do, to them."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(
        ((own >= 0) & (own < count)).view(np.uint8)
    )
    least = _EYES * np.count_nonzero(own >= 0)
    for n in 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] < least):
        piece = np.equal(pieces, n)
        around = own[grown(piece, 1) & ~piece]
        if around.size and (around >= count).mean() > _WITHIN:
            own[piece] = np.bincount(around[around >= count]).argmax()


def _order(own: Labels, kind: Labels, place: Box | None, panels: Floats | None) -> Labels:
    """(K,) the labels, the largest first, people's after the things that they rival; of a car, the
    one that most panels are; before all of them the one at a place that rivals the first.
    """
    sizes: NDArray[Any] = np.bincount(own[own >= 0])
    rival = _RIVAL
    spared = (kind > 0) & (_RIVAL * sizes <= sizes[kind == 0].max(initial=0))
    order = np.lexsort((-sizes, spared))
    if panels is not None and panels.mean() > _CAR:
        sizes, rival = np.bincount(own[own >= 0], panels), _SECOND
        order = _with_first(order, int(sizes.argmax()))
    pointed = None if place is None else _pointed(own, place)
    if pointed is None or (spared[pointed] and PEOPLE[kind[pointed] - 1] == "skin"):
        return order
    return _with_first(order, pointed) if sizes[pointed] >= rival * sizes[order[0]] else order


def _with_first(order: Labels, k: int) -> Labels:
    return np.array([k, *order[order != k]])


def _pointed(own: Labels, place: Box) -> int | None:
    """The material at a place; what lies around it where that is a chip of one that lies elsewhere:
    a highlight on a saucer has the color of the cream in the cup.
    """
    there = own[place][own[place] >= 0]
    if not there.size:
        return None
    pointed = int(np.bincount(there).argmax())
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(np.equal(own, pointed).view(np.uint8))
    piece = int(np.bincount(pieces[place][np.equal(own[place], pointed)]).argmax())
    areas = stats[1:, cv2.CC_STAT_AREA]
    if areas[piece - 1] >= _CHIP * areas.max():
        return pointed
    inside = np.equal(pieces, piece)
    around = own[grown(inside, 1) & ~inside & (own >= 0)]
    return int(np.bincount(around).argmax()) if around.size else pointed


def _means(small: Small, labels: Labels, count: int) -> NDArray[np.float64]:
    """(count, 3) linear light of labels (h, w), -1 outside; black where there are none."""
    linear, labels = srgb_to_linear(small.levels[labels >= 0].T), labels[labels >= 0]
    sizes = np.maximum(np.bincount(labels, minlength=count), 1)
    return np.stack([np.bincount(labels, plane, count) / sizes for plane in linear], axis=1)


def _materials(small: Small, own: Labels, kind: Labels) -> tuple[Material, ...]:
    levels, labels = small.levels[small.inside], own[small.inside]
    sizes = np.bincount(labels)
    colors = [_median(levels[labels == k]) / 255 for k in range(len(sizes))]
    shares, names = sizes / sizes.sum(), ("", *PEOPLE)
    return tuple(
        Material(to_hex(c), float(s), names[k])
        for c, s, k in zip(colors, shares, kind, strict=True)
    )


def _median(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(3,) of (N, 3): along contiguous rows in half of the time."""
    return np.asarray(np.median(np.ascontiguousarray(levels.T), axis=1), np.float64)


def _votes(own: Labels, count: int) -> Floats:
    """(count, h, w) that sum to 1 everywhere.

    Where nobody lives, the nearest neighbor is asked, but not believed: along the rim there may be
    a material that is nowhere else near.
    """
    empty = own < 0
    shares = np.bincount(own[~empty], minlength=count) / (~empty).sum()
    if empty.any():
        _, nearest = cv2.distanceTransformWithLabels(
            empty.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        lookup = np.zeros(int(nearest.max()) + 1, own.dtype)
        lookup[nearest[~empty]] = own[~empty]
        own = lookup[nearest]
    votes = counts_of(own, count, _VOTERS).astype(np.float32)
    votes /= votes.sum(axis=0)
    doubt = _DOUBT * empty
    return np.asarray(votes * (1 - doubt) + doubt * shares[:, None, None], np.float32)
