"""How much objects look like one of a reference photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.rules import Like
from dmlseg_core.model import distances2, similarity
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Mask, Scene


def vector_of(like: Like, segmenter: Any) -> Tensor:
    """(D,) embedding vector of the reference: of the seed of the object at its point.

    The proposal that holds the point is meant, as photos are compared by their proposals; where
    none does, the point itself.

    Raises:
        ImageError: no photo. ParameterError: the point lies outside it.
    """
    photo = load_photo(like.photo)
    height, width = photo.size
    y, x = like.at if like.at is not None else (height // 2, width // 2)
    scene: Scene = segmenter.analyze(photo)
    try:
        found = scene.propose().instance_at(y, x)
        cell = scene.cell_at(y, x) if found is None else (found.seed.y, found.seed.x)
    except ParameterError as error:
        raise ParameterError(f"the reference {like.photo}: {error}") from None
    return scene.embedding[:, cell[0], cell[1]].clone()


def similarities(masks: Sequence[Mask], scene: Scene, vector: Tensor) -> list[float]:
    """Of each mask's seed to a vector: 2 / (1 + exp(d^2)), in (0, 1]."""
    if not masks:
        return []
    seeds = torch.stack([scene.embedding[:, m.seed.y, m.seed.x] for m in masks])
    return [float(s) for s in similarity(distances2(vector[None], seeds))[0]]
