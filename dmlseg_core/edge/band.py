"""A mask's edge moved to the photo's, and made soft there: filters that run in the edge band only.

A wide band is filtered on the photo made smaller: its windows are wide, and see no more there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edge.contour import band_radius
from dmlseg_core.edge.guided import Fit, Pixels, Windows, scaled
from dmlseg_core.edge.tiles import Tiles

Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]

FINE = 5
"""A band no wider than this needs no decision: the mask's edge is the photo's."""
WIDEST = 6
"""Half width of the band in which alpha may be soft: a decision is better than a smear."""
_SETTLED = 0.75
"""A band must shrink at least so far for another look at it."""
_SEEN = 1e-4
"""Trust below which a window is flat: nothing there speaks against the mask, which stays."""
_NARROW = 11
"""Half width of a band, in pixels, that the photo made smaller still has at least."""
_HALF = 128
_TILE = 24
"""Cells of the reduced grid along a tile."""


class Pyramid:
    """A photo, and the photo at half, a quarter, ... of its size, made when they are asked for."""

    def __init__(self, rgb: Pixels) -> None:
        self._levels = [rgb]

    def at(self, level: int) -> Pixels:
        """(H >> level, W >> level, 3)."""
        while len(self._levels) <= level:
            self._levels.append(halved(self._levels[-1]))
        return self._levels[level]


def halved(picture: NDArray[Any]) -> NDArray[Any]:
    """Means of 2 x 2 pixels of a (H, W, ...) picture; a last odd row or column is left out."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    even = picture[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)).reshape(
        height, width, *picture.shape[2:]
    )


def moved(inside: Bools, photo: Pyramid, radius: int, eps: float) -> tuple[Bools, int]:
    """An edge that is only nearby: decided within `radius`, then looked at again, closer.

    Returns:
        the mask, and half the width of the band about its edge in which alpha is soft.
    """
    while True:
        level = _level(radius, inside.shape)
        inside = _snapped(inside, photo, radius, level, eps)
        nearer = max(band_radius(inside, photo.at(0), radius), 1 << level if level else 0)
        if nearer <= FINE and not level:
            return inside, nearer
        if nearer > radius * _SETTLED:
            return inside, band_radius(inside, photo.at(0), min(radius, WIDEST))
        radius = nearer


def soften(
    alpha: Floats, inside: Bools, rgb: Pixels, *, radius: int, eps: float, gain: float
) -> None:
    """Replace (H, W) alpha, in place, in a band about the edge of `inside`."""
    alpha[...] = inside
    tiles = _tiles(inside, radius, 1)
    for piece in _filtered(inside.view(np.uint8), rgb, tiles, radius, eps=eps):
        sharp = (piece.soft - np.float32(0.5)) * np.float32(gain) + np.float32(0.5)
        made = np.where(piece.band, np.clip(sharp, 0.0, 1.0, out=sharp), piece.hard)
        piece.tiles.put(made, alpha)
    for part in Tiles(tiles.corners, tiles.size, WIDEST).batches():
        # nets and lattices: what is far from any edge is decided too
        shares = part.gather(alpha)
        found = shares >= np.float32(0.5)
        soft = part.own(_band(found.view(np.uint8), WIDEST))
        part.put(np.where(soft, part.own(shares), part.own(found)), alpha)


def _snapped(inside: Bools, photo: Pyramid, radius: int, level: int, eps: float) -> Bools:
    """The mask with its edge moved to the photo's, at most `radius` away, as it is seen on the
    photo halved `level` times.
    """
    mask = inside.view(np.uint8) * np.uint8(255)
    for _ in range(level):
        mask = halved(mask)
    made, told, radius = mask.copy(), np.zeros(mask.shape, np.uint8), radius >> level
    tiles = _tiles(mask >= _HALF, radius, 2)
    for piece in _filtered(mask, photo.at(level), tiles, radius, eps=eps, passes=2):
        piece.tiles.put(np.rint(np.clip(255 * piece.soft, 0, 255)), made)
        piece.tiles.put(piece.band & (piece.trust > _SEEN), told)
    out = inside.copy()
    made, told = (_enlarged(a, level, inside.shape) for a in (made, told))
    np.copyto(out, made >= _HALF, where=told.view(np.bool_))
    return out


def _level(radius: int, size: tuple[int, ...]) -> int:
    """How often a photo is halved for a band of `radius`."""
    level = 0
    while radius >> (level + 1) >= _NARROW and min(size) >> (level + 1) >= _NARROW:
        level += 1
    return level


def _enlarged(small: Bytes, level: int, size: tuple[int, ...]) -> Bytes:
    """A picture that was halved so often, at its former size."""
    if level == 0:
        return small
    height, width = small.shape[0] << level, small.shape[1] << level
    how = cv2.INTER_NEAREST if small.max() <= 1 else cv2.INTER_LINEAR
    wide = cv2.resize(small, (width, height), interpolation=how)
    below, after = size[0] - height, size[1] - width
    return np.asarray(cv2.copyMakeBorder(wide, 0, below, 0, after, cv2.BORDER_REPLICATE), np.uint8)


def _tiles(inside: Bools, radius: int, passes: int) -> Tiles:
    """The tiles of a band, with margins as wide as the filter reaches."""
    step, cells = _grid(radius)
    return Tiles.about(inside, step, _TILE * step, (2 * cells * passes + 1) * step)


def _grid(radius: int) -> tuple[int, int]:
    """Pixels along a cell of the reduced grid, and cells along half a window."""
    step = max(1, round(radius / 2.5))
    return step, max(1, radius // step)


def _band(mask: Bytes, radius: int) -> Bools:
    """What lies within `radius`, by rows and columns, of the edge of a mask of 0 and 1."""
    side = 2 * radius + 1
    count = cv2.boxFilter(
        mask, cv2.CV_32S, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT
    )
    return np.asarray((count > 0) & (count < side * side))


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some tiles of a picture, filtered.

    Attributes:
        tiles: where they lie.
        hard: (h, N, w) bool, the mask.
        band: (h, N, w) bool, what is near its edge.
        soft: (h, N, w) the filtered values, 0..1 but not clipped.
    """

    tiles: Tiles
    hard: Bools
    band: Bools
    soft: Floats
    _fit: Fit

    @property
    def trust(self) -> Floats:
        """(h, N, w) of the fit."""
        return _read(self.tiles, self._fit.trust)


def _filtered(
    mask: Bytes, rgb: Pixels, tiles: Tiles, radius: int, *, eps: float, passes: int = 1
) -> Iterator[_Piece]:
    """Filter the tiles of a mask, some at a time: of 0 and 1, or of 0 to 255 where it is soft."""
    step, cells = _grid(radius)
    for part in tiles.batches():
        levels, photo = part.gather(mask), part.gather(rgb)
        if levels.max() <= 1:
            levels *= np.uint8(255)
        size = levels.shape[1] // step, levels.shape[0] // step
        small = (cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (photo, levels))
        guide, goal = map(scaled, small)
        fit = Windows.of(guide, cells, eps).fit(goal)
        for _ in range(passes - 1):
            fit = fit.again()
        *slope, soft = (_read(part, plane) for plane in fit.linear)
        for k, own in enumerate(slope):
            soft += own * scaled(part.own(photo)[..., k])
        hard = levels >= _HALF
        yield _Piece(part, part.own(hard), part.own(_band(hard.view(np.uint8), radius)), soft, fit)


def _read(part: Tiles, plane: Floats) -> Floats:
    """(h, N, w): a plane of the reduced grid at the photo's pixels, bilinear."""
    cells = part.own(plane, keep=1)
    height, count, width = cells.shape
    step = part.rows // len(plane)
    size = count * width * step, height * step
    wide = cv2.resize(cells.reshape(height, -1), size, interpolation=cv2.INTER_LINEAR)
    tiles = wide.reshape(height * step, count, width * step)
    cut = (height * step - part.size[0]) // 2
    return np.asarray(tiles[cut : len(tiles) - cut, :, cut : width * step - cut], np.float32)
