"""The palette of an object: its materials, which of them is its body, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import srgb_to_linear, to_hex
from dmlseg_core.paint.materials.clusters import clusters_of, labels_of, votes_of
from dmlseg_core.paint.materials.members import Members
from dmlseg_core.paint.materials.same import groups_of, joined, without_mixtures
from dmlseg_core.paint.materials.small import Small

Floats: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.intp]
Box: TypeAlias = tuple[slice, slice]

_VOTERS = 3
"""Side of the window of the small picture in which materials vote for a pixel of the photo."""

_DOUBT = 0.3
"""Weight of what the object is made of in the votes along its rim."""


@dataclass(frozen=True)
class Material:
    """One paint of an object.

    Attributes:
        color: '#rrggbb', its usual color.
        share: of the object's area, 0..1.
    """

    color: str
    share: float


@dataclass(frozen=True, eq=False)
class Palette:
    """The materials of an object, the largest first: that is its body.

    Attributes:
        materials: one to five.
    """

    materials: tuple[Material, ...]
    _source: tuple[Any, ...] = field(repr=False)

    @classmethod
    def of(cls, rgb: NDArray[Any], alpha: Floats, box: Box, known: Floats) -> Palette:
        """Tell the materials of an object apart.

        Args:
            rgb: (H, W, 3) uint8 or uint16 sRGB.
            alpha: (H, W) float32 in [0, 1].
            box: rows and columns outside of which alpha is 0.
            known: (H, W), the part of alpha that is measured.
        """
        rgb, alpha = rgb[box], np.ascontiguousarray(alpha[box])
        small = Small.of(rgb, np.ascontiguousarray(known[box]))
        inside = small.inside
        centers = clusters_of(small.features[:, inside])
        labels = labels_of(small.features, inside, centers)
        kept = without_mixtures(labels, centers)
        labels = np.append(kept, -1)[labels]
        colors = np.array([_mean(small.levels[labels == k]) for k in range(len(centers))])
        groups = groups_of(small.features, labels, centers, colors)
        own = np.full(inside.shape, -1)
        own[inside] = joined(small.features[:, inside], groups[labels[inside]])
        names = np.unique(labels[inside])
        materials = np.array([own[labels == k][0] for k in names])
        return cls(_materials(small, own), (rgb, alpha, own, centers[names], materials))

    @cached_property
    def members(self) -> Members:
        """How much of each material lies at each pixel of the box."""
        rgb, alpha, own, centers, materials = self._source
        return Members.of(rgb, alpha, _votes(own, len(self.materials)), centers, materials)


def _mean(levels: NDArray[np.uint8]) -> Floats:
    """(n, 3) uint8 -> (3,) linear light; black where there are none."""
    if not len(levels):
        return np.zeros(3, np.float32)
    return np.asarray(srgb_to_linear(levels).mean(axis=0), np.float32)


def _materials(small: Small, own: Labels) -> tuple[Material, ...]:
    sizes = np.bincount(own[own >= 0])
    colors = [np.median(small.levels[own == k], axis=0) / 255 for k in range(len(sizes))]
    shares = sizes / sizes.sum()
    return tuple(Material(to_hex(c), float(s)) for c, s in zip(colors, shares, strict=True))


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
    votes = votes_of(own, count, _VOTERS)
    votes /= votes.sum(axis=0)
    doubt = _DOUBT * empty
    return np.asarray(votes * (1 - doubt) + doubt * shares[:, None, None], np.float32)
