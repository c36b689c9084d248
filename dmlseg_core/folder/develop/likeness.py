"""How much objects look like one of a reference photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dmlseg_core.errors import ImageError, ParameterError
from dmlseg_core.folder.develop.colors import Colors, colors_of
from dmlseg_core.folder.rules import Like
from dmlseg_core.model import distances2, similarity
from dmlseg_core.photo import load_photo, shown
from dmlseg_core.scene import Mask, Scene


@dataclass(frozen=True, eq=False)
class Reference:
    """What objects are compared with.

    Attributes:
        vector: (D,), the embedding at the object's seed.
        colors: of its pixels, as of `colors_of`.
    """

    vector: Tensor
    colors: Colors


def reference_of(like: Like, segmenter: Any) -> Reference:
    """What the object at a reference's point looks like.

    The proposal that holds the point is meant, as photos are compared by their proposals; where
    none does, the point itself.

    Raises:
        ParameterError: it is no photo, or the point lies outside it.
    """
    try:
        photo = load_photo(like.photo)
    except ImageError as error:
        raise ParameterError(f"a rule's reference cannot be used: {error}") from None
    height, width = photo.size
    y, x = like.at if like.at is not None else (height // 2, width // 2)
    scene: Scene = segmenter.analyze(photo)
    try:
        found = scene.propose().instance_at(y, x)
        found = scene.mask_at(y, x) if found is None else found
    except ParameterError as error:
        raise ParameterError(f"the reference {like.photo}: {error}") from None
    rgb = shown(photo)
    (colors,) = colors_of(rgb, found.to_photo(rgb).astype(np.int32), 1)
    return Reference(scene.embedding[:, found.seed.y, found.seed.x].clone(), colors)


def similarities(masks: Sequence[Mask], scene: Scene, vector: Tensor) -> list[float]:
    """Of each mask's seed to a vector: 2 / (1 + exp(d^2)), in (0, 1]."""
    if not masks:
        return []
    seeds = torch.stack([scene.embedding[:, m.seed.y, m.seed.x] for m in masks])
    return [float(s) for s in similarity(distances2(vector[None], seeds))[0]]
