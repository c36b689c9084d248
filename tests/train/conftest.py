"""Fixtures: small labelled sets."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from dmlseg_core.config import VOC_CLASSES
from dmlseg_core.photo.masks import voc_colormap
from dmlseg_core.train.data.augment import Augment, AugmentConfig
from dmlseg_core.train.data.voc import VOCFolder
from dmlseg_core.train.loop import Run
from dmlseg_core.train.pretrained import read_pretrained
from tests.train.toy_runs import CONFIG
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


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def start(make_voc, tmp_path):
    """start(config, folder) -> a run on a tiny set; the same set every time."""
    root = make_voc(train=4)

    def make(config=CONFIG, folder="run", **how):
        augment = Augment(AugmentConfig(crop=config.crop))
        how = {"workers": 0, "save_every": 3} | how
        if "init" in how:
            how["init"] = read_pretrained(how["init"])
        return Run(tmp_path / folder, [VOCFolder(root)], [1.0], config, augment, **how)

    return make
