"""`dmlseg batch` as a command: flags, what is printed, exit codes."""

import json

import pytest

from dmlseg_core.cli.entry import main
from dmlseg_core.cli.many.plan import duration, size
from dmlseg_core.scene import Segmenter
from tests.folder.synthetic import Synthetic, picture


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setattr(Segmenter, "load", classmethod(lambda *_, **__: Synthetic([])))
    for k, name in enumerate(("a.png", "sub/b.png")):
        picture(tmp_path / "in" / name, k)
    return tmp_path / "in"


def call(*words):
    return main(["batch", "--quiet", "--workers", "1", *map(str, words)])


def test_short_cuts(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(photos, "-o", out, "--class", "cat", "--color", "navy", "--color", "#c8102e") == 0
    assert "2 done, 0 done before, 0 failed, 4 recolored files" in capsys.readouterr().out
    assert (out / "recolored/sub/b.png.c8102e.png").is_file()
    assert call(photos, "-o", out, "--class", "cat", "--color", "navy", "--color", "#c8102e") == 0
    assert "0 done, 2 done before" in capsys.readouterr().out
    like = f"{photos / 'a.png'}@104,18"
    (tmp_path / "s.csv").write_text("Signal,#ff0000\n")
    words = ("--like", like, "--threshold", ".9", "--swatches", tmp_path / "s.csv")
    assert call(photos, "-o", tmp_path / "two", *words, "--outputs", "recolored") == 0
    assert {p.name for p in (tmp_path / "two/recolored").rglob("*.png")} == {
        "a.png.signal.png", "b.png.signal.png"
    }  # fmt: skip


def test_lines_of_json_and_what_does_not_pass(photos, tmp_path, capsys):
    (photos / "bad.jpg").write_bytes(b"nothing")
    picture(photos / "lossy.jpg", 5, quality=60)
    code = call(photos, "-o", tmp_path / "out", "--largest", 1, "--color", "#123457",
                "--max-delta-e", 0, "--json")  # fmt: skip
    told = capsys.readouterr()
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert code == 3
    assert [row["status"] for row in rows].count("failed") == 1
    assert all(row["fresh"] for row in rows)
    assert "off by more than --max-delta-e" in told.err
    assert "not a photo" in told.err


def test_a_dry_run(photos, tmp_path, capsys):
    rules = tmp_path / "r.yaml"
    rules.write_text("rules:\n - {name: cats, find: {class: cat}, color: [navy, red]}\n")
    assert call(photos, "-o", tmp_path / "out", "--rules", rules, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "rule cats: 4 objects on 2 photos" in told
    assert "files    2 labels, 2 overlays, 4 recolored" in told
    assert not (tmp_path / "out").exists()
    assert call(photos, "-o", tmp_path / "out", "--rules", rules, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"]["recolored"] == 4


def test_lists(photos, tmp_path, monkeypatch, capsys):
    listed = tmp_path / "list.txt"
    listed.write_text(f"{photos / 'a.png'}\n\n{photos / 'sub'}\n")
    assert call("--from-list", listed, "-o", tmp_path / "out") == 0
    assert "2 done" in capsys.readouterr().out

    class Stdin:
        class buffer:  # noqa: N801
            @staticmethod
            def read(_):
                return f"{photos / 'a.png'}\0".encode()

    monkeypatch.setattr("sys.stdin", Stdin)
    assert call("-", "-o", tmp_path / "two") == 0
    assert "1 done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--class", "lion", "--color", "red"], "the weights know no class 'lion'"),
        (["--class", "cars", "--color", "red"], "did you mean car"),
        (["--class", "car"], "say what becomes of the objects"),
        (["--color", "redd"], "is no color"),
        (["--sample", "1"], "--sample goes with --dry-run"),
        (["--address", "host:1"], "--address goes with --engine ray"),
        (["--gpus", ".5"], "--gpus goes with --engine ray"),
        (["--threshold", ".5", "--color", "red"], "--threshold goes with --like"),
        (["--rules", "r.yaml", "--color", "red"], "--color does not go with --rules"),
        (["--rules", "r.yaml", "--recipe", "r.json"], "--recipe does not go with --rules"),
        (["--rules", "none.yaml"], "cannot be read"),
        (["--recipe", "none.json"], "cannot be read"),
        (["--like", "none.jpg", "--color", "red"], "none.jpg cannot be read: No such file"),
        (["--like", "n" * 300, "--color", "red"], "cannot be read: File name too long"),
        (["--like", ".", "--color", "red"], "cannot be read: it is no file"),
        (["--swatches", "none.ase"], "cannot be read"),
        (["--largest", "0", "--color", "red"], "counts from 1"),
        (["--workers", "0"], "workers counts"),
        (["--color", "red", "--swatches", "x.ase"], "--color does not go with --swatches"),
        (["--watch", "--dry-run"], "--watch does not go with --dry-run"),
        (["--max-delta-e", "3"], "--max-delta-e goes with colors"),
        (["--max-delta-e", "3", "--color", "red", "--outputs", "labels"], "goes with recolored or"),
        (["--from-list", "none.txt"], "the list none.txt cannot be read"),
        (["--weights", "none.safetensors"], "the weights none.safetensors cannot be read"),
        (["--weights", __file__], "no manifest.json beside it"),
        (["--weights", "/dev/zero"], "no manifest.json beside it"),
        (["s3://bucket/x"], "needs a driver that is not installed"),
        (["none*.jpg"], "matches no photo"),
    ],
)
def test_mistakes_are_one_sentence_before_anything_begins(photos, tmp_path, capsys, words, told):
    code = main(["batch", str(photos), *words, "-o", str(tmp_path / "out")])
    said = capsys.readouterr().err.strip()
    assert code == 2 or "recipe" in said
    assert told in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--colour", "red"], "did you mean --color?"), (["--engine", "locl"], "did you mean local?")],
)
def test_a_mistyped_flag_is_told_what_was_meant(photos, tmp_path, capsys, words, told):
    with pytest.raises(SystemExit) as caught:
        call(photos, "-o", tmp_path / "out", *words)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--shard", "3/2"], ["--outputs", "labels,x"], ["--json=1"],
                                   ["--dry-run", "--sample", "0"]])  # fmt: skip
def test_wrong_words(photos, tmp_path, words):
    with pytest.raises(SystemExit) as caught:
        call(photos, "-o", tmp_path / "out", *words)
    assert caught.value.code == 2


def test_a_rule_that_takes_nothing_is_named(photos, tmp_path, capsys):
    rules = tmp_path / "r.yaml"
    rules.write_text("rules:\n - {find: all, color: red}\n - {find: {class: cat}, color: navy}\n")
    assert call(photos, "-o", tmp_path / "out", "--rules", rules) == 0
    assert "2 recolored files, rule 2 took nothing: " in capsys.readouterr().out


def test_tables_alone(photos, tmp_path):
    assert call(photos, "-o", tmp_path / "out", "--color", "red", "--outputs", "") == 0
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"instances.csv", "run.json"} < made
    assert not {"labels", "overlays", "recolored"} & made
    assert json.loads((tmp_path / "out/run.json").read_bytes())["counts"]["recolored"] == 0


def test_a_file_in_the_place_of_the_folder_and_a_reference_that_is_none(photos, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert call(photos, "-o", tmp_path / "file", "--color", "red") == 1
    assert "file is a file; name a folder" in capsys.readouterr().err
    assert call(photos, "-o", tmp_path / "out", "--color", "red", "--like", tmp_path / "file") == 2
    assert "a rule's reference cannot be used" in capsys.readouterr().err


def test_no_input(tmp_path, capsys):
    assert call("-o", tmp_path / "out") == 2
    assert "no input" in capsys.readouterr().err


def test_figures_for_people():
    assert [duration(s) for s in (0.5, 99, 100, 7200)] == ["0.5 s", "99 s", "2 min", "2.0 h"]
    assert [size(n) for n in (999, 1000, 1.5e6, 2e9)] == ["999 bytes", "1.0 kB", "1.5 MB", "2.0 GB"]


def test_a_folder_of_nothing_but_empty_files_is_told_in_a_few_lines(photos, tmp_path, capsys):
    for k in range(30):
        (photos / f"{k:02}.jpg").touch()
    out = tmp_path / "out"
    assert call(photos, "-o", out, "--class", "cat", "--color", "navy") == 3
    told = capsys.readouterr()
    assert "2 done, 0 done before, 30 failed (failures.csv says why)" in told.out
    assert len(told.err.splitlines()) == 21
    assert "only counted" in told.err
    assert len((out / "failures.csv").read_text().splitlines()) == 31
