"""The regression behind the regions: known weights come back, people's boundaries are learned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from dmlseg_core.model.weights import DEFAULT_WEIGHTS
from dmlseg_core.scene.adjacency import Pieces, measure
from dmlseg_core.scene.frame import Frame
from dmlseg_core.train.fit.regions import fit, fit_logistic, main, votes


def test_logistic_regression_finds_the_weights_behind_soft_targets():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 3, generator=generator, dtype=torch.float64) * torch.tensor(
        [1.0, 5.0, 0.2]
    )
    wanted = torch.tensor([2.0, -0.3, 4.0], dtype=torch.float64)
    target = torch.sigmoid(x @ wanted - 0.7)
    target[300:] = 0.5  # of no weight
    weight = (torch.arange(400) < 300).double()
    slopes, bias = fit_logistic(x, target, weight, penalty=0)
    assert torch.allclose(slopes, wanted, atol=1e-3) and bias == pytest.approx(-0.7, abs=1e-3)


def test_votes_count_the_pixels_of_each_superpixel_in_each_region():
    labels = np.array([[0, 0, 1], [0, 1, 1]])
    drawn = np.array([[7, 7, 7], [9, 9, 9]])
    (table,) = votes(labels, [drawn])
    assert table.tolist() == [[2, 1], [1, 2]]


def scenes(part_by):
    """Photos of random stripes of color and of embedding; people part them by one of the two."""
    photos = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        frame = Frame.fit((64, 96), 96)
        columns = {kind: np.sort(rng.choice(np.arange(8, 88), 3, replace=False)) for kind in "ce"}
        color, thing = (
            np.searchsorted(columns[kind], np.arange(96), "right") + np.zeros((64, 1), int)
            for kind in "ce"
        )
        rgb = rng.integers(30, 220, (4, 3)).astype(np.uint8)[color]
        grid = thing[::4, ::4]
        assert grid.shape == frame.grid_size
        embedding = (2 * np.eye(4, dtype=np.float32)[grid]).transpose(2, 0, 1)
        # superpixels follow color alone, so a thing's edge must be one of color too
        rgb = cv2.add(rgb, (12 * thing[..., None] * np.ones(3)).astype(np.uint8))
        found = measure(embedding, frame, Pieces.of(rgb))
        photos.append((found, [color if part_by == "color" else thing]))
    return photos


def test_what_people_part_decides_what_the_weights_listen_to():
    (by_color, _), (by_thing, _) = fit(scenes("color")), fit(scenes("thing"))
    assert by_thing[0] > max(0, by_color[0])  # embedding
    assert by_color[1] > max(0, by_thing[1])  # color


@pytest.mark.parametrize(
    "words",
    [
        ["none.safetensors", "none"],
        [str(DEFAULT_WEIGHTS), "none"],
        ["none", "none", "--photos", "0"],
    ],
)
def test_a_mistake_is_one_sentence(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    said = capsys.readouterr().err
    assert stop.value.code == 1 and said.count("\n") == 1
    assert ("--photos" if "--photos" in words else "none") in said


def test_a_set_of_objects_is_no_set_of_partitions(make_voc, capsys):
    with pytest.raises(SystemExit):
        main([str(DEFAULT_WEIGHTS), str(make_voc())])
    assert "human partitions" in capsys.readouterr().err
