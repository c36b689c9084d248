"""Who may work when: calls wait their turn, so that no caller holds up the page or the machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from dmlseg_core.api.asked import Arguments
from dmlseg_core.api.kept import Kept
from dmlseg_core.config import SceneConfig
from dmlseg_core.edit import EditSession
from dmlseg_core.errors import DmlsegError, ImageError, ParameterError
from dmlseg_core.photo import UNNAMED, Photo, load_photo
from dmlseg_core.scene import Scene

T = TypeVar("T")
WORKERS = 2
"""Calls that are worked on at once: of the network's queue they hold no more places than this."""
WAITING = 16
"""Calls that may wait; more are told to come again."""


class BusyError(DmlsegError):
    """Too many calls wait already."""


class GoneError(DmlsegError):
    """An id that is not known, or not any more."""


@dataclass(eq=False)
class Service:
    """What all calls of one running app share.

    Attributes:
        config: how photos are analysed where a call says nothing else.
        analyze: the scene of a photo; it waits for the network's turn.
        max_megapixels: larger photos are refused.
        kept: photos that may be asked about again.
        waiting: calls that may wait for their turn.
    """

    config: SceneConfig
    analyze: Callable[[Photo, SceneConfig], Scene]
    max_megapixels: float
    kept: Kept
    waiting: int = WAITING
    _pool: ThreadPoolExecutor = field(init=False)
    _here: int = field(default=0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, "api")

    def close(self) -> None:
        """Finish what runs, forget what waits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def submit(self, act: Callable[[], T]) -> Future[T]:
        """`act` in its turn.

        Raises:
            BusyError: too many wait.
        """
        with self._lock:
            if self._here >= WORKERS + self.waiting:
                raise BusyError("too many calls wait already; try again in a few seconds")
            self._here += 1
        try:
            future = self._pool.submit(act)
        except RuntimeError:  # the app is being closed
            self._left(None)
            raise BusyError("the app is closing; try again later") from None
        future.add_done_callback(self._left)
        return future

    def _left(self, _: object) -> None:
        with self._lock:
            self._here -= 1

    def opened(self, asked: Arguments) -> EditSession:
        """A session of one's own of the photo that a call means.

        Raises:
            ParameterError: neither a photo nor an id, or both; GoneError: no such id; ImageError:
            no photo.
        """
        if (asked.photo is None) == (asked.id is None):
            raise ParameterError("give a photo, or the id of one from /analyze")
        if asked.id is None:
            return self.seen(asked)
        if asked.quality is not None:
            raise ParameterError("quality goes with a photo; an id's photo is analysed already")
        kept = self.kept.get(asked.id)
        if kept is None:
            raise GoneError("there is no photo of this id, or no longer; send the photo again")
        return kept.snapshot()

    def seen(self, asked: Arguments) -> EditSession:
        """A session of the photo that was sent."""
        config = self.config
        if asked.quality is not None:
            config = config.with_quality(asked.quality)  # told before anything is decoded
        photo = self.photo(asked)
        return EditSession(photo, self.analyze(photo, config))

    def photo(self, asked: Arguments) -> Photo:
        """The photo that was sent, decoded."""
        assert asked.photo is not None
        try:
            return load_photo(asked.photo, max_megapixels=self.max_megapixels)
        except ImageError as error:
            raise ImageError(str(error).replace(UNNAMED, "the photo")) from None
