"""Training recipes by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlseg_core.cli.entry import main
from dmlseg_core.errors import DatasetError, ParameterError
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.model.weights import save_weights
from dmlseg_core.train import command
from dmlseg_core.train.command import build_parser
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data.augment import AugmentConfig
from dmlseg_core.train.data.hide import HideConfig
from dmlseg_core.train.data.voc import RULES
from dmlseg_core.train.plan import make_plan
from dmlseg_core.train.recipe import LENGTHS, RECIPES, TrainRecipe, scaled, sets_in

TINY = TrainRecipe(
    start="start.safetensors",
    shares={"one": 0.75, "other": 0.25},
    config=TrainConfig(
        steps=20, cooldown=10, warmup=10, lambda_ramp=1, crop=33, batch_size=2, points=3,
        max_groups=3, background_points=4,
    ),
    augment=AugmentConfig(flip=0.125),
    donors=("other",),
)  # fmt: skip


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", TINY)


@pytest.fixture
def folder(make_voc):
    """Both sets of the tiny recipe side by side."""
    make_voc("one", train=3)
    return make_voc("other", train=3).parent


def plan_of(*words):
    return make_plan(build_parser().parse_args([*map(str, words), "--run", "run"]))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_is_whole(name):
    recipe = RECIPES[name]
    assert sum(recipe.shares.values()) == pytest.approx(1)
    assert set(recipe.donors) <= set(recipe.shares)
    assert recipe.config.cooldown + recipe.config.warmup < recipe.config.steps
    named = [n for n, _ in EmbeddingNetwork(recipe.config.network).named_parameters()]
    assert all(any(n.startswith(prefix) for n in named) for prefix in recipe.config.frozen)
    with pytest.raises(AttributeError):
        recipe.start = "other"


def test_every_rule_is_of_a_set_that_is_trained_on():
    assert set(RULES) <= {name for recipe in RECIPES.values() for name in recipe.shares}


def test_shipped_recipes_hide_nothing():
    """Their crops must stay what they were when the shipped weights were made."""
    for name in ("default", "finetune", "prolong", "distill"):
        assert RECIPES[name].augment.hide == HideConfig() and not HideConfig().chance


def test_help_lists_the_recipes(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", "--help"])
    assert caught.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    for name, recipe in RECIPES.items():
        assert f"{name} = {recipe}" in told


@given(st.floats(0, 1, exclude_min=True))
def test_a_fraction_shortens_every_length_alike(fraction):
    whole = RECIPES["default"].config
    short = scaled(whole, fraction)
    for name in LENGTHS:
        assert getattr(short, name) == max(1, round(fraction * getattr(whole, name)))
    rest = {name: getattr(whole, name) for name in LENGTHS}
    assert TrainConfig.from_dict(short.to_dict() | rest) == whole


def test_the_whole_is_a_fraction_of_one():
    assert scaled(TINY.config, 1) == TINY.config
    for wrong in (0, -0.1, 1.01, float("nan")):
        with pytest.raises(ParameterError, match="fraction"):
            scaled(TINY.config, wrong)


def test_sets_lie_in_one_folder(folder):
    found = sets_in(folder, TINY.shares)
    assert found == [(folder / "one", 0.75), (folder / "other", 0.25)]


def test_every_missing_set_is_named(folder):
    (folder / "one").rename(folder / "elsewhere")
    with pytest.raises(DatasetError, match=r"lacks one: .*\(one, other\)"):
        sets_in(folder, TINY.shares)
    with pytest.raises(DatasetError, match="lacks one, other"):
        sets_in(folder / "none", TINY.shares)


@pytest.mark.usefixtures("tiny")
def test_what_a_recipe_comes_to(folder):
    plan = plan_of("--data", folder, "--recipe", "tiny")
    assert plan.names == ["one", "other"] and plan.shares == (0.75, 0.25)
    assert plan.config == TINY.config and plan.donors == ("other",)
    assert plan.augment == AugmentConfig(crop=33, flip=0.125)
    about = plan.about()
    assert about["recipe"] == "tiny" and about["sets"] == {"one": 0.75, "other": 0.25}
    assert about["training"]["steps"] == 20 and "network" not in about["training"]


@pytest.mark.usefixtures("tiny")
def test_set_has_the_last_word(folder):
    words = ("--fraction", 0.1, "--set", "warmup=7", "crop=65", "network.width=16", "lr=0.5")
    config = plan_of("--data", folder, "--recipe", "tiny", *words).config
    assert (config.steps, config.cooldown, config.warmup) == (2, 1, 7)
    assert (config.lr, config.batch_size, config.network.width) == (0.5, 2, 16)
    assert plan_of("--data", folder, "--recipe", "tiny", *words).augment.crop == 65
    hidden = plan_of("--data", folder, "--recipe", "tiny", "--set", "hide.chance=.5", "hide.jpeg=9")
    assert hidden.augment.hide == HideConfig(chance=0.5, jpeg=9)
    assert hidden.about()["augment"]["hide"]["jpeg"] == 9 and hidden.config == TINY.config


def test_without_a_recipe_nothing_has_changed(folder):
    plan = plan_of("--data", f"{folder / 'one'}:2", folder / "other", "--set", "steps=5")
    assert plan.shares == (2, 1) and plan.config == TrainConfig(steps=5)
    assert plan.augment == AugmentConfig(crop=plan.config.crop) and plan.recipe is None
    assert "recipe" not in plan.about()


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("mistake", [
    (["--fraction", "0.5"], "--recipe"),
    (["--recipe", "tiny", "--fraction", "2"], "--fraction"),
    (["--recipe", "tiny", "--fraction", "nan"], "--fraction"),
    (["--recipe", "tiny"], "--init start.safetensors"),
    (["--recipe", "none"], "'tiny'"),
])  # fmt: skip
def test_mistakes_are_one_sentence(folder, tmp_path, capsys, monkeypatch, mistake):
    words, told = mistake
    monkeypatch.setattr(command, "refuse_duplicates", lambda *_: pytest.fail("too late"))
    start = ["train", "--data", str(folder), "--run", str(tmp_path / "run")]
    try:
        code = main([*start, *words])
    except SystemExit as error:
        code = error.code
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2 and len(lines) == 1 and told in lines[0], lines
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("tiny")
def test_a_recipe_takes_one_folder(folder, capsys):
    for data in ([f"{folder}:2"], [folder / "one", folder / "other"]):
        assert main(["train", "--data", *map(str, data), "--run", "r", "--recipe", "tiny"]) == 2
        assert "the one folder" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny")
def test_a_rehearsal_from_start_to_export(folder, tmp_path):
    save_weights(EmbeddingNetwork(TINY.config.network), tmp_path / "start.safetensors")
    words = ["train", "--data", folder, "--run", tmp_path / "run", "--recipe", "tiny",
             "--fraction", 0.1, "--workers", 0, "--calibrate", 0,
             "--export", tmp_path / "w.safetensors"]  # fmt: skip
    start = ["--init", tmp_path / "start.safetensors"]
    assert main([*map(str, words + start)]) == 0
    assert (tmp_path / "run" / "log.csv").read_text().count("\n") == 3
    entry = json.loads((tmp_path / "manifest.json").read_text())["w.safetensors"]
    assert (entry["recipe"], entry["step"], entry["training"]["cooldown"]) == ("tiny", 2, 1)
    assert main([*map(str, words)]) == 0  # a run that has a checkpoint needs no start
