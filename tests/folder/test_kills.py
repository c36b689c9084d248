"""A run killed at any file event goes on to the same bytes; tests/soak/ kills it at random."""

import os
import signal

import pytest

from dmlseg_core.folder.run import segment_folder
from tests.folder.test_run import FakeSegmenter, everything, write_photo

EVENTS = ("fsync", "replace", "mkdir", "truncate", "unlink")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def killed_at(number, photos, out):
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
        segment_folder([photos], out, FakeSegmenter(), progress=False)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def results(out):
    """Every file of a run."""
    return {str(p.relative_to(out)): data for p, data in everything(out).items()}


def test_a_run_killed_at_any_file_event_ends_in_the_same_bytes(tmp_path):
    photos = tmp_path / "in"
    for name in ("a.png", "sub/b.png"):
        write_photo(photos / name)
    (photos / "broken.jpg").write_bytes(b"nothing")
    segment_folder([photos], tmp_path / "plain", FakeSegmenter(), progress=False)
    wanted, number = results(tmp_path / "plain"), 0
    while True:
        number += 1
        out = tmp_path / f"out{number}"
        came = killed_at(number, photos, out)
        segment_folder([photos], out, FakeSegmenter(), progress=False)
        assert results(out) == wanted, f"killed at event {number}"
        if not came:
            break
    assert number > 12
