"""Geometry between photo, network input and network grid: the one place that knows the offsets.

The network pads symmetrically and takes sides of 16n + 1, so the centre of grid cell j lies exactly
on input pixel 4j. Everything else follows from that and from pixel centres at integer coordinates.

The mirror image of a padded input has its padding at the left and its cells on cells: pixel 4j
becomes pixel Wp - 1 - 4j = 4 ((Wp - 1) / 4 - j), as Wp - 1 is a multiple of 16. So the grid of a
mirrored input is mirrored back cell by cell, without resampling. (Were a photo mirrored before it
is padded, its cells would lie between those of the plain one unless its input width is 4n + 1.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.config import LONG_SIDE
from dmlseg_core.errors import ParameterError

STRIDE = 4
MULTIPLE = 16
_BLOCK_ROWS = 64
MOST_STRETCH = 8.0
"""Reached by photos of 32 : 3; still longer ones are analysed smaller again."""


def stretch(size: tuple[int, int]) -> float:
    """How many times longer than other photos a long one is analysed: 1 up to 2 : 1.

    By its long side alone a panorama would be seen at a fraction of the size at which things are
    seen in ordinary photos. From 3 : 1 on the short side counts: it becomes what that of a 4 : 3
    photo is. In between the scale grows steadily; at MOST_STRETCH it ends, and so does the memory.

    >>> stretch((480, 640)), stretch((1000, 4000)), stretch((100, 9000))
    (1.0, 3.0, 8.0)
    """
    ratio = max(size) / min(size)
    return min(max(1.0, min(0.75 * ratio, 1 + 1.25 * (ratio - 2))), MOST_STRETCH)


def _padded(side: int) -> int:
    """Smallest 16n + 1 that is >= side and > 1 (the network needs at least two stride-16 cells)."""
    return max(1, math.ceil((side - 1) / MULTIPLE)) * MULTIPLE + 1


def _check_size(size: tuple[int, int]) -> tuple[int, int]:
    height, width = size
    if int(height) != height or int(width) != width or height < 1 or width < 1:
        raise ParameterError(f"a photo size must be (height, width) integers >= 1; got {size!r}")
    return int(height), int(width)


@dataclass(frozen=True)
class Frame:
    """How one photo lies in the network's input and grid.

    Attributes:
        photo_size: (H, W) of the photo as displayed.
        input_size: (h_in, w_in), the photo resized to the long side, times its `stretch`.
        padded_size: (Hp, Wp), input_size edge-padded at the right and bottom to 16n + 1.
        stride: input pixels per grid cell.

    >>> Frame.fit((480, 640), 640).grid_size
    (120, 160)
    """

    photo_size: tuple[int, int]
    input_size: tuple[int, int]
    padded_size: tuple[int, int]
    stride: int = STRIDE

    @classmethod
    def fit(cls, photo_size: tuple[int, int], long_side: int) -> Frame:
        """The frame that brings a photo's long side to `long_side` pixels, times its `stretch`.

        Raises:
            ParameterError: a size below 1, or a long side outside its range.
        """
        height, width = _check_size(photo_size)
        long_side = int(LONG_SIDE.check(long_side))
        scale = long_side * stretch((height, width)) / max(height, width)
        input_size = (max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5)))
        padded = (_padded(input_size[0]), _padded(input_size[1]))
        return cls((height, width), input_size, padded)

    @property
    def grid_size(self) -> tuple[int, int]:
        """(h, w): the cells whose centre lies on the resized photo, not on its padding."""
        h_in, w_in = self.input_size
        return (h_in - 1) // self.stride + 1, (w_in - 1) // self.stride + 1

    def to_input(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Resize (antialiased) and pad a photo for the network.

        Args:
            rgb: (H, W, 3) uint8 sRGB, of this frame's photo_size.

        Returns:
            (3, Hp, Wp) float32 in [-1, 1], contiguous.

        Raises:
            ParameterError: another shape or dtype.
        """
        if rgb.shape != (*self.photo_size, 3) or rgb.dtype != np.uint8:
            raise ParameterError(
                f"to_input expects uint8 of shape {(*self.photo_size, 3)}; "
                f"got {rgb.dtype} {rgb.shape}"
            )
        (h_in, w_in), (h_pad, w_pad) = self.input_size, self.padded_size
        pixels = np.ascontiguousarray(rgb)
        if (h_in, w_in) != self.photo_size:  # Pillow's bilinear widens its filter when shrinking
            image = Image.fromarray(pixels)
            pixels = np.asarray(
                image.resize((w_in, h_in), Image.Resampling.BILINEAR, reducing_gap=3)
            )
        pad = ((0, h_pad - h_in), (0, w_pad - w_in), (0, 0))
        padded = np.pad(pixels, pad, mode="edge").transpose(2, 0, 1)  # (3, Hp, Wp)
        scaled = np.multiply(padded, np.float32(1 / 127.5), dtype=np.float32, order="C")
        scaled -= 1
        return scaled

    def _grid_position(self, axis: int, at: float | NDArray[Any]) -> NDArray[np.float64]:
        ratio = self.input_size[axis] / self.photo_size[axis]
        return ((np.asarray(at, np.float64) + 0.5) * ratio - 0.5) / self.stride

    def place_of(self, y: float, x: float) -> tuple[float, float]:
        """Exact position on the grid, in cells, of a photo coordinate; a rim's is the last cell's.

        Args:
            y: row, in [-0.5, H): pixel centres are integers, half a pixel of rim belongs to row 0.
            x: column, in [-0.5, W).

        Raises:
            ParameterError: a point outside the photo, or not a number.
        """
        height, width = self.photo_size
        if not (-0.5 <= y < height and -0.5 <= x < width):  # NaN fails the comparison
            raise ParameterError(
                f"the point (y, x) = ({y}, {x}) lies outside the photo of {height} x {width} pixels"
            )
        place = [
            min(max(float(self._grid_position(axis, at)), 0.0), n - 1.0)
            for axis, (at, n) in enumerate(zip((y, x), self.grid_size, strict=True))
        ]
        return place[0], place[1]

    def cell_of(self, y: float, x: float) -> tuple[int, int]:
        """Nearest grid cell (i, j) of a photo coordinate; arguments and errors of `place_of`."""
        i, j = self.place_of(y, x)
        return math.floor(i + 0.5), math.floor(j + 0.5)

    def cells(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Grid row of every photo row, (H,), and grid column of every column, (W,): `cell_of`."""
        rows, columns = (
            np.clip(np.floor(self._grid_position(axis, np.arange(side)) + 0.5), 0, n - 1)
            for axis, (side, n) in enumerate(zip(self.photo_size, self.grid_size, strict=True))
        )
        return rows.astype(np.intp), columns.astype(np.intp)

    def centres(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Photo row next to the centre of every grid row, (h,), and column likewise, (w,)."""
        rows, columns = (
            np.clip(np.rint((self.stride * np.arange(n) + 0.5) * side / wide - 0.5), 0, side - 1)
            for n, side, wide in zip(self.grid_size, self.photo_size, self.input_size, strict=True)
        )
        return rows.astype(np.intp), columns.astype(np.intp)

    def point_of(self, i: int, j: int) -> tuple[float, float]:
        """Photo coordinate (y, x) of the centre of grid cell (i, j).

        Raises:
            ParameterError: a cell outside the grid.
        """
        h, w = self.grid_size
        if not (0 <= i < h and 0 <= j < w):
            raise ParameterError(f"cell ({i}, {j}) lies outside the grid of {h} x {w} cells")
        y, x = (
            (self.stride * cell + 0.5) * self.photo_size[axis] / self.input_size[axis] - 0.5
            for axis, cell in enumerate((i, j))
        )
        return y, x

    def to_photo(self, grid: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bilinear upsampling of a grid map to photo resolution, in this exact geometry.

        Args:
            grid: (..., h, w) finite floats.

        Returns:
            (..., H, W) float32; beyond the outermost cell centres the edge value is repeated.

        Raises:
            ParameterError: the last two sides are not grid_size.
        """
        if grid.shape[-2:] != self.grid_size:
            raise ParameterError(f"expected (..., {self.grid_size}); got {grid.shape}")
        return self._read(grid, self.photo_size)

    def spread(self, grid: NDArray[np.float32]) -> NDArray[np.float32]:
        """A (..., h, w) grid map as a picture of the photo made small: of the same shape, each cell
        at the middle of its share of the photo, as a plain resize has it.
        """
        return self._read(grid, self.grid_size)

    def _read(self, grid: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """(..., h, w) -> (..., *size), over the whole photo."""
        (height, width), (h, w) = size, self.grid_size
        maps = np.ascontiguousarray(grid, dtype=np.float32).reshape(-1, h, w)
        out = np.empty((len(maps), height, width), np.float32)
        left, right, fx = self._taps(1, width)
        top, bottom, fy = self._taps(0, height)
        for rows, result in zip(maps, out, strict=True):
            wide = _lerp(rows[:, left], rows[:, right], fx)  # (h, W): columns while it is small
            for start in range(0, height, _BLOCK_ROWS):  # rows in blocks that stay in the cache
                part = slice(start, start + _BLOCK_ROWS)
                result[part] = _lerp(wide[top[part]], wide[bottom[part]], fy[part, None])
        return out.reshape(*grid.shape[:-2], height, width)

    def _taps(
        self, axis: int, count: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """For each of `count` rows or columns of the photo: the grid lines around it and the weight
        of the second.
        """
        last = self.grid_size[axis] - 1
        photo = (np.arange(count, dtype=np.float64) + 0.5) * (self.photo_size[axis] / count) - 0.5
        at = np.clip(self._grid_position(axis, photo), 0, last)
        first = np.minimum(at.astype(np.intp), max(last - 1, 0))
        return first, np.minimum(first + 1, last), (at - first).astype(np.float32)


def _lerp(
    a: NDArray[np.float32], b: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """a + weight * (b - a), reusing b's memory (both are fresh gathers)."""
    b -= a
    b *= weight
    b += a
    return b


def check_visible(visible: NDArray[np.bool_] | None, y: float, x: float) -> None:
    """Refuse a photo pixel that is wholly transparent: nobody can point at what nobody sees.

    Args:
        visible: (H, W) bool; None: all of the photo is.
        y, x: a pixel of the photo.

    Raises:
        ParameterError: it is transparent.
    """
    if visible is None:
        return
    height, width = visible.shape
    if not visible[min(max(round(y), 0), height - 1), min(max(round(x), 0), width - 1)]:
        raise ParameterError(
            f"the photo is transparent at (y, x) = ({y:g}, {x:g}); choose a visible pixel"
        )
