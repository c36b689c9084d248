"""A run killed at any file event goes on to the same bytes; tests/soak/ kills it at random."""

import os
import signal

import pytest

from dmlseg_core.folder import batch
from dmlseg_core.folder.run import segment_folder
from tests.folder.test_run import FakeSegmenter, everything, write_photo

EVENTS = ("fsync", "replace", "mkdir", "truncate", "unlink")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def segment(photos, out):
    segment_folder([photos], out, FakeSegmenter(), progress=False)


def many(photos, out):
    list(batch([photos], out, segmenter=FakeSegmenter(), outputs=("labels",)))


def killed_at(number, run, photos, out):
    """Run in a process that is killed at its file event `number`; whether it came so far."""
    child = os.fork()
    if child == 0:
        left = [number]
        for name in EVENTS:
            real = getattr(os, name)

            def event(*args, _real=real, **options):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return _real(*args, **options)

            setattr(os, name, event)
        run(photos, out)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


TIMED = ("run.json", "report.html", "instances.jsonl")
"""Files of a batch that tell times."""


def results(out, run):
    """Every file of a run, but for times and the order in which photos were done."""
    found = {str(p.relative_to(out)): data for p, data in everything(out).items()}
    return {name: found[name] for name in found if run is segment or name not in TIMED}


@pytest.mark.parametrize("run", [segment, many])
def test_a_run_killed_at_any_file_event_ends_in_the_same_bytes(tmp_path, run):
    photos = tmp_path / "in"
    for name in ("a.png", "sub/b.png"):
        write_photo(photos / name)
    (photos / "broken.jpg").write_bytes(b"nothing")
    run(photos, tmp_path / "plain")
    wanted, number = results(tmp_path / "plain", run), 0
    assert len(wanted) > 6
    while True:
        number += 1
        out = tmp_path / f"out{number}"
        came = killed_at(number, run, photos, out)
        run(photos, out)
        assert results(out, run) == wanted, f"killed at event {number}"
        if not came:
            break
    assert number > 12
