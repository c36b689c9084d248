"""`dmlseg train` through the command line."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
import torch
from PIL import Image

from dmlseg_core.cli.entry import main
from dmlseg_core.config import SceneConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.scene.segmenter import Segmenter
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data import duplicates
from dmlseg_core.train.data.sets import is_held_out
from dmlseg_core.train.plan import parse_values
from tests.train.toy_sets import photo_of

TINY = ["crop=33", "batch_size=2", "points=3", "max_groups=3", "background_points=4", "warmup=1",
        "cooldown=1"]  # fmt: skip


def train(data, run, *words, values=("steps=2",)):
    data = [data] if not isinstance(data, list) else data
    asked = {value.partition("=")[0] for value in values}
    small = [value for value in TINY if value.partition("=")[0] not in asked]
    workers = [] if "--workers" in words else ["--workers", "0"]
    return main(["train", "--data", *map(str, data), "--run", str(run), *workers,
                 "--set", *small, *values, *map(str, words)])  # fmt: skip


def one_line(capsys):
    """The error, which is all that stderr holds."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("dmlseg"), lines
    return lines[0]


def test_values():
    assert parse_values([]) == {}
    found = parse_values(["steps=7", "lr=1e-4", "precision=bfloat16", "lambda_max=0"])
    assert found == {"steps": 7, "lr": 1e-4, "precision": "bfloat16", "lambda_max": 0.0}
    assert type(found["lambda_max"]) is float
    assert TrainConfig.from_dict(found).steps == 7


@pytest.mark.parametrize("word", ["steps", "steps=", "steps=1.5", "lr=fast", "none=1", "=1",
                                  "network=1", "network.width=x"])  # fmt: skip
def test_bad_values(word):
    with pytest.raises(ParameterError):
        parse_values([word])


def test_values_of_several_flags_add_up(make_voc, tmp_path):
    run = tmp_path / "run"
    assert train(make_voc(), run, "--set", "lr=1e-5", "--set", "rng=7", "--until", "1") == 0
    config = torch.load(run / "checkpoint.pt", weights_only=True)["config"]
    assert (config["lr"], config["rng"], config["crop"]) == (1e-5, 7, 33)


@pytest.mark.parametrize("words", [["lr=1", "lr=1"], ["network.width=8", "network.width=16"]])
def test_a_value_that_is_set_twice_is_refused(words):
    with pytest.raises(ParameterError, match="twice"):
        parse_values(words)


def test_every_number_can_be_set():
    plain = [f.name for f in fields(TrainConfig) if f.name not in ("network", "frozen")]
    default = TrainConfig()
    words = [f"{name}={getattr(default, name)}" for name in plain]
    assert TrainConfig.from_dict(parse_values(words)) == default


def test_train_export_and_segment(make_voc, tmp_path, capsys):
    data, run, file = make_voc(train=4, val=2), tmp_path / "run", tmp_path / "w.safetensors"
    assert train(f"{data}:0.5", run, "--export", file) == 0
    out = capsys.readouterr()
    assert "step 2" in out.out and "--init" in out.out
    entry = json.loads((tmp_path / "manifest.json").read_text())["w.safetensors"]
    assert entry["sets"] == {"toy": 0.5} and entry["step"] == 2
    segmenter = Segmenter.load(file, config=SceneConfig(long_side=64))
    scene = segmenter.analyze(photo_of(0))
    assert scene.embedding.shape[1:] == (12, 16) and scene.class_probs.shape[:2] == (4, 22)
    assert (run / "checkpoint.pt").exists() and (run / "photo_hashes.json").exists()


def test_a_run_is_continued(make_voc, tmp_path, monkeypatch):
    data, run = make_voc(train=3, val=1), tmp_path / "run"
    assert train(data, run, "--until", 1) == 0
    monkeypatch.setattr(duplicates, "hash_photo", lambda path: pytest.fail("hashed again"))
    assert train(data, run) == 0
    assert (run / "log.csv").read_text().count("\n") == 3


def test_coco_files_and_folders_together(make_voc, tmp_path):
    data = make_voc(train=3)
    labels = {
        "images": [{"id": 1, "file_name": "photo1.png", "width": 64, "height": 48}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1,
                         "segmentation": [[4, 4, 40, 4, 40, 40, 4, 40]]}],
        "categories": [{"id": 1, "name": "cat"}],
    }  # fmt: skip
    path = data / "JPEGImages" / "mine.json"
    path.write_text(json.dumps(labels))
    assert train([data, f"{path}:2"], tmp_path / "run") == 0


def test_a_validation_photo_is_not_trained_on(make_voc, tmp_path, capsys):
    data = make_voc(train=3, val=1)
    copy = Image.open(data / "JPEGImages" / "photo1.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    copy.save(data / "JPEGImages" / "photo3.png")
    assert train(data, tmp_path / "run") == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "photo1.png" in told and "photo3.png" in told and "--skip-duplicate-check" in told
    assert not (tmp_path / "run" / "checkpoint.pt").exists()
    assert train(data, tmp_path / "run", "--skip-duplicate-check") == 0


def test_sets_are_checked_against_each_other(make_voc, tmp_path, capsys):
    """Photo k of every toy set is the same: one's train photo is the other's val photo."""
    one, other = make_voc("one", train=3), make_voc("other", train=1, val=2)
    assert train([one, other], tmp_path / "run") == 2
    assert "near-duplicate" in capsys.readouterr().err


@pytest.mark.parametrize("mistake", [
    ((), ("crop=32",), 2, "16n + 1"),
    ((), ("none=1",), 2, "NAME=VALUE"),
    (("--until", "0"), (), 2, "--until"),
    (("--save-every", "0"), (), 2, "--save-every"),
    (("--workers", "-1"), (), 2, "--workers"),
    (("--export", "w.bin"), (), 1, "safetensors"),
    (("--export", "no/where/w.safetensors"), (), 1, "no folder"),
    (("--init", "none.safetensors"), (), 2, "none.safetensors"),
])  # fmt: skip
def test_mistakes_are_one_sentence(make_voc, tmp_path, capsys, mistake):
    words, values, code, told = mistake
    assert train(make_voc(), tmp_path / "run", *words, values=("steps=2", *values)) == code
    assert told in one_line(capsys)


def test_mistakes_of_data(make_voc, tmp_path, capsys):
    assert train(tmp_path / "none", tmp_path / "run") == 2
    assert "PASCAL VOC layout" in one_line(capsys)
    assert train(tmp_path / "none.json", tmp_path / "run") == 2
    assert "none.json" in one_line(capsys)
    data = make_voc()
    assert train([data, data], tmp_path / "run") == 2
    assert "two sets" in one_line(capsys)


def test_mistakes_of_words(capsys):
    for words in ([], ["--data", "x:-1", "--run", "y"], ["--what"]):
        with pytest.raises(SystemExit) as caught:
            main(["train", *words])
        assert caught.value.code == 2
        one_line(capsys)


def test_a_run_of_another_config(make_voc, tmp_path, capsys):
    data = make_voc()
    assert train(data, tmp_path / "run", "--until", 1) == 0
    capsys.readouterr()
    assert train(data, tmp_path / "run", values=("steps=2", "lr=1e-5")) == 1
    assert "'lr'" in one_line(capsys)


def test_held_out_photos_are_not_trained_on(make_voc, tmp_path, capsys):
    data = make_voc(train=1)
    name = next(f"p{k}" for k in range(999) if is_held_out(f"p{k}"))
    (data / "ImageSets" / "Segmentation" / "train.txt").write_text(name)
    assert train(data, tmp_path / "run") == 1
    assert "held out" in one_line(capsys)
