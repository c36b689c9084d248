"""Programs' ways into the app: who may call the API, the same calls for `gradio_client`, and the
server of `dmlseg mcp`, all behind the app's login.
"""

from __future__ import annotations

import base64
import binascii
import inspect
import re
import types
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from hmac import compare_digest
from importlib import metadata
from typing import Annotated, Any, NoReturn, Union, get_args, get_origin

import gradio as gr
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from gradio.events import api
from gradio.routes import App
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmlseg_core.api import CALLS, Answer, Call, Service
from dmlseg_core.errors import DmlsegError
from dmlseg_core.ui.answers import gradio_of, logged_in
from dmlseg_core.ui.attempts import Attempts, address_of

PREFIX = "/api/v1"
CLIENT = re.compile(r"/gradio_api/(info|queue/(data|join))/?")
"""What `gradio_client` needs beside the page to call functions, which take and give no path."""
ASSISTANTS = re.compile(r"/mcp/?")
LOOPBACK: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")
_ANYWHERE = "0.0.0.0"
"""What the package mcp calls a server whose names it does not check."""
_WRONG = 10
"""Wrong passwords of one address in a minute."""
_SESSIONS, _QUEUED, _AT_ONCE = 8, 16, 4
"""Of Gradio: callers whose last arguments it remembers, calls that wait, calls handed on."""


def program_version() -> str:
    """Of the installed package; "0" in a checkout."""
    try:
        return metadata.version("dmlseg-core")
    except metadata.PackageNotFoundError:
        return "0"


def admitted(app: FastAPI) -> Callable[[Request], Awaitable[None]]:
    """Lets in who has the cookie of the app's login, or its name and password (HTTP Basic)."""
    attempts = Attempts(_WRONG)

    async def check(request: Request) -> None:
        inner = gradio_of(app)
        if logged_in(inner, request):
            return
        given = _basic(request)
        who = address_of(request.scope)
        if given is not None and attempts.spent(who):
            raise HTTPException(429, "too many wrong logins; wait a minute")
        if given is None or not _right(inner, *given):
            if given is not None:
                attempts.allow(who)
            raise HTTPException(401, "log in: --auth's name and password, as HTTP Basic")

    return check


def _basic(request: Request) -> tuple[str, str] | None:
    """Name and password of a request (RFC 7617)."""
    kind, _, coded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (name, password) if colon else None


def _right(inner: App, name: str, password: str) -> bool:
    """Compared in the same time, whatever is wrong."""
    known: dict[str, Any] = inner.auth if isinstance(inner.auth, dict) else {}
    right = False
    for user, secret in known.items():
        same = compare_digest(user.encode(), name.encode())
        right |= same & compare_digest(str(secret).encode(), password.encode())
    return right


def offer(made: gr.Blocks, service: Service) -> None:
    """Add the calls to a page's functions; files are base64 texts, so nothing touches the disk."""
    made.queue(max_size=_QUEUED)
    made.state_session_capacity = _SESSIONS
    for call in CALLS:
        api(
            _function(service, call), api_name=call.name, api_description=call.about,
            concurrency_limit=_AT_ONCE, concurrency_id="api",
        )  # fmt: skip
    # else a call with too few values ends in a traceback
    setattr(made, "validate_inputs", _all_there)  # noqa: B010
    setattr(made._queue, "push", partial(_push_known, made, made._queue.push))  # noqa: B010
    for function in made.fns.values():
        for component in function.inputs:
            # else Gradio would fetch addresses, and look for files, that arguments name
            setattr(component, "async_move_resource_to_block_cache", _no_file)  # noqa: B010


async def _push_known(
    made: gr.Blocks, push: Callable[..., Awaitable[Any]], body: Any, **more: Any
) -> Any:
    """A call of a function that there is; Gradio ends others in a traceback."""
    if body.fn_index not in made.fns:
        return False, "there is no such function; /gradio_api/info names those there are", "error"
    return await push(body=body, **more)


def _all_there(function: Any, values: list[Any]) -> None:
    if len(values) < len(function.inputs):
        told = f"this call takes {len(function.inputs)} values; got {len(values)}"
        raise gr.Error(told, print_exception=False)


async def _no_file(*_: object) -> NoReturn:
    raise gr.Error("a file is given as a text: its bytes in base64", print_exception=False)


def _function(service: Service, call: Call) -> Callable[..., dict[str, Any]]:
    """A call as a function with a signature, which is what Gradio describes and checks."""
    fields = call.asked.model_fields

    def act(*values: Any) -> dict[str, Any]:
        given = {k: v for k, v in zip(fields, values, strict=True) if v is not None}
        try:
            asked = call.asked.of(given, strict=True)
            answer: Answer = service.submit(partial(call.act, service, asked)).result()
        except DmlsegError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return answer.to_json()

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    hints = {name: _plain(field.annotation) for name, field in fields.items()}
    act.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                kind,
                annotation=hints[name],
                default=None if field.is_required() else field.default,
            )
            for name, field in fields.items()
        ],
        return_annotation=dict,
    )
    act.__annotations__ = {**hints, "return": dict}
    act.__name__, act.__doc__ = call.name, call.about
    return act


def _plain(hint: Any) -> Any:
    """A field's type as Gradio describes it: without its checks, files as texts."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _plain(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(_plain(arg) for arg in get_args(hint))]  # noqa: UP007
    return str if hint is bytes else list if origin is list else hint


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
    """An ASGI app behind a check; it is asked when the whole body is here, as it calls a client
    that breaks off an error of its own.
    """

    def __init__(self, app: ASGIApp, check: Callable[[Request], Awaitable[None]]) -> None:
        self.app, self.check = app, check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        try:
            await self.check(Request(scope))
        except HTTPException as error:
            told = JSONResponse({"error": str(error.detail)}, error.status_code)
            return await told(scope, receive, send)
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return None
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        return await self.app(scope, again, send)
