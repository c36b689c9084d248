"""What hides a photo: the faults of lenses, sensors, screens and files, laid over a training crop.

Labels stay: a thing in a noisy, blurred or crushed photo is the same thing. Faults come in the
order in which a camera makes them: optics, sensor, curve, file.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import Range

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class HideConfig:
    """Which faults a crop gets, and how bad they may be. The default is none.

    Attributes:
        chance: probability of each of the six faults, one by one.
        blur: largest standard deviation of a Gaussian blur, pixels.
        low: least share of the crop's resolution that is left.
        noise: largest standard deviation of the sensor's noise, in 0 .. 255.
        cast: largest deviation of a channel's gain from 1.
        gamma: largest exponent of the tone curve; the least is 1 / gamma.
        jpeg: lowest JPEG quality, 1 to 95.
    """

    chance: float = 0.0
    blur: float = 2.0
    low: float = 0.35
    noise: float = 25.0
    cast: float = 0.2
    gamma: float = 1.8
    jpeg: int = 15

    def __post_init__(self) -> None:
        for name, low, high in (
            ("chance", 0, 1), ("blur", 0, 50), ("low", 0.02, 1), ("noise", 0, 255),
            ("cast", 0, 1), ("gamma", 1, 10), ("jpeg", 1, 95),
        ):  # fmt: skip
            Range(f"hide.{name}", low, high).check(getattr(self, name))


def hide(image: Pixels, config: HideConfig, rng: np.random.Generator) -> Pixels:
    """A crop with some of the faults; each one's strength is drawn evenly up to its limit.

    Args:
        image: (H, W, 3) uint8 RGB.
        config: how often and how bad.
        rng: decides everything; nothing is drawn from it at a chance of 0.

    Returns:
        (H, W, 3) uint8; `image` itself at a chance of 0.
    """
    if not config.chance:
        return image
    faults = (_blurred, _coarse, _noisy, _cast, _curved, _crushed)
    for fault, meets in zip(faults, rng.random(len(faults)) < config.chance, strict=True):
        if meets:
            image = fault(image, config, rng)
    return image


def _blurred(image: Pixels, config: HideConfig, rng: np.random.Generator) -> Pixels:
    sigma = rng.uniform(0, config.blur)
    return _bytes(cv2.GaussianBlur(image, (0, 0), sigma)) if sigma > 0.1 else image


def _coarse(image: Pixels, config: HideConfig, rng: np.random.Generator) -> Pixels:
    """Made small and large again, as an enlarged thumbnail is."""
    height, width = image.shape[:2]
    share = rng.uniform(config.low, 1)
    few = max(1, round(share * width)), max(1, round(share * height))
    small = cv2.resize(image, few, interpolation=cv2.INTER_AREA)
    return _bytes(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _noisy(image: Pixels, config: HideConfig, rng: np.random.Generator) -> Pixels:
    """Gaussian noise of each pixel and channel by itself."""
    grain = rng.standard_normal(image.shape, np.float32)
    return _bytes(image + np.float32(rng.uniform(0, config.noise)) * grain)


def _cast(image: Pixels, config: HideConfig, rng: np.random.Generator) -> Pixels:
    """Another white balance."""
    return _bytes(image * rng.uniform(1 - config.cast, 1 + config.cast, 3).astype(np.float32))


def _curved(image: Pixels, config: HideConfig, rng: np.random.Generator) -> Pixels:
    """Under- or over-developed: v^g, g log-uniform."""
    exponent = config.gamma ** rng.uniform(-1, 1)
    table = _bytes(255 * (np.arange(256) / 255) ** exponent)
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _crushed(image: Pixels, config: HideConfig, rng: np.random.Generator) -> Pixels:
    quality = int(rng.integers(config.jpeg, 96))
    # the channels' names do not matter: both ways they change places alike
    _, file = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _bytes(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))[..., ::-1])


def _bytes(values: NDArray[np.generic]) -> Pixels:
    return np.ascontiguousarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
