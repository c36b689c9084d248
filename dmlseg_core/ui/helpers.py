"""Assistants' way into the app: the server of `dmlseg mcp`, mounted behind the app's login."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dmlseg_core.ui.programs import admitted

LOOPBACK: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")
_ANYWHERE = "0.0.0.0"
"""What the protocol's package calls a server whose names it does not check."""


def mount_assistants(app: FastAPI, server: Any, *, guarded: bool) -> None:
    """Add /mcp to an app.

    Without a login only requests to this machine's own names are answered: a page whose name
    resolves to it (DNS rebinding) must not read photos through its visitor's browser.

    Args:
        app: before Gradio's page is mounted on it.
        server: as made by `mcp_server`.
        guarded: whether the app asks for a login.
    """
    inner = server.streamable_http_app(
        stateless_http=True, host=_ANYWHERE if guarded else LOOPBACK[0]
    )
    app.router.routes.append(Route("/mcp", _Behind(inner, admitted(app))))
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with before(app), server.session_manager.run():
            yield

    app.router.lifespan_context = lifespan


class _Behind:
    """An ASGI app behind a check."""

    def __init__(self, app: ASGIApp, check: Callable[[Request], Awaitable[None]]) -> None:
        self.app, self.check = app, check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        try:
            await self.check(Request(scope))
        except HTTPException as error:
            told = JSONResponse({"error": str(error.detail)}, error.status_code)
            await told(scope, receive, send)
        else:
            await self.app(scope, receive, send)
