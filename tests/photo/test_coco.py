"""COCO's run lengths and polygons are the mask, by our decoder, a slow oracle and pycocotools."""

import cv2
import numpy as np
import pytest
from pycocotools import mask as pycoco

from dmlseg_core.photo import coco_polygons, coco_rle, mask_of_rle


def drawn(seed, height=60, width=90):
    """Pieces with holes, holes at the border, pixels that touch at a corner only."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    for value in (1, 1, 0, 1, 0):
        center = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(mask, center, int(rng.integers(4, 25)), value, -1)
    mask[rng.random(mask.shape) < 0.01] ^= 1
    return mask.astype(bool)


@pytest.mark.parametrize("seed", range(6))
def test_run_lengths_and_polygons_come_back_as_the_mask(seed):
    mask = drawn(seed)
    assert (mask_of_rle(coco_rle(mask)) == mask).all()
    polygons = coco_polygons(mask)
    assert all(len(p) >= 8 and len(p) % 2 == 0 for p in polygons)
    # filled by the even-odd rule at pixel centers, as converters and pycocotools fill
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    points = np.stack([x.ravel(), y.ravel()], 1)
    filled = np.zeros(mask.size, bool)
    for p in polygons:
        filled ^= even_odd(points, np.reshape(p, (-1, 2)))
    assert (filled.reshape(mask.shape) == mask).all()
    merged = pycoco.merge(pycoco.frPyObjects(polygons, *mask.shape))
    theirs = pycoco.decode(merged).astype(bool)
    assert (theirs & mask).sum() / (theirs | mask).sum() > 0.97


def even_odd(points, ring):
    """Which points a ray to the right leaves through an odd number of edges."""
    inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > points[:, 1]) != (y1 > points[:, 1])
            inside ^= crosses & (points[:, 0] < x0 + (points[:, 1] - y0) * (x1 - x0) / (y1 - y0))
    return inside
