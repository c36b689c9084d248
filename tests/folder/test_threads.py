"""Several threads, as in the app: the same rows and bytes as one, bounded by pixels."""

import threading
from contextlib import closing

import pytest

from dmlseg_core.errors import ExportError
from dmlseg_core.folder.engine import in_turn
from dmlseg_core.folder.processes.threads import Threads
from dmlseg_core.folder.sources.find import find_jobs
from dmlseg_core.folder.work import Work
from tests.folder.test_run import FakeSegmenter, write_photo

PLENTY = 1_000_000


class Crowd(FakeSegmenter):
    """Knows how many photos it has in hand at once; `meet`: waits until so many are there."""

    def __init__(self, meet=1):
        super().__init__()
        self.lock, self.inside, self.most = threading.Lock(), 0, 0
        self.barrier = threading.Barrier(meet)

    def analyze(self, photo):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.barrier.wait(20)
        try:
            return super().analyze(photo)
        finally:
            with self.lock:
                self.inside -= 1


@pytest.fixture
def photos(tmp_path):
    for k, name in enumerate(("a.png", "b.png", "sub/c.png", "d.png")):
        write_photo(tmp_path / "in" / name, size=(8 + k, 6))
    return tmp_path / "in"


def asked(photos, out, segmenter):
    work = Work(out, outputs=("labels", "overlays"), rows=False, given=segmenter)
    return find_jobs([photos], out), work


def test_threads_do_what_one_thread_does(photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"nothing")
    seen = {}
    for name, runner in (("one", in_turn), ("two", Threads(2, PLENTY))):
        rows = {job.name: row for job, row in runner(*asked(photos, tmp_path / name, Crowd()))}
        files = {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*") if path.is_file()
        }  # fmt: skip
        told = {key: (row.status, row.error, row.annotations) for key, row in rows.items()}
        seen[name] = told, files
    assert seen["one"] == seen["two"]
    assert len(seen["two"][0]) == 5 and len(seen["two"][1]) == 8
    assert [status for status, *_ in seen["two"][0].values()].count("failed") == 1


def test_photos_are_in_hand_together_as_far_as_their_pixels_go(photos, tmp_path):
    together = Crowd(meet=2)  # nothing would ever go on, were they done one by one
    assert len(list(Threads(2, PLENTY)(*asked(photos, tmp_path / "o", together)))) == 4
    alone = Crowd()
    rows = list(Threads(2, 10)(*asked(photos, tmp_path / "p", alone)))  # each is larger than that
    assert len(rows) == 4 and all(row.error is None for _, row in rows)
    assert alone.most == 1


def test_left_in_the_middle_it_takes_no_more(photos, tmp_path):
    taken = []

    def jobs():
        for job in find_jobs([photos], tmp_path / "o"):
            taken.append(job.name)
            yield job

    _, work = asked(photos, tmp_path / "o", Crowd())
    with closing(Threads(1, PLENTY)(jobs(), work)) as rows:
        next(rows)
    assert len(taken) <= 2


def test_a_full_disk_ends_it(photos, tmp_path):
    class Full(Crowd):
        def analyze(self, photo):
            raise ExportError("full") from OSError(28, "No space left on device")

    with pytest.raises(ExportError):
        list(Threads(2, PLENTY)(*asked(photos, tmp_path / "o", Full())))
