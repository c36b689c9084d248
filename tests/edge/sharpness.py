"""How sharp an upsampled mask is: boundary F-score against true masks of real photos.

The stride-4 map is made from the true mask, averaged over each cell of the network's grid, so that
the upsampling alone is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dmlseg_core.scene.frame import Frame
from dmlseg_core.train.data.voc import VOCFolder

SETS = ("clothing", "duts", "coco128")
TOLERANCES = (1, 2)
LONG_SIDE = 384
_LEAST_AREA = 1500
_CELL = np.array([0.5, 1, 1, 1, 0.5], np.float32) / 4  # a cell of 4 input pixels about its centre


@dataclass(frozen=True, eq=False)
class Instance:
    """A true mask (H, W) bool of a photo (H, W, 3) uint8; `void` (H, W) bool is not scored."""

    rgb: np.ndarray
    mask: np.ndarray
    void: np.ndarray

    @property
    def inner_point(self):
        """(y, x) of the pixel deepest inside."""
        depth = cv2.distanceTransform(self.mask.astype(np.uint8), cv2.DIST_L2, 5)
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        return int(y), int(x)


def instances(folder: Path, photos: int, per_photo: int = 2):
    """The largest instances of photos spread evenly over a set's `val` list."""
    samples = VOCFolder(folder, "val")
    found = []
    for i in np.linspace(0, len(samples) - 1, min(photos, len(samples))).astype(int):
        sample = samples[i]
        numbers, areas = np.unique(sample.instances[sample.instances > 0], return_counts=True)
        void = cv2.dilate((sample.instances == -1).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        for k in np.argsort(-areas)[:per_photo]:
            if areas[k] >= _LEAST_AREA:
                found.append(Instance(sample.image, sample.instances == numbers[k], void))
    return found


def share_map(mask, long_side=LONG_SIDE):
    """Share of each cell that the mask covers, upsampled bilinearly, and cells on the long side."""
    frame = Frame.fit(mask.shape, long_side)
    height, width = frame.input_size
    small = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    grid = cv2.sepFilter2D(small, -1, _CELL, _CELL, borderType=cv2.BORDER_REPLICATE)[::4, ::4]
    assert grid.shape == frame.grid_size
    return np.clip(frame.to_photo(np.ascontiguousarray(grid)), 0, 1), max(frame.grid_size)


def boundary_f(mask, instance, tolerance):
    """F-score of the mask's inner boundary pixels within `tolerance` pixels of the true ones."""
    ours, true = rim(mask) & ~instance.void, rim(instance.mask) & ~instance.void
    if not ours.any() or not true.any():
        return 0.0
    shares = [
        (_away(other)[own] <= tolerance + 0.01).mean()
        for own, other in ((ours, rim(instance.mask)), (true, rim(mask)))
    ]
    return 2 * shares[0] * shares[1] / max(sum(shares), 1e-9)


def rim(mask):
    """Pixels of the mask that touch its outside; the photo's border is no outside."""
    inner = cv2.erode(
        mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    return mask & (inner == 0)


def _away(points):
    return cv2.distanceTransform((~points).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
