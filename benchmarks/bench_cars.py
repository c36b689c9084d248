"""One press on any panel of a car: how much of its panels takes the color, and of what else.

    python benchmarks/bench_cars.py FOLDER [--photos 100] [--quality best]

FOLDER is a labelled set of cars' parts (JPEGImages, SegmentationObject, SegmentationPart,
ImageSets/Segmentation/val.txt). Each panel of a car is pressed at two points, as with `dmlseg
recolor --at`; of what that selects, the body takes the color. Measured on the lower half of doors,
whose label holds their windows, on bonnets and tailgates; of bumpers, whose label holds grilles,
only that they are pressed. Panes, wheels, lamps: pixels of all presses together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.color import rgb_to_lab
from dmlseg_core.config import DEFAULT_QUALITY, QUALITIES, SceneConfig
from dmlseg_core.edit import sight_of
from dmlseg_core.paint import Subject
from dmlseg_core.photo import load_photo, shown
from dmlseg_core.scene import Segmenter

PANELS = {
    "bumper": (2, 8),
    "door": (4, 6, 10, 12),
    "bonnet": (14,),
    "tailgate": (17, 18),
}
OTHERS = {"panes": (3, 9), "wheels": (19,), "lamps": (5, 7, 11, 13)}
"""Labels of SegmentationPart."""
PRESSES, LEAST = 2, 40
"""Points of a panel; pixels that a part must have."""
WHOLE, HALF = 0.9, 0.6
DARK, LIGHT, VIVID = 30, 72, 25
"""CIELAB L and chroma that name a car's paint."""
Mask = NDArray[np.bool_]


class Press(NamedTuple):
    """What one press did.

    Attributes:
        panel, paint: what was pressed; the car's paint in a word.
        selected: share of the panels that the press selected.
        panels: share of those that took the color.
        others: of each of OTHERS, pixels that took it, and pixels.
    """

    panel: str
    paint: str
    selected: float
    panels: float
    others: tuple[tuple[int, int], ...]


def panels_of(parts: NDArray[np.uint8]) -> Iterator[tuple[str, Mask]]:
    """Name and (H, W) inner pixels of each panel, of doors those below their windows."""
    for name, labels in PANELS.items():
        for label in labels:
            panel = parts == label
            if name == "door" and panel.any():
                middle = np.median(np.nonzero(panel)[0])
                panel = panel & (np.arange(len(panel))[:, None] > middle)
            inner = cv2.erode(panel.view(np.uint8), np.ones((5, 5), np.uint8)).view(np.bool_)
            if inner.sum() > LEAST:
                yield name, inner


def paint_of(rgb: NDArray[np.uint8], panels: Mask) -> str:
    lab = rgb_to_lab(rgb)[panels]
    light, chroma = np.median(lab[:, 0]), np.median(np.hypot(lab[:, 1], lab[:, 2]))
    if chroma > VIVID:
        return "vivid"
    return "dark" if light < DARK else "white" if light > LIGHT else "gray"


def presses(segmenter: Segmenter, folder: Path, name: str) -> Iterator[Press]:
    """Of one photo."""
    photo = load_photo(next((folder / "JPEGImages").glob(f"{name}.*")))
    part, thing = (
        np.asarray(Image.open(folder / kind / f"{name}.png"))
        for kind in ("SegmentationPart", "SegmentationObject")
    )
    parts = np.where((thing > 0) & (thing < 255), part, 0).astype(np.uint8)
    named = list(panels_of(parts))
    clean = [panel for word, panel in named if word != "bumper"]
    if not clean:
        return
    panels, rng = np.logical_or.reduce(clean), np.random.default_rng(0)
    paint = paint_of(photo.rgb, panels)
    scene = segmenter.analyze(photo, regions=True)
    sight = sight_of(scene)
    for word, panel in named:
        for at in rng.choice(np.flatnonzero(panel), PRESSES, replace=False):
            y, x = (float(v) for v in np.unravel_index(at, panel.shape))
            alpha = scene.mask_at(y, x).to_alpha(shown(photo))
            body = Subject.of(photo.rgb, alpha, at=(y, x), **sight).part((0,)).share > 0.5
            inside = alpha > 0.5
            others = [np.isin(parts, labels) & inside for labels in OTHERS.values()]
            counts = tuple((int(body[other].sum()), int(other.sum())) for other in others)
            selected = float(inside[panels].mean())
            painted = float(body[panels & inside].mean()) if selected else 0.0
            yield Press(word, paint, selected, painted, counts)


def row_of(found: list[Press]) -> str:
    share = np.array([press.panels for press in found])
    painted, all_of = np.array([press.others for press in found]).sum(axis=0).T
    selected = np.mean([press.selected for press in found])
    cells = [
        selected,
        share.mean(),
        (share >= WHOLE).mean(),
        (share < HALF).mean(),
        *painted / all_of,
    ]
    return f"{len(found)} | " + " | ".join(f"{100 * cell:.1f}" for cell in cells) + " |"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=1000, help="the first so many")
    parser.add_argument("--quality", choices=tuple(QUALITIES), default=DEFAULT_QUALITY)
    args = parser.parse_args(argv)
    names = (args.folder / "ImageSets/Segmentation/val.txt").read_text("utf-8").split()
    segmenter = Segmenter.load(config=SceneConfig().with_quality(args.quality))
    found = [p for name in names[: args.photos] for p in presses(segmenter, args.folder, name)]
    print("| pressed | presses | panels selected, % | of them painted | presses with >= 90 % "
          "| with < 60 % | "
          + " | ".join(OTHERS) + " |\n" + "|---" * (6 + len(OTHERS)) + "|")  # fmt: skip
    print("| all | " + row_of(found))
    for word in PANELS:
        print(f"| {word} | " + row_of([p for p in found if p.panel == word]))
    for word in ("vivid", "white", "gray", "dark"):
        print(f"| a {word} car | " + row_of([p for p in found if p.paint == word]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
