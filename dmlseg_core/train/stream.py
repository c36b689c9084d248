"""The stream of training crops: crop i of a run is a function of (run's number, i) alone.

So a resumed run continues with the very crops it would have seen, whatever the number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data import Augment, Sample
from dmlseg_core.train.sampler import Points, sample_points, to_grid


class CropStream(Dataset[dict[str, Tensor]]):
    """Endless augmented crops of several sets, `length` of them from number `first` on.

    Args:
        sets: training sets.
        shares: sampling weight of each set, > 0.
        config: the run.
        augment: photo -> crop.
        first, length: which crops of the run.
    """

    def __init__(
        self, sets: Sequence[Sequence[Sample]], shares: Sequence[float], config: TrainConfig,
        augment: Augment, *, first: int, length: int,
    ) -> None:  # fmt: skip
        self.sets, self.config, self.augment = sets, config, augment
        self.shares = np.asarray(shares, float) / sum(shares)
        self.first, self.length = first, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.config.rng, self.first + i))
        photos = self.sets[rng.choice(len(self.sets), p=self.shares)]
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        crop = self.augment(photos[int(rng.integers(len(photos)))], generator, photos)
        c = self.config
        points = sample_points(crop, c.points, c.max_groups, c.background_points, rng)
        return to_tensors(crop, points, c.background_share)


def to_tensors(crop: Sample, points: Points, background_share: float = 1.0) -> dict[str, Tensor]:
    """One crop and its points as the tensors that `losses.compute_losses` reads."""
    maps = to_grid(crop.partitions).astype(np.int64).reshape(len(crop.partitions), -1)
    objects = to_grid(crop.instances).astype(np.int64).ravel()
    parts = maps[-1] if len(maps) > 1 and not crop.rule.partition else np.full_like(objects, -1)
    own = np.where(points.size > 0, objects[points.index], -1)
    real = own > 0
    known = np.where(real, own, 0)
    outside = background_share * crop.rule.background_weight
    weight = np.where(real, 1.0, outside) * (points.size > 0)
    if crop.rule.partition:
        weight[:] = 0
    per_group = weight / np.maximum(points.size, 1)
    part = np.where(points.size > 0, parts[points.index], -1)
    arrays = {
        "image": np.ascontiguousarray(crop.image.transpose(2, 0, 1)),  # (3, H, W) uint8
        "index": points.index,
        "size": points.size,
        "labels": maps[:, points.index],  # (R, S)
        "shares": np.asarray(crop.weights, np.float32),
        "objects": objects,
        "parts": parts,
        "object": own,
        "part": np.where(real, part, -1),
        "class_id": np.where(real, crop.classes[known], 0).astype(np.int64),
        "unknown": real & crop.unknown[known],
        "weight": per_group.astype(np.float32),
        "open": np.array(crop.rule.background == "no_voc"),
        "classified": _spread(points),
    }
    return {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}


def _spread(points: Points, share: int = 2) -> np.ndarray:
    """Every second point: neighbours in S are of one group, so each group keeps half of its own."""
    return np.arange(0, len(points.index), share)


def collate(crops: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Stack crops; the partitions of those that have fewer are padded with void of weight 0."""
    most = max(len(c["shares"]) for c in crops)
    batch = {}
    for key in crops[0]:
        values = [c[key] for c in crops]
        if key in ("labels", "shares"):
            values = [_pad_first(v, most, -1 if key == "labels" else 0) for v in values]
        batch[key] = torch.stack(values)
    return batch


def _pad_first(x: Tensor, length: int, value: float) -> Tensor:
    extra = x.new_full((length - len(x), *x.shape[1:]), value)
    return torch.cat([x, extra])
