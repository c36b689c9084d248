"""A session of the official client with the shipped weights: over stdio, over HTTP, in the app."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from PIL import Image
from skimage import data

from dmlseg_core.cli.entry import build_parser
from dmlseg_core.errors import ParameterError
from dmlseg_core.mcp.serve import mcp_server
from dmlseg_core.photo.load import load_photo
from dmlseg_core.ui.launch import prepare, start
from tests import own_loop
from tests.mcp.answers import Scenes, read

ROOT = Path(__file__).parents[2]


@pytest.fixture
def coffee(tmp_path, shipped_weights):
    inside = tmp_path / "photos"
    inside.mkdir()
    Image.fromarray(data.coffee()).save(inside / "coffee.jpg", quality=95)
    return inside


async def a_session(client):
    """What a person asks for in words: find the cup, paint it, keep it."""
    tools = [tool.name for tool in (await client.list_tools()).tools]
    _, found, _ = read(await client.call_tool("find_objects", {"photo": "coffee.jpg"}))
    aim = {"photo": "coffee.jpg", "number": 3, "color": "#2080c0"}
    _, tried, shown = read(await client.call_tool("recolor_object", aim))
    _, kept, _ = read(await client.call_tool("recolor_object", {**aim, "dry_run": False}))
    error, sentence, _ = read(await client.call_tool("find_objects", {"photo": "/etc/passwd"}))
    assert error and "outside" in sentence
    return tools, found, tried, kept, shown


def check(made, inside):
    tools, found, tried, kept, shown = made
    assert tools == ["find_objects", "recolor_object", "recolor_all_like", "batch"]
    assert len(found["objects"]) >= 3 and max(shown.shape) == 512
    assert tried["file"] == kept["file"] == "coffee-2080c0.jpg"
    assert kept["objects"][0]["delta_e"] < 3
    assert load_photo(inside / kept["file"]).size == (400, 600)


def command(*more):
    return [sys.executable, "-m", "dmlseg_core", "mcp", "--quality", "fast", *more]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_over_stdio(coffee):
    words = command("--root", str(coffee))
    server = StdioServerParameters(command=words[0], args=words[1:], env=ENVIRONMENT, cwd=coffee)

    async def run():
        async with Client(server) as client:
            return await a_session(client)

    check(own_loop.run(run()), coffee)


def test_over_http(coffee):
    words = command("--root", str(coffee), "--http", "--port", "0")
    started = subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://127\S+/mcp", started.stderr.readline())[0]

        async def run():
            async with Client(url) as client:
                return await a_session(client)

        check(own_loop.run(run()), coffee)
        for name in ("evil.example", "evil.example:7870"):  # a page whose name leads here
            answer = httpx2.post(url, json={}, headers={"Host": name})
            assert answer.status_code == 421
    finally:
        # a shell's background jobs, and so tests that run as one, ignore Ctrl-C
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        started.send_signal(signal.SIGTERM if ignored else signal.SIGINT)
        assert started.wait(20) in ((-signal.SIGTERM, 0, 143) if ignored else (0, 130))


def test_in_the_app_behind_its_login(coffee):
    words = ["--no-inbrowser", "--quality", "fast", "--mcp", str(coffee)]
    args = build_parser().parse_args(["app", *words, "--auth", "ann:secret"])
    server, url = start(prepare(args), args)
    try:
        assert httpx2.post(f"{url}mcp", json={}).status_code == 401

        async def run():
            async with httpx2.AsyncClient(auth=("ann", "secret"), timeout=60) as http:
                transport = streamable_http_client(f"{url}mcp", http_client=http)
                async with Client(transport) as client:
                    return await a_session(client)

        check(own_loop.run(run()), coffee)
    finally:
        server.close()


def test_the_app_hands_no_photos_to_a_network_without_a_login(folder, monkeypatch):
    args = build_parser().parse_args(["app", "--host", "0.0.0.0", "--mcp", str(folder)])
    with pytest.raises(ParameterError, match="--auth"):
        prepare(args)


def test_the_calls_of_the_page_are_calls_of_the_tools(folder):
    async def listed():
        async with Client(mcp_server(folder, Scenes, 100.0, "0")) as client:
            return (await client.list_tools()).tools

    fields = {t.name: set(t.input_schema["properties"]) for t in own_loop.run(listed())}
    text = (ROOT / "docs" / "mcp.md").read_text()
    calls = re.findall(r"^`(\w+) (\{.*\})`$", text, re.MULTILINE)
    assert {name for name, _ in calls} == set(fields)
    for name, arguments in calls:
        assert set(json.loads(arguments)) <= fields[name]
    assert f"Tools: {', '.join(fields)}." in text
