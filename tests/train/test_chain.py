"""Chains of recipes: what runs in which order, and that a stopped one goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.cli.entry import main
from dmlseg_core.model.weights import load_network
from dmlseg_core.train import chain, command
from dmlseg_core.train.chain import CHAINS, Chain, Link
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.recipe import RECIPES, TrainRecipe
from tests.train.toy_sets import labels_of

CONFIG = TrainConfig(
    steps=3, cooldown=1, warmup=1, lambda_ramp=1, crop=33, batch_size=2, points=3, max_groups=3,
    background_points=4,
)  # fmt: skip
SHARES = {"one": 0.75, "regions": 0.25}


@pytest.fixture
def toy(monkeypatch, make_voc, tmp_path):
    """toy(*words) runs a chain of two recipes: each of three steps, the second one averaged."""
    for name in ("first", "second"):
        recipe = TrainRecipe("start.safetensors", SHARES, CONFIG, donors=())
        monkeypatch.setitem(RECIPES, name, recipe)
    links = (Link("first"), Link("second", share=0.25))
    monkeypatch.setitem(CHAINS, "toy", Chain("start.safetensors", links, 0.5, "regions", SHARES))
    make_voc("one", train=3)
    regions = make_voc("regions", train=3) / "Regions"
    regions.mkdir()
    for k in range(3):
        Image.fromarray(labels_of(k)[0].astype(np.uint8)).save(regions / f"photo{k}_0.png")
    plain = ["train", "--data", tmp_path / "one", "--run", tmp_path / "plain", "--workers", "0",
             "--set", *[f"{k}={getattr(CONFIG, k)}" for k in ("crop", "batch_size", "points")],
             "steps=1", "warmup=0", "cooldown=0", "network.width=8", "network.embedding_dim=4",
             "--calibrate", "0", "--export", tmp_path / "start.safetensors"]  # fmt: skip
    assert main(list(map(str, plain))) == 0

    def run(folder, *words):
        return main(list(map(str, [
            "train", "--recipe", "toy", "--data", tmp_path, "--run", tmp_path / folder,
            "--init", tmp_path / "start.safetensors", "--workers", "0", "--calibrate", "2",
            "--set", "network.width=8", "network.embedding_dim=4",
            "--export", tmp_path / f"{folder}.safetensors", *words,
        ])))  # fmt: skip

    return run


def entry(path):
    return json.loads((path.parent / "manifest.json").read_text())[path.name]


def check_whole(tmp_path, folder):
    """Trained, averaged, rescaled and fitted."""
    steps = {name: len((tmp_path / folder / name / "log.csv").read_text().splitlines()) - 1
             for name in ("first", "second")}  # fmt: skip
    assert steps == {"first": 3, "second": 3}
    made = entry(tmp_path / f"{folder}.safetensors")
    assert made["recipe"] == "second" and "average" in made and made["calibration"]["clicks"] > 0
    network, _ = load_network(tmp_path / f"{folder}.safetensors")
    assert network.iou_head.fitted


def test_a_chain_that_was_stopped_goes_on_to_the_same_weights(toy, tmp_path, monkeypatch):
    assert toy("straight") == 0
    check_whole(tmp_path, "straight")
    real = command.save_weights

    def stopped(network, path, **about):
        if path.name == "second.safetensors":
            raise KeyboardInterrupt
        return real(network, path, **about)

    monkeypatch.setattr(command, "save_weights", stopped)
    assert toy("again") == 130
    assert not (tmp_path / "again.safetensors").exists()
    monkeypatch.setattr(command, "save_weights", real)
    before = (tmp_path / "again" / "first" / "log.csv").read_bytes()
    assert toy("again") == 0
    assert (tmp_path / "again" / "first" / "log.csv").read_bytes() == before  # nothing is trained
    assert (
        entry(tmp_path / "again.safetensors")["sha256"]
        == entry(tmp_path / "straight.safetensors")["sha256"]
    )


def test_the_shipped_chain_is_the_one_that_docs_list(tmp_path, monkeypatch):
    """docs/training.md: default, finetune, prolong, distill, harden, averages, rescale, fits."""
    calls = []
    for name in ("average", "rescale", "fit_regions", "fit_people", "fit_bodywork", "calibrate"):
        monkeypatch.setattr(chain, name, lambda *a, _n=name, **k: calls.append((_n, *a)))
    for name in (*CHAINS["shipped"].clicks, "dutsmore"):
        (tmp_path / name).mkdir()
    out, run = tmp_path / "out.safetensors", tmp_path / "run"
    words = ["--recipe", "shipped", "--data", str(tmp_path), "--run", str(run), "--init", "START",
             "--export", str(out), "--fraction", "0.1", "--set", "precision=bfloat16"]  # fmt: skip
    args = command.build_parser().parse_args(words)

    def train(words):
        parsed = command.build_parser().parse_args(words)
        assert parsed.fraction == 0.1 and parsed.values == ["precision=bfloat16"]
        assert parsed.calibrate == 0
        teacher = parsed.teacher and parsed.teacher.name
        calls.append((parsed.recipe, parsed.init.name, teacher, parsed.export.name))
        return 0

    chain.run_chain(CHAINS["shipped"], args, train)
    short = [tuple(getattr(a, "name", a) for a in call) for call in calls[:-3]]
    assert short == [
        ("default", "START", None, "default.safetensors"),
        ("finetune", "default.safetensors", None, "finetune.safetensors"),
        ("prolong", "finetune.safetensors", None, "prolong.safetensors"),
        (
            "average",
            "finetune.safetensors",
            "prolong.safetensors",
            0.35,
            "prolong-averaged.safetensors",
        ),
        ("distill", "prolong-averaged.safetensors", "START", "distill.safetensors"),
        (
            "average",
            "prolong-averaged.safetensors",
            "distill.safetensors",
            0.6,
            "distill-averaged.safetensors",
        ),
        ("harden", "distill-averaged.safetensors", "START", "harden.safetensors"),
        (
            "average",
            "distill-averaged.safetensors",
            "harden.safetensors",
            0.45,
            "harden-averaged.safetensors",
        ),
        ("rescale", "harden-averaged.safetensors", 0.5, "out.safetensors"),
        ("fit_regions", "out.safetensors", "regions"),
    ]
    (*fitted, others), rest = calls[-3], CHAINS["shipped"].people
    assert fitted == ["fit_people", out, tmp_path / rest[0]]
    assert others == [tmp_path / name for name in rest[1:]]  # fmt: skip
    assert calls[-2] == ("fit_bodywork", out, tmp_path / "carparts")
    name, weights, sets = calls[-1]
    assert (name, weights) == ("calibrate", out)
    assert {path.name: share for path, share in sets} == CHAINS["shipped"].clicks


@pytest.mark.parametrize(("words", "told"), [
    ((), "--init"), (("--init", "START"), "--export"),
    (("--init", "START", "--export", "a.safetensors", "--until", "3"), "--until"),
])  # fmt: skip
def test_what_does_not_go_with_a_chain_is_one_sentence(words, told, tmp_path, capsys):
    begin = ["train", "--recipe", "shipped", "--data", tmp_path, "--run", tmp_path / "run"]
    assert main(list(map(str, [*begin, *words]))) == 2
    assert told in capsys.readouterr().err


def test_sets_that_are_missing_are_told_before_anything_runs(tmp_path, capsys):
    words = ["train", "--recipe", "shipped", "--data", tmp_path, "--run", tmp_path / "run",
             "--init", "START", "--export", tmp_path / "a.safetensors"]  # fmt: skip
    assert main(list(map(str, words))) != 0
    assert "lacks voc" in capsys.readouterr().err and not (tmp_path / "run").exists()
