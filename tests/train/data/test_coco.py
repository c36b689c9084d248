"""A COCO annotation file says the same as the VOC folder that it was made from."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_api

from dmlseg_core.config import CLASSES
from dmlseg_core.errors import DatasetError
from dmlseg_core.train.data.coco import CocoFolder
from dmlseg_core.train.data.sets import open_set, photos_of
from dmlseg_core.train.data.voc import VOCFolder
from dmlseg_core.train.evaluate.sets import open_folders

CATEGORIES = [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}, {"id": 5, "name": "airplane"},
              {"id": 90, "name": "zebra"}]  # fmt: skip


def compressed(mask):
    code = mask_api.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(n) for n in code["size"]], "counts": code["counts"].decode()}


def uncompressed(mask):
    flat = mask.flatten(order="F").astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    return {"size": list(mask.shape), "counts": runs if not flat[0] else [0, *runs]}


def polygon(mask):
    """The outline of one rectangle."""
    ys, xs = np.nonzero(mask)
    top, left, bottom, right = ys.min(), xs.min(), ys.max() + 1, xs.max() + 1
    return [[float(v) for v in (left, top, right, top, right, bottom, left, bottom)]]


def write(path, entries, sizes=(48, 64), **more):
    """entries: {file_name: [annotation, ...]}."""
    images, annotations = [], []
    for i, (file, found) in enumerate(entries.items()):
        images.append({"id": i, "file_name": file, "height": sizes[0], "width": sizes[1]})
        annotations += [
            {"id": len(annotations) + k, "image_id": i, **a} for k, a in enumerate(found)
        ]
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES, **more}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def voc(make_voc):
    return VOCFolder(make_voc(train=3))


@pytest.mark.parametrize("encode", [compressed, uncompressed, polygon])
def test_the_same_samples_as_from_the_voc_folder(voc, encode):
    entries = {}
    for sample in voc:
        void = {"category_id": 17, "iscrowd": 1, "segmentation": compressed(sample.instances < 0)}
        entries[f"{sample.name}.png"] = [void] + [
            {"category_id": {8: 17, 12: 18}[int(sample.classes[k])], "iscrowd": 0,
             "segmentation": encode(sample.instances == k)}
            for k in (1, 2)
        ]  # fmt: skip
    coco = CocoFolder(write(voc.root / "JPEGImages" / "toy.json", entries))
    assert coco.names == voc.names and len(coco) == len(voc)
    assert coco.photo_paths() == voc.photo_paths()
    for ours, theirs in zip(coco, voc, strict=True):
        assert ours.name == theirs.name and ours.rule == theirs.rule
        assert ours.weights == theirs.weights
        for field in ("image", "partitions", "instances", "classes", "unknown"):
            mine, other = getattr(ours, field), getattr(theirs, field)
            assert mine.dtype == other.dtype and np.array_equal(mine, other), field


def box(y, x, side):
    mask = np.zeros((48, 64), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def one(voc, *annotations, **more):
    path = write(voc.root / "JPEGImages" / "one.json", {"photo0.png": annotations}, **more)
    return CocoFolder(path)[0]


def test_the_smaller_object_lies_on_top_whatever_the_order(voc):
    small = {"category_id": 18, "segmentation": compressed(box(10, 10, 8))}
    big = {"category_id": 17, "segmentation": compressed(box(4, 4, 30))}
    for order in ((small, big), (big, small)):
        sample = one(voc, *order)
        assert sample.classes[sample.instances[12, 12]] == 12
        assert sample.classes[sample.instances[5, 5]] == 8


def test_a_covered_object_leaves_no_gap(voc):
    twin = compressed(box(4, 4, 9))
    sample = one(
        voc, {"category_id": 17, "segmentation": twin}, {"category_id": 18, "segmentation": twin}
    )
    assert sample.instances.max() == 1 and len(sample.classes) == 2


def test_boxes_without_shape_and_crowds_are_void(voc):
    sample = one(
        voc,
        {"category_id": 17, "segmentation": [], "bbox": [3, 5, 10, 4]},
        {"category_id": 18, "segmentation": compressed(box(20, 20, 9)), "iscrowd": 1},
    )
    assert (sample.instances == -1).sum() == 40 + 81 and sample.instances.max() == 0
    assert sample.instances[5, 3] == sample.instances[8, 12] == -1


def test_class_names(voc):
    sample = one(voc, *(
        {"category_id": kind, "segmentation": compressed(box(2, 12 * k, 9))}
        for k, kind in enumerate((5, 90, 17, 18))
    ))  # fmt: skip
    assert [CLASSES[c - 1] for c in sample.classes[1:]] == ["aeroplane", "object", "cat", "dog"]


@pytest.mark.parametrize("place", ["annotations", "labels"])
@pytest.mark.parametrize("photos", ["images", "train2017", "images/train2017", "."])
def test_where_photos_are_looked_for(tmp_path, voc, place, photos):
    (tmp_path / photos).mkdir(parents=True, exist_ok=True)
    shutil.copy(voc.photo_paths()[0], tmp_path / photos / "photo0.png")
    path = write(tmp_path / place / "instances_train2017.json", {"photo0.png": []})
    assert open_set(path)[0].image.shape == (48, 64, 3)
    assert CocoFolder(path, voc.root / "JPEGImages")[0].name == "photo0"


def test_the_val_list_of_a_train_file(voc):
    folder = voc.root / "JPEGImages"
    train = write(folder / "instances_train2017.json", {"photo0.png": []})
    assert photos_of(train, "val") == []
    write(folder / "instances_val2017.json", {"photo1.png": [], "photo2.png": []})
    assert [p.name for p in photos_of(train, "val")] == ["photo1.png", "photo2.png"]
    assert [p.name for p in photos_of(train, "train")] == ["photo0.png"]
    assert photos_of(write(folder / "mine.json", {"photo0.png": []}), "val") == []


def test_eval_opens_both_kinds(voc):
    path = write(voc.root / "JPEGImages" / "mine.json", {"photo0.png": []})
    found = open_folders([voc.root, path], "train")
    assert {k: type(v) for k, v in found.items()} == {"toy": VOCFolder, "mine": CocoFolder}
    with pytest.raises(DatasetError, match="two sets are named 'mine'"):
        open_folders([path, path], "train")


def test_a_photo_turned_by_exif(voc):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    folder = voc.root / "JPEGImages"
    Image.new("RGB", (48, 64)).save(folder / "turned.jpg", exif=exif)
    assert CocoFolder(write(folder / "a.json", {"turned.jpg": []}))[0].image.shape[:2] == (48, 64)
    with pytest.raises(DatasetError, match="sizes must agree"):
        _ = CocoFolder(write(folder / "b.json", {"turned.jpg": []}, sizes=(9, 9)))[0]


@pytest.mark.parametrize(("text", "words"), [
    ("{", "no JSON"),
    ("[1]", "no COCO"),
    ("{}", "no COCO"),
    ('{"images": [{"id": 1}], "categories": []}', "file_name"),
    ('{"images": [], "annotations": [], "categories": []}', "lists no photo"),
    ('{"images": [{"id": 1, "file_name": "x.jpg"}], "categories": []}', "is in none of"),
])  # fmt: skip
def test_bad_files_are_typed_errors(tmp_path, text, words):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DatasetError, match=words):
        open_set(tmp_path / "a.json")
    with pytest.raises(DatasetError, match="missing"):
        CocoFolder(tmp_path / "missing.json")


@pytest.mark.parametrize(("annotation", "words"), [
    ({"category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}, "category 1,"),
    ({"category_id": 17, "segmentation": [[1, 2, 3]]}, "three points"),
    ({"category_id": 17, "segmentation": {"size": [3, 3], "counts": [9]}}, "size"),
    ({"category_id": 17, "segmentation": {"counts": [9]}}, "cannot be read"),
    ({"category_id": 17, "segmentation": "x"}, "cannot be read"),
])  # fmt: skip
def test_bad_annotations_are_typed_errors(voc, annotation, words):
    with pytest.raises(DatasetError, match=words):
        one(voc, annotation)
