"""The tools inside the app: one network for the page, programs and assistants."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from dmlseg_core.cli.entry import build_parser
from dmlseg_core.ui import launch
from tests.mcp.answers import Scenes
from tests.ui.server import User, file_of

HEADERS = {
    "Host": "127.0.0.1:7860", "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2025-06-18",
}  # fmt: skip


class Counted(Scenes):
    """Knows how many photos it was given and waits until it may go on."""

    def __init__(self):
        super().__init__()
        self.given, self.go = 0, threading.Event()
        self.before = self._before

    def analyze(self, photo, *, config=None, regions=False):
        return super().analyze(photo, config=config)

    def _before(self):
        self.given += 1
        assert self.go.wait(20)


@pytest.fixture
def scenes():
    return Counted()


@pytest.fixture
def client(folder, scenes, monkeypatch):
    monkeypatch.setattr(launch.Segmenter, "load", lambda *_, **__: scenes)
    monkeypatch.setattr(launch, "sample_photos", list)
    args = build_parser().parse_args(["app", "--mcp", str(folder)])
    with TestClient(launch.prepare(args), raise_server_exceptions=False) as made:
        yield made


def call(client, name, **arguments):
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
             "params": {"name": name, "arguments": arguments}}  # fmt: skip
    return client.post("/mcp", json=asked, headers=HEADERS)


def until(true):
    for _ in range(2000):
        if true():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never happens")


def test_an_assistants_photo_waits_for_the_pages(client, scenes):
    user = User(client)
    assert user.post("photo?name=a.png", file_of()).status_code == 200
    until(lambda: scenes.given == 1)
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(call, client, "find_objects", photo="things.png")
        threading.Event().wait(0.5)
        assert scenes.given == 1 and not told.done()
        scenes.go.set()
        assert told.result(20).status_code == 200
    assert scenes.given == 2 and '"number": 1' in told.result().text.replace("\\", "")
    assert user.settled()["phase"] == "ready"
