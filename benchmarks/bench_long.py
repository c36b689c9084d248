"""Clicks on photos joined to a panorama, beside the same clicks on each photo by itself.

    python benchmarks/bench_long.py VOC_FOLDER [--photos 60] [--together 3]

The first photos of the val list that are about 4 : 3, brought to one height and joined; one click
at the deepest point of each object of at least 2,000 pixels. Told is the mean IoU with the label:
of the panorama, and of the single photos, which is what can be hoped for. No clock.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.measure import first_click
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Scene, Segmenter

HEIGHT, LEAST, VOID = 375, 2000, 255
Labelled = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def photos(folder: Path) -> Iterator[Labelled]:
    """(H, W, 3) and the labels (H, W), 0 = background, 255 = void."""
    for name in (folder / "ImageSets/Segmentation/val.txt").read_text().split():
        rgb = load_photo(next((folder / "JPEGImages").glob(f"{name}.*"))).rgb
        labels = np.asarray(Image.open(folder / "SegmentationObject" / f"{name}.png"))
        if 1.2 < rgb.shape[1] / rgb.shape[0] < 1.6:
            size = round(rgb.shape[1] * HEIGHT / rgb.shape[0]), HEIGHT
            small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
            yield small, cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)


def ious(scene: Scene, rgb: NDArray[np.uint8], labels: NDArray[np.uint8], left: int) -> list[float]:
    """Of each object of a photo that begins at column `left` of what was analysed."""
    found = []
    for number in np.unique(labels):
        truth = labels == number
        if number in (0, VOID) or truth.sum() < LEAST:
            continue
        y, x = first_click(truth)
        made = scene.mask_at(y, x + left).to_photo(rgb)
        both = int((made[:, left : left + truth.shape[1]] & truth).sum())
        void = int((made[:, left : left + truth.shape[1]] & (labels == VOID)).sum())
        found.append(both / (int(made.sum()) + int(truth.sum()) - both - void))
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--together", type=int, default=3)
    args = parser.parse_args(argv)
    segmenter = Segmenter.load()
    alone, joined = list[float](), list[float]()
    found = islice(photos(args.folder), args.photos)
    while group := list(islice(found, args.together)):
        wide, left = np.concatenate([rgb for rgb, _ in group], axis=1), 0
        scene = segmenter.analyze(wide)
        for rgb, labels in group:
            alone += ious(segmenter.analyze(rgb), rgb, labels, 0)
            joined += ious(scene, wide, labels, left)
            left += rgb.shape[1]
    print(f"{len(alone)} objects of {args.photos} photos, joined in groups of {args.together}:")
    print(f"IoU {np.mean(joined):.3f} joined, {np.mean(alone):.3f} by themselves")
    return 0


if __name__ == "__main__":
    sys.exit(main())
