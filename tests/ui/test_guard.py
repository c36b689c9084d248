"""The guard in front of the app: what it lets through, counts and refuses."""

import asyncio
import os
import re
import signal
import stat
import tempfile
import time

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.testclient import TestClient

from dmlseg_core.ui.attempts import Attempts
from dmlseg_core.ui.guard import HEADERS, MEGABYTE, PAGE, Guard, Limits
from dmlseg_core.ui.launch import scratch
from tests import own_loop

SMALL = Limits(body={"/stage/photo": 3000, "": 100}, uploads=4000, idle=0.2, logins=3)


def app_of(limits=SMALL, page=PAGE, **options):
    app = FastAPI(**options)

    @app.post("/stage/photo")
    @app.post("/stage/edit")
    @app.post("/gradio_api/upload")
    async def size(request: Request):
        return {"size": len(await request.body())}

    @app.post("/login")
    async def login(request: Request):
        right = await request.body() == b"right"
        return JSONResponse({}, 200 if right else 400)

    @app.get("/")
    @app.get("/gradio_api/file={path:path}")
    @app.get("/gradio_api/queue/data")
    def read(path: str = ""):
        return {"path": path}

    @app.get("/stage/long")
    def long():
        return StreamingResponse(iter([b"a", b"b"]))

    app.add_middleware(Guard, limits=limits, page=page)
    return app


@pytest.fixture
def client():
    return TestClient(app_of())


def test_two_lengths_are_none(client):
    both = {"Content-Length": "3", "Transfer-Encoding": "chunked"}  # what smuggles requests
    answer = client.post("/stage/edit", headers=both, content=b"abc")
    assert answer.status_code == 400
    assert answer.headers["connection"] == "close"
    assert client.post("/stage/edit", content=b"abc").json() == {"size": 3}


def test_every_answer_has_the_headers(client):
    for answer in (client.get("/"), client.get("/stage/none"), client.get("/nothing"),
                   client.post("/stage/photo", content=b"x" * 9000)):  # fmt: skip
        assert {k: answer.headers[k] for k in HEADERS} == HEADERS


def test_what_belongs_to_a_user_is_kept_by_no_cache(client):
    for answer in (client.get("/stage/long"), client.post("/stage/edit", content=b"x")):
        assert answer.headers["cache-control"] == "private, no-store"
    assert "cache-control" not in client.get("/").headers


def test_the_policy_names_no_other_address():
    sources = re.findall(r"https?:|\*|//", HEADERS["Content-Security-Policy"])
    assert sources == []


def test_only_what_the_page_needs_is_there(client):
    assert client.get("/").status_code == 200
    assert client.get("/stage/long").content == b"ab"
    for path in ("/gradio_api/file=/etc/passwd", "/gradio_api/queue/data", "//etc/passwd",
                 "/gradio_api/proxy=http://127.0.0.1:1/", "/gradio_api/upload", "/monitoring",
                 "/assets", "/gradio_api/file/x", "/docs", "/stage"):  # fmt: skip
        assert client.get(path).status_code == 404, path
        assert client.post(path, content=b"x").status_code == 404, path
    assert client.post("/").status_code == 404
    assert TestClient(app_of(page=None)).post("/gradio_api/upload", content=b"x").status_code == 200


def test_a_root_path_of_a_proxy_is_no_way_around():
    client = TestClient(app_of(root_path="/sub"), root_path="")
    assert client.get("/sub/").status_code == 200
    assert client.get("/sub/gradio_api/queue/data").status_code == 404
    assert client.post("/sub/stage/edit", content=b"x" * 101).status_code == 413
    for _ in range(3):
        client.post("/sub/login", content=b"wrong")
    assert client.post("/login", content=b"wrong").status_code == 429


def test_other_sites_may_not_write(client):
    sites = {"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200, "new-word": 403}
    for site, status in sites.items():
        answer = client.post("/stage/edit", content=b"x", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_no_other_site_is_let_in_by_a_route_of_its_own():
    app = FastAPI()

    @app.get("/config")
    def config():
        told = {
            "Access-Control-Allow-Origin": "http://other",
            "Access-Control-Allow-Credentials": "true",
        }
        return JSONResponse({}, headers=told | {"X-Own": "kept"})

    app.add_middleware(Guard)
    answer = TestClient(app).get("/config", headers={"Origin": "http://other"})
    assert answer.headers["x-own"] == "kept"
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_where_browsers_do_not_call_a_request_foreign_its_origin_tells(client):
    """Plain http to another machine's name or address: no Sec-Fetch-Site is sent."""
    own, elsewhere = "http://testserver", "http://other.example"
    cases = (
        ({"Origin": own}, 200),
        ({"Origin": own.upper()}, 200),
        ({"Origin": elsewhere}, 403),
        ({"Origin": "null"}, 403),  # a sandboxed frame, a page from the disk
        ({"Origin": f"{own}:8080"}, 403),
        ({"Origin": "https://shop.example", "X-Forwarded-Host": "shop.example"}, 200),  # a proxy
        ({"Origin": elsewhere, "Sec-Fetch-Site": "same-origin"}, 200),  # the browser knows better
        ({}, 200),  # a program
    )
    for headers, status in cases:
        assert client.post("/stage/edit", content=b"x", headers=headers).status_code == status
    assert client.get("/", headers={"Origin": elsewhere}).status_code == 200


def chunks(count, size=1000):
    return (b"x" * size for _ in range(count))


def test_bodies_are_bounded_declared_or_not(client):
    assert client.post("/stage/photo", content=b"x" * 3000).json() == {"size": 3000}
    assert client.post("/stage/photo", content=b"x" * 3001).status_code == 413
    assert client.post("/stage/photo", content=chunks(3)).json() == {"size": 3000}
    answer = client.post("/stage/photo", content=chunks(4), headers={"Accept-Language": "zh"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert "超过" in answer.json()["message"]
    assert client.post("/stage/edit", content=b"x" * 101).status_code == 413


def scope_of(path, length=None):
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http", "method": "POST", "path": path, "headers": headers,
            "query_string": b"", "client": ("127.0.0.1", 1)}  # fmt: skip


class Upload:
    """A client that sends parts when told to."""

    def __init__(self, guard, path="/stage/photo"):
        self.parts, self.sent = asyncio.Queue(), []
        self.task = asyncio.create_task(guard(scope_of(path), self.parts.get, self.send))

    async def send(self, message):
        self.sent.append(message)

    async def part(self, size, more=True):
        await self.parts.put({"type": "http.request", "body": b"x" * size, "more_body": more})
        for _ in range(20):  # until the guard has seen it
            await asyncio.sleep(0)

    @property
    def status(self):
        return self.sent[0]["status"] if self.sent else None


async def takes_all(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_all_uploads_together_are_bounded_and_edits_go_on():
    async def run():
        limits = Limits(body={"": 9 * MEGABYTE}, uploads=4 * MEGABYTE)
        guard = Guard(takes_all, limits)
        first, second = Upload(guard), Upload(guard)
        await first.part(3 * MEGABYTE)
        await second.part(2 * MEGABYTE)
        assert (first.status, second.status) == (None, 503)
        await first.part(1, more=False)
        await first.task
        assert (first.status, guard.receiving) == (200, 0)
        big = Upload(guard)
        await big.part(4 * MEGABYTE)
        edit = Upload(guard, "/stage/edit")
        await edit.part(100, more=False)
        await edit.task
        assert edit.status == 200
        big.task.cancel()
        await asyncio.gather(big.task, return_exceptions=True)
        assert guard.receiving == 0

    own_loop.run(run())


def test_an_upload_that_stops_is_let_go():
    async def run():
        guard = Guard(takes_all, SMALL)
        upload = Upload(guard)
        await upload.part(10)
        await upload.task
        assert (upload.status, guard.receiving) == (408, 0)

    own_loop.run(run())


def test_wrong_logins_are_slowed_down_and_right_ones_forgotten(client):
    assert [client.post("/login", content=b"wrong").status_code for _ in range(5)] == [
        400, 400, 400, 429, 429,
    ]  # fmt: skip
    answer = client.post("/login", content=b"right")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    other = TestClient(app_of(), client=("192.0.2.7", 1))
    for word in (b"wrong", b"wrong", b"right", b"wrong", b"wrong", b"wrong"):
        assert other.post("/login", content=word).status_code < 429
    assert other.post("/login/", content=b"right").status_code == 429


def test_addresses_of_one_ipv6_network_are_one_and_few_are_remembered():
    app = app_of()
    for k in range(5):
        client = TestClient(app, client=(f"2001:db8::{k}", 1))
        assert client.post("/login", content=b"wrong").status_code == (400 if k < 3 else 429)
    attempts = Attempts(2, addresses=10)
    for k in range(1000):
        attempts.allow(str(k))
    assert len(attempts._times) == 10


def test_attempts_are_forgotten_with_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dmlseg_core.ui.attempts.time.monotonic", lambda: now[0])
    attempts = Attempts(2)
    assert [attempts.allow("a") for _ in range(3)] == [True, True, False]
    now[0] = 61
    assert attempts.allow("a")


def test_websockets_are_closed():
    async def run():
        sent = []

        async def send(message):
            sent.append(message)

        await Guard(takes_all, SMALL)({"type": "websocket", "path": "/"}, None, send)
        assert sent == [{"type": "websocket.close", "code": 1008}]

    own_loop.run(run())


def test_temporary_files_are_private_and_go_with_the_process():
    usual = tempfile.gettempdir()
    with pytest.raises(KeyboardInterrupt), scratch() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(b"a user's photo")
        assert str(folder) == os.environ["GRADIO_TEMP_DIR"] == os.path.dirname(file.name)  # noqa: PTH120
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert not folder.exists()
    assert tempfile.gettempdir() == usual
