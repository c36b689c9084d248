"""`--auth` in front of every route there is: found by walking the app, so new ones are met too."""

import re
from collections.abc import Iterator

import pytest
from starlette.routing import Mount

from dmlseg_core.mcp import mcp_server
from tests.ui.server import KnownScenes, serving

OPEN = re.compile(
    r"/(login/?|logout|config/?|robots\.txt|manifest\.json|favicon\.ico|theme\.css|pwa_icon.*"
    r"|(assets|static|svelte)/.*|gradio_api/(app_id|login_check|user|startup-events|heartbeat/.*)/?"
    r"|gradio_api/(theme\.css|custom_component/.*)|stage/js/.*|api/v1/health)?"
)
"""What may be answered to anybody: the login form and the page's own files, no user's anything."""
VALUES = {"path": "stage.js", "sample_id": "coffee", "suffix": "ase"}
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


def test_the_walk_finds_what_is_known_to_be_there(guarded):
    assert {path for _, path in routes_of(guarded.app)} >= KNOWN


def test_nobody_gets_anything_without_a_login(guarded):
    guarded.cookies.clear()
    # open ones are not asked: Gradio's heartbeat never ends
    closed = sorted({r for r in routes_of(guarded.app) if OPEN.fullmatch(r[1]) is None})
    asked = {(m, p): guarded.request(m, p, content=b"{}", follow_redirects=False)
             for m, p in closed}  # fmt: skip
    refusals = {route: (401,) if OURS.fullmatch(route[1]) else (401, 403, 404, 405)
                for route in closed}  # fmt: skip
    let_in = {r: a.text[:80] for r, a in asked.items() if a.status_code not in refusals[r]}
    assert let_in == {}
