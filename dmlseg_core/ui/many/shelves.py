"""The sets of photos of all users, bounded together."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import RLock

from dmlseg_core.stage import MEGABYTE
from dmlseg_core.ui.many.shelf import Shelf

ALL_BYTES = 4096 * MEGABYTE
"""Of all users together, results too; the longest unused is thrown away."""
MOST_SETS = 200
"""A session costs nothing, so small sets are bounded in number, too."""
IDLE = 12 * 3600.0
"""Seconds after which a set that nobody asks about is thrown away."""


class Shelves:
    """The shelves of a running app, by the token of their user's desk.

    Args:
        limit: bytes; the newest stays, even where it is larger alone.
        most: sets.
    """

    def __init__(self, limit: int = ALL_BYTES, most: int = MOST_SETS) -> None:
        self.limit, self.most = limit, most
        self._shelves: OrderedDict[str, Shelf] = OrderedDict()
        self._lock = RLock()

    def get(self, token: str, *, make: bool = False) -> Shelf | None:
        """The shelf of a token; it becomes the newest."""
        with self._lock:
            if make and token not in self._shelves:
                self._shelves[token] = Shelf()
            if token in self._shelves:
                self._shelves.move_to_end(token)
                self._shelves[token].used = time.monotonic()
            return self._shelves.get(token)

    def trim(self) -> None:
        """Throw the longest unused away, down to the limits; the newest stays."""
        with self._lock:
            known = list(self._shelves.items())
        # files are looked at and removed without the lock: requests of all users wait for it
        sizes = [shelf.held() for _, shelf in known]
        total, count = sum(sizes), len(known)
        for (token, shelf), size in zip(known[:-1], sizes, strict=False):
            if total <= self.limit and count <= self.most:
                break
            total, count = total - size, count - 1
            self._drop(token, shelf)

    def sweep(self) -> None:
        """Throw away what nobody has asked about for long, and what no run works on."""
        now = time.monotonic()
        with self._lock:
            known = list(self._shelves.items())
        for token, shelf in known:
            if shelf.used + IDLE < now and not shelf.running:
                self._drop(token, shelf)

    def drop(self, token: str) -> None:
        """Throw one away."""
        if (shelf := self._shelves.get(token)) is not None:
            self._drop(token, shelf)

    def _drop(self, token: str, shelf: Shelf) -> None:
        with self._lock:
            if self._shelves.get(token) is not shelf:
                return
            del self._shelves[token]
        shelf.close()

    def close(self) -> None:
        """Throw all of them away."""
        for token in list(self._shelves):
            self.drop(token)
