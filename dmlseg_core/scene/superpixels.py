"""Superpixels: a photo flooded from the quiet places between its edges.

A watershed from markers (Meyer 1992). Markers are the flat parts of the photo, a sky being one, and
the least steep pixel of each tile, as in waterpixels (Machairas et al. 2015): so many superpixels
at most, however rich the photo. A handful of passes over 8-bit images, in place of sorting the
differences of half a million pairs of pixels (felzenszwalb).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIGMA = 0.8
"""Standard deviation of the smoothing, pixels."""
TILE = 9
"""Side of a tile, pixels."""
FLAT = 2
"""Range of 8-bit values up to which 3 x 3 pixels are flat; a flat part holds such a square."""
_SQUARE = np.ones((3, 3), np.uint8)
_NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def superpixels(rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Connected regions that follow the edges of a photo.

    Args:
        rgb: (h, w, 3) uint8.

    Returns:
        (h, w) int32, numbered from 0 on without gaps.
    """
    smooth = cv2.GaussianBlur(rgb, (0, 0), SIGMA)
    steep = cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, _SQUARE)
    steep = cv2.max(cv2.max(steep[..., 0], steep[..., 1]), steep[..., 2])
    flat = cv2.morphologyEx((steep <= FLAT).astype(np.uint8), cv2.MORPH_OPEN, _SQUARE)
    flat[_least(np.asarray(steep, np.uint8))] = 1
    markers = cv2.connectedComponents(flat, connectivity=8)[1]
    return flooded(np.asarray(smooth, np.uint8), np.asarray(markers, np.int32))


def _least(steep: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(y, x) of the first least value of every tile; the last ones are cut off by the photo."""
    h, w = steep.shape
    wide = np.pad(steep, ((0, -h % TILE), (0, -w % TILE)), constant_values=255)
    rows, columns = wide.shape[0] // TILE, wide.shape[1] // TILE
    tiles = wide.reshape(rows, TILE, columns, TILE).swapaxes(1, 2).reshape(rows, columns, -1)
    down, right = np.divmod(tiles.argmin(2), TILE)
    y, x = down + TILE * np.arange(rows)[:, None], right + TILE * np.arange(columns)
    return np.minimum(y, h - 1).ravel(), np.minimum(x, w - 1).ravel()


def flooded(image: NDArray[np.uint8], markers: NDArray[np.int32]) -> NDArray[np.int32]:
    """The watershed of markers 1 .. N (h, w), 0 elsewhere, its lines given to what they resemble.

    Returns:
        (h, w) int32 in 0 .. N - 1.
    """
    # OpenCV makes a line of the rim of what it is given
    wide = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    labels = np.pad(markers, 1)
    cv2.watershed(wide, labels)
    labels[[0, -1]] = labels[:, [0, -1]] = 0
    y, x = np.nonzero(labels[1:-1, 1:-1] <= 0)
    at = (y + 1) * labels.shape[1] + x + 1
    values, pixels = labels.reshape(-1), wide.reshape(-1, 3).astype(np.int16)
    while len(at):
        values[at] = _resembled(values, pixels, at, labels.shape[1])
        at = at[values[at] == 0]
    return np.ascontiguousarray(labels[1:-1, 1:-1]) - 1


def _resembled(
    values: NDArray[np.int32], pixels: NDArray[np.int16], at: NDArray[np.intp], width: int
) -> NDArray[np.int32]:
    """Labels of the numbered neighbours that are most like the pixels `at`, 0 where none is."""
    found, least = np.zeros(len(at), np.int32), np.full(len(at), 256, np.int16)
    own = pixels[at]
    for down, right in _NEIGHBOURS:
        there = at + down * width + right
        apart = np.abs(pixels[there] - own).max(1)
        closer = (values[there] > 0) & (apart < least)
        found[closer], least[closer] = values[there[closer]], apart[closer]
    return found
