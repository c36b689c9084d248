"""Photos that were analysed and may be asked about again by an id."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from threading import Lock

from dmlseg_core.edit import EditSession

SECONDS = 15 * 60.0
"""How long a photo is kept after its last use."""


class Kept:
    """Sessions by id, bounded in bytes and in time.

    An id is 128 random bits: who does not know it can neither guess it nor list it.

    Args:
        limit: bytes of photos and scenes; the newest stays, even where it is larger alone.
        seconds: a photo that was not asked about for so long is forgotten.
    """

    def __init__(self, limit: int, seconds: float = SECONDS) -> None:
        self.limit, self.seconds = limit, seconds
        self._kept: OrderedDict[str, tuple[float, int, EditSession]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, session: EditSession) -> str:
        """Keep a session under a new id."""
        name, size = secrets.token_hex(16), session.nbytes
        with self._lock:
            self._kept[name] = time.monotonic(), size, session
            self._trim()
        return name

    def get(self, name: str) -> EditSession | None:
        """The session of an id, or None; its time begins anew."""
        with self._lock:
            self._trim()
            found = self._kept.pop(name, None)
            if found is None:
                return None
            self._kept[name] = time.monotonic(), found[1], found[2]
            return found[2]

    def sweep(self) -> None:
        """Forget what is too old; for now and then."""
        with self._lock:
            self._trim()

    def _trim(self) -> None:
        """Forget what is too old, and the longest unused of what is too much."""
        oldest, total = time.monotonic() - self.seconds, sum(s for _, s, _ in self._kept.values())
        for name, (used, size, _) in list(self._kept.items()):
            if used >= oldest and (total <= self.limit or len(self._kept) == 1):
                return
            total -= size
            del self._kept[name]
