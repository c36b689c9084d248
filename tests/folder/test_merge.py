"""Shards that are merged are what one batch would have made; conflicts are refused untouched."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from dmlseg_core.cli.entry import main
from dmlseg_core.config import SceneConfig
from dmlseg_core.edit import Style
from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.folder.journal import LOCK
from dmlseg_core.folder.many import prepare
from dmlseg_core.folder.report.run_file import Figures, read_run, write_run
from dmlseg_core.folder.rules import Find, Rule, Rules, ways_of_colors
from dmlseg_core.folder.scale.merge import merge
from dmlseg_core.folder.scale.parts import together
from dmlseg_core.scene import Segmenter

NAVY = Rules((Rule(Find(largest=1), ways_of_colors(["navy", "crimson"], Style())),))
SAGE = Rules((Rule(Find(largest=1), ways_of_colors(["#9caf88"], Style())),))
TIMED = {"run.json", "report.html", "instances.jsonl"}


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter.load(config=SceneConfig(long_side=128))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(5):
        crop = data.coffee()[: 400 - 20 * number, 20 * number :]
        Image.fromarray(crop).resize((120, 80)).save(folder / f"{number}.png")
    (folder / "sub").mkdir()
    (folder / "sub" / "broken.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="module")
def made(photos, segmenter, tmp_path_factory):
    """One batch, and the same in two shards."""
    top = tmp_path_factory.mktemp("made")
    do(photos, top / "one", segmenter)
    for part in (1, 2):
        do(photos, top / f"part{part}", segmenter, shard=(part, 2))
    return top


def do(photos, out, segmenter, **asked):
    asked = {"rules": NAVY, "max_delta_e": 2.0, "segmenter": segmenter, **asked}
    return list(prepare([photos], out, **asked).results())


def files(folder):
    found = (p for p in folder.rglob("*") if p.is_file() and p.name != LOCK)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def test_two_shards_are_the_batch_byte_for_byte(made, tmp_path):
    before = {part: files(made / part) for part in ("part1", "part2")}
    assert all(len(b) > 10 for b in before.values())
    assert merge([made / "part1", made / "part2"], tmp_path / "out").photos == 6
    whole, merged = files(made / "one"), files(tmp_path / "out")
    assert whole.keys() == merged.keys()
    for name in whole.keys() - TIMED:
        assert merged[name] == whole[name], name
    assert {part: files(made / part) for part in before} == before
    run = json.loads(merged["run.json"])
    assert run["engine"] == "merge" and run["counts"]["failed"] == 1
    assert [part["shard"] for part in run["parts"]] == [[1, 2], [2, 2]]
    assert "shard" not in run["options"]


def test_a_merge_and_a_batch_go_on_in_the_merged_folder(made, photos, segmenter, tmp_path):
    out = tmp_path / "out"
    merge([made / "part1"], out)
    few = len(json.loads((out / "instances.json").read_text())["images"])
    merge([made / "part1", made / "part2"], out)
    assert len(json.loads((out / "instances.json").read_text())["images"]) == 5 > few
    again = do(photos, out, segmenter)
    assert [r.fresh for r in again if r.row.error is None] == [False] * 5


def test_a_merge_that_was_cut_short_goes_on(made, tmp_path, monkeypatch):
    out, calls = tmp_path / "out", []

    def link(source, target):
        calls.append(source)
        if len(calls) == 7:
            raise KeyboardInterrupt
        Path(target).write_bytes(Path(source).read_bytes())

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(KeyboardInterrupt):
        merge([made / "part1", made / "part2"], out)
    merge([made / "part1", made / "part2"], out)
    assert {n: b for n, b in files(out).items() if n not in TIMED} == {
        n: b for n, b in files(made / "one").items() if n not in TIMED
    }


def test_disks_that_cannot_link_are_copied_to(made, tmp_path, monkeypatch):
    def link(*_):
        raise OSError("other device")

    monkeypatch.setattr(os, "link", link)
    merge([made / "part1", made / "part2"], tmp_path / "out")
    assert files(tmp_path / "out").keys() == files(made / "one").keys()


def test_other_settings_and_other_photos_of_one_name_are_refused(made, photos, segmenter, tmp_path):
    do(photos, tmp_path / "sage", segmenter, rules=SAGE)
    with pytest.raises(ParameterError, match="other settings"):
        merge([made / "one", tmp_path / "sage"], tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(other / "0.png")
    do(other, tmp_path / "gray", segmenter)
    with pytest.raises(ParameterError, match=r"0\.png is one photo in .* another one"):
        merge([made / "one", tmp_path / "gray"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    merge([made / "one"], tmp_path / "out")
    before = files(tmp_path / "out")
    with pytest.raises(ParameterError, match="other settings"):
        merge([tmp_path / "sage"], tmp_path / "out")
    assert files(tmp_path / "out") == before


def edited(made, tmp_path, change):
    """A shard whose journal was changed by hand."""
    folder = tmp_path / "shard"
    merge([made / "part1"], folder)
    journal = folder / "instances.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    change(next(line for line in lines if line["error"] is None))
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd"])
def test_a_journal_cannot_name_files_outside_its_folder(made, tmp_path, name):
    folder = edited(made, tmp_path, lambda r: r["row"]["files"].update(labels=[name]))
    with pytest.raises(ParameterError, match="outside its folder"):
        merge([folder], tmp_path / "out")


def test_a_damaged_row_and_a_damaged_line_are_told_with_their_place(made, tmp_path):
    folder = edited(made, tmp_path, lambda r: r["row"].update(width="wide"))
    with pytest.raises(ParameterError, match=r"line \d+ of .*instances\.jsonl is damaged: width"):
        merge([folder], tmp_path / "out")
    (folder / "instances.jsonl").write_text("{}\n")
    with pytest.raises(ParameterError, match=r"line 1 of .* is no record"):
        merge([folder], tmp_path / "out")


@pytest.mark.parametrize("change", [
    {"seconds": "long"}, {"shard": [3, 2]}, {"shard": 1}, {"workers": "two"},
])  # fmt: skip
def test_a_damaged_part_is_told(made, tmp_path, change):
    folder = tmp_path / "shards"
    merge([made / "part1"], folder)
    told = json.loads((folder / "run.json").read_text())
    told["parts"][0] |= change
    (folder / "run.json").write_text(json.dumps(told))
    with pytest.raises(ParameterError, match=r"run\.json is damaged"):
        merge([folder], tmp_path / "out")


def test_a_file_that_is_gone_is_told_and_what_is_merged_stays(made, tmp_path):
    folder = tmp_path / "shard"
    merge([made / "part1"], folder)
    next((folder / "labels").rglob("*.png")).unlink()
    with pytest.raises(ExportError, match="is missing; run the batch"):
        merge([folder], tmp_path / "out")


def test_folders_that_are_none_of_a_batch_are_told(made, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["merge", str(tmp_path / "empty"), "-o", str(tmp_path / "out")]) == 2
    assert "no output folder of a batch that ended" in capsys.readouterr().err
    assert main(["merge", "n" * 300, "-o", str(tmp_path / "out")]) == 2
    assert "run.json cannot be read (File name too long)" in capsys.readouterr().err
    assert main(["merge", str(made / "one"), "-o", str(made / "one" / "in")]) == 2
    assert "lie in one another" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    shards = [str(made / f"part{k}") for k in (1, 2)]
    assert main(["merge", *shards, "-o", str(tmp_path / "out")]) == 0
    assert "6 photos of 2 folders" in capsys.readouterr().out


def test_run_files_are_checked(made, tmp_path):
    assert read_run(made / "one" / "run.json").max_delta_e == 2.0
    path = tmp_path / "run.json"
    for text, told in (("{", "damaged"), ("{}", "damaged"), ('{"dmlseg_run": 9}', "version 9")):
        path.write_text(text)
        with pytest.raises(ParameterError, match=told):
            read_run(path)


def test_a_run_on_a_cluster_of_any_size_is_merged(made, photos, segmenter, tmp_path):
    told = prepare([photos], tmp_path / "o", segmenter=segmenter, workers=None, engine="ray").run
    for part in (1, 2):
        shutil.copytree(made / f"part{part}", tmp_path / f"{part}")
    write_run(
        Figures(), replace(told, started="2026-01-01T00:00:00+00:00"), tmp_path / "1" / "run.json"
    )
    assert merge([tmp_path / "1", tmp_path / "2"], tmp_path / "out").photos == 6
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["workers"] is None and [part["workers"] for part in run["parts"]] == [None, 1]


def test_time_is_that_in_which_any_of_them_ran():
    def part(start, seconds):
        return {"started": f"2026-01-01T00:00:{start:02}+00:00", "seconds": seconds}

    assert together([part(0, 10)]) == 10
    assert together([part(0, 10), part(5, 10)]) == 15
    assert together([part(0, 10), part(2, 3)]) == 10
    assert together([part(30, 5), part(0, 10)]) == 15


def test_a_missing_shard_is_told_until_it_is_there(made, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["merge", str(made / "part2"), "-o", out]) == 3
    assert "of the shards 1/2 is missing" in capsys.readouterr().err
    assert main(["merge", str(made / "part1"), "-o", out]) == 0
    first = read_run(tmp_path / "out" / "run.json")
    assert [part["shard"] for part in first.parts] == [[2, 2], [1, 2]]
    merge([made / "part1", made / "part2"], out)
    again = read_run(tmp_path / "out" / "run.json")
    assert (again.parts, again.workers) == (first.parts, first.workers)
    assert again.fresh == first.fresh == 5
    assert again.seconds == pytest.approx(first.seconds)


def test_shards_that_were_asked_for_different_things_are_none_of_one_batch(
    made, photos, segmenter, tmp_path
):
    do(photos, tmp_path / "sage", segmenter, rules=SAGE, shard=(2, 2))
    with pytest.raises(ParameterError, match="shards of different batches: their rules differ"):
        merge([made / "part1", tmp_path / "sage"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    merge([made / "part1"], tmp_path / "out")
    with pytest.raises(ParameterError, match="shards of different batches"):
        merge([tmp_path / "sage"], tmp_path / "out")


def test_whole_batches_with_other_rules_are_told_with_them(made, segmenter, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(data.coffee()[::8, ::8]).save(other / "new.png")
    do(other, tmp_path / "sage", segmenter, rules=SAGE)
    assert merge([made / "one", tmp_path / "sage"], tmp_path / "out").photos == 7
    one, sage = read_run(tmp_path / "out" / "run.json").parts
    assert "options" not in one and sage["options"]["rules"] != {}
