"""Several processes: the same bytes as one, and a photo that takes its process down is alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dmlseg_core.errors import ImageError
from dmlseg_core.folder import batch
from dmlseg_core.folder.engine import in_turn
from dmlseg_core.folder.processes.pool import Pool
from dmlseg_core.folder.sources.find import find_jobs
from dmlseg_core.folder.work import Work
from tests.folder.synthetic import CATS, Synthetic, picture
from tests.folder.test_run import FakeSegmenter, write_photo

ROOT = Path(__file__).parents[2]


class Deadly(FakeSegmenter):
    """One photo takes the process down, as a decoder without memory does."""

    def analyze(self, photo):
        if photo.path.name == "b.png":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().analyze(photo)


class Unusable(FakeSegmenter):
    """A network that cannot be loaded is no photo's fault."""

    def analyze(self, photo):
        raise AssertionError("nothing is analysed")

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        raise ImageError("the network cannot be loaded")


def done(runner, photos, out, segmenter):
    jobs = find_jobs([photos], out)
    work = Work(out, outputs=("labels",), rows=False, given=segmenter)
    return {job.name: row for job, row in runner(jobs, work)}


@pytest.fixture
def photos(tmp_path):
    for k, name in enumerate(("a.png", "b.png", "c.png", "sub/d.png", "e.png")):
        write_photo(tmp_path / "in" / name, size=(8 + k, 6))
    (tmp_path / "in" / "broken.jpg").write_bytes(b"nothing")
    return tmp_path / "in"


def test_processes_do_what_one_process_does(photos, tmp_path):
    one = done(in_turn, photos, tmp_path / "one", FakeSegmenter())
    two = done(Pool(2), photos, tmp_path / "two", FakeSegmenter())
    assert one.keys() == two.keys()
    for name, row in one.items():
        assert (row.status, row.annotations, row.error) == (
            two[name].status, two[name].annotations, two[name].error
        )  # fmt: skip
    for path in (tmp_path / "one").rglob("*.png"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert other.read_bytes() == path.read_bytes()


def test_a_photo_that_kills_its_process_is_the_only_one_that_fails(photos, tmp_path):
    rows = done(Pool(2), photos, tmp_path / "out", Deadly())
    failed = {name: row.error for name, row in rows.items() if row.error}
    assert set(failed) == {"b.png", "broken.jpg"}
    assert "killed or crashed" in failed["b.png"]
    assert len(rows) == 6


SCRIPT = """
import signal, sys
from pathlib import Path
from dmlseg_core.folder import batch
from tests.folder.test_pool import Slow
if __name__ == "__main__":
    # a shell's background jobs, and so tests that run as one, ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for row in batch([Path(sys.argv[1])], sys.argv[2], segmenter=Slow([]), workers=2):
        print(row.photo, flush=True)
"""


class Slow(Synthetic):
    """Takes its time, so that others can do something meanwhile."""

    def analyze(self, photo):
        time.sleep(1)
        return super().analyze(photo)


def children(pid):
    """Processes that a process began, and those that these began."""
    import psutil

    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_and_what_was_done_stays(tmp_path, how):
    import psutil

    for k in range(12):
        picture(tmp_path / "in" / f"{k:02}.png", k)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "in")]
    run = subprocess.Popen(
        [*command, str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    first = run.stdout.readline()
    begun = children(run.pid)
    run.send_signal(how)
    said, errors = run.communicate(timeout=120)
    assert not psutil.wait_procs(begun, timeout=60)[1]
    told = [first.strip(), *said.split()]
    assert 1 <= len(told) <= 12  # the last one may have been done before the kill
    if how == signal.SIGINT:
        assert errors.count("KeyboardInterrupt") == 1, errors  # the script's own
    rest = Synthetic([])
    rows = list(batch([tmp_path / "in"], tmp_path / "out", segmenter=rest))
    assert len(rows) == 12
    assert not {Path(name).name for name in told} & set(rest.seen)


def test_rules_travel_to_other_processes(tmp_path):
    from dmlseg_core.folder.rules import Rules

    for k in range(3):
        picture(tmp_path / "in" / f"{k}.png", k)
    for out, workers in (("one", 1), ("two", 2)):
        list(batch([tmp_path / "in"], tmp_path / out, rules=Rules((CATS,)), workers=workers,
                   segmenter=Synthetic([])))  # fmt: skip
    tables = [(tmp_path / out / "instances.csv").read_bytes() for out in ("one", "two")]
    assert tables[0] == tables[1]
