"""What the server holds of each user: a photo, its session, what is being done to them.

A desk is named by a random token that the server gives out. Photos and scenes are bounded in bytes
and in time: what lies on a desk whose page was closed is put away, then the longest unused, and so
is what nobody has used for long. A desk that was put away keeps its edits, so the same photo laid
on it again goes on where it was.
"""

from __future__ import annotations

import ctypes
import secrets
import time
from asyncio import Lock
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from threading import RLock
from typing import Any

from dmlseg_core.edit import EditSession, History
from dmlseg_core.photo import Photo

MEGABYTE = 2**20
_DESKS = 10_000
"""Tokens that are remembered; a desk without a photo is some kilobytes of edits."""
_RESUMED = 8
"""Photos whose edits a desk remembers."""
IDLE = 3600.0
"""Seconds after which a photo that nobody uses is put away; its page lays it on the desk again."""
_M_ARENA_MAX = -8
"""glibc's malloc.h."""
GRACE = 60.0
"""Seconds in which a page that was left may be back: it was loaded anew."""


@dataclass(eq=False)
class Work:
    """A photo on a desk.

    Attributes:
        photo: as loaded.
        name: of its file, without folders.
        session: None until the network has seen the photo.
        hover: the buffer of `hover_fields`; None until it is made.
        full: a version of the edits and the full-size picture of it, for tiles.
        lock: of `full`.
    """

    photo: Photo
    name: str
    session: EditSession | None = None
    hover: bytes | None = None
    full: tuple[int, object] | None = None
    lock: Any = field(default_factory=RLock)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        own = self.photo.nbytes if self.session is None else self.session.nbytes
        full = getattr(self.full[1], "nbytes", 0) if self.full else 0
        return own + len(self.hover or b"") + full


@dataclass(eq=False)
class Desk:
    """One user's place.

    Attributes:
        token: 128 random bits, hexadecimal; whoever knows it is this user.
        language: of its sentences.
        work: the photo on it; None before the first one, or when it was put away.
        phase: "empty", "queued", "network", "regions", "ready" or "failed".
        error: what a failed analysis said.
        seq: the newest edit.
        version: counts changes of the picture.
        opening: counts photos that were asked for.
        turn: one edit after the other, in the order in which they came.
        until: when its photo is put away, by the monotonic clock.
    """

    token: str
    language: str = "en"
    work: Work | None = None
    phase: str = "empty"
    error: Exception | None = None
    seq: int = 0
    version: int = 0
    opening: int = 0
    turn: Lock = field(default_factory=Lock)
    until: float = field(default_factory=lambda: time.monotonic() + IDLE)
    _kept: OrderedDict[str, History] = field(default_factory=OrderedDict)

    def called(self) -> int:
        """A photo is asked for: its number. The last one that was asked for is the one meant."""
        self.opening += 1
        return self.opening

    def lay(self, work: Work) -> None:
        """Put a photo on it; the one that lay there is put away."""
        self.clear()
        self.work, self.phase, self.error = work, "queued", None
        self.version += 1

    def clear(self) -> None:
        """Put the photo away; its edits stay."""
        work, self.work, self.phase = self.work, None, "empty"
        if work is not None and work.session is not None:
            self._kept[work.photo.digest] = work.session.history
            self._kept.move_to_end(work.photo.digest)
            while len(self._kept) > _RESUMED:
                self._kept.popitem(last=False)

    @property
    def kept(self) -> int:
        """Bytes of masks and patterns in the edits of photos that were put away."""
        return sum(history.nbytes for history in self._kept.values())

    @property
    def used(self) -> bool:
        """Whether a photo lies on it, or lay on it and was edited."""
        return self.work is not None or bool(self._kept)

    def forget(self) -> None:
        """Let the edits of photos that were put away go, too."""
        self._kept.clear()

    def begin(self, work: Work, session: EditSession) -> None:
        """The network has seen the photo: edits may begin, or go on."""
        if (history := self._kept.pop(work.photo.digest, None)) is not None:
            session.resume(history)
        work.session = session


class Desks:
    """The desks of a running app.

    Args:
        limit: bytes of photos and scenes; the newest stays, even where it is larger alone.
    """

    def __init__(self, limit: int = 256 * MEGABYTE) -> None:
        self.limit = limit
        self._desks: OrderedDict[str, Desk] = OrderedDict()
        self._lock = RLock()

    @property
    def nbytes(self) -> int:
        """Bytes held by all photos and scenes."""
        with self._lock:
            return sum(d.work.nbytes for d in self._desks.values() if d.work is not None)

    def new(self, language: str) -> Desk:
        """A desk for somebody who has none."""
        desk = Desk(secrets.token_hex(16), language)
        with self._lock:
            while len(self._desks) >= _DESKS:
                del self._desks[self._least()]
            self._desks[desk.token] = desk
        return desk

    def _least(self) -> str:
        """Token of the oldest desk that nothing was done at; of the oldest, where all are used.

        A session costs nothing: who asks for thousands takes nobody's.
        """
        unused = (token for token, desk in self._desks.items() if not desk.used)
        return next(unused, next(iter(self._desks)))

    def get(self, token: str) -> Desk | None:
        """The desk of a token; it becomes the newest."""
        with self._lock:
            if (desk := self._desks.get(token)) is not None:
                self._desks.move_to_end(token)
                desk.until = time.monotonic() + IDLE
            return desk

    def leave(self, token: str) -> None:
        """The page of a desk was closed: its photo is put away unless it is asked for soon."""
        with self._lock:
            if (desk := self._desks.get(token)) is not None:
                desk.until = min(desk.until, time.monotonic() + GRACE)

    def trim(self) -> None:
        """Put photos away down to the limit; for after a desk has grown."""
        with self._lock:
            held = [(d, work.nbytes) for d in self._by_need() if (work := d.work) is not None]
            freed = _shrunk([d for d, _ in held], [size for _, size in held], self.limit)
            for desk in freed:
                desk.clear()
            self._forget()
        if freed:
            return_freed_memory()

    def _by_need(self) -> list[Desk]:
        """The desks in the order in which their photos may go: those whose page was closed, the
        longest unused, those at which an edit is being made, and at last the newest.
        """
        desks = sorted(self._desks.values(), key=lambda desk: (desk.turn.locked(), desk.until))
        newest = max(desks, key=lambda desk: desk.until, default=None)
        return sorted(desks, key=lambda desk: desk is newest)

    def sweep(self) -> None:
        """Put away what nobody has used for long, or has left; for now and then."""
        now = time.monotonic()
        with self._lock:
            past = [d for d in self._desks.values() if d.work is not None and d.until < now]
            for desk in past:
                desk.clear()
            self._forget()
        return_freed_memory()

    def _forget(self) -> None:
        """Edits of photos that were put away are bounded like photos; the oldest go."""
        keeping = [d for d in self._desks.values() if d.kept]
        for desk in _shrunk(keeping, [d.kept for d in keeping], self.limit):
            desk.forget()


def _shrunk(desks: list[Desk], sizes: list[int], limit: int) -> list[Desk]:
    """The first ones, without which the others have at most `limit` bytes; never the last."""
    total, found = sum(sizes), []
    for desk, size in zip(desks[:-1], sizes, strict=False):
        if total <= limit:
            break
        total -= size
        found.append(desk)
    return found


def share_arenas() -> None:
    """Let all threads of this process allocate from two of glibc's arenas; to be called early.

    It makes eight for each core, and each keeps holes of its own among what lives: with 30 users
    852 MB before, 917 when they had gone; with two arenas 790 and 825
    (https://man7.org/linux/man-pages/man3/mallopt.3.html).
    """
    if (option := _of_libc("mallopt")) is not None:
        option(_M_ARENA_MAX, 2)


def return_freed_memory() -> None:
    """Hand freed memory back to the system: some milliseconds.

    glibc keeps the holes that forgotten photos leave among living ones, and a process that serves
    photos for days grows by them (https://man7.org/linux/man-pages/man3/malloc_trim.3.html). Other
    C libraries have no such call, and nothing happens.
    """
    if (trim := _of_libc("malloc_trim")) is not None:
        trim(0)


@cache
def _of_libc(name: str) -> Any:
    """A function of the C library; None where it has none of that name (Windows, macOS, musl)."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):
        return None
