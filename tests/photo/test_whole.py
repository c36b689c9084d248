"""Files are written whole or not at all: full disks, kills, other writers, permissions."""

import os
import stat
import subprocess
import sys

import pytest

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.whole import whole_file, write_bytes


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_the_file_is_there_with_the_usual_permissions(tmp_path):
    path = write_bytes(b"new", tmp_path / "a")
    assert path.read_bytes() == b"new"
    (tmp_path / "plain").touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert names(tmp_path) == ["a", "plain"]


@pytest.mark.parametrize("size", [1, 3_999, 4_000, 100_000])
def test_a_full_disk_leaves_what_was_there(tmp_path, size):
    """RLIMIT_FSIZE stops a write in the middle of the file, as a full disk does."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    code = (
        "import resource, signal, sys\n"
        "from dmlseg_core.photo.whole import write_bytes\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3999, 3999))\n"
        f"write_bytes(b'x' * {size}, sys.argv[1])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    if size <= 3_999:
        assert path.read_bytes() == b"x" * size
    else:
        assert "ExportError" in run.stderr.splitlines()[-1]
        assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_an_error_of_flushing_counts(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match="No space left") as caught:
        write_bytes(b"x", tmp_path / "a")
    assert caught.value.__cause__.errno == 28
    assert names(tmp_path) == []


def test_what_a_kill_left_is_cleared_by_the_next_try(tmp_path):
    code = (
        "import os, sys\n"
        "from dmlseg_core.photo.whole import whole_file\n"
        "with whole_file(sys.argv[1]) as file:\n"
        "    file.write(b'half')\n"
        "    file.flush()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=False)
    assert len(names(tmp_path)) == 1
    write_bytes(b"whole", tmp_path / "a")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_of_two_writers_at_once_one_wins_and_nothing_is_torn(tmp_path):
    with pytest.raises(ExportError, match="another process"), whole_file(tmp_path / "a") as one:
        one.write(b"first")
        write_bytes(b"second", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"second"
    assert names(tmp_path) == ["a"]


def test_errors_inside_the_block_leave_nothing(tmp_path):
    with pytest.raises(KeyError), whole_file(tmp_path / "a") as file:
        file.write(b"x")
        raise KeyError
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["missing/a", "x" * 300, "folder"])
def test_places_that_cannot_be_written_are_one_typed_error(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ExportError, match="cannot be written"):
        write_bytes(b"x", tmp_path / name)
    assert names(tmp_path) == ["folder"]


def test_any_legal_name_can_be_written(tmp_path):
    for name in ("x" * 255, "a\nb", os.fsdecode(b"\xff\xfe.png"), "長" * 85, "-o", "~"):
        assert write_bytes(b"x", tmp_path / name).read_bytes() == b"x"
