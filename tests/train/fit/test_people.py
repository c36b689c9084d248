"""What tells skin and hair: known classifiers come back, labels are read, errors are said."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.model.weights import DEFAULT_WEIGHTS
from dmlseg_core.train.data import open_set
from dmlseg_core.train.fit.people import elsewhere, labels_of, main, views
from dmlseg_core.train.fit.vectors import fit


def test_a_classifier_tells_what_it_was_shown():
    rng = np.random.default_rng(0)
    means = np.array([[0, 0, 0], [3, 0, 0], [0, 0, 5]])
    kinds = np.repeat([0, 1, 2], 300)
    vectors = (means[kinds] + rng.normal(0, 0.4, (900, 3))).astype(np.float32)
    found = fit(vectors, kinds)
    assert found.shape == (2, 4)
    logits = vectors @ found[:, :-1].T + found[:, -1]
    told = np.where(logits.max(1) > 0, 1 + logits.argmax(1), 0)
    assert (told == kinds).mean() > 0.99
    even = fit(np.zeros((30, 3), np.float32), np.repeat([0, 1, 2], 10), rarer=1.5)
    assert even == pytest.approx(np.array([[0, 0, 0, -1.5]] * 2), abs=1e-4)


@pytest.fixture
def wardrobe(make_voc):
    """A set of one person with the parts 1, 7 (skin) and 9 (hair)."""
    root = make_voc("one", train=2)
    (root / "SegmentationPart").mkdir()
    for k in range(2):
        mask = np.array(Image.open(root / "SegmentationObject" / f"photo{k}.png"))
        parts = np.where(mask > 0, np.array([1, 7, 9])[np.arange(mask.shape[1]) % 3], 0)
        Image.fromarray(parts.astype(np.uint8)).save(root / "SegmentationPart" / f"photo{k}.png")
    (root / "partmap.txt").write_text("1:coat\n7:skin\n9:hair\n")
    return root


def test_parts_are_told_by_their_numbers(wardrobe):
    sample = open_set(wardrobe)[0]
    labels = labels_of(sample, [7, 9])
    columns = np.arange(labels.shape[1]) % 3 + np.zeros((labels.shape[0], 1), int)
    inside = sample.instances > 0
    assert inside.any() and (labels[inside] == columns[inside]).all()
    assert (labels[sample.instances == 0] == 0).all()
    assert (labels[sample.instances < 0] == -1).all()
    sizes = [(image.shape[:2], cut.shape) for image, cut in views(sample, labels)]
    assert all(first == second for first, second in sizes) and len(sizes) == 3
    told = elsewhere(sample)
    assert set(np.unique(told)) <= {-1, 0} and (told[sample.instances == 0] == -1).all()


@pytest.mark.parametrize(
    "words",
    [
        ["none.safetensors", "none"],
        [str(DEFAULT_WEIGHTS), "none"],
        [str(DEFAULT_WEIGHTS), "none", "--photos", "0"],
    ],
)
def test_what_cannot_be_read_is_one_sentence(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 1
    assert "Traceback" not in capsys.readouterr().err


def test_the_sheet_is_written(wardrobe, tmp_path):
    weights = tmp_path / "net.safetensors"
    weights.write_bytes(DEFAULT_WEIGHTS.read_bytes())
    entry = json.loads((DEFAULT_WEIGHTS.parent / "manifest.json").read_text())
    entry = {weights.name: entry[DEFAULT_WEIGHTS.name] | {"sheet": {}}}
    (tmp_path / "manifest.json").write_text(json.dumps(entry))
    main([str(weights), str(wardrobe), str(wardrobe), "--photos", "2"])
    sheet = json.loads((tmp_path / "manifest.json").read_text())[weights.name]["sheet"]
    assert len(sheet["skin"]) == len(sheet["hair"]) == 65
