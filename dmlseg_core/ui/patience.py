"""Connections that stand still are closed: a server has only so many, and memory for answers.

uvicorn waits without end for the head of a request, and for whoever does not take an answer. What
a body may take is `guard.py`'s.
"""

from __future__ import annotations

import asyncio
import selectors

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 30.0
"""Seconds in which the head of a request must be here, from the connection or the last answer."""
STILL = 60.0
"""Seconds in which somebody must have taken something of an answer."""
_READ = 1.0
"""Seconds in which a request that has come is read by a busy server."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 on one connection."""

    _late: asyncio.TimerHandle | None = None
    _still: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head may come."""
        super().connection_made(transport)
        self._expect()

    def on_response_complete(self) -> None:
        """The next one may."""
        super().on_response_complete()
        self._expect()

    def timeout_keep_alive_handler(self) -> None:
        """Nobody has asked for long. But while other answers are made a request may come that was
        not read yet: closed then, it would be lost without an answer.
        """
        if _unread(self.transport):
            last = super().timeout_keep_alive_handler
            self.timeout_keep_alive_task = self.loop.call_later(_READ, last)
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The other side takes less than there is."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It has taken nearly all."""
        super().resume_writing()
        _stop(self._still)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        _stop(self._late)
        _stop(self._still)
        super().connection_lost(exc)

    def _expect(self) -> None:
        _stop(self._late)
        self._late = self.loop.call_later(HEAD, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _watch(self) -> None:
        left = self.transport.get_write_buffer_size()
        _stop(self._still)
        self._still = self.loop.call_later(STILL, self._close_if_still, left)

    def _close_if_still(self, before: int) -> None:
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
        else:
            self._watch()


def _unread(transport: asyncio.Transport) -> bool:
    """Whether something has come on a connection that nobody has looked at."""
    line = transport.get_extra_info("socket")
    if line is None or line.fileno() < 0:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_READ)
        return bool(selector.select(0))


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
