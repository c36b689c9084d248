"""Commands in processes of their own that need not import everything anew.

A start costs more than the work on ten small photos. A server that has imported the libraries, and
run nothing, is forked for each command; the command's process is killed, fills its disk and ends
like any other.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([
    "dmlseg_core.cli.segment", "dmlseg_core.cli.recolor", "dmlseg_core.scene.segmenter",
    "dmlseg_core.model.network", "dmlseg_core.folder.run", "dmlseg_core.photo.save",
])  # fmt: skip
_NEW_NAMES, _NEW_MOUNTS = 0x10000000, 0x00020000
"""CLONE_NEWUSER, CLONE_NEWNS of Linux."""


@dataclass(frozen=True)
class Disk:
    """A file system of its own: tmpfs of so many kilobytes at a folder, seen by one command only.

    Attributes:
        folder: where; it must be there.
        kilobytes: its size.
        kept: where what is below `folder` is copied to before it goes; None: nowhere.
        writable: or for reading only.
    """

    folder: Path
    kilobytes: int
    kept: Path | None = None
    writable: bool = True

    def mount(self) -> None:
        """Raises OSError where this system lets nobody do that."""
        libc = ctypes.CDLL(None, use_errno=True)
        user, group = os.getuid(), os.getgid()
        if libc.unshare(_NEW_NAMES | _NEW_MOUNTS):
            raise OSError(ctypes.get_errno(), "no namespace of its own")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        size = f"size={self.kilobytes}k".encode()
        if libc.mount(b"tmpfs", str(self.folder).encode(), b"tmpfs", int(not self.writable), size):
            raise OSError(ctypes.get_errno(), "no tmpfs")

    def keep(self) -> None:
        """Copy what is there to `kept`."""
        if self.kept is not None:
            shutil.copytree(self.folder, self.kept, dirs_exist_ok=True)


@dataclass
class Command:
    """`dmlseg` with words, begun at once.

    Attributes:
        words: of the command line.
        disk: that it alone sees.
    """

    words: list[str]
    disk: Disk | None = None
    _process: ForkServerProcess = field(init=False, repr=False)
    _said: Path = field(init=False, repr=False)

    def __post_init__(self) -> None:
        handle, name = tempfile.mkstemp(suffix=".stderr")
        os.close(handle)
        self._said = Path(name)
        self._process = _CONTEXT.Process(target=_run, args=(self.words, name, self.disk))
        self._process.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """Until it ends, or so many seconds; whether it ended."""
        self._process.join(seconds)
        return not self.running

    def kill(self) -> bool:
        """SIGKILL; whether it met a running process."""
        running = self.running
        self._process.kill()
        self._process.join()
        return running and self._process.exitcode == -9

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.exitcode

    @property
    def stderr(self) -> str:
        """What it said."""
        return self._said.read_text("utf-8", "replace")

    def forget(self) -> None:
        """Remove the file that it spoke into."""
        self._said.unlink(missing_ok=True)


def _run(words: list[str], said: str, disk: Disk | None) -> None:
    null, stderr = os.open(os.devnull, os.O_WRONLY), os.open(said, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(stderr, 2)
    if disk is not None:
        disk.mount()
    sys.argv = ["dmlseg", *words]
    from dmlseg_core.cli import main

    try:
        code = main()
    finally:
        if disk is not None:
            disk.keep()
    sys.exit(code)
