"""Fake segmenters whose right figures are known, and the labelled photos that they look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from dmlseg_core.config import CLASSES, SceneConfig
from dmlseg_core.model import Meant

PERSON, DOG, OBJECT = 15, 12, 21
PART, WHOLE, GROUP = 0.9, 0.5, 0.1


@dataclass
class Sample:
    name: str
    instances: np.ndarray
    classes: np.ndarray
    unknown: np.ndarray
    rule: SimpleNamespace
    partitions: np.ndarray
    image: np.ndarray = field(default_factory=lambda: np.zeros((60, 80, 3), np.uint8))


def sample(i, *, background="complete", partition=False, unknown=False):
    """Two objects of 20 x 20 px (left: two parts), a tiny one, a void column; or a partition."""
    rng = np.random.default_rng(i)
    instances = np.zeros((60, 80), np.int16)
    y, x = rng.integers(0, 40), rng.integers(0, 19)
    instances[y : y + 20, x : x + 20] = 1
    instances[y : y + 20, 41:61] = 2
    instances[0:3, 70:73] = 3
    instances[:, 79] = -1
    parts = instances.copy()
    parts[y : y + 20, x : x + 10][instances[y : y + 20, x : x + 10] == 1] = 4
    people = np.ones((3, 60, 80), np.int16)
    people[:, 30:], people[2, :, 40:] = 2, 3
    return Sample(
        f"photo{i}", instances, np.array([0, PERSON, DOG, OBJECT]),
        np.array([False, False, False, unknown]),
        SimpleNamespace(background=background, partition=partition),
        people if partition else np.stack([instances, parts]),
    )  # fmt: skip


@dataclass
class Mask:
    mask: np.ndarray
    class_name: str = "person"
    score: float = 1.0

    def to_photo(self, rgb=None):
        return self.mask


class PerfectScene:
    """Knows the labels; marks itself with the photo's number in the image."""

    def __init__(self, truth):
        self.truth = truth

    def propose(self):
        t = self.truth
        return tuple(
            Mask(t.instances == k, CLASSES[t.classes[k] - 1], 0.9)
            for k in np.unique(t.instances[t.instances > 0])
        )

    def mask_at(self, y, x, tau=None, *, add=(), subtract=()):
        labels = self.truth.partitions[-1 if tau == PART else 0]
        return Mask(labels == labels[y, x] if tau != GROUP else np.ones_like(labels, bool))

    def meant_by(self, y, x):
        return Meant(WHOLE, GROUP, PART, WHOLE, GROUP)

    def partition(self, tau):
        return self.truth.partitions[0]

    @property
    def regions(self):
        return SimpleNamespace(cut=self.partition)


class NoiseScene(PerfectScene):
    def __init__(self, truth):
        super().__init__(truth)
        self.rng = np.random.default_rng(0)

    def _noise(self, share=0.05):
        return Mask(self.rng.random((60, 80)) < share, CLASSES[self.rng.integers(20)])

    def propose(self):
        return tuple(self._noise() for _ in range(120))

    def mask_at(self, y, x, tau=None, *, add=(), subtract=()):
        return self._noise()

    def partition(self, tau):
        return self.rng.integers(0, 50, (60, 80))


class Fake:
    def __init__(self, scene, samples):
        self.scene, self.samples = scene, samples
        self.calls = 0
        for i, s in enumerate(samples):
            s.image[0, 0, 0] = i

    def analyze(self, image):
        self.calls += 1
        return self.scene(self.samples[int(image[0, 0, 0])])


@dataclass
class SweepScene(PerfectScene):
    """Proposes only as many objects as the budget allows."""

    truth: Sample
    config: SceneConfig = field(default_factory=SceneConfig)
    taus: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9)
    class_probs: np.ndarray = field(default_factory=lambda: np.zeros((4, 22, 1, 1)))

    def propose(self):
        assert len(self.taus) == len(self.class_probs)
        return super().propose()[: self.config.budget]
