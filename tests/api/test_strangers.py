"""Programs that mean no good, or know no better: every answer is a sentence, and nothing else."""

import base64
import itertools
import json
import tempfile
import threading
from pathlib import Path

import pytest

from dmlseg_core.api.calls import CALLS
from dmlseg_core.api.kept import Kept
from dmlseg_core.api.service import WAITING, WORKERS
from dmlseg_core.ui.guard import HEADERS
from tests.edit.test_session import CAT
from tests.photo.test_hostile import SMALL
from tests.ui.server import KnownScenes, file_of, serving

ODD = [None, True, "x", "<b>", [], {}, [[]], -1, 1e308, -1e308, 10**30, "NaN", "9" * 400, 10**400,
       [1, 2], {"x": 1}, [[1e308, 2]], [[1]] * 300, "\0", "data:,", "../../etc/passwd"]  # fmt: skip
URL = "/api/v1/"
NAMELESS = b"--a\r\nContent-Disposition: form-data\r\n\r\n1\r\n--a--"


@pytest.fixture(scope="module")
def client():
    with serving() as made:
        yield made


def told(answer, *statuses):
    """A refusal as a program reads it."""
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert all(answer.headers[name] == value for name, value in HEADERS.items())
    text = answer.json()["error"]
    assert text and "Traceback" not in text
    assert str(Path.cwd()) not in text and tempfile.gettempdir() not in text
    return text


def test_hostile_photos_are_taken_or_refused_in_a_sentence(client):
    for _, data in SMALL[::8]:
        answer = client.post(f"{URL}mask", files={"photo": data}, data={"x": 3, "y": 3})
        if answer.status_code != 200:
            told(answer, 422)


def test_odd_values_never_fail_in_another_way_than_a_sentence(client):
    made = client.post(f"{URL}analyze", files={"photo": file_of()}).json()["id"]
    odd = itertools.cycle(ODD)
    for call in CALLS[1:]:
        for name in call.asked.model_fields:
            for value in itertools.islice(odd, 5):
                values = {"id": made, "x": CAT[1], "y": CAT[0], "color": "red", name: value}
                values = {k: v for k, v in values.items() if k in call.asked.model_fields}
                answer = client.post(URL + call.name, content=json.dumps(values),
                                     headers={"Content-Type": "application/json"})  # fmt: skip
                if answer.status_code != 200:
                    told(answer, 404, 422, 400)


@pytest.mark.parametrize(("body", "status"), [
    (b"", 400), (b"{", 400), (b"[1]", 422), (b"3", 422), (b'{"x": NaN, "y": 1, "id": "a"}', 422),
    (b"[" * 100_000, 400), (b'{"x":' + b"9" * 10_000 + b"}", 400), (b"\xff\xfe", 400),
    (b'{"x":' + b"[" * 600_000, 413), (b'{"x":"' + b"," * 600_000 + b'"}', 413),
    (b'{"color": "' + b"a" * 300 + b'"}', 422),
])  # fmt: skip
def test_json_that_is_none_or_too_much(client, body, status):
    headers = {"Content-Type": "application/json"}
    told(client.post(f"{URL}recolor", content=body, headers=headers), status)


@pytest.mark.parametrize(("kind", "body", "status"), [
    ("multipart/form-data", b"x", 400), ("multipart/form-data; boundary=a", b"--b\r\n\r\n", 400),
    ("multipart/form-data; boundary=a", NAMELESS, 400),
    ("text/plain", b"x", 415), ("", b"x", 415), ("image/png", b"x", 415),
    ("application/x-www-form-urlencoded", b"&" * 300_000, 422),
])  # fmt: skip
def test_forms_that_are_none(client, kind, body, status):
    told(client.post(f"{URL}mask", content=body, headers={"Content-Type": kind}), status)


def test_forms_have_few_parts(client):
    many = {f"a{k}": b"x" for k in range(10)}
    told(client.post(f"{URL}mask", files=many), 400)
    told(client.post(f"{URL}mask", files={"photo": file_of()},
                     data={f"a{k}": "x" for k in range(300)}), 400)  # fmt: skip
    told(client.post(f"{URL}mask", files={"photo": file_of()}, data={"color": "x" * 2**21}), 400)


def test_two_photos_or_a_text_for_one_are_refused(client):
    twice = [("photo", file_of()), ("photo", file_of())]
    told(client.post(f"{URL}mask", files=twice, data={"x": 1, "y": 1}), 422)
    told(client.post(f"{URL}mask", files={"x": file_of(), "photo": file_of()}, data={"y": 1}), 422)


def test_no_argument_names_a_file_or_an_address(client):
    for value in ("/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x.png", "a.png"):
        values = {"photo": value, "x": 1, "y": 1}
        assert "base64" in told(client.post(f"{URL}mask", json=values), 422)


def test_ids_are_not_to_be_guessed_and_end(client):
    names = {client.post(f"{URL}analyze", files={"photo": file_of()}).json()["id"]
             for _ in range(3)}  # fmt: skip
    assert len(names) == 3 and all(len(name) == 32 for name in names)
    for name in ("", "0" * 32, next(iter(names)).upper(), next(iter(names))[:-1]):
        told(client.post(f"{URL}mask", data={"id": name, "x": 1, "y": 1}), 404, 422)


def test_kept_photos_are_bounded_in_bytes_and_time(session, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dmlseg_core.api.kept.time.monotonic", lambda: now[0])
    kept = Kept(int(2.5 * session.nbytes), seconds=60)
    first, second = kept.put(session), kept.put(session)
    assert kept.get(first) is session  # used: now the second is the oldest
    third = kept.put(session)
    assert kept.get(second) is None and kept.get(first) and kept.get(third)
    now[0] = 59
    assert kept.get(third)
    now[0] = 61
    assert kept.get(first) is None and kept.get(third) and len(kept) == 1
    tiny = Kept(1)
    assert tiny.get(tiny.put(session)) is session  # the newest stays


def test_calls_that_wait_are_bounded_and_the_page_goes_on():
    scenes, go = KnownScenes(), threading.Event()
    scenes.before = lambda: go.wait(20)
    with serving(scenes) as client:
        answers, tasks = [], []

        def call():
            answers.append(client.post(f"{URL}mask", files={"photo": file_of()},
                                       data={"x": CAT[1], "y": CAT[0]}))  # fmt: skip

        for _ in range(WORKERS + WAITING + 3):
            tasks.append(threading.Thread(target=call))
            tasks[-1].start()
        for _ in range(2000):
            if sum(a.status_code == 503 for a in answers) == 3:
                break
            threading.Event().wait(0.005)
        assert client.get("/").status_code == 200
        go.set()
        for task in tasks:
            task.join()
        refused = [a for a in answers if a.status_code == 503]
        assert len(refused) == 3 and all(a.headers["retry-after"] for a in refused)
        told(refused[0], 503)
        assert sum(a.status_code == 200 for a in answers) == WORKERS + WAITING


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_every_route_but_health_asks_for_the_login():
    with serving(auth=("ann", "s:cret")) as client:
        assert client.get(f"{URL}health").json() == {"status": "ok"}
        for name in ("openapi.json", "docs"):
            told(client.get(URL + name), 401)
        for call in CALLS:
            told(client.post(URL + call.name, data={"x": 1}), 401)
        for path in ("info", "queue/data?session_hash=a"):
            assert client.get(f"/gradio_api/{path}").status_code == 401
        assert client.post("/gradio_api/queue/join", json={"data": []}).status_code == 401
        assert client.get(f"{URL}docs", headers=basic("ann:s:cret")).status_code == 200
        told(client.post(f"{URL}mask", headers=basic("ann:s:cret")), 415)
        for wrong in (
            "Basic %%",
            "Basic",
            "Bearer x",
            "basic " + base64.b64encode(b"ann").decode(),
        ):
            told(client.get(f"{URL}docs", headers={"Authorization": wrong}), 401)
        form = {"username": "ann", "password": "s:cret"}
        assert client.post("/login", data=form).status_code == 200
        assert client.get(f"{URL}docs").status_code == 200  # the page's cookie


def test_passwords_are_not_tried_without_end():
    with serving(auth=("ann", "secret")) as client:
        for k in range(10):
            told(client.get(f"{URL}docs", headers=basic(f"ann:{k}")), 401)
        told(client.get(f"{URL}docs", headers=basic("ann:secret")), 429)
        told(client.get(f"{URL}docs"), 401)


def test_without_the_api_there_is_nothing():
    with serving(api=False) as client:
        assert client.get(f"{URL}health").status_code == 404
        assert client.post(f"{URL}analyze", files={"photo": file_of()}).status_code == 404
        assert client.get("/gradio_api/info").status_code == 404
        assert client.post("/gradio_api/queue/join", json={}).status_code == 404
        assert client.get("/").status_code == 200


def test_gradio_parses_no_bombs_and_moves_no_files(client):
    join = "/gradio_api/queue/join"
    bomb = b'{"data":' + b"[" * 600_000
    answer = client.post(join, content=bomb, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)  # FastAPI's word for a body that was cut off, or ours
    for path in ("upload", "call/mask", "run/predict", "api/predict", "file=/etc/passwd", "reset"):
        assert client.post(f"/gradio_api/{path}", json={}).status_code == 404
        assert client.get(f"/gradio_api/{path}").status_code == 404


@pytest.mark.parametrize("which", [{"fn_index": -1}, {"fn_index": 99}, {}, {"fn_index": None}])
def test_functions_that_are_none_are_a_sentence(client, which, capfd):
    answer = client.post("/gradio_api/queue/join", json={"data": [], "session_hash": "x", **which})
    assert answer.status_code == 400
    assert "no such function" in answer.json()["detail"]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("values", [[], [1]])
def test_a_call_with_too_few_values_ends_in_a_sentence(client, values, capfd):
    asked = {"data": values, "fn_index": 0, "session_hash": "x"}
    assert client.post("/gradio_api/queue/join", json=asked).status_code == 200
    with client.stream("GET", "/gradio_api/queue/data?session_hash=x") as answer:
        told = "".join(answer.iter_text())
    assert f"values; got {len(values)}" in told
    assert "Traceback" not in capfd.readouterr().err


def test_other_sites_pages_may_not_call(client):
    headers = {"Sec-Fetch-Site": "cross-site"}
    told(client.post(f"{URL}analyze", files={"photo": file_of()}, headers=headers), 403)


@pytest.mark.parametrize(("fields", "sentence"), [
    ({"photo": "sofa.jpg"}, "curl: -F NAME=@FILE"), ({"colr": "red"}, "did you mean color?"),
    ({"nothing_like_it": "1"}, "there are photo, id"),
    ({"box": "[1,2,3]"}, "at least 4 items, not 3"),
    ({"file_quality": "101", "format": "jpeg"}, "file_quality must be less than or equal to 100"),
])  # fmt: skip
def test_what_was_meant_is_told(client, fields, sentence):
    answer = client.post(f"{URL}recolor", data={"x": "1", "y": "1", "color": "red", **fields})
    assert sentence in told(answer, 422)


def test_arguments_that_would_be_lost_are_refused(client):
    photo = {"photo": file_of()}
    assert "body" in told(client.post(f"{URL}mask?x=3&y=3", files=photo), 422)
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert "Content-Encoding" in told(client.post(f"{URL}mask", content=b"{}", headers=packed), 415)
    told(client.post(f"{URL}mask/", files=photo, follow_redirects=False), 404)
