"""Fit what tells a car's painted panels in an embedding (`DataSheet.bodywork`).

`python -m dmlseg_core.train.fit.bodywork WEIGHTS SET` writes it into the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import rgb_to_lab
from dmlseg_core.config import Range
from dmlseg_core.errors import DmlsegError
from dmlseg_core.model import write_sheet
from dmlseg_core.scene import Segmenter
from dmlseg_core.shell import Parser
from dmlseg_core.train.data import Sample
from dmlseg_core.train.fit.vectors import (
    PHOTOS,
    VOID,
    Labels,
    drawn,
    fit,
    joined,
    part_numbers,
    rounded,
    spread,
)

_SIDES = tuple(f"{end}_{side}" for end in ("front", "back") for side in ("left", "right"))
PARTS: Mapping[str, tuple[str, ...]] = {
    "panels": ("front_bumper", "back_bumper", "hood", "trunk", "tailgate"),
    "doors": tuple(f"{place}_door" for place in _SIDES),
    "others": ("front_glass", "back_glass", "wheel", *(f"{place}_light" for place in _SIDES)),
}
"""Names of parts in the set's partmap.txt. A door's label holds its window."""
_UPPER, _LOWER = 0.3, 0.6
"""Of a door's height: its window lies above the first, none below the second."""
_LIGHT, _DARKER = 50.0, 25.0
"""CIELAB L of panels in whose doors a window is seen, and by how much it is darker."""


def labels_of(sample: Sample, numbers: Mapping[str, Sequence[int]]) -> Labels:
    """(H, W): 1 on panels, 0 on what is no panel, -1 elsewhere.

    What of a car has no label, wings and roof, is taken for panels; of doors the lower part is, and
    what is dark in the upper part of a light car's is a window.

    Args:
        sample: its second partition numbers parts (see `VOCFolder`).
        numbers: of the parts under each name of PARTS.
    """
    parts = np.where(sample.instances > 0, np.maximum(sample.partitions[-1], 0) % 256, VOID)
    panels = np.isin(parts, numbers["panels"])
    labels = np.where(panels | (parts == 0), 1, VOID)
    labels[np.isin(parts, numbers["others"])] = 0
    light = rgb_to_lab(sample.image)[..., 0]
    usual = float(np.median(light[panels])) if panels.any() else 0.0
    rows = np.arange(len(labels))[:, None]
    for number in numbers["doors"]:
        door = parts == number
        if not door.any():
            continue
        upper, lower = np.quantile(np.nonzero(door)[0], (_UPPER, _LOWER))
        labels[door & (rows > lower)] = 1
        if usual > _LIGHT:
            labels[door & (rows < upper) & (light < usual - _DARKER)] = 0
    return labels


def fit_bodywork(weights: Path, folder: Path, photos: int = PHOTOS) -> NDArray[np.float64]:
    """Write into a weights file's manifest what training photos ask for.

    Args:
        weights: NAME.safetensors, its manifest.json beside it.
        folder: set with parts, whose partmap.txt names those of PARTS; its train list is read.
        photos: at most so many of it, spread over it.

    Returns:
        (D + 1,), as in the data sheet.

    Raises:
        WeightsError, DatasetError: a file cannot be read, or the set has no such parts.
    """
    Range("--photos", 1, 10**6).check(photos)
    numbers = {kind: part_numbers(folder, names) for kind, names in PARTS.items()}
    segmenter, rng = Segmenter.load(weights), np.random.default_rng(0)
    rows = [
        row
        for sample in spread(folder, photos)
        for row in drawn(segmenter, sample.image, labels_of(sample, numbers), 2, rng)
    ]
    (found,) = fit(*joined(rows))
    write_sheet(weights, bodywork=rounded(found))
    return np.asarray(found)


def main(words: Sequence[str] | None = None) -> None:
    """Write into the manifest what training photos ask for."""
    parser = Parser(description=__doc__)
    parser.add_argument("weights", type=Path, help="NAME.safetensors")
    parser.add_argument("set", type=Path, help="set of cars' parts; its train list is read")
    parser.add_argument("--photos", type=int, default=PHOTOS)
    args = parser.parse_args(words)
    try:
        found = fit_bodywork(args.weights, args.set, args.photos)
    except DmlsegError as error:
        parser.exit(1, f"{error}\n")
    print(f"bodywork: {len(found)} numbers")


if __name__ == "__main__":
    main()
