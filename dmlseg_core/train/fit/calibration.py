"""Fit the IoU head to trained weights: clicks on training photos, and the IoU they would give.

The network stays as it is. Each click gives the features of `iou_head.describe_point` and, for
every radius, the IoU of the connected mask with the thing and, where parts are labelled, the part.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm  # type: ignore[import-untyped]

from dmlseg_core.errors import TrainingError
from dmlseg_core.measure import MIN_OBJECT_PIXELS, first_click, parts_of
from dmlseg_core.model import (
    DataSheet,
    IoUHead,
    describe_point,
    history,
    load_network,
    save_weights,
)
from dmlseg_core.scene import Scene, Segmenter, connected_part
from dmlseg_core.train.data import Sample, open_set, set_names, trained_photos

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
PHOTOS = 500
"""Photos of each set that are clicked on, if nothing else is asked for."""
OBJECTS, PARTS, REGIONS = 6, 8, 3
"""At most so many of each are clicked on a photo, so that crowded photos do not rule."""
_MIN_REGION = 1000


@dataclass(frozen=True, eq=False)
class Click:
    """A point and what may be meant by it, at photo resolution.

    Attributes:
        y, x: photo pixel.
        wholes: (H, W) bool masks; several where people disagree: their IoUs are averaged.
        parts: the part, where parts are labelled; else nothing.
    """

    y: int
    x: int
    wholes: tuple[Bools, ...]
    parts: tuple[Bools, ...] = ()


@dataclass(frozen=True, eq=False)
class Examples:
    """What the head learns from; n clicks.

    Attributes:
        features: (n, inputs) float32.
        iou: (n, 2, K) float32, with the whole and with the part; NaN where it has none.
        weight: (n,) float32, mean 1.
    """

    features: Tensor
    iou: Tensor
    weight: Tensor


def clicks_of(sample: Sample, rng: np.random.Generator) -> Iterator[Click]:
    """Clicks on a photo: the middle of things, as metrics click, and two careless ones on each."""
    if sample.rule.partition:
        yield from _region_clicks(sample, rng)
        return
    has_parts = len(sample.partitions) > 1
    numbers = np.unique(sample.instances[sample.instances > 0])
    for number in rng.permutation(numbers)[:OBJECTS]:
        whole = sample.instances == number
        if whole.sum() < MIN_OBJECT_PIXELS:
            continue
        inner = np.argwhere(cv2.erode(whole.view(np.uint8), np.ones((3, 3))))
        careless = [inner[k] for k in rng.integers(len(inner), size=2)] if len(inner) else []
        for y, x in [*([] if has_parts else [first_click(whole)]), *careless]:
            yield Click(int(y), int(x), (whole,))
    if has_parts:
        yield from _part_clicks(sample, rng)


def _part_clicks(sample: Sample, rng: np.random.Generator) -> Iterator[Click]:
    found = parts_of(sample.instances, sample.partitions[-1])
    for k in rng.permutation(len(found))[:PARTS]:
        (y, x), part, whole = found[k]
        if (whole & ~part).any():
            yield Click(y, x, (whole,), (part,))


def _region_clicks(sample: Sample, rng: np.random.Generator) -> Iterator[Click]:
    for _ in range(REGIONS):
        regions = sample.partitions[rng.integers(len(sample.partitions))]
        labels, sizes = np.unique(regions, return_counts=True)
        large = labels[sizes >= _MIN_REGION]
        if len(large):
            y, x = first_click(regions == rng.choice(large))
            yield Click(y, x, tuple(p == p[y, x] for p in sample.partitions))


def examples_of(
    sample: Sample, scene: Scene, rng: np.random.Generator, radii: Sequence[float]
) -> Iterator[tuple[Floats, Floats]]:
    """(features, (2, K) IoU) of every click on a photo that the grid can resolve."""
    pixels = np.ix_(*scene.frame.centres())
    valid = (sample.instances >= 0)[pixels]
    for click in clicks_of(sample, rng):
        y, x = scene.frame.cell_of(click.y, click.x)
        truths = [t[pixels] & valid for t in (*click.wholes, *click.parts)]
        if not all(t.any() for t in truths):
            continue
        d2 = scene.distances2((y, x))[0]
        iou = _ious(d2, (y, x), valid, truths, radii)
        n = len(click.wholes)
        part = iou[n] if click.parts else np.full(len(radii), np.nan)
        yield (
            describe_point(d2, scene.class_probs.numpy(), y, x, radii),
            np.stack([iou[:n].mean(0), part]).astype(np.float32),
        )


def _ious(
    d2: Floats,
    cell: tuple[int, int],
    valid: Bools,
    truths: Sequence[Bools],
    radii: Sequence[float],
) -> NDArray[np.float64]:
    """(len(truths), K): IoU of the connected mask at each radius with each truth."""
    found = np.empty((len(truths), len(radii)))
    for k, radius in enumerate(radii):
        mask = connected_part(d2 <= radius, [cell]) & valid
        for i, truth in enumerate(truths):
            found[i, k] = (mask & truth).sum() / max(1, int((mask | truth).sum()))
    return found


def collect(
    segmenter: Segmenter,
    sets: Mapping[str, Sequence[Sample]],
    shares: Sequence[float],
    photos: int,
    radii: Sequence[float],
) -> Examples:
    """Analyse at most `photos` photos of every set, and click on them.

    Args:
        segmenter: of the weights to be calibrated.
        sets: training sets by name.
        shares: weight of each set in the loss, whatever its number of clicks.
        photos: photos a set, spread evenly over it.
        radii: of the head that is to be fitted.

    Raises:
        TrainingError: no photo of a set could be clicked on.
    """
    features: list[Floats] = []
    iou: list[Floats] = []
    weight: list[float] = []
    for (name, samples), share in zip(sets.items(), shares, strict=True):
        before = len(features)
        chosen = np.unique(np.linspace(0, len(samples) - 1, min(photos, len(samples))).astype(int))
        for i in tqdm(chosen, desc=name, unit="photo", mininterval=5):
            sample = samples[int(i)]
            rng = np.random.default_rng(zlib.crc32(sample.name.encode()))
            for row, target in examples_of(sample, segmenter.analyze(sample.image), rng, radii):
                features.append(row)
                iou.append(target)
        added = len(features) - before
        if not added:
            raise TrainingError(f"no object of {name} can be clicked on; leave it out")
        weight += [share / added] * added
    scaled = torch.tensor(weight) * (len(weight) / sum(weight))
    inputs, targets = (torch.from_numpy(np.stack(rows)) for rows in (features, iou))
    return Examples(inputs, targets, scaled)


def fit(
    head: IoUHead, examples: Examples, *, epochs: int = 40, batch: int = 256, lr: float = 2e-3
) -> None:
    """Fit the head in place: weighted cross-entropy of expected against real IoU, AdamW."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head.standardize(examples.features)
        head.train().requires_grad_(True)
        optimizer = torch.optim.AdamW(head.parameters(), lr=lr, weight_decay=1e-2)
        steps = epochs * math.ceil(len(examples.features) / batch)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, steps)
        for _ in range(epochs):
            order = torch.randperm(len(examples.features))
            for index in torch.split(order, batch):
                loss = _loss(head, examples, index)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
    head.eval().requires_grad_(False)
    head.fitted.fill_(True)


def _loss(head: IoUHead, examples: Examples, index: Tensor) -> Tensor:
    iou = examples.iou[index]  # (b, 2, K)
    known = ~iou.isnan()
    each = F.binary_cross_entropy_with_logits(
        head.logits(examples.features[index]), iou.nan_to_num(), reduction="none"
    )
    return ((each * known).mean(2).sum(1) * examples.weight[index]).mean()


def calibrate(
    weights: Path, sets: Sequence[tuple[Path, float]], *, photos: int = PHOTOS
) -> dict[str, Any]:
    """Fit the IoU head of a weights file, and write the file and its manifest entry anew.

    Args:
        weights: NAME.safetensors with its manifest.json beside it.
        sets: folders (or COCO files) of training sets, and their shares. Photos that are held out
            of training are held out of this too.
        photos: photos a set, at most.

    Returns:
        The new manifest entry.

    Raises:
        WeightsError, DatasetError: a file cannot be read, or two sets have one name.
        TrainingError: no object of a set could be clicked on.
    """
    network, entry = load_network(weights)
    paths = [path for path, _ in sets]
    samples = {
        name: trained_photos(open_set(path))
        for name, path in zip(set_names(paths), paths, strict=True)
    }
    sheet = DataSheet.of(entry)
    segmenter = Segmenter(deepcopy(network), sheet=sheet)  # fused: it cannot be saved any more
    examples = collect(
        segmenter, samples, [share for _, share in sets], photos, network.iou_head.radii
    )
    fit(network.iou_head, examples)
    clicks = {
        "clicks": len(examples.features),
        "long_side": segmenter.config.long_side,
        "edge_weight": segmenter.config.edge_weight,
    }
    return save_weights(network, weights, **history(entry), calibration=clicks)
