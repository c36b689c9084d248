"""The calls as routes: POST /analyze, /mask, /recolor, /replay, /palette.

An app of its own, mounted under a prefix: its errors are {"error": a sentence}, and its OpenAPI
description is of these routes alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from dmlseg_core.api.answer import Answer
from dmlseg_core.api.calls import CALLS, Call
from dmlseg_core.api.description import described, page_of
from dmlseg_core.api.reading import RefusedError, arguments_of
from dmlseg_core.api.service import BusyError, GoneError, Service
from dmlseg_core.errors import DmlsegError

_STATUS: dict[type[Exception], int] = {BusyError: 503, GoneError: 404}
_log = logging.getLogger(__name__)
_MOST_HEADER = 6000
"""Letters of figures beside a file: proxies take 8 kB of headers. More travel in JSON alone."""
_PRIVATE = {"Cache-Control": "no-store"}
_WORDS = {404: "there is nothing here; see /api/v1/docs", 405: "this route takes another method"}
Check = Callable[[Request], Awaitable[None]]


def api_app(service: Service, check: Check, version: str) -> FastAPI:
    """The app to mount.

    Args:
        service: what the calls share.
        check: raises an HTTPException for who may not come in; asked before everything but /health.
        version: of the program.
    """
    app = FastAPI(
        title="dmlseg", version=version, openapi_url=None, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    _install_errors(app)
    guarded = [Depends(check)]
    for call in CALLS:
        app.add_api_route(
            f"/{call.name}", _route(service, call), methods=["POST"], dependencies=guarded,
            name=call.name,
        )  # fmt: skip
    _add_pages(app, guarded, described(CALLS, version))

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _route(service: Service, call: Call) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        asked = await arguments_of(request, call.asked)
        future = service.submit(partial(call.act, service, asked))
        made: Answer = await asyncio.wrap_future(future)
        # base64 and JSON of a large file take a second; nobody else is to wait for them
        return await run_in_threadpool(_sent, made, as_json=_wants_json(request))

    return answer


def _wants_json(request: Request) -> bool:
    """Whether a file is to travel within JSON: only where JSON alone is accepted."""
    accepted = request.headers.get("accept", "*/*")
    return "application/json" in accepted and "*/*" not in accepted and "image/" not in accepted


def _sent(made: Answer, *, as_json: bool) -> Response:
    if made.file is None or as_json:
        return JSONResponse(made.to_json(), headers=_PRIVATE)
    told = quote(json.dumps(made.figures, ensure_ascii=False), safe=' {}[]":,#')
    headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{made.file.name}"'}
    if len(told) <= _MOST_HEADER:
        headers["X-Dmlseg-Figures"] = told
    if "delta_e" in made.figures:
        headers["X-Delta-E"] = f"{made.figures['delta_e']:.2f}"
    return Response(made.file.data, media_type=made.file.media_type, headers=headers)


def _add_pages(app: FastAPI, guarded: Sequence[Any], description: dict[str, Any]) -> None:
    @app.get("/openapi.json", dependencies=guarded)
    async def openapi(request: Request) -> Any:
        here = str(request.scope.get("root_path", ""))
        return {**description, "servers": [{"url": here or "/"}]}

    @app.get("/docs", dependencies=guarded)
    async def docs() -> Response:
        return HTMLResponse(page_of(description))


def _install_errors(app: FastAPI) -> None:
    @app.exception_handler(DmlsegError)
    async def mistaken(_: Request, error: DmlsegError) -> Response:
        own = error.status if isinstance(error, RefusedError) else _STATUS.get(type(error), 422)
        return told(own, str(error))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        sentence = _WORDS.get(error.status_code) or str(error.detail)
        return told(error.status_code, sentence, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def left(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it, and nothing of ours failed

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        _log.error("a call failed", exc_info=error)
        return told(500, "something went wrong here; the call may be tried again")


def told(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as all of them are told."""
    more = {"Retry-After": "5"} if status in (429, 503) else {}
    return JSONResponse(
        {"error": sentence}, status, headers={**_PRIVATE, **more, **(headers or {})}
    )
