"""Objects rendered in one paint and in another under the same light and camera: known answers.

A pixel is paint times light, plus the lamp's reflection, seen by a camera that clips at white. A
scene gives light and reflection; the same scene in two paints gives a photo and the true answer to
"this one in the other paint". Noise and JPEG are put on the photo alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import encode_srgb8, parse_color, srgb_to_linear

SIZE = 112
Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]
PAINTS = {
    "white": "#ecebe8", "black": "#19191b", "grey": "#808182", "red": "#b01828",
    "denim": "#3d5274", "navy": "#1f2a5a", "yellow": "#ffd400", "pink": "#e8a8b8",
    "mustard": "#c8901c",
}  # fmt: skip
PAIRS = (
    ("white", "navy"), ("white", "red"), ("white", "black"), ("black", "yellow"),
    ("black", "white"), ("grey", "red"), ("grey", "mustard"), ("red", "white"), ("red", "navy"),
    ("denim", "pink"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Light:
    """What falls on an object.

    Attributes:
        body: (H, W, 3) light that its paint sends back, for paint of 1.
        shine: (H, W, 3) light that it reflects as a mirror does.
        mask: (H, W) bool.
    """

    body: Doubles
    shine: Doubles
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """A kind of light, and the camera: linear light 0.. -> what the file holds."""

    name: str
    light: Callable[[], Light]
    camera: Callable[[Doubles], Doubles] = lambda linear: linear
    noise: float = 0
    quality: int = 0

    def answer(self, paint: str) -> tuple[Bytes, NDArray[np.bool_]]:
        """The object in a paint, without noise or JPEG, on gray; and its mask."""
        light = self.light()
        color = srgb_to_linear(np.array(parse_color(PAINTS[paint])))
        seen = self.camera(light.body * color + light.shine)
        ground = np.full(seen.shape, 0.18)
        return encode_srgb8(np.where(light.mask[..., None], seen, ground)), light.mask

    def photo(self, paint: str) -> tuple[Bytes, NDArray[np.bool_]]:
        """The same as a camera delivers it."""
        rgb, mask = self.answer(paint)
        if self.noise:
            grain = np.random.default_rng(7).standard_normal(rgb.shape) * self.noise
            rgb = np.clip(np.rint(rgb + grain), 0, 255).astype(np.uint8)
        return (jpeg(rgb, self.quality) if self.quality else rgb), mask


def jpeg(rgb: Bytes, quality: int) -> Bytes:
    """Through a JPEG with halved color, 4:2:0."""
    coded = cv2.imencode(".jpg", rgb[..., ::-1], [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ])[1]  # fmt: skip
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])


def unit(*vector: float) -> Doubles:
    return np.array(vector) / np.linalg.norm(vector)


def plane() -> tuple[Doubles, Doubles]:
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5
    return y, x


def ball_normals() -> tuple[Doubles, NDArray[np.bool_]]:
    y, x = (v * 2.2 for v in plane())
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    return np.stack([y, x, z], -1), z > 0


def lambert(normal: Doubles, lamp: Doubles, ambient: float = 0.15) -> Doubles:
    return ambient + (1 - ambient) * np.maximum(normal @ lamp, 0)


def gray(light: Doubles) -> Doubles:
    return light[..., None] * np.ones(3)


LAMP = unit(-0.5, -0.4, 0.77)


def ball(shine: float = 0, power: float = 60, lamp: Doubles = LAMP) -> Light:
    normal, mask = ball_normals()
    lobe = np.maximum(normal @ unit(*np.add(lamp, [0, 0, 1])), 0) ** power
    return Light(gray(lambert(normal, lamp)), gray(shine * lobe), mask)


def folds(fine: float = 0) -> tuple[Doubles, NDArray[np.bool_]]:
    """Normals of draped cloth, and where it is."""
    y, x = plane()
    height = 0.03 * np.sin(15 * x + 3 * np.sin(4 * y)) + 0.016 * np.sin(27 * y - 6 * x + 2)
    height += fine * np.sin(2 * np.pi * x * SIZE / 6) * np.sin(2 * np.pi * y * SIZE / 6)
    slope = np.gradient(height, 1 / SIZE)
    normal = np.stack([-slope[0], -slope[1], np.ones_like(x)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return normal, np.maximum(np.abs(x), np.abs(y)) < 0.42


def cloth(exposure: float = 1, fine: float = 0) -> Light:
    normal, mask = folds(fine)
    return Light(gray(exposure * lambert(normal, LAMP, 0.1)), np.zeros((SIZE, SIZE, 3)), mask)


def satin() -> Light:
    normal, mask = folds()
    lobe = np.maximum(normal @ unit(*np.add(LAMP, [0, 0, 1])), 0)
    return Light(gray(lambert(normal, LAMP)), gray(0.22 * lobe**18), mask)


def car() -> Light:
    """Clear coat over paint: it mirrors sky and ground, more at the rim (Schlick 1994)."""
    normal, mask = ball_normals()
    fresnel = 0.04 + 0.96 * (1 - normal[..., 2]) ** 5
    sky = 1 / (1 + np.exp(-14 * (-normal[..., 0] - 0.1)))
    around = sky[..., None] * [0.75, 0.85, 1.0] + (1 - sky[..., None]) * 0.12
    sun = np.maximum(normal @ unit(*np.add(LAMP, [0, 0, 1])), 0) ** 400
    return Light(gray(lambert(normal, LAMP, 0.3)), fresnel[..., None] * around + 0.9 * gray(sun),
                 mask)  # fmt: skip


WARM, COOL = np.array([1.25, 0.98, 0.62]), np.array([0.8, 1.0, 1.25])


def one_lamp() -> Light:
    light = ball(shine=0.25)
    return Light(light.body * WARM, light.shine * WARM, light.mask)


def two_lamps(ball_: bool) -> Light:
    """Warm from the left, daylight from the right."""
    normal, mask = ball_normals() if ball_ else folds()
    left, right = (lambert(normal, unit(-0.2, x, 0.6), 0.08)[..., None] for x in (-0.8, 0.8))
    return Light(0.6 * (left * WARM + right * COOL), np.zeros((SIZE, SIZE, 3)), mask)


def bounce() -> Light:
    """A ball over a floor of strong green: light from below that has its color."""
    light = ball()
    normal, _ = ball_normals()
    below = np.maximum(normal[..., 0], 0)[..., None] ** 1.5
    return Light(light.body + 0.5 * below * [0.15, 0.6, 0.2], light.shine, light.mask)


def toe(linear: Doubles) -> Doubles:
    """A camera that crushes black: 1.2 % of the light is lost, and all that is under it."""
    return np.maximum(linear - 0.012, 0) / (1 - 0.012)


def curve(linear: Doubles) -> Doubles:
    """A camera's S curve on the coded values: more contrast in the middle, soft ends."""
    coded = np.clip(linear, 0, 1.5) ** (1 / 2.2) / 1.5 ** (1 / 2.2)
    bent = coded + 0.35 * coded * (1 - coded) * (2 * coded - 0.6)
    return np.asarray(np.clip(bent, 0, 1) ** 2.2)


SCENES = (
    Scene("matte ball", ball),
    Scene("glossy ball", lambda: ball(shine=0.5)),
    Scene("mirror ball", lambda: ball(shine=1.1, power=250)),
    Scene("cloth", cloth),
    Scene("knit", lambda: cloth(fine=0.004)),
    Scene("satin", satin),
    Scene("car paint", car),
    Scene("warm lamp", one_lamp),
    Scene("two lamps, ball", lambda: two_lamps(ball_=True)),
    Scene("two lamps, cloth", lambda: two_lamps(ball_=False)),
    Scene("bounce", bounce),
    Scene("overexposed", lambda: cloth(exposure=1.7)),
    Scene("crushed toe", cloth, camera=toe),
    Scene("camera curve", lambda: ball(shine=0.3), camera=curve),
    Scene("noise 2", cloth, noise=2),
    Scene("noise 4", cloth, noise=4),
    Scene("noise 8", ball, noise=8),
    Scene("JPEG 95", cloth, quality=95),
    Scene("JPEG 85", ball, quality=85),
    Scene("JPEG 75", cloth, quality=75),
)
