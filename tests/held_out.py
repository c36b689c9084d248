"""Renders that no constant was chosen on: other shapes, lamps, lobes, textures and paints.

As `tests.renders`; the brush's constants were fitted there, so figures here are the fairer ones.
"""

from __future__ import annotations

import numpy as np

from tests.renders import (
    COOL,
    LAMP,
    SIZE,
    WARM,
    Doubles,
    Light,
    Scene,
    ball,
    ball_normals,
    curve,
    folds,
    gray,
    lambert,
    plane,
    unit,
)

HELD_PAIRS = (
    ("white", "yellow"), ("white", "denim"), ("black", "red"), ("black", "pink"),
    ("grey", "white"), ("grey", "navy"), ("yellow", "black"), ("navy", "white"),
    ("mustard", "red"), ("pink", "denim"),
)  # fmt: skip
SIDE = unit(-0.3, 0.75, 0.6)


def lobe(normal: Doubles, lamp: Doubles, power: float) -> Doubles:
    """Blinn's reflection of a lamp, seen from the front."""
    return np.asarray(np.maximum(normal @ unit(*np.add(lamp, [0, 0, 1])), 0) ** power)


def dull() -> Doubles:
    return np.zeros((SIZE, SIZE, 3))


def lacquer() -> Light:
    """A broad and a sharp reflection of one lamp, and of a window."""
    normal, mask = ball_normals()
    y, x = (v * 2.2 for v in plane())
    window = (np.abs(x + 0.05 * y - 0.35) < 0.09) & (np.abs(y - 0.25 + 0.2 * x) < 0.16)
    shine = 0.8 * lobe(normal, LAMP, 80) + 0.1 * lobe(normal, LAMP, 8) + 0.25 * window
    return Light(gray(lambert(normal, LAMP, 0.12)), gray(shine), mask)


def grained(depth: float, size: float) -> tuple[Doubles, Doubles]:
    """Normals of a curved sheet with a grain, and the grain's height -1..1."""
    y, x = plane()
    noise = np.random.default_rng(3).standard_normal((SIZE, SIZE))
    spread = np.fft.rfft2(noise)
    down, across = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
    spread *= np.exp(-((np.hypot(down, across) * size) ** 2))
    grain = np.fft.irfft2(spread, s=(SIZE, SIZE))
    grain /= np.abs(grain).max()
    height = -0.5 * (x**2 + 0.6 * y**2) + depth * grain
    slope = np.gradient(height, 1 / SIZE)
    normal = np.stack([-slope[0], -slope[1], np.ones_like(x)], -1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True), grain


def sheet() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    y, x = plane()
    return np.maximum(np.abs(x), np.abs(y)) < 0.43


def leather() -> Light:
    normal, _ = grained(0.012, 5)
    body = lambert(normal, LAMP, 0.2)
    return Light(gray(body), gray(0.12 * lobe(normal, LAMP, 12)), sheet())


def wood() -> Light:
    """Grain that is darker paint, under a thin varnish."""
    y, x = plane()
    normal, _ = grained(0, 4)
    rings = 0.5 + 0.5 * np.sin(60 * x + 4 * np.sin(5 * y) + 9 * np.sin(2 * x))
    body = lambert(normal, SIDE, 0.3) * (1 - 0.35 * rings**3)
    return Light(gray(body), gray(0.06 * lobe(normal, SIDE, 25)), sheet())


def woven() -> Light:
    """Twill: threads that are lighter and darker, over folds."""
    normal, mask = folds()
    y, x = plane()
    twill = 0.78 + 0.22 * np.sign(np.sin(2 * np.pi * (x + y) * SIZE / 4))
    return Light(gray(lambert(normal, SIDE, 0.2) * twill), dull(), mask)


def velvet() -> Light:
    """Bright where the surface turns away, in the paint's own color."""
    normal, mask = folds()
    rim = (1 - normal[..., 2]) / 0.5
    return Light(gray(0.25 + 0.4 * lambert(normal, LAMP, 0) + 0.5 * np.minimum(rim, 1)), dull(),
                 mask)  # fmt: skip


def dusk() -> Light:
    """Low sun and blue sky."""
    normal, mask = ball_normals()
    sky = 0.3 * (1 - 0.5 * normal[..., :1]) * [0.65, 0.85, 1.3]
    sun = 0.8 * np.maximum(normal @ SIDE, 0)[..., None] * WARM
    return Light(sky + sun, dull(), mask)


def shop() -> Light:
    """Three daylight lamps and a strong fill; a plastic with a middling lobe."""
    normal, mask = ball_normals()
    lamps = [LAMP, SIDE, unit(0.4, 0.1, 0.9)]
    body = 0.3 + 0.26 * np.sum([np.maximum(normal @ v, 0) for v in lamps], axis=0)
    return Light(gray(body), gray(0.2 * np.sum([lobe(normal, v, 30) for v in lamps], axis=0)), mask)


def folded(exposure: float, light: Doubles | None = None) -> Light:
    normal, mask = folds(0.002)
    body = exposure * gray(lambert(normal, SIDE, 0.15))
    return Light(body if light is None else body * light, dull(), mask)


def filmic(linear: Doubles) -> Doubles:
    """A phone's tone: shadows up, highlights rolled off (Narkowicz's fit of ACES)."""
    bent = linear * (2.51 * linear + 0.03) / (linear * (2.43 * linear + 0.59) + 0.14)
    return np.asarray(np.clip(bent, 0, 1))


HELD_OUT = (
    Scene("broad lobe", lambda: ball(shine=0.3, power=8)),
    Scene("broader lobe", lambda: ball(shine=0.15, power=4, lamp=SIDE)),
    Scene("lacquer", lacquer),
    Scene("leather", leather),
    Scene("wood", wood),
    Scene("twill", woven),
    Scene("velvet", velvet),
    Scene("dusk", dusk),
    Scene("shop", shop),
    Scene("cool shade", lambda: folded(0.7, COOL)),
    Scene("dark room", lambda: folded(0.3), noise=1.5),
    Scene("phone", lambda: folded(1.0), camera=filmic, noise=1.5, quality=90),
    Scene("ball by phone", lambda: ball(shine=0.2, power=25, lamp=SIDE), camera=filmic),
    Scene("ball, S curve, JPEG", lambda: ball(shine=0.1, power=12), camera=curve, quality=90),
    Scene("fine JPEG", leather, quality=95),
)
