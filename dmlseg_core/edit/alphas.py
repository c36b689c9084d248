"""Soft masks of one photo, each refined once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

MOST = 256
"""Maps that are remembered: of a recipe's 100 edits each may have two, its alpha and its gated one.
"""


class SoftMask(Protocol):
    """What is asked of a `Mask`; it is told from others by identity."""

    def to_alpha(self, rgb: NDArray[Any], *, matting: bool = False) -> Floats: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Patch:
    """A map that is 0 outside a box.

    Attributes:
        top, left: of the box.
        values: (bh, bw) float32.
    """

    top: int
    left: int
    values: Floats

    @classmethod
    def of(cls, full: Floats) -> Patch:
        """The smallest patch that holds (H, W); one pixel where all of it is 0."""
        rows, columns = np.flatnonzero(full.any(axis=1)), np.flatnonzero(full.any(axis=0))
        if not rows.size:
            return cls(0, 0, np.zeros((1, 1), np.float32))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        return cls(int(rows[0]), int(columns[0]), full[box].copy())

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns."""
        height, width = self.values.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def full(self, size: tuple[int, ...]) -> Floats:
        """(H, W) float32."""
        out = np.zeros(size[:2], np.float32)
        out[self.box] = self.values
        return out

    def without(self, other: Patch) -> Patch:
        """This times (1 - other); itself where they do not meet."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom = min(self.box[0].stop, other.box[0].stop)
        right = min(self.box[1].stop, other.box[1].stop)
        if top >= bottom or left >= right:
            return self
        theirs = other.values[top - other.top : bottom - other.top,
                              left - other.left : right - other.left]  # fmt: skip
        if not theirs.any():
            return self
        values = self.values.copy()
        values[top - self.top : bottom - self.top, left - self.left : right - self.left] *= (
            1 - theirs
        )
        return Patch(self.top, self.left, values)


@dataclass(frozen=True, eq=False)
class _Packed:
    """A patch in an eighth of a byte per pixel, and eight bytes per pixel that is neither 0 nor 1:
    what an object's edge is made of.
    """

    top: int
    left: int
    size: tuple[int, ...]
    ones: NDArray[np.uint8]
    at: NDArray[np.int32]
    soft: Floats

    @classmethod
    def of(cls, patch: Patch) -> Self:
        flat = patch.values.reshape(-1)
        ones = flat == 1
        at = np.flatnonzero((flat != 0) & ~ones).astype(np.int32)
        return cls(patch.top, patch.left, patch.values.shape, np.packbits(ones), at, flat[at])

    def patch(self) -> Patch:
        """The same values, to the bit."""
        flat = np.unpackbits(self.ones, count=self.size[0] * self.size[1]).astype(np.float32)
        flat[self.at] = self.soft
        return Patch(self.top, self.left, flat.reshape(self.size))

    @property
    def nbytes(self) -> int:
        return self.ones.nbytes + self.at.nbytes + self.soft.nbytes


class Alphas:
    """Remembers the soft masks of one photo at one size.

    Args:
        guide: (H, W, 3) uint8, the photo that edges are refined on.
    """

    def __init__(self, guide: NDArray[np.uint8]) -> None:
        self.guide = guide
        self._known: dict[tuple[SoftMask, Hashable], _Packed] = {}  # the youngest last

    @property
    def nbytes(self) -> int:
        """Bytes of what is remembered; other threads may ask while more is."""
        return sum(packed.nbytes for packed in list(self._known.values()))

    def of(self, mask: SoftMask, *, matting: bool = False) -> Patch:
        """The mask's alpha, whatever lies over it."""
        return self.remembered(
            mask, matting, lambda: Patch.of(mask.to_alpha(self.guide, matting=matting))
        )

    def remembered(self, mask: SoftMask, kind: Hashable, make: Callable[[], Patch]) -> Patch:
        """A map of a mask, made once."""
        key = mask, kind  # the mask itself: the id of one that is gone may come again
        if (known := self._known.pop(key, None)) is not None:
            self._known[key] = known
            return known.patch()
        made = make()
        self._known[key] = _Packed.of(made)
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return made
