"""A hot folder: files are taken when they stopped growing, each once."""

import json
import os
from typing import ClassVar

import pytest

from dmlseg_core.folder import batch, watch
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.rules import Rules
from tests.folder.synthetic import CATS, Synthetic, picture


class Stamped(Job):
    """A file whose stamp is what the test says."""

    stamps: ClassVar = {}

    def stamp(self):
        return self.stamps.get(self.name)


def test_a_file_goes_through_when_it_stopped_growing():
    gate, job = watch._Gate(), Stamped("x", "a.jpg")

    def look(stamp):
        Stamped.stamps = {"a.jpg": stamp}
        return gate.passed([job]) == [job]

    looks = [[5, 1], [9, 2], [9, 2], [9, 2], None, [9, 2], [9, 3], [9, 3], [0, 0], [0, 0]]
    assert [look(stamp) for stamp in looks] == [
        False, False, True, False, False, False, False, True, False, True
    ]  # fmt: skip
    young = [0, int(watch.time.time() * 1e9)]
    assert [look(young), look(young)] == [False, False]


@pytest.fixture
def at_once(monkeypatch):
    """No pause; what happens meanwhile is the test's."""
    acts = []

    def sleep(seconds):
        assert seconds >= 1
        if not acts:
            raise KeyboardInterrupt
        acts.pop(0)()

    monkeypatch.setattr(watch.time, "sleep", sleep)
    return acts


def test_photos_are_done_as_they_come(tmp_path, at_once):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    data = picture(tmp_path / "c.png", 3).read_bytes()
    half = folder / "c.png"
    at_once += [
        lambda: picture(folder / "a.png", 1),
        lambda: half.write_bytes(data[: len(data) // 2]),  # copied slowly
        lambda: os.utime(half, (1, 1)),
        lambda: half.write_bytes(data),
        lambda: None,
        lambda: None,
        lambda: (folder / "bad.png").write_bytes(b"nothing"),
        lambda: None,
        lambda: None,
        lambda: None,
    ]
    segmenter, rows = Synthetic([]), []
    with pytest.raises(KeyboardInterrupt):
        for row in batch([folder], out, rules=Rules((CATS,)), segmenter=segmenter, watch=True):
            rows.append(row)
    assert (rows[0].photo, rows[0].status) == ("a.png", "done")
    done = {row.photo: row.status for row in rows}
    assert done == {"a.png": "done", "c.png": "done", "bad.png": "failed"}
    assert segmenter.seen == ["a.png", "c.png"]  # each once
    assert len(json.loads((out / "instances.json").read_text())["images"]) == 2
    assert json.loads((out / "run.json").read_text())["interrupted"]
