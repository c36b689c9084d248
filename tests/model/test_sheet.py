"""Constants fitted to weights lie beside them, in the manifest, and are read from there."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from dmlseg_core.errors import ParameterError, WeightsError
from dmlseg_core.model.sheet import DataSheet
from dmlseg_core.model.weights import DEFAULT_WEIGHTS, MANIFEST, save_weights, write_sheet
from dmlseg_core.scene.segmenter import Segmenter
from tests.scene.test_segmenter import CONFIG, photo, random_network


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(random_network(), path, step=7)
    return path


def entry_of(path):
    return json.loads((path.parent / MANIFEST).read_text())[path.name]


def test_the_shipped_weights_bring_a_whole_sheet():
    assert entry_of(DEFAULT_WEIGHTS)["sheet"].keys() == DataSheet().to_dict().keys()


def test_weights_without_a_sheet_get_the_usual_one(weights):
    assert "sheet" not in entry_of(weights)
    assert Segmenter.load(weights).sheet == DataSheet()


def test_a_written_sheet_is_read_and_the_rest_of_the_entry_stays(weights):
    before = entry_of(weights)
    write_sheet(weights, length=1.5)
    write_sheet(weights, region_bias=-1.0)
    assert Segmenter.load(weights).sheet == DataSheet(length=1.5, region_bias=-1.0)
    after = entry_of(weights)
    assert after.pop("sheet") and after == before


def test_a_click_listens_to_the_sheet():
    """Edges, and how far a second click reaches, are the weights' own."""
    levels = []
    for change in ({}, {"edge_weight": 3.0}, {"far": 0.05}, {"reach": 0.5}, {"region_bias": 9.0}):
        scene = Segmenter(random_network(), CONFIG, sheet=DataSheet(**change)).analyze(photo())
        points = {"add": [(60, 20)], "subtract": [(30, 60)], "connected": False}
        levels.append(scene.mask_at(30, 40, 0.05, **points).level)
    assert all((levels[0] != other).any() for other in levels[1:])


def test_a_config_overrules_the_sheet():
    asked = replace(CONFIG, edge_weight=0.0)
    segmenter = Segmenter(random_network(), asked, sheet=DataSheet(edge_weight=3.0))
    assert segmenter.analyze(photo()).edge_weight == 0
    assert segmenter.analyze(photo(), config=CONFIG).config.edge_weight == 3


@pytest.mark.parametrize(
    "sheet", [{"magic": 1}, {"length": 0}, {"length": None}, {"region_weights": [1]}, [], 3]
)
def test_a_sheet_that_is_none_is_said(weights, sheet):
    entries = json.loads((weights.parent / MANIFEST).read_text())
    entries[weights.name]["sheet"] = sheet
    (weights.parent / MANIFEST).write_text(json.dumps(entries))
    with pytest.raises(WeightsError, match="sheet"):
        Segmenter.load(weights)


def test_what_cannot_be_written_is_said(weights):
    with pytest.raises(ParameterError, match="length"):
        write_sheet(weights, length=-1)
    with pytest.raises(WeightsError, match="no entry"):
        write_sheet(weights.with_name("other.safetensors"), length=1)
    assert "sheet" not in entry_of(weights)


def test_people_are_a_softmax_of_two_linear_classifiers():
    rng = np.random.default_rng(0)
    embedding = torch.from_numpy(rng.normal(size=(3, 4, 5)).astype(np.float32))
    skin, hair = (tuple(rng.normal(size=4).tolist()) for _ in range(2))
    found = DataSheet(skin=skin, hair=hair).people(embedding).numpy()
    assert found.shape == (2, 4, 5)
    for y, x in ((0, 0), (3, 4), (1, 2)):
        vector = np.append(embedding[:, y, x].numpy(), 1)
        scores = np.exp([0, vector @ skin, vector @ hair])
        assert found[:, y, x] == pytest.approx(scores[1:] / scores.sum(), abs=1e-5)
    assert DataSheet().people(embedding) is None


def test_panels_are_a_linear_classifier():
    embedding = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32))
    found = DataSheet(bodywork=(1.0, -2.0, 0.5)).panels(embedding)
    assert torch.allclose(found, torch.sigmoid(embedding[0] - 2 * embedding[1] + 0.5))
    assert DataSheet().panels(embedding) is None
    with pytest.raises(WeightsError, match="anew"):
        DataSheet(bodywork=(1.0, 2.0)).panels(embedding)
    with pytest.raises(ParameterError, match="bodywork"):
        DataSheet(bodywork=(float("nan"),))


def test_people_of_another_network_are_said():
    with pytest.raises(ParameterError, match="equally long"):
        DataSheet(skin=(1.0, 2.0))
    with pytest.raises(WeightsError, match="anew"):
        DataSheet(skin=(1.0, 2.0), hair=(1.0, 2.0)).people(torch.zeros(3, 2, 2))
