"""Fit what tells a person's skin and hair in an embedding (`DataSheet.skin`, `DataSheet.hair`).

`python -m dmlseg_core.train.fit.people WEIGHTS SET [OTHER...]` writes it into the manifest: a
linear classifier of single vectors, as far as what training made of them goes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from dmlseg_core.config import PEOPLE, VOC_CLASSES, Range
from dmlseg_core.errors import DatasetError, DmlsegError
from dmlseg_core.model import write_sheet
from dmlseg_core.scene import Segmenter
from dmlseg_core.train.data import Sample, open_set, trained_photos
from dmlseg_core.train.fit.regions import minimize

Floats: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.intp]

PHOTOS = 190
_POINTS = 100
"""Of each kind in a view of a photo."""
_HEIGHTS = (1.0, 0.55, 0.3)
"""Of views, relative to the person: at the last two, a half and a head fill the picture."""
_PENALTY = 1e-4
_RARER = 1.0
"""Logarithm of how much rarer skin and hair are on people than in an even sample of all kinds."""
_VOID = -1


def labels_of(sample: Sample, numbers: Sequence[int]) -> Labels:
    """(H, W): k + 1 where a part has the k-th of the numbers, 0 elsewhere, -1 where unlabelled.

    Args:
        sample: its second partition numbers parts (see `VOCFolder`).
        numbers: of the parts that are told.
    """
    parts = sample.partitions[-1].astype(np.intp)
    table = np.zeros(257, np.intp)
    table[list(numbers)] = 1 + np.arange(len(numbers))
    return np.where(parts < 0, _VOID, table[parts % 256])


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
    return np.where(np.isin(sample.instances, known), 0, _VOID)


def fit(vectors: Floats, kinds: Labels) -> NDArray[np.float64]:
    """Softmax regression: (K, D + 1) weights and bias of each kind but the first, whose are 0.

    Kinds 1 .. K are taken for _RARER than they are here.

    Args:
        vectors: (N, D).
        kinds: (N,) 0 .. K.
    """
    x, y = torch.from_numpy(vectors).double(), torch.from_numpy(kinds)
    mean, spread = x.mean(0), x.std(0).clamp_min(1e-9)
    x = (x - mean) / spread
    w = torch.zeros(x.shape[1] + 1, int(y.max()) + 1, dtype=x.dtype, requires_grad=True)
    minimize(
        lambda: F.cross_entropy(x @ w[:-1] + w[-1], y) + _PENALTY * w[:-1].square().sum(), w, 300
    )
    slopes = w.detach()[:-1] / spread[:, None]
    found = torch.cat([slopes, (w.detach()[-1] - mean @ slopes)[None]]).T
    found = (found - found[:1])[1:]
    found[:, -1] -= _RARER
    return np.asarray(found.numpy())


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
    numbers, segmenter = _numbers(folder), Segmenter.load(weights)
    rng = np.random.default_rng(0)
    rows: list[tuple[Floats, Labels]] = []
    for sample in _spread(folder, photos):
        for image, labels in views(sample, labels_of(sample, numbers)):
            rows += _drawn(segmenter, image, labels, rng)
    for other in others:
        for sample in _spread(other, photos):
            rows += _drawn(segmenter, sample.image, elsewhere(sample), rng)
    vectors, kinds = (np.concatenate(column) for column in zip(*rows, strict=True))
    found = fit(vectors, kinds)
    rounded = {n: tuple(float(f"{v:.4g}") for v in w) for n, w in zip(PEOPLE, found, strict=True)}
    write_sheet(weights, **rounded)
    return found


def _numbers(folder: Path) -> list[int]:
    """Part numbers of PEOPLE."""
    path = folder / "partmap.txt"
    lines = path.read_text("utf-8").split() if path.is_file() else []
    known = {name: int(number) for number, _, name in (line.partition(":") for line in lines)}
    if missing := [name for name in PEOPLE if name not in known]:
        raise DatasetError(f"{path} names no part {' and '.join(missing)}; give a set that does")
    return [known[name] for name in PEOPLE]


def _spread(folder: Path, photos: int) -> Iterator[Sample]:
    samples = trained_photos(open_set(folder))
    for i in np.unique(np.linspace(0, len(samples) - 1, photos).round().astype(int)):
        yield samples[int(i)]


def _drawn(
    segmenter: Segmenter, image: NDArray[np.uint8], labels: Labels, rng: np.random.Generator
) -> Iterator[tuple[Floats, Labels]]:
    """Vectors of at most _POINTS pixels of each kind, and their kinds."""
    scene = segmenter.analyze(image)
    for kind in range(len(PEOPLE) + 1):
        ys, xs = np.nonzero(labels == kind)
        at = rng.choice(ys.size, min(_POINTS, ys.size), replace=False)
        cells = np.array([scene.frame.cell_of(float(ys[k]), float(xs[k])) for k in at], np.intp)
        rows, columns = cells.reshape(-1, 2).T
        yield scene.embedding.numpy()[:, rows, columns].T, np.full(at.size, kind)


def main(words: Sequence[str] | None = None) -> None:
    """Write into the manifest what training photos ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
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
