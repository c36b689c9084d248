"""The stage's routes and files on an app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.gzip import GZipMiddleware

from dmlseg_core.api import Service, api_app
from dmlseg_core.ui.answers import HEADER, guard, install
from dmlseg_core.ui.file_routes import file_routes, swatch_routes
from dmlseg_core.ui.front import Front, files
from dmlseg_core.ui.many.many_routes import many_routes
from dmlseg_core.ui.programs import PREFIX, admitted, program_version
from dmlseg_core.ui.routes import Stage, edit_routes, opening_routes, picture_routes

SWEEP = 30.0
"""Seconds between two looks for what nobody uses any more."""


def mount(app: FastAPI, stage: Stage, service: Service | None) -> None:
    """Add everything under /stage/ to an app, and the API, for those whom its login lets in."""
    install(app)
    router = APIRouter(prefix="/stage", dependencies=[Depends(guard(app))])
    parts = (opening_routes, edit_routes, picture_routes, file_routes, many_routes, leaving_route)
    for part in parts:
        router.include_router(part(stage))
    router.include_router(swatch_routes())
    app.include_router(router)
    app.include_router(files())
    if service is not None:
        app.mount(PREFIX, api_app(service, admitted(app), program_version()))
    app.add_middleware(Front)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sweeps = [stage.desks.sweep, stage.shelves.sweep]
        sweeps += [] if service is None else [service.kept.sweep]
        sweeping = asyncio.create_task(_sweep(sweeps))
        async with before(app):
            yield
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        stage.close()
        if service is not None:
            service.close()

    app.router.lifespan_context = lifespan


def leaving_route(stage: Stage) -> APIRouter:
    """How a page says that it is closed, or loaded anew."""
    router = APIRouter()

    @router.post("/leave")
    def leave(request: Request) -> Any:
        stage.desks.leave(request.headers.get(HEADER, ""))
        return {}

    return router


async def _sweep(sweeps: list[Callable[[], None]]) -> None:
    """Photos of those who left go, though nobody asks for anything."""
    while True:
        await asyncio.sleep(SWEEP)
        for sweep in sweeps:
            await run_in_threadpool(sweep)
