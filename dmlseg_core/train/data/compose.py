"""Scenes made of several photos: cut-outs pasted over one, and mosaics of four.

Most photos hold one object, but the embedding must learn to tell several apart: pasting gives
unlimited scenes with perfect masks (Ghiasi et al. 2021, arXiv 2012.07177), and a mosaic
(Bochkovskiy et al. 2020, arXiv 2004.10934) things as small as in a photo of a whole street.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from dmlseg_core.train.data.voc import Sample

MEAN_GREY = 127
VISIBLE = 0.3  # an object of which less than this stays visible is void: nobody would ask for it


def window(array: np.ndarray, y: int, x: int, side: int, fill: int) -> np.ndarray:
    """(side, side) window at (y, x), which may lie partly outside; outside is `fill`."""
    out = np.full((side, side, *array.shape[2:]), fill, array.dtype)
    y0, x0 = max(0, y), max(0, x)
    part = array[y0 : y + side, x0 : x + side]
    out[y0 - y : y0 - y + part.shape[0], x0 - x : x0 - x + part.shape[1]] = part
    return out


def mosaic(tiles: Sequence[Sample], side: int) -> Sample:
    """Four square crops of one set in two rows of two, cut to (side, side).

    Objects are numbered through, and their parts with them; classes follow.

    Args:
        tiles: four crops, each at least half of `side` wide, of a set with objects.
        side: of the result, pixels.
    """
    maps, before = [], 0
    for tile in tiles:
        # a part's number is 256 * its object's + its own (`voc`)
        steps = np.array([1, 256, 1] if len(tile.partitions) == 2 else [1, 1])[:, None, None]
        stacked = np.stack([*tile.partitions, tile.instances])
        maps.append(np.where(stacked > 0, stacked + before * steps, stacked).astype(np.int16))
        before += len(tile.classes) - 1
    whole = _two_by_two(maps, side)
    return replace(
        tiles[0],
        image=_two_by_two([t.image.transpose(2, 0, 1) for t in tiles], side).transpose(1, 2, 0),
        partitions=whole[:-1],
        instances=whole[-1],
        classes=np.concatenate([tiles[0].classes, *(t.classes[1:] for t in tiles[1:])]),
        unknown=np.concatenate([tiles[0].unknown, *(t.unknown[1:] for t in tiles[1:])]),
    )


def _two_by_two(tiles: Sequence[np.ndarray], side: int) -> np.ndarray:
    """(N, h, w) tiles to one (N, side, side)."""
    rows = [np.concatenate(tiles[k : k + 2], 2) for k in (0, 2)]
    return np.ascontiguousarray(np.concatenate(rows, 1)[:, :side, :side])


def paste(crop: Sample, donor: Sample, rng: np.random.Generator) -> Sample:
    """Paste one random object of `donor` (same size, in place) over `crop`.

    It is a new label in every partition (its parts are kept where both have parts); objects that it
    covers for the most part become void.
    """
    numbers, areas = np.unique(donor.instances[donor.instances > 0], return_counts=True)
    numbers = numbers[areas >= 0.02 * donor.instances.size]
    if not len(numbers):
        return crop
    number = int(rng.choice(numbers))
    side = donor.instances.shape[0]
    y, x = (int(v) for v in rng.integers(-side // 3, side // 3 + 1, 2))
    mask = window(donor.instances, y, x, side, -1) == number
    if mask.sum() < 0.01 * mask.size:
        return crop
    color = window(donor.image, y, x, side, MEAN_GREY)
    soft = cv2.GaussianBlur(cv2.erode(mask.astype(np.float32), np.ones((3, 3))), (0, 0), 0.8)
    image = crop.image + soft[..., None] * (color.astype(np.float32) - crop.image)
    label = len(crop.classes)
    partitions = crop.partitions.copy()
    fresh = int(partitions.max()) + 1
    partitions[:, mask] = fresh
    partitions[0][mask] = max(fresh, label)
    if len(partitions) == len(donor.partitions) == 2:
        parts = window(donor.partitions[1], y, x, side, -1)
        partitions[1][mask] = np.where(parts > 0, parts % 256 + label * 256, -1)[mask]
    instances = crop.instances.copy()
    before = np.bincount(instances[instances > 0], minlength=label)
    instances[mask] = label
    after = np.bincount(instances[instances > 0], minlength=label)[:label]
    hidden = np.flatnonzero((before > 0) & (after < VISIBLE * before))
    lost = np.isin(instances, hidden)
    instances[lost] = -1
    partitions[:, lost] = -1
    return replace(
        crop, image=np.round(image).astype(np.uint8), partitions=partitions, instances=instances,
        classes=np.append(crop.classes, donor.classes[number]),
        unknown=np.append(crop.unknown, donor.unknown[number]),
    )  # fmt: skip
