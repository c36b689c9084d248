"""Small labelled sets whose every pixel is known."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dmlseg_core.photo.masks import voc_colormap
from dmlseg_core.train.data.voc import Sample, SetRule

CAT, DOG, OBJECT = 8, 12, 21


def photo_of(i, height=48, width=64):
    """Smooth noise, another for every i, with no structure that two would share."""
    rng = np.random.default_rng(i)
    small = Image.fromarray(rng.integers(0, 256, (8, 10, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).copy()


def labels_of(i, height=48, width=64):
    """(objects, classes), uint8: object 1 a cat, 3 (a gap in the numbers) a dog, a void column."""
    rng = np.random.default_rng(i)
    objects, kinds = np.zeros((2, height, width), np.uint8)
    y, x = rng.integers(2, 14), rng.integers(2, 8)
    for number, kind, left in ((1, CAT, x), (3, DOG, x + 28)):
        objects[y : y + 20, left : left + 18] = number
        kinds[y : y + 20, left : left + 18] = kind
    objects[:, -1] = kinds[:, -1] = 255
    return objects, kinds


def save_mask(path, labels):
    image = Image.fromarray(labels, "L")
    image.putpalette(voc_colormap().tobytes())
    image.save(path)


def sample_of(instances, classes, *, image=None, partitions=None, rule=None, name="photo"):
    """A `Sample` of an (H, W) instance map; plain objects, known classes, complete labels."""
    instances = np.asarray(instances, np.int16)
    if image is None:
        image = np.zeros((*instances.shape, 3), np.uint8)
    partitions = instances[None] if partitions is None else np.asarray(partitions, np.int16)
    weights = (1 / len(partitions),) * len(partitions)
    classes = np.array([0, *classes], np.int16)
    return Sample(
        name, image, partitions, weights, instances, classes, np.zeros(len(classes), bool),
        rule or SetRule(),
    )  # fmt: skip
