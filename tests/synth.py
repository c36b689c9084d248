"""A known-answer scene: one embedding vector per object, and class probabilities that say so.

Built through the real `Scene`, so everything after the network runs on it as on a photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from dmlseg_core.config import CLASSES, TAUS, SceneConfig
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.scene import Scene

SURE, UNSURE = 0.9, 0.3
CAT, DOG, PERSON = (CLASSES.index(name) + 1 for name in ("cat", "dog", "person"))


@dataclass(frozen=True)
class Thing:
    """One object of the picture.

    Attributes:
        where: its rows and columns on the grid.
        class_id: 1 .. 21.
        row: index in TAUS of the threshold at which its mask is right.
        sure: the class probability there.
    """

    where: tuple[slice, slice]
    class_id: int
    row: int
    sure: float = SURE


GRID = (24, 32)
LONG_SIDE = 128  # 4 * 32: the photo is the network's input, cell (i, j) is photo pixel (4i, 4j)
THINGS = (
    Thing((slice(2, 10), slice(3, 12)), CAT, 1, 0.95),
    Thing((slice(2, 10), slice(12, 20)), CAT, 2, 0.9),  # touches the first, of the same class
    Thing((slice(14, 22), slice(5, 28)), PERSON, 0, 0.85),
    Thing((slice(4, 6), slice(25, 27)), DOG, 3, 0.8),
)
INSIDE = {1: (20, 20), 2: (20, 56), 3: (72, 60), 4: (18, 104)}
"""A photo pixel (y, x) on each of THINGS, by its label."""


def labels(things=THINGS, grid=GRID):
    """(h, w) int: 0 = background, k = things[k - 1]."""
    out = np.zeros(grid, int)
    for k, thing in enumerate(things, 1):
        out[thing.where] = k
    return out


def class_probs(things=THINGS, grid=GRID):
    """(T, C+1, h, w): background but for the things: `sure` at a thing's own tau, else UNSURE."""
    probs = np.zeros((len(TAUS), len(CLASSES) + 1, *grid), np.float32)
    probs[:, 0] = 1
    for thing in things:
        for t in range(len(TAUS)):
            p = thing.sure if t == thing.row else UNSURE
            probs[(t, thing.class_id, *thing.where)] = p
            probs[(t, 0, *thing.where)] = 1 - p
    return torch.from_numpy(probs)


def embedding(things=THINGS, grid=GRID, gap=4.0):
    """(K + 1, h, w): gap * unit vector of a cell's label; two labels lie 2 * gap^2 apart in d2."""
    one_hot = np.eye(len(things) + 1, dtype=np.float32)[labels(things, grid)]
    return torch.from_numpy(np.ascontiguousarray(gap * one_hot.transpose(2, 0, 1)))


def scene(things=THINGS, *, vectors=None, probs=None, **options):
    """The scene of `things`, its vectors or probabilities replaced where given."""
    return Scene(
        frame=Frame.fit((4 * GRID[0], 4 * GRID[1]), LONG_SIDE),
        embedding=embedding(things) if vectors is None else vectors,
        class_probs=class_probs(things) if probs is None else probs,
        taus=TAUS,
        classes=CLASSES,
        config=SceneConfig(
            **{"long_side": LONG_SIDE, "connected": False, "overlap": 0.5, **options}
        ),
        photo_digest="synthetic",
    )


def covering(proposals, point):
    """The proposal that holds a photo pixel."""
    found = proposals.instance_at(*point)
    assert found is not None
    return found


def noise_scene(seed=0, things=THINGS, **options):
    """Right class probabilities over vectors that mean nothing."""
    generator = torch.Generator().manual_seed(seed)
    return scene(things, vectors=3 * torch.randn((8, *GRID), generator=generator), **options)


def smooth_scene(seed=0, **options):
    """Vectors that change gradually, so that a mask grows with its radius."""
    generator = torch.Generator().manual_seed(seed)
    coarse = 2 * torch.randn((1, 4, 6, 8), generator=generator)
    vectors = torch.nn.functional.interpolate(coarse, size=GRID, mode="bilinear")[0]
    return scene(vectors=vectors, **options)


def sample(number=0, things=THINGS):
    """What `train.evaluate` reads of a labelled photo; the photo's first byte is its number."""
    instances = np.kron(labels(things), np.ones((4, 4), int)).astype(np.int16)
    # cell i is centred on pixel 4i, so the edge lies between 4i - 2 and 4i + 2
    instances = np.roll(instances, (-2, -2), (0, 1))
    image = np.zeros((*instances.shape, 3), np.uint8)
    image[0, 0, 0] = number
    return SimpleNamespace(
        name=f"synthetic{number}",
        instances=instances,
        classes=np.array([0, *(t.class_id for t in things)]),
        unknown=np.zeros(len(things) + 1, bool),
        partitions=instances[None],
        rule=SimpleNamespace(background="complete", partition=False),
        image=image,
    )


class Scenes:
    """A segmenter whose scenes are made beforehand."""

    def __init__(self, *scenes):
        self.scenes = scenes

    def analyze(self, image, *, regions=False):
        return self.scenes[int(image[0, 0, 0])]
