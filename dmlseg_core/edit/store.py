"""The sessions of all users of a running app, bounded in bytes."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from functools import cache
from threading import RLock
from typing import Any

from dmlseg_core.edit.session import EditSession
from dmlseg_core.photo import Photo
from dmlseg_core.scene import Scene

MEGABYTE = 2**20


class SessionStore:
    """Sessions by key, at most `limit` bytes of them: the longest unused is forgotten first.

    The newest session always stays, even where it is larger than the limit alone.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = 256 * MEGABYTE) -> None:
        self.limit = limit
        self._sessions: OrderedDict[str, EditSession] = OrderedDict()
        self._lock = RLock()

    @property
    def nbytes(self) -> int:
        """Bytes held by all sessions."""
        with self._lock:
            return sum(s.nbytes for s in self._sessions.values())

    def put(self, key: str, photo: Photo, scene: Scene) -> EditSession:
        """Start a session; an earlier one of the same key is replaced."""
        session = EditSession(photo, scene)
        with self._lock:
            self.drop(key)
            self._sessions[key] = session
        self.trim()
        return session

    def trim(self) -> None:
        """Forget down to the limit; for after a session has grown."""
        with self._lock:
            while len(self._sessions) > 1 and self.nbytes > self.limit:
                self.drop(next(iter(self._sessions)))

    def get(self, key: str) -> EditSession | None:
        """The session of a key, or None where it was never started or has been forgotten."""
        with self._lock:
            if key in self._sessions:
                self._sessions.move_to_end(key)
            return self._sessions.get(key)

    def drop(self, key: str) -> None:
        """Forget a session, if there is one, and hand its memory back."""
        with self._lock:
            if key in self._sessions:
                del self._sessions[key]
                return_freed_memory()


def return_freed_memory() -> None:
    """Hand freed memory back to the system: some milliseconds.

    glibc keeps the holes that forgotten photos leave among living ones, and a process that serves
    photos for days grows by them (https://man7.org/linux/man-pages/man3/malloc_trim.3.html). Other
    C libraries have no such call, and nothing happens.
    """
    if (trim := _malloc_trim()) is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # Windows; macOS, musl
        return None
