"""Arguments of `batch` that make no sense are refused before a photo is opened."""

import inspect

import pytest

from dmlseg_core import batch
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.checked import OPTIONS, checked_options
from dmlseg_core.folder.run import segment_folder
from dmlseg_core.scene import Scene
from tests.folder.synthetic import Synthetic, picture


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"options": {"nope": 1}}, "no option 'nope'; there are tau, budget"),
        ({"options": {"taus": 0.5}}, "did you mean tau?"),
        ({"options": {"tau": 1.5}}, "tau must lie in"),
        ({"options": {"tau": "0.5"}}, "tau must be a number in .*got '0.5'"),
        ({"options": {"budget": 2.5}}, "budget must be a whole number"),
        ({"options": {"connected": "yes"}}, "connected is True or False"),
        ({"options": {"overrides": []}}, "no option 'overrides'"),
        ({"options": ["tau"]}, "options are a dict"),
        ({"outputs": "labels"}, "outputs are a list"),
        ({"outputs": None}, "outputs are a list"),
        ({"outputs": ["label"]}, "outputs are some of"),
        ({"workers": True}, "workers counts processes"),
        ({"workers": "2"}, "workers counts processes"),
        ({"config": {"tau": 1}}, "config is a SceneConfig"),
        ({"segmenter": 5}, "segmenter is a Segmenter"),
        ({"max_delta_e": "3"}, "max_delta_e must be a number"),
        ({"max_megapixels": True}, "max_megapixels must be a number"),
        ({"shard": "1/2"}, "a shard is"),
        ({"engine": "ray", "gpus": "two"}, "gpus must be a number"),
        ({"engine": "ray", "address": 6379}, "address is a text"),
        ({"max_deltae": 3}, "no argument 'max_deltae'; did you mean max_delta_e?"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(tmp_path, asked, told):
    photo, seen = picture(tmp_path / "a.png"), Synthetic([])
    with pytest.raises(ParameterError, match=told):
        batch(photo, tmp_path / "out", **{"segmenter": seen, **asked})
    assert seen.seen == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("inputs", [5, None, b"in", [5], {"a": 1}, []])
def test_inputs_are_paths(tmp_path, inputs):
    with pytest.raises(ParameterError):
        batch(inputs, tmp_path / "out", segmenter=Synthetic([]))


@pytest.mark.parametrize("out", [5, None, ""])
def test_an_output_folder_has_a_name(tmp_path, out):
    with pytest.raises(ParameterError, match="out is a path"):
        batch(picture(tmp_path / "a.png"), out, segmenter=Synthetic([]))
    with pytest.raises(ParameterError, match="a path"):
        batch(picture(tmp_path / "a.png"), tmp_path / "out", weights=out or "")


def test_options_are_those_of_propose():
    known = set(inspect.signature(Scene.propose).parameters) - {"self", "overrides"}
    assert set(OPTIONS) == known
    assert checked_options({"tau": None, "budget": 3, "connected": False}) == {
        "budget": 3, "connected": False,
    }  # fmt: skip


def test_segmenting_checks_them_too(tmp_path):
    with pytest.raises(ParameterError, match="no option"):
        segment_folder([picture(tmp_path / "a.png")], tmp_path / "o", Synthetic([]),
                       options={"nope": 1}, progress=False)  # fmt: skip
