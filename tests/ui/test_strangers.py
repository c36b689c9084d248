"""The running app and people who mean no good: files, recipes, edits, routes; known scenes."""

import itertools
import json
import tempfile
from pathlib import Path

import pytest

from dmlseg_core.ui.guard import HEADERS
from tests.edit.test_session import CAT
from tests.photo.test_hostile import SMALL
from tests.ui.server import User, file_of, serving

ODD = [None, True, "x", "<b>", [], {}, [[]], -1, 1e308, -1e308, 10**30, float("nan"),
       float("inf"), "9" * 400, 10**400, [1, 2], {"x": 1}]  # fmt: skip
FIELDS = ("x", "y", "id", "tau", "points", "radius", "style", "which", "mode", "name", "ids", "on",
          "soft", "x0", "y0", "x1", "y1", "drag")  # fmt: skip
OPS = ("click", "box", "stroke", "tau", "stop", "activate", "style", "rename", "reorder",
       "visible", "lock", "remove", "like", "connected", "quality", "nothing", 3)  # fmt: skip


@pytest.fixture(scope="module")
def client():
    with serving() as made:
        yield made


def told(answer):
    """A refusal, as the page shows it."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert HEADERS.items() <= dict(answer.headers).items() or all(
        answer.headers[name] == value for name, value in HEADERS.items()
    )
    text = answer.json()["message"]
    assert text and "Traceback" not in text
    assert str(Path.cwd()) not in text and tempfile.gettempdir() not in text
    return text


def test_hostile_uploads_are_taken_or_refused_in_a_sentence(client):
    user = User(client)
    for name, data in SMALL[::6]:
        answer = user.post(f"photo?name={name}", data)
        if answer.status_code != 200:
            told(answer)


def test_edits_of_odd_values_never_fail_in_another_way_than_a_sentence(client):
    user = User(client)
    user.open()
    user.edit(op="click", x=CAT[1], y=CAT[0], mode="new")
    good = {"x": CAT[1], "y": CAT[0], "mode": "add", "points": [[5, 5]], "radius": 3, "tau": 0.5}
    odd = itertools.cycle(ODD)
    for op, name in itertools.product(OPS, FIELDS[::2]):
        value = next(odd)
        state = user.get("state").json()
        ids = [s["id"] for s in state["selections"]]
        values = {**good, "id": ids[0] if ids else 1, "op": op, "seq": 1, name: value}
        answer = user.post("edit", json.dumps(values).encode())
        if answer.status_code != 200:
            told(answer)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"3", b"[" * 100_000, b"{", b"\xff\xfe",
                                  b'{"op": NaN}', b'{"op":' + b"9" * 5_000 + b"}"])  # fmt: skip
def test_bodies_that_are_no_edit(client, body):
    user = User(client)
    user.open()
    for path in ("edit", "export", "import", "swatches"):
        answer = user.post(path, body)
        if answer.status_code != 200:
            told(answer)


def test_recipes_of_strangers_are_refused_by_their_size(client):
    user = User(client)
    user.open()
    user.edit(op="click", x=CAT[1], y=CAT[0], mode="new")
    chosen = user.get("state").json()["active"]
    user.edit(op="style", id=chosen, style={"color": "#c8102e"})
    kept = user.get("state").json()["selections"]
    recipe = user.post("export", json.dumps({"kind": "recipe"}).encode()).json()
    stroke = {"points": [[5, 5]], "radius": 2}
    wide = {**stroke, "radius": 1e308}
    for change in ({"strokes": [stroke] * 100_000}, {"add": [[5, 5]] * 30_000},
                   {"at": [float("nan"), 5]}, {"strokes": [wide]}):  # fmt: skip
        made = json.loads(json.dumps(recipe))
        made["edits"][0]["select"].update(change)
        told(user.post("import", json.dumps(made).encode()))
    assert user.get("state").json()["selections"] == kept


def test_a_name_turns_no_letters_and_ends_no_line(client):
    user = User(client)
    for name, shown in (("\u202egpj.exe", "gpj.exe"), ("a\u2066b\u200f\u200b.png", "ab.png"),
                        ("a\nb\x1b[31m.png", "ab[31m.png"), ("\u202e\u2069", "photo"),
                        ("C:\\x\\صورة.png", "صورة.png"), ("..", "photo")):  # fmt: skip
        answer = user.client.post("/stage/photo", params={"name": name}, content=file_of(),
                                  headers=user.headers())  # fmt: skip
        assert answer.json()["photo"]["name"] == shown


def test_gradio_gives_nothing_away(client):
    for path in ("gradio_api/file=/etc/passwd", "gradio_api/upload", "gradio_api/queue/status",
                 "gradio_api/run/predict", "gradio_api/proxy=http://127.0.0.1:1/", "docs",
                 "gradio_api/call/x", "monitoring", "stage/js/..%2f..%2fapp.py", "mcp",
                 "gradio_api/heartbeat/../file=/etc/passwd"):  # fmt: skip
        for answer in (client.get(f"/{path}"), client.post(f"/{path}", content=b"{}")):
            assert answer.status_code in (404, 405), path
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/").status_code == 200
    assert client.get("/config").status_code == 200


def test_a_guessed_session_reads_nothing(client):
    user = User(client)
    user.open()
    other = User(client)
    for token in (other.token, user.token[:-1] + "xy"[user.token[-1] == "x"], "", "0" * 32):
        for path in ("state", "preview", "fields", "mask/1", "tile/0/0/0", "band/1"):
            headers = {"X-Dmlseg-Session": token}
            told(client.get(f"/stage/{path}", headers=headers))
