"""Alpha against measured alphas of real photos: hair, fur, plants, crisp things.

    python benchmarks/bench_mattes.py --mattes FOLDER [--masks exact off]

FOLDER holds JPEGImages and 8-bit Alpha/ID.png, as alphamatting.com's training set. The start is the
true alpha at 0.5 (exact), or that mask moved by 2 pixels and made of 4-pixel cells (off), as a
network gives it. The error is the mean CIEDE2000 of the object recolored blue with our alpha,
against the same with the true alpha (the true F is not known): over the band (0 < alpha < 1), and
over all pixels within 10 pixels of it. Smear: pixels of alpha in (.05, .95) more than 6 pixels off
the final contour, as a percentage of the object. See docs/edges.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.color import delta_e_2000
from dmlseg_core.edge import matte_alpha, refine_alpha
from dmlseg_core.paint import recolor
from tests.composites import BLUE

NEAR, FAR = 10, 6
DENSE = 0.08
"""Photos whose band is a larger share than this have hair, leaves or threads along the edge."""


def photos(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for path in sorted((folder / "Alpha").glob("*.png")):
        photo = next((folder / "JPEGImages").glob(path.stem + ".*"))
        alpha = np.asarray(Image.open(path).convert("L"), np.float32) / np.float32(255)
        yield path.stem, np.asarray(Image.open(photo).convert("RGB")), alpha


def rough(mask: np.ndarray, cell: int = 4) -> np.ndarray:
    """The mask as cells of a grid, two pixels off."""
    moved = np.roll(mask, (2, 2), (0, 1)).astype(np.float32)
    size = mask.shape[1] // cell, mask.shape[0] // cell
    grid = cv2.resize(moved, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(grid, mask.shape[::-1], interpolation=cv2.INTER_LINEAR) >= 0.5


def smear(alpha: np.ndarray) -> float:
    hard = (alpha >= 0.5).astype(np.uint8)
    away = np.maximum(*(cv2.distanceTransform(s, cv2.DIST_L2, 5) for s in (hard, 1 - hard)))
    soft = (alpha > 0.05) & (alpha < 0.95) & (away > FAR)
    return 100 * float(soft.sum() / max(hard.sum(), 1))


def row_of(rgb: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> list[float]:
    """Band and near error of the mask, refined, and matted; both smears; seconds of matting."""
    band = (truth > 0) & (truth < 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR + 1,) * 2)
    near = cv2.dilate(band.astype(np.uint8), disc) > 0
    refined = refine_alpha(mask, rgb)
    start = time.process_time()
    matted = matte_alpha(refined, rgb)
    spent = time.process_time() - start
    answer, row = recolor(rgb, truth, BLUE, materials="all").rgb, []
    for alpha in (mask.astype(np.float32), refined, matted):
        off = delta_e_2000(recolor(rgb, alpha, BLUE, materials="all").rgb, answer)
        row += [float(off[band].mean()), float(off[near].mean())]
    return [*row, smear(refined), smear(matted), spent]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mattes", type=Path, required=True)
    parser.add_argument("--masks", nargs="+", action="extend", choices=("exact", "off"))
    args = parser.parse_args(argv)
    for masks in args.masks or ["exact"]:
        print(f"\n{masks} masks\n")
        print("| photo | mask | within 10 | default | within 10 | matting | within 10 | smear % |"
              " matted, smear % | CPU s |\n" + "|---" * 10 + "|")  # fmt: skip
        rows, dense = [], []
        for name, rgb, truth in photos(args.mattes):
            mask = truth >= 0.5
            row = row_of(rgb, truth, mask if masks == "exact" else rough(mask))
            rows.append(row)
            dense.append(((truth > 0) & (truth < 1)).mean() > DENSE)
            print(f"| {name} | " + " | ".join(f"{v:.2f}" for v in row) + " |", flush=True)
        if not rows:
            parser.error(f"no Alpha/*.png in {args.mattes}")
        for name, some in (("mean", np.ones(len(rows), bool)), ("dense", np.array(dense))):
            means = np.array(rows)[some].mean(axis=0) if some.any() else []
            print(f"| **{name}** | " + " | ".join(f"{v:.2f}" for v in means) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
