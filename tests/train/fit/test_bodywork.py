"""What tells a car's panels: labels are read, the sheet is written, errors are said."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.model.weights import DEFAULT_WEIGHTS
from dmlseg_core.train.data import open_set
from dmlseg_core.train.fit.bodywork import PARTS, labels_of, main

NUMBERS = {
    name: k for k, name in enumerate((n for names in PARTS.values() for n in names), start=2)
}
DOOR, HOOD, WHEEL = (NUMBERS[name] for name in ("front_left_door", "hood", "wheel"))


@pytest.fixture
def garage(make_voc):
    """A set of one light car a photo: a door of which the upper part is dark, a hood, a wheel."""
    root = make_voc("cars", train=2)
    (root / "SegmentationPart").mkdir()
    rgb = np.full((40, 60, 3), 200, np.uint8)
    rgb[5:12, 5:25] = 30
    parts = np.zeros((40, 60), np.uint8)
    parts[5:35, 5:25], parts[5:35, 25:45], parts[5:35, 45:50] = DOOR, HOOD, WHEEL
    for k in range(2):
        Image.fromarray(rgb).save(root / "JPEGImages" / f"photo{k}.png")
        car = ((parts > 0) | (np.arange(60) == 52) & (np.arange(40)[:, None] == 20)).astype(
            np.uint8
        )
        for folder, values in (("Object", car), ("Class", 7 * car), ("Part", parts)):
            Image.fromarray(values).save(root / f"Segmentation{folder}" / f"photo{k}.png")
    lines = [f"{number}:{name}" for name, number in NUMBERS.items()]
    (root / "partmap.txt").write_text("\n".join(lines) + "\n")
    return root


def test_a_doors_window_is_no_panel(garage):
    numbers = {kind: [NUMBERS[n] for n in names] for kind, names in PARTS.items()}
    labels = labels_of(open_set(garage)[0], numbers)
    assert (labels[5:12, 5:25] == 0).all()  # a window, as dark as it is
    assert (labels[24:35, 5:25] == 1).all() and (labels[5:35, 25:45] == 1).all()
    assert (labels[13:22, 5:25] == -1).all()  # nobody knows
    assert (labels[5:35, 45:50] == 0).all()
    assert labels[20, 52] == 1  # of the car, no part: a wing
    assert (labels[:4] == -1).all()


def test_the_sheet_is_written(garage, tmp_path):
    weights = tmp_path / "net.safetensors"
    weights.write_bytes(DEFAULT_WEIGHTS.read_bytes())
    entry = json.loads((DEFAULT_WEIGHTS.parent / "manifest.json").read_text())
    entry = {weights.name: entry[DEFAULT_WEIGHTS.name] | {"sheet": {}}}
    (tmp_path / "manifest.json").write_text(json.dumps(entry))
    main([str(weights), str(garage), "--photos", "2"])
    sheet = json.loads((tmp_path / "manifest.json").read_text())[weights.name]["sheet"]
    assert len(sheet["bodywork"]) == 65


def test_a_set_without_such_parts_is_one_sentence(make_voc, capsys):
    with pytest.raises(SystemExit) as end:
        main([str(DEFAULT_WEIGHTS), str(make_voc("plain"))])
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert "front_bumper" in told and "Traceback" not in told
