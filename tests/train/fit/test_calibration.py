"""Calibration: clicks whose IoU is known, and a head that learns to tell part from whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dmlseg_core.config import CLASSES, TAUS, SceneConfig
from dmlseg_core.errors import TrainingError
from dmlseg_core.model.iou_head import IoUHead, radii_of
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.scene import Scene
from dmlseg_core.train.data.voc import SetRule
from dmlseg_core.train.fit.calibration import clicks_of, collect, examples_of, fit
from tests.train.toy_sets import sample_of

SIDE, CELLS = 96, 24
RADII = radii_of()
NEAR, FAR = 0.4, 16.0  # d2 between two parts of a thing, and to the background


def photo(top, left, *, parts=True):
    """A thing of 40 x 40 pixels, its left and right halves being parts."""
    things, halves = np.zeros((2, SIDE, SIDE), np.int16)
    things[top : top + 40, left : left + 40] = 1
    halves[top : top + 40, left : left + 20] = 257
    halves[top : top + 40, left + 20 : left + 40] = 258
    partitions = np.stack([things, halves]) if parts else None
    return sample_of(things, [8], partitions=partitions, name=f"{top}-{left}")


class Perfect:
    """A segmenter that knows the labels: vectors of parts lie NEAR, of other things FAR away."""

    def __init__(self, samples):
        self.samples = samples

    def analyze(self, image):
        sample = next(s for s in self.samples if s.image is image)
        grid = sample.partitions[-1][::4, ::4]
        vectors = np.zeros((2, CELLS, CELLS), np.float32)
        vectors[0] = np.where(grid > 0, np.sqrt(FAR), 0)
        vectors[1] = np.where(grid == 258, np.sqrt(NEAR), 0)
        probs = np.zeros((len(TAUS), len(CLASSES) + 1, CELLS, CELLS), np.float32)
        probs[:, 8], probs[:, 0] = grid > 0, grid <= 0
        return Scene(
            frame=Frame.fit((SIDE, SIDE), SIDE), embedding=torch.from_numpy(vectors),
            class_probs=torch.from_numpy(probs), taus=TAUS, classes=CLASSES,
            config=SceneConfig(long_side=SIDE),
        )  # fmt: skip


def test_clicks_lie_on_what_they_mean():
    clicks = list(clicks_of(photo(20, 24), np.random.default_rng(0)))
    assert sum(bool(c.parts) for c in clicks) == 2
    for click in clicks:
        assert all(truth[click.y, click.x] for truth in (*click.wholes, *click.parts))
        assert all((whole | ~part).all() for whole in click.wholes for part in click.parts)


def test_of_a_partition_everybodys_region_is_meant():
    left, top = np.ones((2, 80, 80), np.int16)
    left[:, 40:], top[40:] = 2, 2
    sample = sample_of(
        np.zeros((80, 80)), [], partitions=np.stack([left, top]), rule=SetRule(partition=True)
    )
    for click in clicks_of(sample, np.random.default_rng(0)):
        assert len(click.wholes) == 2 and not click.parts
        assert all(whole[click.y, click.x] and whole.sum() == 3200 for whole in click.wholes)


def test_iou_of_every_radius():
    sample = photo(20, 24)
    rows = list(
        examples_of(
            sample, Perfect([sample]).analyze(sample.image), np.random.default_rng(0), RADII
        )
    )
    with_part = [iou for _, iou in rows if not np.isnan(iou[1]).any()]
    assert len(with_part) == 2
    radii = np.array(RADII)
    for whole, part in with_part:
        np.testing.assert_allclose(whole, np.where(radii < NEAR, 0.5, 1), atol=1e-6)
        np.testing.assert_allclose(part, np.where(radii < NEAR, 1, 0.5), atol=1e-6)


def test_a_fitted_head_tells_part_from_whole():
    rng = np.random.default_rng(1)
    train = [photo(int(y), int(x)) for y, x in rng.integers(0, 14, (24, 2)) * 4]
    segmenter = Perfect(train)
    examples = collect(segmenter, {"toy": train}, [1.0], photos=100, radii=RADII)
    assert examples.weight.mean() == pytest.approx(1)
    head = IoUHead(len(TAUS), len(CLASSES))
    fit(head, examples, epochs=60, batch=16)
    assert head.fitted and not head.training
    unseen = photo(24, 28)
    scene = replace(Perfect([unseen]).analyze(unseen.image), iou_head=head)
    part, whole, _ = scene.stops(44, 36)
    assert (part.grid == (unseen.partitions[1][::4, ::4] == 257)).all()
    assert (whole.grid == (unseen.instances[::4, ::4] == 1)).all()


def test_fitting_is_repeatable():
    samples = [photo(8, 8), photo(40, 40), photo(20, 12)]
    examples = collect(Perfect(samples), {"toy": samples}, [1.0], photos=3, radii=RADII)
    heads = [IoUHead(len(TAUS), len(CLASSES)) for _ in range(2)]
    heads[1].load_state_dict(heads[0].state_dict())
    for head in heads:
        fit(head, examples, epochs=3, batch=8)
    for a, b in zip(heads[0].parameters(), heads[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_set_without_objects():
    empty = sample_of(np.zeros((SIDE, SIDE)), [])
    with pytest.raises(TrainingError, match="object of toy can be clicked"):
        collect(Perfect([empty]), {"toy": [empty]}, [1.0], photos=2, radii=RADII)
