"""Superpixels of a photo, and what is known of each and of each boundary between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.scene.frame import Frame, stretch

SIDE = 384
"""Long side at which a larger photo is cut up, pixels: the superpixels' sizes are for it."""
SUPERPIXELS: dict[str, Any] = {"scale": 20, "sigma": 0.8, "min_size": 20}
"""Arguments of `skimage.segmentation.felzenszwalb`: some 900 superpixels a photo."""
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


def measure(embedding: NDArray[np.float32], frame: Frame, rgb: NDArray[np.uint8]) -> Adjacency:
    """Superpixels of a photo and what is known of each and of each boundary.

    Args:
        embedding: (D, h, w).
        frame: where the grid lies on the photo.
        rgb: (h, w, 3) uint8, the photo at any size.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - heavy, and recoloring needs none of it
    from skimage.color import rgb2lab  # noqa: PLC0415
    from skimage.segmentation import felzenszwalb  # noqa: PLC0415

    image = shrink(rgb)
    labels = felzenszwalb(image, **SUPERPIXELS)
    lab = rgb2lab(image).astype(np.float32)
    small = Frame(labels.shape, frame.input_size, frame.padded_size, frame.stride)
    rows, columns = small.cells()
    cells = (rows[:, None] * embedding.shape[2] + columns).ravel()
    count, flat = int(labels.max()) + 1, labels.ravel()
    # how many pixels of a superpixel see a cell: its vector is the mean over its pixels
    seen = coo_array((np.ones(flat.size), (flat, cells)), (count, embedding[0].size)).tocsr()
    vectors = seen @ embedding.reshape(len(embedding), -1).T
    area = np.bincount(flat, minlength=count)
    sums = np.concatenate([area[:, None], vectors, *_histograms(lab, labels)], 1)
    return Adjacency(labels, labels[np.ix_(*small.centres())], sums, *_boundaries(lab, labels))


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
        x = np.concatenate([x[:1], x, x[-1:]])
        step = np.linalg.norm(x[3:] - x[:-3], axis=-1)  # one pixel beyond either side of the edge
        apart = a != b
        keys.append((np.minimum(a, b) * count + np.maximum(a, b))[apart])
        contrast.append(step[apart])
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
