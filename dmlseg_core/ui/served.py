"""The stage's routes and files on an app."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import Response

from dmlseg_core.api import Service, api_app
from dmlseg_core.ui.answers import RefusedError, guard, install
from dmlseg_core.ui.file_routes import file_routes, swatch_routes
from dmlseg_core.ui.page import stage_files
from dmlseg_core.ui.programs import PREFIX, admitted, program_version
from dmlseg_core.ui.routes import Stage, edit_routes, opening_routes, picture_routes

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_NAME = re.compile(r"[\w.-]+")


def mount(app: FastAPI, stage: Stage, service: Service | None) -> None:
    """Add everything under /stage/ to an app, and the API, for those whom its login lets in."""
    install(app)
    router = APIRouter(prefix="/stage", dependencies=[Depends(guard(app))])
    for part in (opening_routes, edit_routes, picture_routes, file_routes):
        router.include_router(part(stage))
    router.include_router(swatch_routes())
    app.include_router(router)
    app.include_router(_files())
    if service is not None:
        app.mount(PREFIX, api_app(service, admitted(app), program_version()))
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


def _files() -> APIRouter:
    """The modules and style sheets: no secret, and the login page may come before them."""
    router = APIRouter()

    @router.get("/stage/js/{name}")
    def module(request: Request, name: str) -> Response:
        path = stage_files() / "js" / name
        if not (_NAME.fullmatch(name) and path.suffix in _TYPES and path.is_file()):
            raise RefusedError(404, "no_such")
        data = path.read_bytes()
        headers = {"ETag": _tag(data), "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=_TYPES[path.suffix], headers=headers)

    return router


@cache
def _tag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:24]}"'
