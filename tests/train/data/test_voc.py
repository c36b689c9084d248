"""VOC folders: what a sample says, both forms of masks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.config import CLASSES
from dmlseg_core.errors import DatasetError
from dmlseg_core.photo.masks import voc_colormap
from dmlseg_core.train.data.voc import RULES, SetRule, VOCFolder, read_labelmap
from tests.train.toy_sets import labels_of, photo_of, save_mask

FOLDERS = ("SegmentationObject", "SegmentationClass")


def test_a_sample_says_what_the_masks_say(make_voc):
    samples = VOCFolder(make_voc(train=3))
    assert samples.names == ["photo0", "photo1", "photo2"] and len(samples) == 3
    for k, sample in enumerate(samples):
        objects, _ = labels_of(k)
        assert np.array_equal(sample.image, photo_of(k))
        want = np.select([objects == 1, objects == 3, objects == 255], [1, 2, -1])
        assert np.array_equal(sample.instances, want)  # numbers without gaps
        assert sample.classes.tolist() == [0, 8, 12] and not sample.unknown.any()
        assert np.array_equal(sample.partitions, want[None]) and sample.weights == (1.0,)
        assert sample.instances.dtype == sample.partitions.dtype == np.int16


def test_painted_masks_say_the_same_as_indices(make_voc):
    plain, painted = make_voc("plain"), make_voc("painted")
    for folder in FOLDERS:
        for path in (painted / folder).glob("*.png"):
            with Image.open(path) as image:
                paint = image.convert("RGB")
            paint.save(path)
    for one, other in zip(VOCFolder(plain), VOCFolder(painted), strict=True):
        pairs = set(zip(one.instances.ravel().tolist(), other.instances.ravel().tolist(),
                        strict=True))  # fmt: skip
        assert len(pairs) == 4  # the same objects, whatever they are numbered
        assert {(0, 0), (-1, -1)} <= pairs
        assert all(one.classes[a] == other.classes[b] for a, b in pairs if a > 0)


def test_class_order_comes_from_the_names(make_voc):
    root = make_voc(train=1)
    rows = (root / "labelmap.txt").read_text().splitlines()
    rows[9], rows[13] = rows[9].replace("cat", "zebra"), rows[13].replace("dog", "airplane")
    (root / "labelmap.txt").write_text("\n".join(rows))
    assert [CLASSES[c - 1] for c in VOCFolder(root)[0].classes[1:]] == ["object", "aeroplane"]
    (root / "labelmap.txt").unlink()  # VOC 2012 itself has none
    assert VOCFolder(root)[0].classes.tolist() == [0, 8, 12]


def test_class_of_an_object_is_that_of_most_of_its_pixels(make_voc):
    root = make_voc(train=1)
    objects, kinds = labels_of(0)
    ys, xs = np.nonzero(objects == 1)
    kinds[ys[:5], xs[:5]] = 3
    save_mask(root / "SegmentationClass" / "photo0.png", kinds)
    assert VOCFolder(root)[0].classes.tolist() == [0, 8, 12]


def test_unknown_classes_by_rule(make_voc):
    root = make_voc(train=1)
    objects, kinds = labels_of(0)
    kinds[objects == 1] = 21
    save_mask(root / "SegmentationClass" / "photo0.png", kinds)
    assert VOCFolder(root, rule=RULES["duts"])[0].unknown.tolist() == [False, True, False]
    assert not VOCFolder(root)[0].unknown.any()


def test_parts_lie_inside_their_object(make_voc):
    root = make_voc(train=1)
    objects, _ = labels_of(0)
    parts = np.where(objects == 1, 5, 0).astype(np.uint8)
    ys, xs = np.nonzero(objects == 1)
    parts[ys[:40], xs[:40]] = 0  # object pixels of no part
    parts[0, 0] = 9  # a part pixel of no object
    (root / "SegmentationPart").mkdir()
    save_mask(root / "SegmentationPart" / "photo0.png", parts)
    sample = VOCFolder(root)[0]
    whole, numbered = sample.partitions
    assert np.array_equal(whole, sample.instances) and sum(sample.weights) == pytest.approx(1)
    assert (numbered[ys[:40], xs[:40]] == -1).all() and numbered[0, 0] == 0
    assert (numbered[ys[40:], xs[40:]] == 256 + 5).all()
    assert (numbered[objects == 3] == -1).all()


def test_gaps_between_an_objects_parts_are_void(make_voc):
    """A car labelled by its named parts: wings and roof are the car's, and labelled background."""
    root = make_voc(train=1)
    objects = np.zeros((48, 64), np.uint8)
    objects[10:30, 10:20] = objects[10:30, 40:50] = 1
    save_mask(root / "SegmentationObject" / "photo0.png", objects)
    save_mask(root / "SegmentationClass" / "photo0.png", 7 * objects)
    plain, gaps = (VOCFolder(root, rule=rule)[0] for rule in (SetRule(), RULES["carparts"]))
    assert (plain.instances[10:30, 21:39] == 0).all()
    assert (gaps.instances[10:30, 21:39] == -1).all() and (
        gaps.partitions[0] == gaps.instances
    ).all()
    outside = np.ones((48, 64), bool)
    outside[10:30, 10:50] = False
    assert (gaps.instances[outside] == 0).all()
    assert np.array_equal(gaps.instances == 1, objects == 1)


def test_partitions_of_several_people(make_voc):
    root = make_voc(train=1)
    (root / "Regions").mkdir()
    for k in (1, 2):
        regions = np.ones((48, 64), np.uint8)
        regions[:, 10 * k :] = 4
        Image.fromarray(regions).save(root / "Regions" / f"photo0_{k}.png")
    sample = VOCFolder(root, rule=SetRule("none", partition=True))[0]
    assert sample.partitions.shape == (2, 48, 64) and sample.weights == (0.5, 0.5)
    assert not sample.instances.any() and sample.partitions[1, 0, 20] == 4


def test_palette_is_vocs():
    palette = voc_colormap()
    assert palette[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert palette[15].tolist() == [192, 128, 128] and palette[255].tolist() == [224, 224, 192]


# ---------------------------------------------------------------- what is refused


def refused(root, words, *, rule=None):
    with pytest.raises(DatasetError, match=words) as caught:
        _ = VOCFolder(root, rule=rule)[0]
    assert "\n" not in str(caught.value)


def test_typed_errors(make_voc, tmp_path):
    refused(tmp_path / "nowhere", "PASCAL VOC layout")
    root = make_voc("empty")
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text("\n")
    refused(root, "lists no photo")
    root = make_voc("photoless")
    (root / "JPEGImages" / "photo0.png").unlink()
    refused(root, "no file")
    root = make_voc("broken")
    (root / "JPEGImages" / "photo0.png").write_bytes(b"\x89PNG")
    refused(root, "no readable picture")
    root = make_voc("partless", train=1)
    (root / "SegmentationPart").mkdir()
    refused(root, "missing")
    refused(root, "no partition", rule=SetRule("none", partition=True))


@pytest.mark.parametrize("folder", FOLDERS)
def test_typed_errors_of_masks(make_voc, folder):
    root = make_voc()
    path = root / folder / "photo0.png"
    path.write_bytes(path.read_bytes()[:60])
    refused(root, "no readable picture")
    save_mask(path, np.zeros((9, 9), np.uint8))
    refused(root, "sizes must agree")
    path.unlink()
    refused(root, "is missing")


def test_an_unknown_paint_is_named(make_voc):
    root = make_voc()
    Image.new("RGB", (64, 48), (1, 2, 3)).save(root / "SegmentationClass" / "photo0.png")
    refused(root, r"\(1, 2, 3\)")


@pytest.mark.parametrize("line", ["cat", "cat:1,2", "cat:red::"])
def test_a_bad_labelmap(tmp_path, line):
    (tmp_path / "labelmap.txt").write_text(f"# header\nbackground:0,0,0::\n{line}\n")
    with pytest.raises(DatasetError, match="label:r,g,b"):
        read_labelmap(tmp_path / "labelmap.txt")


# ---------------------------------------------------------------- real sets


@pytest.mark.parametrize("name", ["voc", "duts", "clothing", "things", "carparts", "regions",
                                  "scenes", "singles"])  # fmt: skip
def test_real_sets(name, labelled_set):
    samples = VOCFolder(labelled_set(name))
    for i in range(0, len(samples), max(1, len(samples) // 3)):
        sample = samples[i]
        size = sample.image.shape[:2]
        assert sample.instances.shape == size and sample.partitions.shape[1:] == size
        assert sum(sample.weights) == pytest.approx(1) and len(sample.weights) in range(1, 10)
        numbers = np.unique(sample.instances[sample.instances > 0])
        assert numbers.tolist() == list(range(1, len(sample.classes)))
        assert (sample.classes[1:] >= 1).all() and (sample.classes <= len(CLASSES)).all()
        if name == "regions":
            assert sample.partitions.min() >= 1 and not len(numbers)
        if name == "duts":
            assert (sample.unknown[1:] == (sample.classes[1:] == len(CLASSES))).all()
