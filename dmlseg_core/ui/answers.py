"""What all routes share: whose request it is, and how a mistake is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from gradio.routes import App
from starlette.requests import ClientDisconnect

from dmlseg_core.errors import DmlsegError, ExportError, ImageError, ParameterError, RecipeError
from dmlseg_core.photo import Photo
from dmlseg_core.stage import Asked, Desk, Desks, Work
from dmlseg_core.words import language_of, say, told

HEADER, PHOTO = "x-dmlseg-session", "x-dmlseg-photo"
_CODES = {ImageError: "image", RecipeError: "recipe", ExportError: "export"}
_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that cannot be answered: a status, a code for the page, a sentence for its user."""

    def __init__(self, status: int, code: str, **values: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.values = status, code, values


def language(request: Request) -> str:
    """Of the page that asks: what it says (`?lang=`), else what the browser prefers."""
    wanted = request.query_params.get("lang") or request.headers.get("x-dmlseg-language")
    return language_of({"accept-language": wanted} if wanted else request.headers)


def printable(name: str) -> str:
    """A path that somebody sent, for people to read: no line ends, nothing that turns letters."""
    return "".join(filter(str.isprintable, name.replace("\\", "/")))


def file_name(name: str) -> str:
    """The same without folders, and never empty."""
    found = PurePosixPath(printable(name)).name[:120]
    return found if found.strip(". ") else "photo"


def below(name: str) -> str:
    """The same as a relative path without anything that leads out of its folder or hides in it.

    Raises:
        ParameterError: nothing is left of it.
    """
    parts = [shown for p in PurePosixPath(printable(name)).parts if (shown := p.lstrip("./"))]
    plain = "/".join(part[-100:] for part in parts[-4:])
    if not plain.strip() or len(plain.encode()) > 255:
        raise ParameterError(f"this is no name for a photo: {name!r:.60}")
    return plain


def install(app: FastAPI) -> None:
    """Every mistake becomes {"code", "message"} in the page's language, without a traceback."""

    @app.exception_handler(RefusedError)
    def refused(request: Request, error: RefusedError) -> Response:
        message = say(language(request), error.code, **error.values)
        return JSONResponse({"code": error.code, "message": message}, error.status)

    @app.exception_handler(DmlsegError)
    def mistaken(request: Request, error: DmlsegError) -> Response:
        code = _CODES.get(type(error), "value")
        return JSONResponse({"code": code, "message": told(language(request), str(error))}, 422)

    @app.exception_handler(RequestValidationError)
    def misspelt(request: Request, _: RequestValidationError) -> Response:
        return refused(request, RefusedError(422, "bad_request"))

    @app.exception_handler(ClientDisconnect)
    def left(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it, and nothing of ours failed

    @app.exception_handler(500)
    def failed(request: Request, error: Exception) -> Response:
        _log.error("a route failed", exc_info=error)
        return JSONResponse({"code": "failed", "message": say(language(request), "failed")}, 500)


def guard(app: FastAPI) -> Callable[[Request], Awaitable[None]]:
    """A dependency that lets in whom the login of the Gradio app mounted on `app` lets in."""

    async def check(request: Request) -> None:
        if not logged_in(gradio_of(app), request):
            raise RefusedError(401, "login")

    return check


def gradio_of(app: FastAPI) -> App:
    """The Gradio app that is mounted on `app`."""
    return next(found for r in app.routes if isinstance(found := getattr(r, "app", None), App))


def logged_in(inner: App, request: Request) -> bool:
    """Whether a request comes with the cookie of a login, where one is asked for."""
    if inner.auth is None and inner.auth_dependency is None:
        return True
    cookies = (f"access-token-{kind}{inner.cookie_id}" for kind in ("", "unsecure-"))
    tokens = (request.cookies.get(name) for name in cookies)
    return any(token in inner.tokens for token in tokens if token)


def desk_of(desks: Desks, request: Request) -> Desk:
    """The desk of the request's token.

    Raises:
        RefusedError: there is none.
    """
    desk = desks.get(request.headers.get(HEADER, ""))
    if desk is None:
        raise RefusedError(409, "gone")
    return desk


def work_of(desk: Desk, request: Request) -> Work:
    """The photo on a desk, which is the one that the page shows, where it says which.

    Raises:
        RefusedError: there is none, it was put away, or it is another one.
    """
    work = desk.work
    if work is None or request.headers.get(PHOTO, work.photo.digest) != work.photo.digest:
        raise RefusedError(409, "gone")
    return work


def latest(desk: Desk, turn: int, load: Callable[[], Photo]) -> Photo:
    """A photo that was asked for as number `turn` of its desk.

    Raises:
        RefusedError: another one was asked for since.
    """
    photo = load()
    if turn != desk.opening:
        raise RefusedError(409, "superseded")
    return photo


async def body_of(request: Request, megabytes: float) -> bytes:
    """The whole body.

    Raises:
        RefusedError: it is larger than so many megabytes; what was sent until then is thrown away.
    """
    limit = int(megabytes * 2**20)
    declared = request.headers.get("content-length", "0")
    parts, size = [], int(declared) if declared.isdigit() else 0
    if size <= limit:
        size = 0
        async for chunk in request.stream():
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                break
    if size > limit:
        raise RefusedError(413, "too_large", megabytes=f"{megabytes:g}")
    return b"".join(parts)


async def json_of(request: Request, megabytes: float = 4) -> Asked:
    """The body as a JSON object.

    Raises:
        RefusedError: it is no JSON, or too large.
    """
    data = await body_of(request, megabytes)
    try:
        return Asked(await run_in_threadpool(json.loads, data))
    except (ValueError, RecursionError):
        raise RefusedError(400, "not_json") from None
