"""Near-duplicates between what is trained on and what is measured on."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import DatasetError
from dmlseg_core.train.data import duplicates
from dmlseg_core.train.data.duplicates import (
    THRESHOLD,
    find_duplicates,
    hash_photo,
    hash_photos,
    refuse_duplicates,
)
from dmlseg_core.train.data.sets import photos_of


def photo(i, side=160):
    rng = np.random.default_rng(i)
    small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
    return small.resize((side * 4 // 3, side), Image.Resampling.BICUBIC)


@pytest.fixture
def save(tmp_path):
    def write(name, image, **how):
        image.save(tmp_path / name, **how)
        return tmp_path / name

    return write


def cropped(image):
    w, h = image.size
    return image.crop((w // 100, h // 100, w - w // 100, h - h // 100))


@pytest.mark.parametrize("change", [
    lambda image: image,
    lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    lambda image: image.resize((image.width * 2 // 3, image.height * 2 // 3)),
    lambda image: image.point(lambda v: min(255, v * 1.15)),
    lambda image: image.convert("L"),
    cropped,
], ids=["same", "mirrored", "smaller", "brighter", "gray", "cropped"])  # fmt: skip
def test_a_copy_is_found(save, change):
    others = [save(f"train{i}.png", photo(i)) for i in range(4)]
    copy = save("val.jpg", change(photo(2)), quality=60)
    hashes = [hash_photo(path) for path in others]
    found = find_duplicates(hashes, [hash_photo(copy)])
    assert [pair[:2] for pair in found] == [(2, 0)]


def test_other_photos_are_far_apart(save):
    hashes = [hash_photo(save(f"{i}.png", photo(i))) for i in range(24)]
    pairs = find_duplicates(hashes[:12], hashes[12:], threshold=256)
    assert len(pairs) == 144 and pairs[0][2] > 1.4 * THRESHOLD


def test_distances_equal_a_loop(save):
    hashes = [hash_photo(save(f"{i}.png", photo(i))).split() for i in range(4)]
    for i, j, bits in find_duplicates([" ".join(h) for h in hashes], [" ".join(hashes[3])], 256):
        loop = [(int(hashes[i][0], 16) ^ int(hashes[3][k], 16)).bit_count() for k in (0, 1)]
        assert (j, bits) == (0, min(loop))


def test_refusal_names_both_files(save, tmp_path):
    train, val = save("one.png", photo(1)), save("two.webp", photo(1))
    with pytest.raises(DatasetError, match=r"one\.png.*two\.webp"):
        refuse_duplicates([train], [val], tmp_path / "run" / "hashes.json")
    refuse_duplicates([train], [save("three.png", photo(3))], tmp_path / "run" / "hashes.json")


def test_a_set_without_val_list_reads_nothing(save, tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "hash_photo", lambda path: pytest.fail("read a photo"))
    refuse_duplicates([save("one.png", photo(1))], [], tmp_path / "hashes.json")
    assert not (tmp_path / "hashes.json").exists()


def test_a_resumed_run_does_not_hash_again(save, tmp_path, monkeypatch):
    cache = tmp_path / "run" / "hashes.json"
    paths = [save(f"{i}.png", photo(i)) for i in range(3)]
    first = hash_photos(paths, cache)
    assert set(json.loads(cache.read_text()).values()) == set(first)
    read = []
    real = duplicates.hash_photo
    monkeypatch.setattr(duplicates, "hash_photo", lambda p: read.append(p.name) or real(p))
    assert hash_photos(paths, cache) == first and read == []
    save("1.png", photo(9))  # another photo under the old name
    os.utime(paths[2], ns=(1, 1))
    assert hash_photos(paths, cache)[0] == first[0] and read == ["1.png", "2.png"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}'])
def test_a_broken_cache_is_no_cache(save, tmp_path, text):
    cache = tmp_path / "hashes.json"
    cache.write_text(text)
    path = save("1.png", photo(1))
    assert hash_photos([path], cache) == [hash_photo(path)]


def test_unreadable_photos_are_typed_errors(tmp_path):
    (tmp_path / "no.jpg").write_bytes(b"not a photo")
    for name in ("no.jpg", "missing.jpg"):
        with pytest.raises(DatasetError, match=name):
            hash_photos([tmp_path / name], tmp_path / "hashes.json")


def test_photos_of_a_folder(make_voc):
    root = make_voc(train=3, val=2)
    assert [p.name for p in photos_of(root, "val")] == ["photo3.png", "photo4.png"]
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text("")
    assert photos_of(root, "val") == [] == photos_of(root, "other")
    assert len(photos_of(root, "train")) == 3
