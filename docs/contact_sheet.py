"""The contact sheet docs/images/recolor.jpg: five hard targets, ours against two usual ways.

    python docs/contact_sheet.py [-o docs/images/recolor.jpg]

One row per target; on the left a photo of scikit-image's, on the right a render. Under each result
stands the Delta-E 2000 between the color asked for and the color the object then has.
"""

# ruff: noqa: D103

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.color import hsv2rgb, lab2rgb, rgb2hsv, rgb2lab

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.color import delta_e_2000, encode_srgb8, parse_color, srgb_to_linear, to_hex
from dmlseg_core.edge.alpha import refine_alpha
from dmlseg_core.paint.apply import ColorGate, Look, Subject
from dmlseg_core.paint.plan import srgb_of

CELL = 224
LINE = 22
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A picture, the object's alpha, and which of its colors are painted."""

    rgb: Bytes
    alpha: Floats
    gate: ColorGate | None = None


def outline(size: tuple[int, int], points: list[tuple[int, int]]) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.array(points, np.int32)], 1)
    return mask.astype(bool)


def ellipse(size: tuple[int, int], center: tuple[int, int], axes: tuple[int, int]) -> Bytes:
    return cv2.ellipse(np.zeros(size, np.uint8), center, axes, 0, 0, 360, 1, -1)


def cut(case: Case, top: int, left: int, side: int) -> Case:
    window = np.s_[top : top + side, left : left + side]
    return Case(np.ascontiguousarray(case.rgb[window]), case.alpha[window].copy(), case.gate)


def snapped(rgb: Bytes, mask: NDArray[np.bool_], gate: ColorGate | None = None) -> Case:
    """A hand-drawn outline, drawn to the photo's own edges."""
    return Case(rgb, refine_alpha(mask, rgb, radius=4), gate)


def cup() -> Case:
    rgb = data.coffee()
    size = rgb.shape[:2]
    inner = ellipse(size, (288, 113), (116, 96)) - ellipse(size, (286, 145), (84, 50))
    return cut(snapped(rgb, inner == 1), 0, 130, 320)


def saucer() -> Case:
    rgb = data.coffee()
    size = rgb.shape[:2]
    whole = ellipse(size, (278, 218), (201, 170)) | ellipse(size, (288, 118), (115, 95))
    silver = ellipse(size, (288, 113), (116, 96)) | ellipse(size, (366, 284), (42, 42))
    handle = outline(size, [(397, 66), (425, 70), (413, 120), (386, 232), (370, 232), (400, 120)])
    neck = outline(size, [(315, 247), (350, 234), (378, 236), (378, 252), (335, 262)])
    return cut(snapped(rgb, (whole == 1) & (silver == 0) & ~handle & ~neck), 0, 75, 400)


def visor() -> Case:
    rgb = data.astronaut()
    mask = outline(rgb.shape[:2], [(283, 511), (282, 460), (290, 422), (303, 395), (325, 370),
                   (350, 357), (385, 352), (415, 356), (445, 372), (468, 398), (483, 430),
                   (488, 465), (487, 511)])  # fmt: skip
    return cut(snapped(rgb, mask), 292, 272, 220)


def suit() -> Case:
    rgb = data.astronaut()
    mask = outline(rgb.shape[:2], [(0, 511), (22, 400), (45, 290), (60, 245), (115, 208),
                   (135, 240), (175, 285), (240, 296), (290, 270), (305, 235), (340, 258),
                   (354, 300), (362, 347), (320, 365), (297, 395), (284, 440),
                   (280, 511)])  # fmt: skip
    return cut(snapped(rgb, mask, ColorGate("#d9542f")), 132, 0, 380)


def bricks() -> Case:
    gray = data.brick()
    rgb = np.repeat(gray[..., None], 3, axis=2)
    mask = outline(gray.shape, [(0, 0), (330, 0), (230, 511), (0, 511)])
    return cut(Case(rgb, cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)), 60, 60, 360)


def cloth(color: str, size: int = 360, turn: float = 0.5) -> Case:
    """Draped cloth: folds under one lamp, weave and camera noise, on a gray ground."""
    y, x = (np.mgrid[:size, :size] / size - 0.5).astype(np.float64)
    u = x * np.cos(turn) + y * np.sin(turn)
    v = y * np.cos(turn) - x * np.sin(turn)
    height = 0.030 * np.sin(15 * u + 3 * np.sin(4 * v)) + 0.018 * np.sin(27 * u - 6 * v + 2)
    height += 0.008 * np.sin(47 * v + 5 * np.sin(9 * u))
    slope_y, slope_x = np.gradient(height, 1 / size)
    normal = np.stack([-slope_y, -slope_x, np.ones_like(x)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lamp = np.array([-0.45, -0.35, 0.82])
    light = 0.12 + 0.88 * np.maximum(normal @ unit(lamp), 0)
    light *= 1 + 0.04 * np.sin(2 * np.pi * x * size / 3) * np.sin(2 * np.pi * y * size / 3)
    edge = 0.40 + 0.02 * np.sin(5 * np.arctan2(y, x)) - np.maximum(np.abs(x), np.abs(y))
    return composed(light[..., None] * paint(color), np.clip(edge * size / 2 + 0.5, 0, 1))


def sphere(color: str, size: int = 360, shine: float = 0.8) -> Case:
    """A glossy ball: Lambert paint, a white lobe and a window's reflection."""
    y, x = np.mgrid[:size, :size] / (size - 1) * 2.4 - 1.2
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    normal, lamp = np.stack([y, x, z], -1), np.array([-0.5, -0.4, 0.77])
    lamp = unit(lamp)
    half = unit(lamp + np.array([0, 0, 1]))
    body = (0.12 + 0.88 * np.maximum(normal @ lamp, 0))[..., None] * paint(color)
    lobe = np.maximum(normal @ half, 0) ** 80 + 0.12 * np.maximum(normal @ half, 0) ** 8
    window = (np.abs(x + 0.05 * y - 0.35) < 0.09) & (np.abs(y - 0.25 + 0.2 * x) < 0.16)
    body += (shine * lobe + 0.25 * cv2.GaussianBlur(window.astype(float), (9, 9), 0))[..., None]
    return composed(body, np.clip((1 - np.hypot(x, y)) * size / 2.4 + 0.5, 0, 1))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))


def paint(color: str) -> NDArray[np.float64]:
    return np.asarray(srgb_to_linear(np.array(parse_color(color))))


def composed(body: NDArray[np.float64], alpha: NDArray[np.float64]) -> Case:
    size = len(alpha)
    ground = np.linspace(0.30, 0.42, size)[:, None, None] * np.ones((1, size, 3))
    share = alpha[..., None]
    linear = share * body + (1 - share) * ground
    linear *= 1 + 0.02 * np.random.default_rng(0).standard_normal((size, size, 3))
    return Case(encode_srgb8(linear), alpha.astype(np.float32))


def ours(case: Case, target: str) -> tuple[Bytes, float]:
    done = Subject.of(case.rgb, case.alpha, gate=case.gate).recolor(Look(target))
    return done.rgb, done.delta_e


def usual(change: Callable[[Bytes, str, str], NDArray[np.float64]]):
    """A usual way as a column: its picture, blended by the same share, and its Delta-E."""

    def column(case: Case, target: str) -> tuple[Bytes, float]:
        subject = Subject.of(case.rgb, case.alpha, gate=case.gate)
        own = to_hex(srgb_of(subject.core.anchor.lab))
        changed = np.clip(change(case.rgb, own, target), 0, 1) * 255
        share = subject.share[..., None]
        rgb = np.rint(share * changed + (1 - share) * case.rgb).astype(np.uint8)
        got = srgb_of(subject.core.color_in(rgb).lab)
        return rgb, float(delta_e_2000(np.array(parse_color(target)), got))

    return column


def hue_shift(rgb: Bytes, own: str, target: str) -> NDArray[np.float64]:
    hsv, old, new = (
        rgb2hsv(rgb),
        rgb2hsv(np.array(parse_color(own))),
        rgb2hsv(np.array(parse_color(target))),
    )
    hsv[..., 0] = (hsv[..., 0] + new[0] - old[0]) % 1
    return np.asarray(hsv2rgb(hsv))


def lab_replacement(rgb: Bytes, _own: str, target: str) -> NDArray[np.float64]:
    lab = rgb2lab(rgb)
    lab[..., 1:] = rgb2lab(np.array(parse_color(target)))[1:]
    return np.asarray(lab2rgb(lab))


COLUMNS = {
    "original": lambda case, _target: (case.rgb, None),
    "dmlseg": ours,
    "HSV hue shift": usual(hue_shift),
    "Lab a,b replaced": usual(lab_replacement),
}
ROWS: list[tuple[str, str, Case, Case]] = [
    ("white to navy", "#1f2a5a", cup(), cloth("#ececea")),
    ("black to yellow", "#ffd400", visor(), sphere("#141414")),
    ("gray to red", "#c8102e", bricks(), cloth("#808080", turn=-0.7)),
    ("red to white", "#f4f4f2", saucer(), sphere("#b01020")),
    ("saturated to pastel", "#a8dcc8", suit(), cloth("#1d46c8", turn=1.2)),
]


def cell(rgb: Bytes, text: str) -> Bytes:
    tile = cv2.resize(rgb, (CELL, CELL), interpolation=cv2.INTER_AREA)
    return np.vstack([tile, caption(text, CELL)])


def caption(text: str, width: int) -> Bytes:
    bar = np.full((LINE, width, 3), 255, np.uint8)
    return cv2.putText(
        bar, text, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.43, (30, 30, 30), 1, cv2.LINE_AA
    )


def row(name: str, target: str, cases: tuple[Case, Case]) -> Bytes:
    cells = []
    for case in cases:
        for title, make in COLUMNS.items():
            rgb, off = make(case, target)
            text = f"{name} {target}" if off is None else f"{title}: dE {off:.1f}"
            print(text)
            cells.append(cell(rgb, text))
    return np.hstack(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(__file__).parent / "images/recolor.jpg"
    )
    args = parser.parse_args()
    sheet = np.vstack([row(name, target, (photo, render)) for name, target, photo, render in ROWS])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    if not cv2.imwrite(str(args.out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), quality):
        raise SystemExit(f"{args.out} could not be written")


if __name__ == "__main__":
    main()
