"""The failure gallery: the objects that one click selects worst, by IoU, unedited.

    python docs/failure_gallery.py --data SET... --out IMAGE [--worst 24]

Every object of the val lists is clicked once, at the pixel deepest inside it, as `dmlseg eval`
does. A tile is a window of the photo around the object and the answer. Whether the picture may be
passed on depends on the photos' terms: docs/training.md.
"""

# ruff: noqa: D102, D103

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.errors import DmlsegError, ParameterError
from dmlseg_core.measure.clicks import MIN_OBJECT_PIXELS, first_click
from dmlseg_core.measure.iou import VOID, mask_iou
from dmlseg_core.photo.save import write_bytes
from dmlseg_core.scene.segmenter import Segmenter
from dmlseg_core.train.evaluate.sets import open_folders

CELL, LINE, COLUMNS = 224, 20, 6
MARGIN = 0.06
SMALLEST = 64
TRUTH, ANSWER, CLICK = (90, 230, 255), (255, 110, 0), (255, 255, 255)
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Miss:
    """One object and the answer to a click on it; the worst sorts first, ties by name."""

    iou: float
    name: str
    image: Bytes
    truth: Mask
    answer: Mask
    click: tuple[int, int]

    @property
    def key(self) -> tuple[float, str]:
        return self.iou, self.name


def misses_of(name: str, sample: Any, scene: Any) -> Iterator[Miss]:
    """The answer to one click on each object of a photo."""
    valid = np.asarray(sample.instances != VOID)
    for number in np.unique(sample.instances[sample.instances > 0]):
        truth = np.asarray(sample.instances == number)
        if np.count_nonzero(truth) < MIN_OBJECT_PIXELS:
            continue
        click = first_click(truth)
        answer = np.asarray(scene.mask_at(*click).to_photo(sample.image))
        iou = mask_iou(answer, truth, valid)
        yield Miss(iou, f"{name}/{sample.name} {number}", sample.image, truth, answer, click)


def collect(segmenter: Any, datasets: dict[str, Any], worst: int) -> tuple[list[Miss], int, float]:
    """The worst objects, worst first; of how many; and the mean IoU of all."""
    kept: list[Miss] = []
    ious: list[float] = []
    for name, samples in datasets.items():
        for i in tqdm(range(len(samples)), desc=name, unit="photo"):
            sample = samples[i]
            found = list(misses_of(name, sample, segmenter.analyze(sample.image)))
            ious += [miss.iou for miss in found]
            kept = sorted([*kept, *found], key=lambda miss: miss.key)[:worst]
    if not kept:
        raise ParameterError("these lists hold no object to click on: name sets with objects")
    return kept, len(ious), float(np.mean(ious))


def window(miss: Miss) -> tuple[int, int, int]:
    """(top, left, side) of a square around object and answer, with a margin."""
    rows, columns = np.nonzero(miss.truth | miss.answer)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    side = max(SMALLEST, round((1 + 2 * MARGIN) * max(height, width)))
    middle_y, middle_x = (rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2
    return int(middle_y - side // 2), int(middle_x - side // 2), side


def tile(miss: Miss) -> Bytes:
    """Photo, outlines of object and answer, the click; beneath it what it is and its IoU."""
    top, left, side = window(miss)
    scale = CELL / side
    grow = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    ground = (236, 236, 236)
    photo = cv2.warpAffine(miss.image, grow, (CELL, CELL), flags=how, borderValue=ground)
    for mask, color in ((miss.truth, TRUTH), (miss.answer, ANSWER)):
        shown = cv2.warpAffine(mask.astype(np.uint8), grow, (CELL, CELL), flags=cv2.INTER_NEAREST)
        lines, _ = cv2.findContours(shown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for shade, width in (((0, 0, 0), 4), (color, 2)):  # a dark rim, seen on any photo
            cv2.drawContours(photo, lines, -1, shade, width, cv2.LINE_AA)
    y, x = miss.click
    at = round((x + 0.5 - left) * scale), round((y + 0.5 - top) * scale)
    cv2.circle(photo, at, 5, (0, 0, 0), -1, cv2.LINE_AA)
    cv2.circle(photo, at, 3, CLICK, -1, cv2.LINE_AA)
    return np.vstack([photo, caption(f"{miss.iou:.2f}  {miss.name}", CELL)])


def caption(text: str, width: int, size: float = 0.4) -> Bytes:
    bar = np.full((LINE, width, 3), 255, np.uint8)
    cv2.putText(bar, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, size, (30, 30, 30), 1, cv2.LINE_AA)
    return bar


def legend(text: str, width: int) -> Bytes:
    bar = caption(text, width, 0.45)
    x = width - 330
    for word, color in (("object", TRUTH), ("answer", ANSWER)):
        for shade, thick in (((0, 0, 0), 4), (color, 2)):
            cv2.line(bar, (x, 10), (x + 24, 10), shade, thick, cv2.LINE_AA)
        bar[:, x + 30 : x + 110] = caption(word, 80, 0.45)
        x += 115
    cv2.circle(bar, (x + 8, 10), 5, (0, 0, 0), -1, cv2.LINE_AA)
    cv2.circle(bar, (x + 8, 10), 3, CLICK, -1, cv2.LINE_AA)
    bar[:, x + 20 : x + 90] = caption("click", 70, 0.45)
    return bar


def sheet(misses: Sequence[Miss], title: str) -> Bytes:
    tiles = [tile(miss) for miss in misses]
    columns = min(COLUMNS, len(tiles))
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    body = np.vstack(rows)
    return np.vstack([legend(title, body.shape[1]), body])


def encoded(picture: Bytes, suffix: str) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, 85]
    try:
        done, data = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    except cv2.error:
        done = False
    if not done:
        raise ParameterError(f"--out must be NAME.jpg or NAME.png; got a suffix of {suffix!r}")
    return data.tobytes()


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", nargs="+", action="extend", type=Path, required=True, metavar="SET"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="IMAGE")
    parser.add_argument("--worst", type=int, default=24, metavar="N")
    parser.add_argument("--split", default="val")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    args = parser.parse_args(words)
    if args.worst < 1:
        parser.error(f"--worst must be 1 or more; got {args.worst}")
    return args


def main(words: Sequence[str] | None = None) -> None:
    args = parse(words)
    datasets = open_folders(args.data, args.split)
    segmenter = Segmenter.load(args.weights)
    misses, objects, mean = collect(segmenter, dict(datasets), args.worst)
    title = (
        f"the worst {len(misses)} of {objects} objects of {', '.join(datasets)} by IoU after 1 "
        f"click (mean {mean:.2f}), weights {segmenter.weights[:8]}"
    )
    print(title)
    write_bytes(encoded(sheet(misses, title), args.out.suffix), args.out)


if __name__ == "__main__":
    try:
        main()
    except DmlsegError as error:
        raise SystemExit(str(error)) from None
