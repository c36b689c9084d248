"""Known-answer composites: an object over a background in linear light, stored as 8-bit sRGB.

Alpha, the object's color F and the background B are known everywhere, and so is the true picture
of the object in another color. Hairs are drawn 8 times too large and averaged down.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from dmlseg_core.color import delta_e_2000, encode_srgb8, srgb_to_linear
from dmlseg_core.paint.apply import recolor

SIZE = 160
_FINE = 8
RED, BLUE = (0.74, 0.09, 0.10), "#1f4fbf"
PAIRS = {
    "red to blue": (RED, BLUE),
    "white to navy": ((0.93, 0.93, 0.92), "#1f2a5a"),
    "black to yellow": ((0.06, 0.06, 0.07), "#f2c81e"),
}
"""Paint of the object, sRGB 0..1, and the color that it gets."""
SHAPES = ("crisp", "soft", "defocus", "fur", "hair")
STRANDS = {"fur": (200, 0.05, 2.2), "hair": (90, 0.12, 2.2), "dense": (700, 0.1, 0.8)}
"""How many hairs, how long as a share of the picture, how many pixels wide at the root."""
GROUNDS = ("plain", "ramp", "dark", "blotches", "leaves", "stripes")


@dataclass(frozen=True, eq=False)
class Composite:
    """One scene: `rgb` is what a camera stores, `answer` what it would of the object in `target`.

    `own` is the object's own linear color everywhere.
    """

    name: str
    alpha: np.ndarray
    rgb: np.ndarray
    answer: np.ndarray
    own: np.ndarray
    target: str

    @property
    def band(self):
        """(H, W) bool: pixels that show both object and background."""
        return (self.alpha > 0) & (self.alpha < 1)

    def error(self, shown):
        """Mean CIEDE2000 of a picture (H, W, 3) uint8 against the answer, over the band."""
        return float(delta_e_2000(shown[self.band], self.answer[self.band]).mean())

    def error_of_alpha(self, alpha):
        """As `error`, of the object recolored with an estimate of alpha."""
        return self.error(recolor(self.rgb, alpha, self.target, materials="all").rgb)

    def error_of_foreground(self, estimate):
        """As `error`, with another estimate of F: (linear photo, alpha) float64 -> F.

        The estimate is recolored as one solid picture and put over what it leaves of the photo.
        """
        photo, share = srgb_to_linear(self.rgb), self.alpha[..., None]
        front = np.clip(estimate(photo.astype(np.float64), self.alpha.astype(np.float64)), 0, 1)
        solid = np.where(share > 0, front, self.own)
        painted = recolor(encode_srgb8(solid), np.ones_like(self.alpha), self.target).rgb
        return self.error(encode_srgb8(photo + share * (srgb_to_linear(painted) - front)))


def composites(shapes=SHAPES, grounds=GROUNDS, size=SIZE, pair="red to blue"):
    """Every shape before every background."""
    paint, target = PAIRS[pair]
    own = shaded(paint, size)
    # What the object looks like in the target is the engine's own word on the object alone.
    other = recolor(encode_srgb8(own), np.ones((size, size), np.float32), target).rgb
    other = srgb_to_linear(other)
    mattes = {shape: matte(shape, size) for shape in shapes}
    behinds = {ground: background(ground, size) for ground in grounds}
    made = []
    for shape, ground in product(shapes, grounds):
        alpha, behind = mattes[shape], behinds[ground]
        pictures = [encode_srgb8(over(alpha, front, behind)) for front in (own, other)]
        made.append(Composite(f"{shape} on {ground}", alpha, *pictures, own, target))
    return made


def over(alpha, front, behind):
    """Linear light that arrives where `front` covers the share `alpha`."""
    return alpha[..., None] * front + (1 - alpha[..., None]) * behind


def smooth_noise(size, scale, seed, channels=1):
    """(size, size, channels) float: blurred noise, mean 0, standard deviation 1."""
    noise = np.random.default_rng(seed).normal(size=(size, size, channels))
    noise = cv2.GaussianBlur(noise, (0, 0), scale).reshape(size, size, channels)
    return (noise - noise.mean((0, 1))) / noise.std((0, 1))


def shaded(srgb, size):
    """One paint under uneven light: (size, size, 3) linear, of constant hue and saturation."""
    light = 1 + 0.12 * smooth_noise(size, size / 12, 5) + 0.04 * smooth_noise(size, 1, 6)
    return (srgb_to_linear(np.array(srgb)) * np.clip(light, 0.4, 1.6)).astype(np.float32)


def background(name, size):
    """(size, size, 3) linear light."""
    y, x = np.mgrid[:size, :size] / size
    if name == "plain":
        srgb = np.full((size, size, 3), (0.45, 0.62, 0.66))
    elif name == "ramp":
        srgb = np.stack([0.95 - 0.5 * x, 0.9 - 0.3 * y, 0.75 + 0.2 * x], axis=2)
    elif name == "dark":
        srgb = np.full((size, size, 3), (0.10, 0.12, 0.11)) + 0.01 * smooth_noise(size, 1, 1)
    elif name == "blotches":  # out of focus, as behind most portraits
        srgb = (0.6, 0.6, 0.5) + 0.13 * smooth_noise(size, size / 16, 2, 3)
    elif name == "leaves":  # fine texture, in focus
        srgb = (0.36, 0.5, 0.22) + np.array((0.07, 0.09, 0.05)) * smooth_noise(size, 1.5, 3)
    else:
        bars = (np.sin(2 * np.pi * (x + 0.4 * y) * 9) > 0)[..., None]
        srgb = np.where(bars, (0.85, 0.83, 0.78), (0.25, 0.42, 0.45))
        srgb = cv2.GaussianBlur(srgb, (0, 0), 0.7)
    return srgb_to_linear(np.clip(srgb, 0, 1)).astype(np.float32)


def matte(shape, size):
    """(size, size) float32: the object's share of each pixel."""
    fine = size * _FINE
    picture = np.zeros((fine, fine), np.uint8)
    angle = np.linspace(0, 2 * np.pi, 721)
    radius = fine * (0.27 + 0.02 * np.sin(5 * angle) + 0.01 * np.sin(11 * angle))
    rim = fine / 2 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    cv2.fillPoly(picture, [rim.astype(np.int32)], 255)
    if shape in STRANDS:
        count, reach, width = STRANDS[shape]
        _strands(picture, count, reach * fine, width)
    alpha = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) / np.float32(255)
    blur = {"soft": 1.5, "defocus": 3.0, "fur": 0.5, "hair": 0.5, "dense": 0.7}.get(shape)
    alpha = cv2.GaussianBlur(alpha, (0, 0), blur) if blur else alpha
    # In steps of 1/255: the tails of the blur, which no picture shows, would dilute the band.
    return np.rint(alpha * 255).astype(np.float32) / 255


def _strands(picture, count, reach, thick):
    """Draw hairs from inside the rim outwards, bent, `thick` pixels wide thinning to 0.4."""
    rng, middle = np.random.default_rng(7), picture.shape[0] / 2
    along = np.linspace(0, 1, 24)
    for start in rng.uniform(0, 2 * np.pi, count):
        bend, length = rng.normal(0, 0.9), reach * rng.uniform(0.6, 1.2)
        heading = start + bend * along
        steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * length / len(along)
        root = middle + 0.235 * picture.shape[0] * np.array([np.cos(start), np.sin(start)])
        path = root + steps.cumsum(0)
        for k in range(len(along) - 1):
            width = max(1, round(_FINE * (thick - (thick - 0.4) * along[k])))
            ends = [tuple(int(v) for v in path[i]) for i in (k, k + 1)]
            cv2.line(picture, *ends, 255, width, cv2.LINE_AA)
