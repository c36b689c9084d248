"""Points of a crop, and the tensors made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data.sets import is_held_out
from dmlseg_core.train.data.voc import SetRule
from dmlseg_core.train.sampler import group_map, sample_points, to_grid
from dmlseg_core.train.stream import CropStream, collate, to_tensors

SIDE = 33  # 9 x 9 cells


def rng(k=0):
    return np.random.default_rng(k)


def three_objects():
    """Objects of 9, 27 and 2 cells, a void column, background elsewhere."""
    instances = np.zeros((SIDE, SIDE), np.int16)
    grid = instances[::4, ::4]  # a view: cells are every fourth pixel
    grid[:3, :3], grid[3:6, :], grid[8, :2] = 1, 2, 3
    grid[:, 8] = -1
    return instances


def counts(points, labels):
    real = points.size > 0
    return dict(
        zip(*np.unique(labels.ravel()[points.index[real]], return_counts=True), strict=True)
    )


def test_grid_cells_are_every_fourth_pixel():
    pixels = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    grid = to_grid(pixels)
    assert grid.shape == (9, 9) and grid[2, 3] == pixels[8, 12]


def test_k_points_from_every_object_and_the_background(sample):
    crop = sample(three_objects(), (1, 2, 3))
    points = sample_points(crop, 5, 14, 12, rng())
    assert len(points.index) == len(points.size) == 5 * 14 + 12
    labels = to_grid(crop.instances)
    assert counts(points, labels) == {0: 12, 1: 5, 2: 5, 3: 2}  # the smallest gives all it has
    real = points.size > 0
    assert len(set(points.index[real])) == real.sum()  # none twice
    own = labels.ravel()[points.index[real]]
    assert (points.size[real] == np.array([{0: 12, 1: 5, 2: 5, 3: 2}[k] for k in own])).all()


def test_at_most_so_many_groups(sample):
    instances = np.repeat(np.arange(1, 34, dtype=np.int16)[:, None], SIDE, 1)
    crop = sample(instances, range(1, 34))
    points = sample_points(crop, 2, 4, 6, rng())
    assert sorted(counts(points, to_grid(instances)).values()) == [2, 2, 2, 2]
    other = sample_points(crop, 2, 4, 6, rng(1))
    assert set(counts(points, to_grid(instances))) != set(counts(other, to_grid(instances)))


def test_nothing_but_void(sample):
    crop = sample(np.full((SIDE, SIDE), -1), ())
    points = sample_points(crop, 2, 3, 4, rng())
    assert not points.size.any() and len(points.index) == 10


def test_the_generator_decides(sample):
    crop = sample(three_objects(), (1, 2, 3))
    same = [sample_points(crop, 5, 3, 6, rng(4)).index for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert (same[0] != sample_points(crop, 5, 3, 6, rng(5)).index).any()


def test_parts_are_the_groups_and_the_rest_of_an_object_is_one_more(sample):
    objects = three_objects()
    parts = np.where(objects == 0, 0, -1)
    parts[:4][objects[:4] == 1] = 256 + 7  # the first row of cells of object 1
    crop = sample(objects, (1, 2, 3), partitions=[objects, parts])
    groups = group_map(crop, rng())
    assert (groups[0, :3] == 263).all()
    assert len({int(groups[1, 0]), int(groups[3, 0]), int(groups[8, 0]), 263, 0}) == 5
    assert (groups[:, 8] == -1).all() and (groups[0, 3:8] == 0).all()


def test_a_partition_has_no_background(sample):
    people = np.ones((2, SIDE, SIDE), np.int16)
    people[0, :, 16:], people[1, 16:] = 2, 2
    rule = SetRule("none", background_weight=0.0, partition=True)
    crop = sample(np.zeros((SIDE, SIDE)), (), partitions=people, rule=rule)
    points = sample_points(crop, 3, 4, 6, rng())
    assert (points.size > 0).sum() == 6
    tensors = to_tensors(crop, points)
    assert not tensors["weight"].any() and (tensors["object"] <= 0).all()
    picked = {tuple(np.unique(group_map(crop, rng(k))[0])) for k in range(9)}
    assert picked == {(1,), (1, 2)}  # of both people


def test_tensors_of_a_crop(sample):
    crop = sample(three_objects(), (8, 12, 21), rule=SetRule("no_voc", background_weight=0.5))
    points = sample_points(crop, 5, 14, 12, rng())
    t = to_tensors(crop, points, 2.0)
    labels = to_grid(crop.instances).ravel()[points.index]
    real = points.size > 0
    assert (t["labels"][0].numpy() == labels).all() and t["open"]
    assert (t["class_id"].numpy() == np.where(real, crop.classes[np.maximum(labels, 0)], 0)).all()
    # every object weighs 1, the background as much as 2 objects times the set's 0.5
    for label in (0, 1, 2, 3):
        assert t["weight"][real & (labels == label)].sum().item() == pytest.approx(1)
    assert not t["weight"][~real].any()
    kept = labels[t["classified"]][real[t["classified"]]]
    assert dict(zip(*np.unique(kept, return_counts=True), strict=True)) == {0: 6, 1: 3, 2: 2, 3: 1}


def test_collate_pads_partitions_with_void_of_no_weight(sample):
    objects = three_objects()
    plain = sample(objects, (1, 2, 3))
    parts = sample(objects, (1, 2, 3), partitions=[objects, objects])
    made = [to_tensors(c, sample_points(c, 2, 3, 4, rng())) for c in (plain, parts)]
    batch = collate(made)
    assert batch["labels"].shape == (2, 2, 10) and (batch["labels"][0, 1] == -1).all()
    assert batch["shares"].tolist() == [[1, 0], [0.5, 0.5]]


def test_crop_number_i_is_a_function_of_i_alone(sample):
    sets = [[sample(three_objects(), (k, 2, 3), name=str(k)) for k in range(1, 6)]]
    config = TrainConfig(crop=SIDE)

    def stream(first):
        return CropStream(sets, [1.0], config, lambda s, g, others: s, first=first, length=9)

    whole, rest = stream(0), stream(4)
    for i in range(5):
        assert all(torch.equal(v, rest[i][k]) for k, v in whole[4 + i].items())
    assert not torch.equal(whole[0]["index"], whole[1]["index"])


def test_sets_are_drawn_by_their_shares(sample):
    sets = [[sample(np.full((SIDE, SIDE), 1), (k,))] for k in (1, 2)]
    stream = CropStream(sets, [3.0, 1.0], TrainConfig(crop=SIDE), lambda s, g, others: s, first=0,
                        length=200)  # fmt: skip
    share = np.mean([int(stream[i]["class_id"].max()) == 1 for i in range(200)])
    assert 0.65 < share < 0.85


def test_held_out_photos_are_one_in_33():
    share = np.mean([is_held_out(f"2008_{k:06}") for k in range(20000)])
    assert share == pytest.approx(1 / 33, rel=0.1)
