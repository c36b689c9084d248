"""The ring of an object's color that JPEG's coarse chroma leaves outside its edge.

4:2:0 stores one chroma value for 2 x 2 pixels, so color, but not brightness, reaches two or three
pixels past an edge. No alpha explains that: what is outside stays, in the old color.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edge.alpha import mask_box
from dmlseg_core.edge.guided import Pixels, Places

Floats: TypeAlias = NDArray[np.float32]

_REACH = 3
"""Pixels past the edge that the chroma of 2 x 2 pixels, interpolated, can reach."""
_FAR = np.array([1.5, 2.5, 3.5], np.float32)
"""Pixels beyond `_REACH` on each side of the edge where the two colors are read."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LEAST_LUMA, _LEAST_CHROMA = 16 / 255, 24 / 255
"""Contrasts of object and ground under which they tell nothing."""
_NOISE = 6 / 255
_REAL = 0.04
"""Mean excess of chroma along the whole edge under which the photo has no ring."""
_ONE_SIDED = 0.6
"""The same as a share of the mean size: noise is as often less as more."""
_FEW = 40
"""Pixels with any excess under which the edge tells nothing."""
_MARGIN = 8
"""Pixels about a place that are looked at."""
_STRIP = 1 << 20
"""Pixels of one piece of work."""


@dataclass(frozen=True, eq=False)
class Spill:
    """What to add to a photo's pixels to take the ring back.

    Attributes:
        places: (N,) indices into the flat photo; none where it has no ring.
        change: (3, N) float32 in 0..1 sRGB units, without luma.
    """

    places: Places
    change: Floats

    @classmethod
    def of(cls, rgb: Pixels, share: Floats) -> Spill:
        """Measure (H, W, 3) uint8 or uint16 outside the edge of (H, W) share.

        Chroma is stored at half resolution in 8-bit files only, so 16 bits have no ring.
        """
        if rgb.dtype == np.uint16:
            return cls(np.zeros(0, np.intp), np.zeros((3, 0), np.float32))
        parts = list(_rings(rgb, share))
        places = np.concatenate([np.zeros(0, np.intp), *(part[0] for part in parts)])
        excess = np.concatenate([np.zeros(0, np.float32), *(part[1] for part in parts)])
        chroma = np.concatenate([np.zeros((0, 3), np.float32), *(part[2] for part in parts)])
        if not _is_real(excess):
            return cls(places[:0], chroma[:0].T)
        some = excess > 0
        return cls(places[some], (-excess[some, None] * chroma[some]).T)

    def take_back(self, painted: Pixels, amount: float = 1.0) -> None:
        """Change the ring's pixels of (H, W, 3) `painted`, in place; `amount` in [0, 1]."""
        if not self.places.size or amount <= 0:
            return
        flat, top = painted.reshape(-1, 3), np.iinfo(painted.dtype).max
        moved = flat[self.places] + np.float32(top * amount) * self.change.T
        flat[self.places] = np.clip(np.rint(moved), 0, top).astype(painted.dtype)


def _is_real(excess: Floats) -> bool:
    """Whether the whole edge has more of the object's chroma outside than chance would give it."""
    if np.count_nonzero(excess) < _FEW:
        return False
    size = np.abs(excess).mean()
    return bool(excess.mean() > max(_REAL, _ONE_SIDED * size))


def _rings(rgb: Pixels, share: Floats) -> Iterator[tuple[Places, Floats, Floats]]:
    """Of some rows each: places in the ring, their excess of chroma, object's less ground's."""
    box = mask_box(share >= np.float32(0.5), margin=_MARGIN)
    if box is None:
        return
    step = max(1, _STRIP // (box[1].stop - box[1].start))
    for top in range(box[0].start, min(box[0].stop, len(share)), step):
        yield _ring(rgb, share, slice(top, min(top + step, box[0].stop)), box[1])


def _ring(rgb: Pixels, share: Floats, own: slice, columns: slice) -> tuple[Places, Floats, Floats]:
    """The same of the rows `own`."""
    first, left = max(0, own.start - _MARGIN), columns.start
    part = share[first : own.stop + _MARGIN, columns]
    hard = (part >= np.float32(0.5)).view(np.uint8)
    window = np.ones((2 * _REACH + 1,) * 2, np.uint8)
    ring = np.asarray((cv2.dilate(hard, window) != hard) & (part < np.float32(0.5)))
    ring[: own.start - first] = False
    ring[own.stop - first :] = False
    at = np.divmod(np.flatnonzero(ring), ring.shape[1])
    normal = _outwards(hard, *at)
    flat = rgb[first : own.stop + _MARGIN].reshape(-1, 3)
    crop = _Crop(flat, rgb.shape[1], left, hard)
    ground, is_ground = crop.beside(at, normal, out=True)
    front, is_front = crop.beside(at, normal, out=False)
    good = is_ground & is_front
    rows, across = at[0][good], at[1][good]
    excess, chroma = _excess(
        crop.colors(rows, across), part[rows, across], front[good], ground[good]
    )
    return (rows + first) * rgb.shape[1] + across + left, excess, chroma


def _outwards(hard: NDArray[np.uint8], rows: Places, columns: Places) -> Floats:
    """(N, 2) unit vectors (y, x) from the object to the ground."""
    count = cv2.boxFilter(hard, -1, (7, 7), normalize=False, borderType=cv2.BORDER_REPLICATE)
    down, right = (
        cv2.Sobel(count, cv2.CV_16S, dx, 1 - dx)[rows, columns].astype(np.float32) for dx in (0, 1)
    )
    away = -np.stack([down, right], axis=1)
    return np.asarray(away / np.maximum(np.hypot(down, right), 1e-6)[:, None], np.float32)


class _Crop(NamedTuple):
    """Rows of a photo, and where the object is in some columns of them."""

    pixels: Pixels
    width: int
    left: int
    hard: NDArray[np.uint8]

    def colors(self, rows: Places, columns: Places) -> Floats:
        """(N, 3) in 0..1."""
        found = self.pixels.take(rows * self.width + (columns + self.left), axis=0)
        return np.asarray(found * np.float32(1 / np.iinfo(found.dtype).max), np.float32)

    def beside(
        self, at: tuple[Places, Places], normal: Floats, *, out: bool
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Mean colors (N, 3) some way along the normal, and where all of it is on that side."""
        total: Floats = np.zeros((len(normal), 3), np.float32)
        good: NDArray[np.bool_] = np.ones(len(normal), np.bool_)
        for far in _FAR if out else -_FAR - 1:
            step = np.rint((far + np.sign(far) * _REACH) * normal).astype(np.intp)
            rows = np.clip(at[0] + step[:, 0], 0, self.hard.shape[0] - 1)
            columns = np.clip(at[1] + step[:, 1], 0, self.hard.shape[1] - 1)
            total += self.colors(rows, columns)
            good &= self.hard[rows, columns] != out
        return total / np.float32(len(_FAR)), good


def _excess(own: Floats, alpha: Floats, front: Floats, ground: Floats) -> tuple[Floats, Floats]:
    """How much more of the object's chroma than of its brightness (N, 3) colors have, -1 to 1."""
    step, shown = front - ground, own - ground
    step_luma, shown_luma = step @ _LUMA, shown @ _LUMA
    chroma, shown = step - step_luma[:, None], shown - shown_luma[:, None]
    strength = (chroma**2).sum(axis=1)
    part = (shown * chroma).sum(axis=1) / np.maximum(strength, 1e-6)
    rest = np.sqrt(((shown - part[:, None] * chroma) ** 2).sum(axis=1))
    clear = np.abs(step_luma) > _LEAST_LUMA
    covered = np.where(clear, shown_luma / np.where(clear, step_luma, 1), 0)
    excess = np.clip(part - np.maximum(covered, alpha), -1, 1)
    known = (strength > _LEAST_CHROMA**2) & (rest < 0.5 * np.abs(part) * np.sqrt(strength) + _NOISE)
    return np.where(known, excess, 0).astype(np.float32), chroma.astype(np.float32)
