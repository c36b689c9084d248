"""Photo and labels stay paired: an object is painted in its class's color, and found again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from dmlseg_core.train.data.augment import Augment, AugmentConfig
from dmlseg_core.train.data.compose import MEAN_GREY, VISIBLE, mosaic, paste
from dmlseg_core.train.data.voc import SetRule

SIDE = 97


def color_of(kind):
    return np.array([40 + 10 * kind, 250 - 9 * kind, (67 * kind) % 200], np.uint8)


@pytest.fixture
def painted(sample):
    """painted(rng, kinds) -> objects of those classes side by side, each in its class's color."""

    def make(k, kinds=(3, 8, 12), height=120, width=150, **how):
        rng = np.random.default_rng(k)
        instances = np.zeros((height, width), np.int16)
        image = np.full((height, width, 3), 200, np.uint8)
        step = width // len(kinds)
        for number, kind in enumerate(kinds, 1):
            y, x = rng.integers(2, 30), (number - 1) * step + rng.integers(2, 8)
            where = np.s_[y : y + 70, x : x + step - 10]
            instances[where], image[where] = number, color_of(kind)
        instances[:, -3:] = -1
        return sample(instances, kinds, image=image, **how)

    return make


def interior(mask, pixels=4):
    """`mask` without its rim, where colors are mixed by resampling and by the soft paste."""
    padded = np.pad(mask.astype(np.uint8), pixels)
    eroded = cv2.erode(padded, np.ones((2 * pixels + 1, 2 * pixels + 1)))
    return eroded[pixels:-pixels, pixels:-pixels].astype(bool)


def check_colors(crop):
    """Every object's interior has its class's color; returns how many objects had an interior."""
    seen = 0
    for number in np.unique(crop.instances[crop.instances > 0]):
        inside = interior(crop.instances == number)
        if inside.any():
            seen += 1
            off = np.abs(crop.image[inside].astype(int) - color_of(crop.classes[number]))
            assert off.max() <= 2, f"object {number} of class {crop.classes[number]}"
    return seen


@pytest.mark.parametrize("pastes", [0.0, 1.0])
def test_photo_and_labels_stay_paired(painted, pastes):
    donors = [[painted(90 + k, (15, 17), 80, 200) for k in range(3)]]
    augment = Augment(AugmentConfig(SIDE, paste_probability=pastes, jitter=0.0), donors)
    seen = pasted = 0
    for k in range(40):
        crop = augment(painted(k), torch.Generator().manual_seed(k))
        assert crop.image.shape == (SIDE, SIDE, 3) and crop.instances.shape == (SIDE, SIDE)
        assert crop.image.dtype == np.uint8 and crop.partitions.shape == (1, SIDE, SIDE)
        seen += check_colors(crop)
        pasted += int((crop.classes[crop.instances[crop.instances > 0]] >= 15).any())
        # partition 0 groups pixels just as the objects do
        both = np.stack([crop.instances, crop.partitions[0]]).reshape(2, -1)
        pairs = np.unique(both, axis=1)
        assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    assert seen > 40 and (pasted > 25) == bool(pastes)


def test_outside_of_the_photo_is_void(painted):
    """A small photo does not fill the crop; padding is grey and void, never background."""
    augment = Augment(AugmentConfig(SIDE, scale=(0.5, 0.6), jitter=0.0))
    for k in range(6):
        crop = augment(painted(k), torch.Generator().manual_seed(k))
        padding = (crop.image == MEAN_GREY).all(2)
        assert padding.any() and (crop.instances[padding] == -1).all()
        assert (crop.partitions[0][padding] == -1).all()


def test_a_crop_holds_some_object(painted):
    augment = Augment(AugmentConfig(33, scale=(3, 4), jitter=0.0))
    for k in range(20):
        assert (augment(painted(k), torch.Generator().manual_seed(k)).instances > 0).any()


def test_mirror_images(sample):
    left = np.zeros((33, 33), np.int16)
    left[:, :10] = 1
    config = AugmentConfig(33, scale=(1, 1), flip=1.0, jitter=0.0)
    crop = Augment(config)(sample(left, (1,)), torch.Generator().manual_seed(0))
    kept = crop.instances == 1
    assert kept[:, -1].any() and not kept[:, :20].any()


def test_the_generator_decides_everything(painted):
    augment = Augment(AugmentConfig(SIDE, paste_probability=1.0), [[painted(9, (15,))]])

    def run(number):
        return augment(painted(0), torch.Generator().manual_seed(number))

    one, same, other = run(1), run(1), run(2)
    for field in ("image", "partitions", "instances", "classes"):
        assert np.array_equal(getattr(one, field), getattr(same, field))
    assert not np.array_equal(one.image, other.image)


def test_twins_are_cut_from_the_photo_itself(painted):
    """Where other donors have another color, only the photo's own objects are pasted."""
    donors = [[painted(9, (15,), 80, 200)]]
    config = AugmentConfig(SIDE, paste_probability=1.0, jitter=0.0, twins=1.0)
    grown = 0
    for k in range(10):
        crop = Augment(config, donors)(painted(k), torch.Generator().manual_seed(k))
        assert check_colors(crop) and 15 not in crop.classes
        grown += len(crop.classes) > len(painted(k).classes)
    assert grown > 5


def test_the_photo_itself_is_left_alone(painted):
    photo = painted(0)
    before = [photo.image.copy(), photo.instances.copy(), photo.partitions.copy()]
    augment = Augment(AugmentConfig(SIDE, paste_probability=1.0), [[photo]])
    for k in range(4):
        augment(photo, torch.Generator().manual_seed(k))
    assert all(map(np.array_equal, before, [photo.image, photo.instances, photo.partitions]))


def test_jitter_changes_colors_and_nothing_else(painted):
    def run(jitter):
        config = AugmentConfig(SIDE, jitter=jitter)
        return Augment(config)(painted(0), torch.Generator().manual_seed(3))

    plain, colored = run(0.0), run(0.25)
    assert np.array_equal(plain.instances, colored.instances)
    assert not np.array_equal(plain.image, colored.image)


# ---------------------------------------------------------------- mosaics


def test_a_mosaic_keeps_photos_and_labels_paired(painted):
    photos = [painted(k, (3 + k, 12 + k)) for k in range(5)]
    augment = Augment(AugmentConfig(SIDE, mosaic=1.0, jitter=0.0))
    whole = Augment(AugmentConfig(SIDE, jitter=0.0))
    seen = several = 0
    for k in range(30):
        crop = augment(photos[0], torch.Generator().manual_seed(k), photos)
        assert crop.image.shape == (SIDE, SIDE, 3) and crop.partitions.shape == (1, SIDE, SIDE)
        assert len(crop.classes) == len(crop.unknown) == 9 and crop.classes[0] == 0
        assert np.array_equal(crop.partitions[0], crop.instances)
        seen += check_colors(crop)
        several += len(np.unique(crop.instances[crop.instances > 0])) > 2
        # a set's own crops, and mosaics of no photos, stay what they were
        alone = [a(photos[0], torch.Generator().manual_seed(k)) for a in (augment, whole)]
        assert np.array_equal(alone[0].image, alone[1].image)
    assert seen > 60 and several > 20


def test_tiles_lie_in_their_quarters_and_parts_are_numbered_through(sample):
    def tile(kind):
        instances = np.zeros((5, 5), np.int16)
        instances[1:4, 1:4], instances[0, 0] = 1, -1
        parts = np.where(instances > 0, 256 + kind, instances)
        image = np.full((5, 5, 3), kind, np.uint8)
        return sample(instances, (kind,), partitions=[instances, parts], image=image)

    out = mosaic([tile(k) for k in (2, 3, 4, 5)], 9)
    assert out.image[[2, 2, 7, 7], [2, 7, 2, 7], 0].tolist() == [2, 3, 4, 5]
    assert out.instances[[2, 2, 7, 7], [2, 7, 2, 7]].tolist() == [1, 2, 3, 4]
    assert out.partitions[1][[2, 2, 7, 7], [2, 7, 2, 7]].tolist() == [
        256 + 2, 512 + 3, 768 + 4, 1024 + 5
    ]  # fmt: skip
    assert out.classes.tolist() == [0, 2, 3, 4, 5] and out.instances.shape == (9, 9)
    assert (out.instances == -1).sum() == 4 and (out.partitions[:, out.instances == -1] == -1).all()
    assert (out.partitions[:, out.instances == 0] == 0).all()


def test_human_partitions_make_no_mosaic(sample):
    rule = SetRule("none", partition=True)
    photo = sample(np.zeros((SIDE, SIDE)), (), partitions=np.ones((2, SIDE, SIDE)), rule=rule)
    augment = Augment(AugmentConfig(SIDE, mosaic=1.0))
    assert len(augment(photo, torch.Generator().manual_seed(0), [photo]).partitions) == 2


# ---------------------------------------------------------------- paste


def square(sample, where, kind, side=60, color=None, **how):
    instances = np.zeros((side, side), np.int16)
    instances[where] = 1
    image = np.full((side, side, 3), 200, np.uint8)
    image[where] = color_of(kind)
    return sample(instances, (kind,), image=image, **how)


def test_a_paste_is_a_new_object(sample):
    crop = square(sample, np.s_[20:26, 20:26], 3)
    donor = square(sample, np.s_[22:40, 22:40], 15)
    for k in range(10):
        out = paste(crop, donor, np.random.default_rng(k))
        assert out.classes.tolist() == [0, 3, 15] and out.unknown.tolist() == [False] * 3
        assert 0 < (out.instances == 2).sum() <= 18 * 18
        assert (out.partitions[0][out.instances == 2] == 2).all()
        check_colors(out)


def test_an_object_that_is_mostly_covered_is_void(sample):
    side = 60
    hidden = paid = 0
    for k in range(30):
        crop = square(sample, np.s_[20:34, 20:34], 3)
        out = paste(crop, square(sample, np.s_[15:45, 15:45], 15), np.random.default_rng(k))
        left = int(((crop.instances == 1) & (out.instances != 2)).sum())
        if left < VISIBLE * 14 * 14:
            hidden += 1
            assert not (out.instances == 1).any()
            assert (out.instances == -1).sum() == left == (out.partitions[0] == -1).sum()
        else:
            paid += 1
            assert (out.instances == 1).sum() == left
        assert out.instances.shape == (side, side)
    assert hidden and paid


def test_nothing_to_paste(sample):
    crop = square(sample, np.s_[20:26, 20:26], 3)
    tiny = square(sample, np.s_[20:23, 20:23], 15)
    assert paste(crop, tiny, np.random.default_rng(0)) is crop


def test_a_paste_covers_parts_and_brings_its_own(sample):
    def with_parts(where, kind):
        plain = square(sample, where, kind)
        parts = np.where(plain.instances > 0, 256 + 4, 0)
        parts[:30] = np.where(plain.instances[:30] > 0, 256 + 5, 0)
        return square(sample, where, kind, partitions=[plain.instances, parts])

    crop, donor = with_parts(np.s_[5:20, 5:20], 3), with_parts(np.s_[20:40, 20:40], 15)
    out = paste(crop, donor, np.random.default_rng(1))
    mask = out.instances == 2
    assert set(np.unique(out.partitions[1][mask])) == {2 * 256 + 4, 2 * 256 + 5}
    assert len(np.unique(out.partitions[0][mask])) == 1
    plain = paste(crop, square(sample, np.s_[20:40, 20:40], 15), np.random.default_rng(1))
    where = plain.instances == 2  # a donor without parts: one label, of no part of the crop
    assert len(np.unique(plain.partitions[1][where])) == 1
    assert not np.isin(plain.partitions[1][where], crop.partitions[1]).any()


def test_human_partitions_are_never_pasted_on(painted, sample):
    rule = SetRule("none", partition=True)
    photo = sample(np.zeros((SIDE, SIDE)), (), partitions=np.ones((2, SIDE, SIDE)), rule=rule)
    augment = Augment(AugmentConfig(SIDE, paste_probability=1.0), [[painted(0)]])
    for k in range(5):
        crop = augment(photo, torch.Generator().manual_seed(k))
        assert set(np.unique(crop.partitions)) <= {-1, 1} and (crop.instances <= 0).all()
