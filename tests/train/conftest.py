"""Fixtures: small labelled sets."""

from __future__ import annotations

import pytest
from PIL import Image

from dmlseg_core.config import VOC_CLASSES
from dmlseg_core.photo.masks import voc_colormap
from tests.train.toy_sets import labels_of, photo_of, sample_of, save_mask


@pytest.fixture
def make_voc(tmp_path):
    """make_voc(name, train=4, val=0) -> a folder in VOC layout; photo k of it is `photo_of(k)`."""

    def make(name="toy", train=4, val=0):
        root = tmp_path / name
        for folder in ("JPEGImages", "SegmentationObject", "SegmentationClass"):
            (root / folder).mkdir(parents=True)
        lists = root / "ImageSets" / "Segmentation"
        lists.mkdir(parents=True)
        names = [f"photo{k}" for k in range(train + val)]
        for k, photo in enumerate(names):
            Image.fromarray(photo_of(k)).save(root / "JPEGImages" / f"{photo}.png")
            for folder, labels in zip(
                ("SegmentationObject", "SegmentationClass"), labels_of(k), strict=True
            ):
                save_mask(root / folder / f"{photo}.png", labels)
        (lists / "train.txt").write_text("\n".join(names[:train]) + "\n")
        if val:
            (lists / "val.txt").write_text("\n".join(names[train:]) + "\n")
        colors = voc_colormap()
        rows = ["# label:color_rgb:parts:actions"]
        for k, label in enumerate(("background", *VOC_CLASSES, "object")):
            rows.append(f"{label}:{','.join(map(str, colors[k]))}::")
        (root / "labelmap.txt").write_text("\n".join(rows) + "\n")
        return root

    return make


@pytest.fixture
def sample():
    return sample_of
