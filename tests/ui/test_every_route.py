"""`--auth` in front of every route there is: found by walking the app, so new ones are met too."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from starlette.routing import Mount

from dmlseg_core.mcp import mcp_server
from tests.ui.server import KnownScenes, serving

OPEN = re.compile(
    r"/(login/?|logout|robots\.txt|manifest\.json|favicon\.ico|theme\.css|pwa_icon"
    r"|(assets|static|svelte)/.*|gradio_api/(app_id|user|startup-events|theme\.css)/?"
    r"|stage/js/.*|api/v1/health)?"
)
"""What may be answered to anybody: the login form and the page's own files, no user's anything."""
VALUES = {"path": "stage.js", "sample_id": "coffee", "suffix": "ase", "name": "main.js"}
KNOWN = {
    "/stage/photo", "/stage/session", "/stage/many/zip", "/stage/tile/1/1/1", "/login", "/mcp",
    "/stage/sample/coffee", "/stage/swatches.ase", "/api/v1/recolor", "/api/v1/docs",
    "/api/v1/openapi.json", "/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/info", "/",
}  # fmt: skip
"""One of each kind: a walk that finds nothing would find nothing wrong."""
OURS = re.compile(r"/(stage|api/v1|mcp)\b.*")
"""These say that a login is missing; of Gradio's most are not there at all."""


def routes_of(app, prefix="") -> Iterator[tuple[str, str]]:
    """(method, path) of every route, of mounted apps and routers too; parameters filled in."""
    for route in app.routes:
        inner = getattr(route, "app", None)
        if hasattr(route, "original_router"):  # a router that FastAPI includes when it is asked
            yield from routes_of(route.original_router, prefix + route.include_context.prefix)
        elif isinstance(route, Mount):
            yield from routes_of(inner if hasattr(inner, "routes") else route, prefix + route.path)
        elif hasattr(route, "path"):
            filled = re.sub(
                r"\{(\w+)(:\w+)?\}", lambda m: VALUES.get(m[1], "1"), prefix + route.path
            )
            # a route that is an app of its own takes every method
            for method in sorted(getattr(route, "methods", None) or {"GET", "POST", "DELETE"}):
                yield method, filled


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    pytest.importorskip("mcp")
    photos = mcp_server(tmp_path_factory.mktemp("photos"), KnownScenes, 100.0, "0")
    with serving(auth=("ann", "s3cret"), assistants=photos) as made:
        yield made


def status_of(client, method, path):
    """What an answer without a cookie begins with; its end is not waited for: some have none."""
    return client.portal.call(_status_of, client.app, method, path)


async def _status_of(app, method, path):
    begun, gone = asyncio.get_running_loop().create_future(), asyncio.Event()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [(b"host", b"testserver")], "client": ("192.0.2.1", 1),
        "server": ("testserver", 80), "state": {},
    }  # fmt: skip
    parts = [{"type": "http.request", "body": b"{}", "more_body": False}]

    async def receive():
        if parts:
            return parts.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start" and not begun.done():
            begun.set_result(message["status"])

    task = asyncio.create_task(app(scope, receive, send))
    done, _ = await asyncio.wait({begun, task}, timeout=20, return_when="FIRST_COMPLETED")
    assert done, f"{method} {path} is never answered"
    gone.set()
    await asyncio.wait({task}, timeout=20)
    assert task.done(), f"{method} {path} goes on when nobody listens"
    return begun.result()


def let_in(client):
    """Routes that answer somebody without a login, though they are not on the list."""
    closed = {r for r in routes_of(client.app) if OPEN.fullmatch(r[1]) is None}
    asked = {route: status_of(client, *route) for route in sorted(closed)}
    return {route: status for route, status in asked.items()
            if status not in ((401,) if OURS.fullmatch(route[1]) else (401, 404))}  # fmt: skip


def test_the_walk_finds_what_is_known_to_be_there(guarded):
    assert {path for _, path in routes_of(guarded.app)} >= KNOWN


def test_nobody_gets_anything_without_a_login(guarded):
    assert let_in(guarded) == {}


def test_no_more_is_open_than_is_said_and_nothing_fails_there(guarded):
    opened = sorted({r for r in routes_of(guarded.app) if OPEN.fullmatch(r[1])})
    asked = {route: status_of(guarded, *route) for route in opened}
    assert asked["GET", "/gradio_api/app_id"] == 200
    assert {route: status for route, status in asked.items()
            if status >= 500 or status in (401, 403)} == {}  # fmt: skip


@pytest.mark.parametrize("path", [
    "pwa_icon/1", "pwa_icon/0", "gradio_api/custom_component/1/server/x/y", "heartbeat/a/b",
    "gradio_api/heartbeat/%00", "gradio_api/heartbeat/1", "theme.css/x",
    "gradio_api/user/x", "svelte/../../app.py",
    "assets/..%2f..%2f..%2fetc/passwd", "static/%2e%2e/x", "static/" + "a" * 5000, "assets/%00",
    "stage/js/" + "a" * 300 + ".js",
])  # fmt: skip
def test_what_the_page_does_not_ask_for_is_not_there(guarded, path):
    assert guarded.get(f"/{path}").status_code in (403, 404)


def test_a_route_that_somebody_forgets_to_guard_is_found():
    with serving(auth=("ann", "s3cret")) as client:
        router = APIRouter()
        router.add_api_route("/stage/new", lambda: "a photo")
        before = client.app.router.routes
        client.app.router.routes = []
        client.app.include_router(router)
        client.app.router.routes += before
        assert let_in(client) == {("GET", "/stage/new"): 200}
