"""Superpixels of a photo, and what is known of each and of each boundary between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.superpixels import superpixels

SIDE = 384
"""Long side at which a larger photo is cut up, pixels: the superpixels' sizes are for it."""
BINS = 8
_FINE, _STEP = 64, 4  # bins of 8-bit values that are counted, and the values in each
LAB_RANGES = ((0.0, 100.0), (-50.0, 50.0), (-50.0, 50.0))
FEATURES: tuple[str, ...] = ("embedding", "color", "contrast", "size")
"""What `features` says of a pair, in its order."""


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Superpixels and the pairs of them that touch.

    Attributes:
        labels: (h, w) superpixel of each pixel.
        cells: (rows, columns) superpixel at the centre of each cell of the grid.
        sums: (N, 1 + D + 3 BINS): pixels, and the sums of embedding and soft Lab histograms. Sums
            add up, so the row of a merged region is the sum of its parts' rows.
        pairs: (E, 2) touching superpixels, the smaller number first.
        edges: (E, 2): length of their boundary in pixels, and the sum of the contrast along it.
    """

    labels: NDArray[np.int32]
    cells: NDArray[np.int32]
    sums: NDArray[np.float32]
    pairs: NDArray[np.intp]
    edges: NDArray[np.float32]


def shrink(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo (H, W, 3) uint8 at a long side of at most SIDE."""
    scale = min(1.0, SIDE / max(rgb.shape[:2]))
    height, width = (max(1, round(n * scale)) for n in rgb.shape[:2])
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def measure(embedding: NDArray[np.float32], frame: Frame, rgb: NDArray[np.uint8]) -> Adjacency:
    """Superpixels of a photo and what is known of each and of each boundary.

    Args:
        embedding: (D, h, w).
        frame: where the grid lies on the photo.
        rgb: (h, w, 3) uint8, the photo at any size.
    """
    image = shrink(rgb)
    labels = superpixels(image)
    lab = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.uint8)
    area = np.bincount(labels.ravel()).astype(np.float32)[:, None]
    small = Frame(labels.shape, frame.input_size, frame.padded_size, frame.stride)
    cells = labels[np.ix_(*small.centres())]
    sums = [area, area * _vectors(embedding, labels, small), _histograms(lab, labels)]
    return Adjacency(labels, cells, np.concatenate(sums, 1), *_boundaries(lab, labels))


def _vectors(
    embedding: NDArray[np.float32], labels: NDArray[np.int32], small: Frame
) -> NDArray[np.float32]:
    """(N, D) mean over a superpixel's pixels of the cell that each lies in.

    Of all pixel rows, but in each cell's central column alone: a third of the pixels. A superpixel
    that holds none of them takes the cell of one of its pixels.
    """
    (down, right), columns = small.cells(), small.centres()[1]
    samples = torch.from_numpy(labels[:, columns].ravel())
    seen = torch.from_numpy((down[:, None] * len(columns) + np.arange(len(columns))).ravel())
    held = np.bincount(samples.numpy(), minlength=int(labels.max()) + 1)
    rows = torch.from_numpy(embedding).flatten(1).T
    total = torch.zeros(len(held), rows.shape[1]).index_add_(0, samples, rows[seen])
    found: NDArray[np.float32] = np.divide(
        total.numpy(), np.maximum(held, 1)[:, None], dtype=np.float32
    )
    pixel = np.empty(len(held), np.intp)
    pixel[labels.ravel()] = np.arange(labels.size)  # any one of its pixels
    empty = np.flatnonzero(held == 0)
    y, x = np.divmod(pixel[empty], labels.shape[1])
    found[empty] = embedding[:, down[y], right[x]].T
    return found


def _histograms(lab: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """(N, 3 BINS) soft histogram of each channel of superpixels: a value counts for two bins."""
    count, wide = int(labels.max()) + 1, labels * np.int32(_FINE)
    found = []
    for k, (low, high) in enumerate(LAB_RANGES):
        # counted in fine bins first, each of which then counts for two of the BINS
        fine = np.bincount((wide + lab[..., k] // _STEP).ravel(), minlength=count * _FINE)
        middle = _lab_value(np.arange(_FINE) * _STEP + (_STEP - 1) / 2, k)
        at = np.clip((middle - low) / (high - low), 0, 1) * (BINS - 1)
        share = np.maximum(1 - np.abs(at[:, None] - np.arange(BINS)), 0).astype(np.float32)
        found.append(fine.reshape(count, _FINE).astype(np.float32) @ share)
    return np.concatenate(found, 1)


def _lab_value(value: NDArray[Any], channel: int) -> NDArray[Any]:
    """L, a or b of OpenCV's 8-bit value."""
    return value - 128 if channel else value * (100 / 255)


def _boundaries(
    lab: NDArray[np.uint8], labels: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Touching pairs, and the length of their boundary and the sum of the contrast along it."""
    smooth = cv2.GaussianBlur(lab.astype(np.float32), (0, 0), 1.0)
    (height, width), count = labels.shape, int(labels.max()) + 1
    number, pixels = labels.reshape(-1), smooth.reshape(-1, 3)
    keys, contrast = [], []
    for axis, step in ((0, width), (1, 1)):
        apart = labels[:-1] != labels[1:] if axis == 0 else labels[:, :-1] != labels[:, 1:]
        y, x = np.nonzero(apart)
        at = y * width + x
        # one pixel beyond either side of the edge
        back = at - step * ((y, x)[axis] > 0)
        ahead = at + step * (1 + ((y, x)[axis] + 2 < (height, width)[axis]))
        gap = (pixels[ahead] - pixels[back]) * np.array([100 / 255, 1, 1], np.float32)
        contrast.append(np.sqrt(np.einsum("kc,kc->k", gap, gap)))
        one, other = number[at].astype(np.intp), number[at + step]
        keys.append(np.minimum(one, other) * count + np.maximum(one, other))
    unique, which = np.unique(np.concatenate(keys), return_inverse=True)
    edges = [np.bincount(which), np.bincount(which, np.concatenate(contrast))]
    return np.stack(np.divmod(unique, count), 1), np.stack(edges, 1).astype(np.float32)


def features(
    ours: NDArray[np.float32], theirs: NDArray[np.float32], edges: NDArray[np.float32], pixels: int
) -> NDArray[np.float32]:
    """What speaks for a boundary between two regions: (K, 4), in the order of FEATURES.

    Distance of the mean embeddings; chi-squared distance of the Lab histograms, 0 to 3; log of the
    mean contrast along the boundary; log of the smaller one's share of the photo.

    Args:
        ours, theirs: (K, F) rows of `Adjacency.sums`.
        edges: (K, 2) rows of `Adjacency.edges`.
        pixels: of the whole photo.
    """
    split = ours.shape[1] - len(LAB_RANGES) * BINS
    a, b = ours[:, 1:] / ours[:, :1], theirs[:, 1:] / theirs[:, :1]
    gaps = a - b
    squared = np.square(gaps, out=gaps)
    apart = np.sqrt(squared[:, : split - 1].sum(1))
    a += b
    a += np.float32(1e-9)
    color = (squared[:, split - 1 :] / a[:, split - 1 :]).sum(1) / 2
    contrast = np.log1p(edges[:, 1] / edges[:, 0])
    size = np.log(np.minimum(ours[:, 0], theirs[:, 0]) / pixels)
    return np.stack([apart, color, contrast, size], 1)
