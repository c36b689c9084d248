"""Superpixels of a photo, and what is known of each and of each boundary between two of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag

from dmlseg_core.color import rgb_to_lab
from dmlseg_core.scene.frame import Frame, stretch

SIDE = 384
"""Long side at which a larger photo is cut up, pixels: the superpixels' sizes are for it."""
SCALE, SIGMA, SMALLEST = 20, 0.8, 20
"""Of `superpixels`: some 900 a photo."""
BINS = 8
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

    labels: NDArray[np.intp]
    cells: NDArray[np.intp]
    sums: NDArray[np.float64]
    pairs: NDArray[np.intp]
    edges: NDArray[np.float64]


def shrink(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo (H, W, 3) uint8 at a long side of at most SIDE, times its `stretch`."""
    size = rgb.shape[0], rgb.shape[1]
    scale = min(1.0, SIDE * stretch(size) / max(size))
    height, width = (max(1, round(n * scale)) for n in rgb.shape[:2])
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Superpixels and what the photo alone says of them: they can be had before the network's pass.

    Attributes:
        labels: (h, w) superpixel of each pixel.
        areas: (N,) pixels of each.
        histograms: (N, 3 BINS) soft Lab histograms.
        pairs, edges: as in `Adjacency`.
    """

    labels: NDArray[np.intp]
    areas: NDArray[np.intp]
    histograms: NDArray[np.float64]
    pairs: NDArray[np.intp]
    edges: NDArray[np.float64]

    @classmethod
    def of(cls, rgb: NDArray[np.uint8]) -> Pieces:
        """Those of a photo (h, w, 3) uint8 at any size."""
        image = shrink(rgb)
        labels, lab = superpixels(image), rgb_to_lab(image)
        areas, bins = np.bincount(labels.ravel()), _histograms(lab, labels)
        return cls(labels, areas, np.concatenate(bins, 1), *_boundaries(lab, labels))


def measure(embedding: NDArray[np.float32], frame: Frame, pieces: Pieces) -> Adjacency:
    """What is known of each superpixel and of each boundary, the network's opinion included.

    Args:
        embedding: (D, h, w).
        frame: where the grid lies on the photo.
        pieces: of that photo.
    """
    labels = pieces.labels
    small = replace(frame, photo_size=labels.shape)
    vectors = _sums_of_vectors(labels, np.ix_(*small.cells()), np.moveaxis(embedding, 0, -1))
    sums = np.concatenate([pieces.areas[:, None], vectors, pieces.histograms], 1)
    centres = labels[np.ix_(*small.centres())]
    return Adjacency(labels, centres, sums, pieces.pairs, pieces.edges)


def superpixels(image: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Felzenszwalb and Huttenlocher (2004): (h, w, 3) uint8 to (h, w) numbers 0 .. N - 1.

    Scikit-image's: what is faster cuts worse (docs/speed.md).
    """
    from skimage.segmentation import felzenszwalb  # noqa: PLC0415 - heavy, recoloring needs none

    return np.asarray(felzenszwalb(image, scale=SCALE, sigma=SIGMA, min_size=SMALLEST), np.intp)


def _sums_of_vectors(
    labels: NDArray[np.intp], cells: tuple[NDArray[np.intp], ...], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N, D): the sum over a superpixel's pixels of the vectors of the cells that they see.

    Args:
        labels: (h, w).
        cells: row and column of each pixel's cell, which broadcast to (h, w).
        vectors: (rows, columns, D).
    """
    flat = labels.ravel()
    seen = (cells[0] * vectors.shape[1] + cells[1]).ravel()
    # pixels of a row that see one cell from one superpixel come one after another: a third as many
    starts = np.flatnonzero(np.diff(flat, prepend=-1) | np.diff(seen, prepend=-1))
    lengths = np.diff(starts, append=flat.size)
    # by owner, in the order that they come in; sorting values is several times as fast as argsort
    order = np.sort(flat[starts] * len(starts) + np.arange(len(starts))) % len(starts)
    owners, starts, lengths = (a[order] for a in (flat[starts], starts, lengths))
    sums = embedding_bag(
        torch.from_numpy(seen[starts]),
        torch.from_numpy(vectors.reshape(-1, vectors.shape[2])),
        torch.from_numpy(np.flatnonzero(np.diff(owners, prepend=-1))),
        mode="sum",
        per_sample_weights=torch.from_numpy(lengths.astype(np.float32)),
    )
    return np.asarray(sums.numpy(), np.float32)


def _histograms(lab: NDArray[np.float32], labels: NDArray[np.intp]) -> list[NDArray[np.float64]]:
    """(N, BINS) soft histogram of each channel in each superpixel: a value counts for two bins."""
    flat, count = labels.ravel(), int(labels.max()) + 1
    found = []
    for channel, (low, high) in zip(np.moveaxis(lab, -1, 0), LAB_RANGES, strict=True):
        at = np.clip((channel.ravel() - low) / (high - low) * (BINS - 1), 0, BINS - 1)
        first = np.minimum(at.astype(np.intp), BINS - 2)
        total = np.zeros(count * BINS)
        for bins, share in ((first, 1 - (at - first)), (first + 1, at - first)):
            total += np.bincount(flat * BINS + bins, share, minlength=count * BINS)
        found.append(total.reshape(count, BINS))
    return found


def _boundaries(
    lab: NDArray[np.float32], labels: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Touching pairs, and the length of their boundary and the sum of the contrast along it."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 1.0)
    count = int(labels.max()) + 1
    keys, contrast = [], []
    for axis in (0, 1):
        a, b = (np.moveaxis(labels, axis, 0)[part] for part in (slice(-1), slice(1, None)))
        x = np.moveaxis(smooth, axis, 0)
        at, along = np.nonzero(a != b)
        a, b = a[at, along], b[at, along]
        keys.append(np.minimum(a, b) * count + np.maximum(a, b))
        # one pixel beyond either side of the edge
        step = x[np.minimum(at + 2, len(x) - 1), along] - x[np.maximum(at - 1, 0), along]
        contrast.append(np.linalg.norm(step, axis=-1))
    unique, which = np.unique(np.concatenate(keys), return_inverse=True)
    edges = [np.bincount(which), np.bincount(which, np.concatenate(contrast))]
    return np.stack(np.divmod(unique, count), 1), np.stack(edges, 1).astype(np.float64)


def features(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], edges: NDArray[np.float64], pixels: int
) -> NDArray[np.float64]:
    """What speaks for a boundary between two regions: (K, 4), in the order of FEATURES.

    Distance of the mean embeddings; chi-squared distance of the Lab histograms, 0 to 3; log of the
    mean contrast along the boundary; log of the smaller one's share of the photo.

    Args:
        ours, theirs: (K, F) rows of `Adjacency.sums`.
        edges: (K, 2) rows of `Adjacency.edges`.
        pixels: of the whole photo.
    """
    split = ours.shape[1] - len(LAB_RANGES) * BINS
    a, b = ours / ours[:, :1], theirs / theirs[:, :1]
    apart = np.linalg.norm(a[:, 1:split] - b[:, 1:split], axis=1)
    p, q = a[:, split:], b[:, split:]
    color = ((p - q) ** 2 / (p + q + 1e-9)).sum(1) / 2
    contrast = np.log1p(edges[:, 1] / edges[:, 0])
    size = np.log(np.minimum(ours[:, 0], theirs[:, 0]) / pixels)
    return np.stack([apart, color, contrast, size], 1)
