"""Folders: whatever one photo, one name or the disk does; with a segmenter of known answers."""

import csv
import json
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import ExportError, one_line
from dmlseg_core.folder.journal import Journal, is_record
from dmlseg_core.folder.sources.find import find_jobs
from tests.folder.test_run import FakeSegmenter, everything, run, write_photo

LONG = "長" * 83 + ".jpg"  # 253 bytes: legal, but ".png" makes it 257


def rows(out):
    return list(csv.reader((out / "failures.csv").open(newline="")))[1:]


def images(out):
    """Output names of the photos done."""
    found = json.loads((out / "instances.json").read_text())["images"]
    return [i["labels"].removeprefix("labels/").removesuffix(".png") for i in found]


def test_names_that_are_hard_to_write_down(tmp_path, capsys):
    photos, out = tmp_path / "in", tmp_path / "out"
    names = [LONG, "z.jpg", "a\nb.jpg", os.fsdecode(b"no-utf8-\xff.jpg"), "龘.jpg",
             "x" * 251 + ".jpg", "-o.png", " .png", "\x1b[31mred.png"]  # fmt: skip
    for name in names:
        write_photo(photos / name)
    _, report = run([photos], out)
    assert (report.done, report.failures) == (len(names), ())
    assert len(images(out)) == len(set(images(out))) == len(names)
    for name in images(out):
        assert (out / "labels" / f"{name}.png").is_file()
        assert (out / "overlays" / f"{name}.jpg").is_file()
    assert run([photos], out)[1].skipped == len(names)


def test_a_shortened_name_is_whole_characters_and_its_own(tmp_path):
    for name in (LONG, "長" * 82 + "短.jpg"):
        write_photo(tmp_path / "in" / name)
    first, second = (job.name for job in find_jobs([tmp_path / "in"], tmp_path / "out"))
    assert first != second
    assert all(name.startswith("長" * 70) and name.endswith(".jpg") for name in (first, second))


def test_a_failure_of_an_odd_name_is_one_line(tmp_path, capsys):
    bad = tmp_path / "in" / "a\nb\x1b[31m.jpg"
    write_photo(bad.with_name("good.jpg"))
    bad.write_bytes(b"nothing")
    _, report = run([tmp_path / "in"], tmp_path / "out")
    assert "\n" not in report.failures[0].error
    assert "\x1b" not in capsys.readouterr().err
    ((path, error),) = rows(tmp_path / "out")
    assert path == str(bad)
    assert error.isprintable()


def test_links_pipes_sockets_and_devices_are_that_photos_failure(tmp_path):
    photos, out = tmp_path / "in", tmp_path / "out"
    write_photo(photos / "a.jpg")
    os.mkfifo(photos / "pipe.jpg")
    (photos / "endless.jpg").symlink_to("/dev/zero")
    (photos / "loop1.jpg").symlink_to("loop2.jpg")
    (photos / "loop2.jpg").symlink_to("loop1.jpg")
    (photos / "dangling.jpg").symlink_to("nowhere.jpg")
    (photos / "around").symlink_to(photos)
    with socket.socket(socket.AF_UNIX) as server:
        where = Path.cwd()
        os.chdir(photos)  # a socket's path must be short
        server.bind("socket.jpg")
        os.chdir(where)
        _, report = run([photos, photos / "pipe.jpg"], out)
    assert report.done == 1
    failed = {Path(path).name for path, _ in rows(out)}
    bad = ("pipe", "loop1", "loop2", "socket", "dangling", "endless")
    assert failed == {f"{name}.jpg" for name in bad}


def test_a_folder_of_the_name_of_a_result_is_no_clash(tmp_path):
    photos, out = tmp_path / "in", tmp_path / "out"
    for name in ("x.jpg", "x.jpg.png/y.jpg", "X.JPG.jpg/z.png", "w.png"):
        write_photo(photos / name)
    _, report = run([photos], out)
    assert (report.done, report.failures) == (4, ())
    assert {"x.jpg.png/y.jpg", "w.png"} < set(images(out))


def test_something_in_the_way_of_a_result_is_that_photos_failure(tmp_path):
    photos, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        write_photo(photos / name)
    (out / "labels" / "a.jpg.png").mkdir(parents=True)
    (out / "overlays").mkdir()
    (out / "overlays" / "sub").write_text("a file where a folder must be")
    _, report = run([photos], out)
    assert report.done == 1
    assert len(report.failures) == len(rows(out)) == 2
    assert images(out) == ["b.jpg"]


def test_a_photo_too_wide_for_an_overlay_is_that_photos_failure(tmp_path):
    photos, out = tmp_path / "in", tmp_path / "out"
    write_photo(photos / "wide.png", size=(70_000, 1))
    write_photo(photos / "x.png")
    _, report = run([photos], out)
    assert report.done == len(report.failures) == len(rows(out)) == 1
    assert images(out) == ["x.png"]


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    write_photo(tmp_path / "in" / "a.png")
    write_photo(tmp_path / "in" / "closed" / "b.png")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    _, report = run([tmp_path / "in"], tmp_path / "out")
    assert report.done == 1
    assert "Permission denied" in report.failures[0].error


class Filling(FakeSegmenter):
    """While it looks at its second photo something happens to the output folder."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def analyze(self, photo):
        if len(self.seen) == 1:
            self.act()
        return super().analyze(photo)


def three(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        write_photo(tmp_path / "in" / name)
    return tmp_path / "in", tmp_path / "out"


def test_a_disk_that_fills_up_ends_the_run_and_the_next_one_goes_on(tmp_path, monkeypatch):
    photos, out = three(tmp_path)
    real = os.fsync

    def full(_):
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportError, match="No space left"):
        run([photos], out, Filling(lambda: monkeypatch.setattr(os, "fsync", full)))
    monkeypatch.setattr(os, "fsync", real)
    assert sorted(p.name for p in out.rglob("*.p*") if p.is_file()) == ["a.png.jpg", "a.png.png"]
    segmenter, report = run([photos], out)
    assert (segmenter.seen, report.skipped) == (["b.png", "c.png"], 1)


@pytest.mark.parametrize("again", [False, True])
def test_an_output_folder_that_goes_away_ends_the_run(tmp_path, again):
    photos, out = three(tmp_path)

    def act():
        shutil.rmtree(out)
        if again:
            out.mkdir()

    with pytest.raises(ExportError, match="removed or replaced"):
        run([photos], out, Filling(act))
    assert not everything(out)
    assert run([photos], out)[1].done == 3


def test_only_one_run_writes_into_a_folder(tmp_path):
    photos, out = three(tmp_path)
    with Journal(out / "instances.jsonl"), pytest.raises(ExportError, match="another run"):
        run([photos], out)
    assert run([photos], out)[1].done == 3


def test_a_full_disk_tears_no_line_of_the_journal(tmp_path, monkeypatch):
    record = {"name": "a", "source": "a", "settings": "", "stamp": None, "error": "no photo"}
    with Journal(tmp_path / "instances.jsonl") as journal:
        journal.append(record)
        before = journal.path.read_bytes()

        class Full:
            def __init__(self, file):
                self.file, self.room = file, 10

            def write(self, data):
                if not self.room:
                    raise OSError(28, "No space left on device")
                taken, self.room = self.file.write(data[: self.room]), 0
                return taken

            def __getattr__(self, name):
                return getattr(self.file, name)

        monkeypatch.setattr(journal, "_file", Full(journal._file))
        with pytest.raises(ExportError, match="No space left"):
            journal.append({**record, "name": "b"})
    assert journal.path.read_bytes() == before


GOOD = {"name": "a", "source": "a", "settings": "", "stamp": None, "error": "no photo"}
DONE = {**GOOD, "error": None, "height": 1, "width": 1, "annotations": []}


@pytest.mark.parametrize(
    "line",
    ["[]", "null", "3", '"name"', "{}", '{"name": 3}', "NaN", "not json", "[" * 100_000,
     json.dumps({**GOOD, "name": ["a"]}), json.dumps({**GOOD, "error": 3}), "1" * 5_000,
     json.dumps({**DONE, "height": "1"}), json.dumps({**DONE, "annotations": [1]}),
     json.dumps({**DONE, "annotations": [{"score": float("nan")}]})],
)  # fmt: skip
def test_a_journal_of_another_shape_is_refused_and_kept(tmp_path, line):
    path = tmp_path / "out" / "instances.jsonl"
    path.parent.mkdir()
    text = f"{json.dumps(GOOD)}\n{line}\n{json.dumps(DONE)}\n"
    path.write_text(text)
    write_photo(tmp_path / "in" / "a.png")
    with pytest.raises(ExportError, match=r"line 2 of .* is no record"):
        run([tmp_path / "in"], tmp_path / "out")
    assert path.read_text() == text


def test_records_are_told_from_other_objects():
    assert is_record(GOOD)
    assert is_record(DONE)
    assert not is_record({**DONE, "annotations": None})
    assert not is_record({k: v for k, v in DONE.items() if k != "width"})


def test_sentences_for_terminals():
    assert one_line("a\nb\x1b[31m\udc80\u202e") == "a\\nb\\x1b[31m\\udc80\\u202e"
    assert one_line("長い") == "長い"
    assert len(one_line("x" * 10_000)) < 1_100


def test_label_maps_are_in_colors(tmp_path):
    write_photo(tmp_path / "in" / "a.png")
    run([tmp_path / "in"], tmp_path / "out")
    with Image.open(tmp_path / "out" / "labels" / "a.png.png") as image:
        assert image.mode == "P"
        assert np.array(image.convert("RGB")).max() > 100
        assert set(np.unique(np.array(image))) == {1, 2}
