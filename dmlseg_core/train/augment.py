"""Paired augmentation: scale jitter, crop, flip, color jitter, and copy-paste of whole objects.

Most photos hold one object, but the embedding must learn to tell several apart: pasting cut-outs
gives unlimited scenes with perfect masks (Ghiasi et al. 2021, arXiv 2012.07177).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from dmlseg_core.train.dataset import Sample

MEAN_GREY = 127
VISIBLE = 0.3  # an object of which less than this stays visible is void: nobody would ask for it


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the augmentation.

    Attributes:
        crop: side of the result, pixels.
        scale: range of the photo's long side relative to the crop (log-uniform).
        flip: probability of a mirror image.
        paste_probability: probability that cut-outs are pasted at all.
        max_pastes: at most this many of them.
        jitter: strength of the color jitter (gain, contrast, saturation, +- this share).
    """

    crop: int = 321
    scale: tuple[float, float] = (0.7, 1.8)
    flip: float = 0.5
    paste_probability: float = 0.5
    max_pastes: int = 3
    jitter: float = 0.25


class Augment:
    """Photo -> crop, deterministic given the generator.

    Args:
        config: ranges.
        donors: sets whose objects are cut out and pasted; none: no pasting.
    """

    def __init__(self, config: AugmentConfig, donors: Sequence[Sequence[Sample]] = ()) -> None:
        self.config, self.donors = config, donors

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """(H, W) photo to a (crop, crop) one, labels with it."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        c = self.config
        crop = self._crop(sample, rng, c.scale)
        if self.donors and not crop.rule.partition and rng.random() < c.paste_probability:
            for _ in range(rng.integers(1, c.max_pastes + 1)):
                donors = self.donors[int(rng.integers(len(self.donors)))]
                donor = self._crop(donors[int(rng.integers(len(donors)))], rng, (0.4, 1.2))
                crop = paste(crop, donor, rng)
        return replace(crop, image=_jitter(crop.image, c.jitter, rng))

    def _crop(self, sample: Sample, rng: np.random.Generator, scale: tuple[float, float]) -> Sample:
        """Resize, cut a window that holds some object where there is one, pad, maybe mirror."""
        side = self.config.crop
        height, width = sample.instances.shape
        factor = side * np.exp(rng.uniform(*np.log(scale))) / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        # cv2 instead of transforms.v2: several times faster on one core for 3 to 8 stacked maps
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        image = cv2.resize(sample.image, size, interpolation=how)
        maps = np.stack([_nearest(m, size) for m in (*sample.partitions, sample.instances)])
        y, x = self._corner(maps[-1], rng)
        image = _window(image, y, x, side, MEAN_GREY)
        maps = np.stack([_window(m, y, x, side, -1) for m in maps])
        if rng.random() < self.config.flip:
            image, maps = image[:, ::-1], maps[:, :, ::-1]
        return replace(sample, image=image, partitions=maps[:-1], instances=maps[-1])

    def _corner(self, instances: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        """Window corner: random, but around a random object pixel where there is an object."""
        side = self.config.crop
        ys, xs = np.nonzero(instances > 0)
        at = None
        if len(ys):
            k = rng.integers(len(ys))
            at = ys[k], xs[k]
        corner = []
        for axis, size in enumerate(instances.shape):
            low, high = min(0, size - side), max(0, size - side)
            if at is not None:
                low, high = max(low, at[axis] - side + 1), min(high, at[axis])
            corner.append(int(rng.integers(low, max(low, high) + 1)))
        return corner[0], corner[1]


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)


def _window(array: np.ndarray, y: int, x: int, side: int, fill: int) -> np.ndarray:
    """(side, side) window at (y, x), which may lie partly outside; outside is `fill`."""
    out = np.full((side, side, *array.shape[2:]), fill, array.dtype)
    y0, x0 = max(0, y), max(0, x)
    part = array[y0 : y + side, x0 : x + side]
    out[y0 - y : y0 - y + part.shape[0], x0 - x : x0 - x + part.shape[1]] = part
    return out


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
    mask = _window(donor.instances, y, x, side, -1) == number
    if mask.sum() < 0.01 * mask.size:
        return crop
    color = _window(donor.image, y, x, side, MEAN_GREY)
    soft = cv2.GaussianBlur(cv2.erode(mask.astype(np.float32), np.ones((3, 3))), (0, 0), 0.8)
    image = crop.image + soft[..., None] * (color.astype(np.float32) - crop.image)
    label = len(crop.classes)
    partitions = crop.partitions.copy()
    fresh = int(partitions.max()) + 1
    partitions[:, mask] = fresh
    partitions[0][mask] = max(fresh, label)
    if len(partitions) == len(donor.partitions) == 2:
        parts = _window(donor.partitions[1], y, x, side, -1)
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


def _jitter(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Random gain, contrast and saturation."""
    gain, contrast, saturation = rng.uniform(1 - strength, 1 + strength, 3)
    # all three are linear in RGB, so they are one 3 x 4 matrix: grey = mean over the channels
    mix = saturation * np.eye(3) + (1 - saturation) / 3
    offset = np.full((3, 1), gain * (1 - contrast) * image.mean())
    jittered = cv2.transform(image, np.hstack([gain * contrast * mix, offset]))
    return np.asarray(jittered, np.uint8)
