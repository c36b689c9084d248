"""Configs: the presets, and what is refused."""

import pytest

from dmlseg_core.cli.entry import build_parser
from dmlseg_core.cli.flags import scene_config
from dmlseg_core.config import DEFAULT_QUALITY, QUALITIES, SceneConfig
from dmlseg_core.errors import ParameterError


def test_the_usual_config_is_the_usual_quality():
    assert SceneConfig().quality == DEFAULT_QUALITY == "balanced"
    assert list(QUALITIES) == ["fast", "balanced", "best"]
    sides = [values["long_side"] for values in QUALITIES.values()]
    assert sides == sorted(sides)


@pytest.mark.parametrize("name", QUALITIES)
def test_a_quality_changes_its_own_fields_only(name):
    own = SceneConfig(long_side=96, flip=True, connected=False, budget=7)
    made = own.with_quality(name)
    assert made.quality == name
    changed = {k for k, v in made.to_dict().items() if v != own.to_dict()[k]}
    assert changed <= QUALITIES[name].keys()
    assert SceneConfig.from_dict(made.to_dict()) == made


def test_no_quality():
    assert SceneConfig(long_side=96).quality is None
    assert SceneConfig(long_side=256, flip=True).quality is None
    with pytest.raises(ParameterError, match="got 'superb'"):
        SceneConfig().with_quality("superb")


@pytest.mark.parametrize(("words", "wanted"), [
    ([], SceneConfig()),
    (["--quality", "fast"], SceneConfig(long_side=320)),
    (["--quality", "best", "--no-connected"],
     SceneConfig(flip=True, connected=False)),
    (["--long-side", "300"], SceneConfig(long_side=300)),
    (["--quality", "best", "--long-side", "300"], SceneConfig(long_side=300, flip=True)),
])  # fmt: skip
@pytest.mark.parametrize("command", [
    ["segment", "a.jpg", "-o", "out"], ["recolor", "a.jpg", "--at", "1,2", "-o", "b.png"],
])  # fmt: skip
def test_what_the_flags_ask_for(command, words, wanted):
    assert scene_config(build_parser().parse_args([*command, *words])) == wanted
