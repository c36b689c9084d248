"""Paired augmentation: scale, crop, flip, color, pasted objects, mosaics and what hides a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import torch

from dmlseg_core.train.data.compose import MEAN_GREY, mosaic, paste, window
from dmlseg_core.train.data.hide import HideConfig, hide
from dmlseg_core.train.data.voc import Sample


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the augmentation.

    Attributes:
        crop: side of the result, pixels.
        scale: range of the photo's long side relative to the crop (log-uniform).
        flip: probability of a mirror image.
        paste_probability: probability that cut-outs are pasted at all.
        max_pastes: at most this many of them.
        twins: probability that a cut-out is of the photo itself, beside what it was cut from: of
            two things alike the network must learn that they are two.
        jitter: strength of the color jitter (gain, contrast, saturation, +- this share).
        mosaic: probability that a crop is made of four photos of the set, each a quarter of it.
        hide: noise, blur and other faults over the finished crop.
    """

    crop: int = 321
    scale: tuple[float, float] = (0.7, 1.8)
    flip: float = 0.5
    paste_probability: float = 0.5
    max_pastes: int = 3
    twins: float = 0.0
    jitter: float = 0.25
    mosaic: float = 0.0
    hide: HideConfig = field(default_factory=HideConfig)


class Augment:
    """Photo -> crop, deterministic given the generator.

    Args:
        config: ranges.
        donors: sets whose objects are cut out and pasted; none: no pasting.
    """

    def __init__(self, config: AugmentConfig, donors: Sequence[Sequence[Sample]] = ()) -> None:
        self.config, self.donors = config, donors

    def __call__(
        self, sample: Sample, generator: torch.Generator, others: Sequence[Sample] = ()
    ) -> Sample:
        """(H, W) photo to a (crop, crop) one, labels with it.

        Args:
            sample: the photo.
            generator: decides every random choice.
            others: photos of its set, for mosaics; none: no mosaics.
        """
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        c = self.config
        # a draw that no recipe without mosaics makes: their crops stay what they were
        if len(others) and c.mosaic and not sample.rule.partition and rng.random() < c.mosaic:
            crop = self._mosaic([sample, *(_any(others, rng) for _ in range(3))], rng)
        else:
            crop = self._crop(sample, rng, c.scale, c.crop)
        if self.donors and not crop.rule.partition and rng.random() < c.paste_probability:
            for _ in range(rng.integers(1, c.max_pastes + 1)):
                # as above: without twins the draws are the old ones
                twin = c.twins and rng.random() < c.twins
                donor = sample if twin else _any(_any(self.donors, rng), rng)
                crop = paste(crop, self._crop(donor, rng, (0.4, 1.2), c.crop), rng)
        return replace(crop, image=hide(_jitter(crop.image, c.jitter, rng), c.hide, rng))

    def _mosaic(self, photos: Sequence[Sample], rng: np.random.Generator) -> Sample:
        """Four photos at half the size that one has."""
        side = self.config.crop
        half = (side + 1) // 2
        return mosaic([self._crop(p, rng, self.config.scale, half) for p in photos], side)

    def _crop(
        self, sample: Sample, rng: np.random.Generator, scale: tuple[float, float], side: int
    ) -> Sample:
        """Resize, cut a window that holds some object where there is one, pad, maybe mirror."""
        height, width = sample.instances.shape
        factor = side * np.exp(rng.uniform(*np.log(scale))) / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        # cv2 instead of transforms.v2: several times faster on one core for 3 to 8 stacked maps
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        image = cv2.resize(sample.image, size, interpolation=how)
        maps = np.stack([_nearest(m, size) for m in (*sample.partitions, sample.instances)])
        y, x = _corner(maps[-1], rng, side)
        image = window(image, y, x, side, MEAN_GREY)
        maps = np.stack([window(m, y, x, side, -1) for m in maps])
        if rng.random() < self.config.flip:
            image, maps = image[:, ::-1], maps[:, :, ::-1]
        return replace(sample, image=image, partitions=maps[:-1], instances=maps[-1])


def _any(items: Sequence[Any], rng: np.random.Generator) -> Any:
    return items[int(rng.integers(len(items)))]


def _corner(instances: np.ndarray, rng: np.random.Generator, side: int) -> tuple[int, int]:
    """Window corner: random, but around a random object pixel where there is an object."""
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


def _jitter(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Random gain, contrast and saturation."""
    gain, contrast, saturation = rng.uniform(1 - strength, 1 + strength, 3)
    # all three are linear in RGB, so they are one 3 x 4 matrix: grey = mean over the channels
    mix = saturation * np.eye(3) + (1 - saturation) / 3
    offset = np.full((3, 1), gain * (1 - contrast) * image.mean())
    jittered = cv2.transform(image, np.hstack([gain * contrast * mix, offset]))
    return np.asarray(jittered, np.uint8)
