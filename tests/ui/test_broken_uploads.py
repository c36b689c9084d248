"""Uploads that stop, break off or grow too large, at the whole app: told once, logged never."""

import logging

import pytest

from dmlseg_core.mcp import mcp_server
from dmlseg_core.ui.guard import MEGABYTE, Guard, Limits
from tests.ui.asgi import GONE, ask, part
from tests.ui.server import KnownScenes, User, file_of, serving

JSON = (b"content-type", b"application/json")
FORM = (b"content-type", b"multipart/form-data; boundary=b")
HEAD = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
ROUTES = {
    "api form": ("/api/v1/analyze", FORM), "api json": ("/api/v1/recolor", JSON),
    "photo": ("/stage/photo", JSON), "edit": ("/stage/edit", JSON),
    "many": ("/stage/many/photo", JSON), "import": ("/stage/import", JSON),
    "swatches": ("/stage/swatches", JSON), "client": ("/gradio_api/queue/join", JSON),
    "assistant": ("/mcp", JSON),
}  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    pytest.importorskip("mcp")
    photos = mcp_server(tmp_path_factory.mktemp("photos"), KnownScenes, 100.0, "0")
    with serving(assistants=photos) as made:
        made.user = User(made)
        made.user.open()
        yield made


@pytest.fixture
def send(client):
    limits = Limits({"": MEGABYTE}, idle=0.1)
    inner = next(m for m in _chain(client.app.middleware_stack) if isinstance(m, Guard))

    def run(name, *parts):
        path, kind = ROUTES[name]
        headers = [kind, (b"x-dmlseg-session", client.user.token.encode()),
                   (b"accept", b"application/json, text/event-stream")]  # fmt: skip
        query = b"" if path.startswith("/api/") else b"name=a.png"

        async def app(scope, receive, send):
            await client.app({**scope, "query_string": query}, receive, send)

        before, inner.limits = inner.limits, limits
        try:
            return client.portal.call(lambda: ask(app, path, parts, headers=headers))
        finally:
            inner.limits = before

    return run


def _chain(app):
    while app is not None:
        yield app
        app = getattr(app, "app", None)


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("begun", [b"", HEAD, b'{"x": '])
def test_a_client_that_goes_away_is_no_error(send, caplog, name, begun):
    with caplog.at_level(logging.WARNING):
        send(name, part(begun), GONE)
    assert not [r for r in caplog.records if r.exc_info or r.levelno >= logging.ERROR]


@pytest.mark.parametrize("name", ROUTES)
def test_one_that_sends_no_more_is_told_so(send, caplog, name):
    with caplog.at_level(logging.WARNING):
        status, body = send(name, part(HEAD))
    assert status == 408 and b"stopped" in body and body.count(b"}") == 1
    assert not [r for r in caplog.records if r.exc_info or r.levelno >= logging.ERROR]


@pytest.mark.parametrize("name", ROUTES)
def test_one_that_sends_too_much_without_saying_so_is_told_so(send, caplog, name):
    with caplog.at_level(logging.WARNING):
        status, body = send(name, part(HEAD), *[part(b"x" * MEGABYTE)] * 3)
    assert status == 413 and body.count(b"}") == 1
    assert not [r for r in caplog.records if r.exc_info or r.levelno >= logging.ERROR]


def test_the_next_request_is_answered(client, send):
    send("api form", part(HEAD), GONE)
    answer = client.post("/api/v1/analyze", files={"photo": file_of()})
    assert answer.status_code == 200
    assert (
        next(m for m in _chain(client.app.middleware_stack) if isinstance(m, Guard)).receiving == 0
    )
