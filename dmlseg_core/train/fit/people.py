"""Fit what tells a person's skin and hair in an embedding (`DataSheet.skin`, `DataSheet.hair`).

`python -m dmlseg_core.train.fit.people WEIGHTS SET [OTHER...]` writes it into the manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import PEOPLE, VOC_CLASSES, Range
from dmlseg_core.errors import DmlsegError
from dmlseg_core.model import write_sheet
from dmlseg_core.scene import Segmenter
from dmlseg_core.shell import Parser
from dmlseg_core.train.data import Sample
from dmlseg_core.train.fit.vectors import (
    PHOTOS,
    VOID,
    Floats,
    Labels,
    drawn,
    fit,
    joined,
    part_numbers,
    rounded,
    spread,
)

_HEIGHTS = (1.0, 0.55, 0.3)
"""Of views, relative to the person: at the last two, a half and a head fill the picture."""
_RARER = 1.0
"""Logarithm of how much rarer skin and hair are on people than in an even sample of all kinds."""


def labels_of(sample: Sample, numbers: Sequence[int]) -> Labels:
    """(H, W): k + 1 where a part has the k-th of the numbers, 0 elsewhere, -1 where unlabelled.

    Args:
        sample: its second partition numbers parts (see `VOCFolder`).
        numbers: of the parts that are told.
    """
    parts = sample.partitions[-1].astype(np.intp)
    table = np.zeros(257, np.intp)
    table[list(numbers)] = 1 + np.arange(len(numbers))
    return np.where(parts < 0, VOID, table[parts % 256])


def views(sample: Sample, labels: Labels) -> Iterator[tuple[NDArray[np.uint8], Labels]]:
    """A photo and its labels, whole; and cut to the upper part of what is no background."""
    rows, columns = np.nonzero(sample.instances > 0)
    for share in _HEIGHTS if rows.size else _HEIGHTS[:1]:
        height = max(int(share * np.ptp(rows)), 48) if share < 1 else None
        if height is None:
            yield sample.image, labels
            continue
        top, middle = max(0, int(rows.min()) - height // 10), int(columns.mean())
        left = max(0, middle - height // 2)
        cut = slice(top, top + height), slice(left, left + height)
        yield np.ascontiguousarray(sample.image[cut]), labels[cut]


def elsewhere(sample: Sample) -> Labels:
    """Labels of a photo of any set: 0 on objects that are surely no person, -1 elsewhere."""
    person = VOC_CLASSES.index("person") + 1
    known = [k for k, c in enumerate(sample.classes) if k and c != person and not sample.unknown[k]]
    return np.where(np.isin(sample.instances, known), 0, VOID)


def fit_people(
    weights: Path, folder: Path, others: Sequence[Path] = (), photos: int = PHOTOS
) -> NDArray[np.float64]:
    """Write into a weights file's manifest what training photos ask for.

    Args:
        weights: NAME.safetensors, its manifest.json beside it.
        folder: set with parts, whose partmap.txt names skin and hair; its train list is read.
        others: sets whose objects, but people, are neither.
        photos: at most so many of each set, spread over it.

    Returns:
        (2, D + 1), as in the data sheet.

    Raises:
        WeightsError, DatasetError: a file cannot be read, or the set has no such parts.
    """
    Range("--photos", 1, 10**6).check(photos)
    numbers, segmenter = part_numbers(folder, PEOPLE), Segmenter.load(weights)
    rng = np.random.default_rng(0)
    rows: list[tuple[Floats, Labels]] = []
    kinds = 1 + len(PEOPLE)
    for sample in spread(folder, photos):
        for image, labels in views(sample, labels_of(sample, numbers)):
            rows += drawn(segmenter, image, labels, kinds, rng)
    for other in others:
        for sample in spread(other, photos):
            rows += drawn(segmenter, sample.image, elsewhere(sample), 1, rng)
    found = fit(*joined(rows), _RARER)
    write_sheet(weights, **{n: rounded(w) for n, w in zip(PEOPLE, found, strict=True)})
    return found


def main(words: Sequence[str] | None = None) -> None:
    """Write into the manifest what training photos ask for."""
    parser = Parser(description=__doc__)
    parser.add_argument("weights", type=Path, help="NAME.safetensors")
    parser.add_argument("set", type=Path, help="set whose parts are named; its train list is read")
    parser.add_argument("others", type=Path, nargs="*", help="sets of things that are neither")
    parser.add_argument("--photos", type=int, default=PHOTOS)
    args = parser.parse_args(words)
    try:
        found = fit_people(args.weights, args.set, args.others, args.photos)
    except DmlsegError as error:
        parser.exit(1, f"{error}\n")
    print(f"{' and '.join(PEOPLE)}: {found.shape[1]} numbers each")


if __name__ == "__main__":
    main()
