"""Actions until a garment is selected, with what the page offers.

    DMLSEG_DATA=DIR python benchmarks/bench_garments.py [--photos N]

Every labelled part (hair and skin are none) of the validation photos of DIR/clothing. The hand is
that of `measure.simulate`: first a click on the deepest pixel of the garment. Then one of three:
the outline at the pointer that fits best, of two parts and the object; a drag of tau that lets go
where the outline fits best; or neither. From then on Shift + click or Alt + click on the deepest
pixel of what is wrong. Each of these is one action. What is compared with the label is what the
page paints, the mask with its edges refined; while tau is dragged, what the page shows meanwhile,
the mask without. A garment that is not reached counts as one action more than the limit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.edit import EditSession
from dmlseg_core.measure import MIN_OBJECT_PIXELS, first_click, mask_iou
from dmlseg_core.measure.clicks import next_click
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Segmenter

WANTED, MOST, GOAL = 0.85, 10, 2.0
DIAL, SLIDER = (0.03, 0.98), 60
"""Ends of the page's tau slider, and places on it that are tried."""
HOW = ("outline", "tau", "clicks")
NO_GARMENT = {"hair", "skin"}
Mask = NDArray[np.bool_]


def garments(root: Path, name: str) -> Iterator[tuple[str, Mask]]:
    """Name and (H, W) mask of each labelled garment of a photo."""
    lines = (root / "partmap.txt").read_text("utf-8").split()
    words = {int(number): word for number, _, word in (line.partition(":") for line in lines)}
    labels = np.asarray(Image.open(root / "SegmentationPart" / f"{name}.png"))
    for value in np.unique(labels):
        word, truth = words.get(int(value), ""), labels == value
        if value and word and word not in NO_GARMENT and truth.sum() >= MIN_OBJECT_PIXELS:
            yield word, truth


def shown(session: EditSession) -> Mask:
    """The active selection at photo size, as it is painted."""
    return session.mask_of(session.required()).to_alpha(session.photo.rgb) >= 0.5


def choose(session: EditSession, truth: Mask, how: str) -> bool:
    """Take the tau that fits best, of the outlines that are offered or of all; whether it is better
    than what is there.
    """
    k = session.required()
    where, meant = session.selections[k].where, session.meant_by(k)
    offered = meant.small_part, meant.large_part, meant.object
    taus = offered if how == "outline" else tuple(np.linspace(*DIAL, SLIDER))
    masks = [session.scene.mask_at(where.y, where.x, float(tau)) for tau in taus]
    scores = [mask_iou(mask.to_photo(), truth) for mask in masks]
    best = int(np.argmax(scores))
    if scores[best] <= mask_iou(session.mask_of(k).to_photo(), truth):
        return False
    session.set_tau(float(taus[best]), drag="")
    return True


def actions(session: EditSession, truth: Mask, how: str) -> tuple[int, float]:
    """How many it took, and the IoU of the first click."""
    session.select(*first_click(truth), new=True)
    first = reached = mask_iou(shown(session), truth)
    count = 1
    if how != "clicks" and reached < WANTED and choose(session, truth, how):
        count, reached = 2, mask_iou(shown(session), truth)
    while reached < WANTED and count < MOST:
        made = next_click(shown(session), truth)
        if made is None:
            break
        session.extend(*made[0], subtract=not made[1])
        count, reached = count + 1, mask_iou(shown(session), truth)
    session.clear()
    return (count if reached >= WANTED else MOST + 1), first


def told(rows: list[tuple[float, float, dict[str, int]]], how: str) -> str:
    """Median, share within the goal, share reached: three cells of a table."""
    counts = [row[2][how] for row in rows]
    within, reached = (np.mean([n <= most for n in counts]) for most in (GOAL, MOST))
    return f"{statistics.median(counts):g} | {within:.0%} | {reached:.0%}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=int, default=1000, help="the first so many")
    args = parser.parse_args(argv)
    root = Path(os.environ.get("DMLSEG_DATA", "")) / "clothing"
    names = (root / "ImageSets" / "Segmentation" / "val.txt").read_text("utf-8").split()
    segmenter, rows = Segmenter.load(), []
    for name in names[: args.photos]:
        photo = load_photo(next((root / "JPEGImages").glob(f"{name}.*")))
        session = EditSession(photo, segmenter.analyze(photo, regions=True))
        for _, truth in garments(root, name):
            made = {how: actions(session, truth, how) for how in HOW}
            counts = {how: count for how, (count, _) in made.items()}
            rows.append((truth.mean(), made["clicks"][1], counts))
    print("| garments | then | median actions | within 2 | reached |\n|---|---|---|---|---|")
    medians = []
    for least in (0.0, 0.02):
        some = [row for row in rows if row[0] >= least]
        medians.append(min(statistics.median(row[2][how] for row in some) for how in HOW))
        for how in HOW:
            print(
                f"| {len(some)} of {least:.0%} of the photo and more | {how} | {told(some, how)} |"
            )
        print(f"first click: mean IoU {np.mean([row[1] for row in some]):.2f}")
    print(f"\nmedians <= {GOAL:g}: {['NO', 'yes'][medians[0] <= GOAL]} of all, "
          f"{['NO', 'yes'][medians[1] <= GOAL]} of the larger ones")  # fmt: skip
    return int(medians[0] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
