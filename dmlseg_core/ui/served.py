"""The stage's routes and files on an app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from dmlseg_core.api import Service, api_app
from dmlseg_core.ui.answers import guard, install
from dmlseg_core.ui.file_routes import file_routes, swatch_routes
from dmlseg_core.ui.front import Front, files
from dmlseg_core.ui.many.many_routes import many_routes
from dmlseg_core.ui.programs import PREFIX, admitted, program_version
from dmlseg_core.ui.routes import Stage, edit_routes, opening_routes, picture_routes


def mount(app: FastAPI, stage: Stage, service: Service | None) -> None:
    """Add everything under /stage/ to an app, and the API, for those whom its login lets in."""
    install(app)
    router = APIRouter(prefix="/stage", dependencies=[Depends(guard(app))])
    for part in (opening_routes, edit_routes, picture_routes, file_routes, many_routes):
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
        async with before(app):
            yield
        stage.close()
        if service is not None:
            service.close()

    app.router.lifespan_context = lifespan
