"""The tools, asked by the official client: in this process, over stdio, over HTTP, in the app."""

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import httpx2
import numpy as np
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from PIL import Image
from skimage import data

from dmlseg_core.errors import MissingExtraError, ParameterError
from dmlseg_core.mcp.serve import mcp_server
from dmlseg_core.mcp.tools import Aim
from dmlseg_core.photo.load import load_photo
from dmlseg_core.ui.launch import build_parser, prepare, start
from tests.edit.test_session import CAT, PERSON, picture
from tests.ui.server import KnownScenes

ROOT = Path(__file__).parents[2]


class Scenes(KnownScenes):
    def analyze(self, photo, *, config=None):
        return super().analyze(photo, config=config or self.config)


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "photos"
    inside.mkdir()
    Image.fromarray(picture()).save(inside / "things.png")
    (inside / "text.png").write_text("no photo")
    return inside


@pytest.fixture
def scenes():
    return Scenes()


@pytest.fixture
def asked(folder, scenes):
    """One call of a tool in this process: (is_error, figures or sentence, picture)."""
    server = mcp_server(folder, lambda: scenes, 100.0, "0")

    def call(name, **arguments):
        async def run():
            async with Client(server) as client:
                return await client.call_tool(name, arguments)

        return read(anyio.run(run))

    return call


def read(result):
    text = result.content[0].text
    if result.is_error:
        return True, text, None
    assert json.loads(text) == result.structured_content
    picture = base64.b64decode(result.content[1].data)
    assert result.content[1].mime_type == "image/jpeg"
    return False, result.structured_content, np.asarray(Image.open(io.BytesIO(picture)))


def test_find_objects_lists_and_shows_them(asked, scenes):
    error, found, shown = asked("find_objects", photo="things.png")
    assert not error and shown.shape == (96, 128, 3)
    assert [o["class_name"] for o in found["objects"]] == ["cat", "cat", "person", "dog"]
    assert [o["number"] for o in found["objects"]] == [1, 2, 3, 4]
    assert (shown[CAT].astype(int) - picture()[CAT]).any()
    asked("find_objects", photo="things.png")
    assert len(scenes.asked) == 1  # the second time nothing is analysed


def test_a_dry_run_shows_and_writes_nothing(asked, folder):
    before = sorted(folder.iterdir())
    error, told, shown = asked("recolor_object", photo="things.png", number=1, color="navy")
    assert not error and told["dry_run"] and told["file"] == "things-navy.png"
    assert told["objects"][0]["delta_e"] < 2 and "dry_run" in told["next"]
    assert shown[CAT][2] > shown[CAT][0] + 40
    assert sorted(folder.iterdir()) == before


def test_the_file_is_written_once_and_never_over_another(asked, folder):
    values = {"photo": "things.png", "x": CAT[1], "y": CAT[0], "color": "#00a000"}
    error, told, _ = asked("recolor_object", **values, dry_run=False)
    assert not error and told["file"] == "things-00a000.png" and "next" not in told
    made = load_photo(folder / told["file"]).rgb
    changed = (made != picture()).any(axis=2)
    assert changed[CAT] and not changed[PERSON]
    stamp = (folder / told["file"]).stat().st_mtime_ns
    error, sentence, _ = asked("recolor_object", **values, dry_run=False)
    assert error and "is there already" in sentence
    assert (folder / told["file"]).stat().st_mtime_ns == stamp
    error, told, _ = asked("recolor_object", **values, out="other.jpg", dry_run=False)
    assert not error and (folder / "other.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_all_like_it_are_recolored_and_nothing_else(asked, folder):
    error, told, _ = asked("recolor_all_like", photo="things.png", number=1, color="navy",
                           dry_run=False)  # fmt: skip
    assert not error and [o["class_name"] for o in told["objects"]] == ["cat", "cat"]
    changed = (load_photo(folder / told["file"]).rgb != picture()).any(axis=2)
    assert changed[20, 20] and changed[20, 56] and not changed[PERSON]


@pytest.mark.parametrize("values", [
    {"photo": "../x.png"}, {"photo": "text.png"}, {"photo": "."}, {"photo": "none.png"}, {},
    {"photo": "things.png", "number": 9, "color": "red"}, {"photo": "things.png", "color": "red"},
    {"photo": "things.png", "number": 1}, {"photo": "things.png", "number": 1, "color": "nored"},
    {"photo": "things.png", "number": 1, "color": "red", "collor": "blue"},
    {"photo": "things.png", "x": 1e9, "y": 1, "color": "red"},
    {"photo": "things.png", "x": 3, "y": 3, "color": "red", "tau": 7},
    {"photo": "things.png", "number": 1, "color": "red", "mode": "lightness"},
    {"photo": "things.png", "number": 1, "color": "red", "mode": "no"},
    {"photo": "things.png", "number": 1, "color": "red", "out": "/tmp/x.png"},
    {"photo": "things.png", "number": 1, "color": "red", "out": "x.exe", "dry_run": False},
    {"photo": "things.png", "number": "one", "color": "red"}, {"photo": 3}, {"photo": None},
    {"photo": "things.png", "x": "NaN", "y": 1, "color": "red"},
])  # fmt: skip
def test_mistakes_are_told_without_the_place_of_the_folder(asked, folder, values):
    before = sorted(folder.iterdir())
    error, sentence, _ = asked("recolor_object", **values)
    assert error and sentence.startswith("Error executing tool recolor_object: ")
    assert str(folder) not in sentence and "Traceback" not in sentence
    assert sorted(folder.iterdir()) == before


@pytest.fixture
def many(folder):
    """Folders in the root: photos to work on, one of them broken, one that a link leads to."""
    work = folder / "in"
    work.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(picture()).save(work / name)
    (work / "broken.png").write_bytes(b"no photo")
    secret = folder.parent / "secret.png"
    Image.fromarray(picture()).save(secret)
    (work / "c.png").symlink_to(secret)
    return {"photos": ["in"], "out": "out", "colors": ["navy"], "classes": ["cat"]}


def test_a_batch_is_planned_first(asked, folder, many):
    error, told, shown = asked("batch", **many)
    assert not error and told["dry_run"] and not (folder / "out").exists()
    assert told["photos"] == 3 and told["rules"]["1"] == {"objects": 4, "photos": 2}
    assert told["files"]["recolored"] == 2 and len(told["failed"]) == 1
    assert shown.shape == (256, 512, 3)
    assert str(folder) not in json.dumps(told)


def test_a_batch_does_what_was_planned_and_goes_on(asked, folder, many, scenes):
    error, told, shown = asked("batch", **many, max_delta_e=5, dry_run=False)
    assert not error and shown is not None
    assert (told["done"], told["objects"], len(told["failed"])) == (2, 4, 1)
    assert told["delta_e_median"] < 2 and all(one["passed"] for one in told["worst"])
    made = sorted((folder / "out" / "recolored").iterdir())
    assert len(made) == 2  # the link that leads out of the root is no photo here
    changed = (load_photo(made[0]).rgb != picture()).any(axis=2)
    assert changed[CAT] and not changed[PERSON]
    assert (folder / told["report"]).is_file()
    before = len(scenes.asked)
    error, again, _ = asked("batch", **many, max_delta_e=5, dry_run=False)
    assert not error and again["done"] == 2 and len(scenes.asked) == before


def test_a_batch_says_how_far_it_is(folder, scenes, many):
    server, seen = mcp_server(folder, lambda: scenes, 100.0, "0"), []

    async def tell(done, total, _):
        seen.append((done, total))

    async def run():
        async with Client(server) as client:
            await client.call_tool("batch", {**many, "dry_run": False}, progress_callback=tell)

    anyio.run(run)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_this_mug_in_all_photos(asked, many):
    like = {"like_photo": "things.png", "like_x": CAT[1], "like_y": CAT[0]}
    _, told, _ = asked("batch", **{**many, "classes": []}, **like, threshold=0.9)
    assert told["thresholds"]["0.9"]["photos"] == 2


@pytest.mark.parametrize("values", [
    {"photos": ["../"]}, {"photos": []}, {"photos": ["none"]}, {"photos": ["s3://bucket"]},
    {"out": "../out"}, {"out": "/tmp/dmlseg-out"}, {"out": "in/out"}, {"out": "in"},
    {"colors": ["nocolor"]}, {"colors": []}, {"classes": ["catt"]}, {"like_photo": "../x.png"},
    {"like_photo": "things.png", "like_x": 3}, {"threshold": 7, "like_photo": "things.png"},
    {"largest": 0}, {"mode": "no"}, {"max_delta_e": -1}, {"photos": "in"}, {"what": 1},
])  # fmt: skip
def test_a_batch_that_cannot_begin_writes_nothing(asked, folder, many, values):
    before = sorted(folder.rglob("*"))
    error, sentence, _ = asked("batch", **{**many, **values}, dry_run=False)
    assert error and str(folder) not in sentence and "Traceback" not in sentence
    assert sorted(folder.rglob("*")) == before


def test_a_folder_of_results_with_links_in_it_is_not_written_into(asked, folder, many):
    asked("batch", **many, dry_run=False)
    for path in (folder / "out" / "recolored").iterdir():
        path.unlink()
        path.symlink_to(folder.parent / "secret.png")
    error, sentence, _ = asked("batch", **{**many, "colors": ["red"]}, dry_run=False)
    assert error and "links" in sentence


def test_aims_are_checked_as_the_api_checks_them():
    with pytest.raises(ParameterError):
        _ = Aim(photo="a", x=float("nan"), y=1).asked


def test_without_the_package_one_sentence_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    monkeypatch.delitem(sys.modules, "dmlseg_core.mcp.server", raising=False)
    with pytest.raises(MissingExtraError, match=r"'\.\[mcp\]'"):
        mcp_server(folder, Scenes, 100.0, "0")


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

    check(anyio.run(run), coffee)


def test_over_http(coffee):
    words = command("--root", str(coffee), "--http", "--port", "0")
    started = subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://127\S+/mcp", started.stderr.readline())[0]

        async def run():
            async with Client(url) as client:
                return await a_session(client)

        check(anyio.run(run), coffee)
        for name in ("evil.example", "evil.example:7870"):  # a page whose name leads here
            answer = httpx2.post(url, json={}, headers={"Host": name})
            assert answer.status_code == 421
    finally:
        started.send_signal(signal.SIGINT)
        # the server may end by itself before the interrupt reaches us
        assert started.wait(20) in (0, 130)


def test_in_the_app_behind_its_login(coffee):
    words = ["--no-inbrowser", "--quality", "fast", "--mcp", str(coffee)]
    args = build_parser().parse_args([*words, "--auth", "ann:secret"])
    server, url = start(prepare(args), args)
    try:
        assert httpx2.post(f"{url}mcp", json={}).status_code == 401

        async def run():
            async with httpx2.AsyncClient(auth=("ann", "secret"), timeout=60) as http:
                transport = streamable_http_client(f"{url}mcp", http_client=http)
                async with Client(transport) as client:
                    return await a_session(client)

        check(anyio.run(run), coffee)
    finally:
        server.close()


def test_the_app_hands_no_photos_to_a_network_without_a_login(folder, monkeypatch):
    args = build_parser().parse_args(["--host", "0.0.0.0", "--mcp", str(folder)])
    with pytest.raises(ParameterError, match="--auth"):
        prepare(args)


def test_the_calls_of_the_page_are_calls_of_the_tools(folder):
    async def listed():
        async with Client(mcp_server(folder, Scenes, 100.0, "0")) as client:
            return (await client.list_tools()).tools

    fields = {t.name: set(t.input_schema["properties"]) for t in anyio.run(listed)}
    text = (ROOT / "docs" / "mcp.md").read_text()
    calls = re.findall(r"^`(\w+) (\{.*\})`$", text, re.MULTILINE)
    assert {name for name, _ in calls} == set(fields)
    for name, arguments in calls:
        assert set(json.loads(arguments)) <= fields[name]
    assert f"Tools: {', '.join(fields)}." in text
