"""A set of photos while it is worked on: replaced, run twice, thrown away; what bounds it."""

import threading
import time

import numpy as np
import pytest

from dmlseg_core.stage import InTurn
from dmlseg_core.ui.answers import RefusedError
from dmlseg_core.ui.many import shelf as shelves
from dmlseg_core.ui.many.shelves import Shelves
from tests.edit.test_session import picture
from tests.ui.many.test_many import add, card, run
from tests.ui.server import User, file_of


@pytest.fixture
def held(client):
    """Lets the network go on; it waits until then."""
    segmenter, asked, go = client.stage.segmenter, threading.Event(), threading.Event()
    segmenter.before = lambda: (asked.set(), go.wait(20))
    go.asked = asked
    yield go
    go.set()
    segmenter.before = lambda: None


def started(user, held):
    assert user.post("many/run", b"{}").status_code == 200
    assert held.asked.wait(20)


def ended(user):
    for _ in range(400):
        if not (state := user.get("many").json())["running"]:
            return state
        time.sleep(0.02)
    raise AssertionError("the run never ends")


def test_a_second_run_is_refused_and_disturbs_nothing(user, held):
    add(user, "a.png")
    started(user, held)
    again = user.post("many/run", b"{}")
    assert (again.status_code, again.json()["code"]) == (409, "many_busy")
    assert user.get("many").json()["running"]
    held.set()
    state = ended(user)
    assert state["error"] is None and card(state, "a.png")["status"] == "done"


def test_two_that_begin_at_the_same_moment_are_one(user, client, held):
    """Both have looked whether a run goes on before either begins."""
    add(user, "a.png")
    shelf = client.stage.shelves.get(user.token)
    turn = InTurn(client.stage.analyst, client.stage.segmenter.config)
    first, second = (shelf.batch(turn, None, 100.0) for _ in range(2))
    shelf.start(first, None)
    with pytest.raises(RefusedError, match="many_busy"):
        shelf.start(second, None)
    held.set()
    assert ended(user)["error"] is None


def test_a_photo_that_is_replaced_meanwhile_keeps_no_row_of_the_old_one(user, held):
    add(user, "a.png", "b.png")
    started(user, held)
    assert user.post("many/photo?name=a.png", file_of(255 - picture())).status_code == 200
    held.set()
    state = ended(user)
    assert card(state, "a.png")["status"] == "waiting"
    assert card(state, "b.png")["status"] == "done"


def test_a_set_that_is_thrown_away_meanwhile_leaves_nothing_on_the_disk(user, client, held):
    add(user, "a.png", "b.png")
    shelf = client.stage.shelves.get(user.token)
    started(user, held)
    assert user.post("many/clear").status_code == 200
    held.set()
    for _ in range(400):
        if not shelf.running:
            break
        time.sleep(0.02)
    assert not shelf.running and not shelf.root.exists()
    with pytest.raises(RefusedError, match="many_none"):
        shelf.add("c.png", file_of())
    assert not shelf.root.exists()


def test_a_set_without_a_photo_is_told_without_its_place(user, client):
    assert user.post("many/photo?name=notes.txt", b"x").status_code == 422
    answer = user.post("many/run", b"{}")
    assert answer.status_code == 422 and "add one first" in answer.json()["message"]
    user.language = "zh"
    assert "请先添加" in user.post("many/run", b"{}").json()["message"]
    place = str(client.stage.shelves.get(user.token).root)
    assert place not in answer.text


def test_what_ends_a_run_is_told_without_its_place(user, client):
    add(user, "a.png")
    shelf = client.stage.shelves.get(user.token)
    shelf.out.write_bytes(b"a file where the results are to lie")
    user.post("many/run", b"{}")
    state = ended(user)
    assert state["error"] and str(shelf.root) not in state["error"]


def test_the_apps_limit_of_pixels_is_the_sets_too(user, client, monkeypatch):
    add(user, "a.png")
    user.post("many/photo?name=large.png", file_of(np.zeros((120, 200, 3), np.uint8)))
    monkeypatch.setattr(client.stage, "max_megapixels", 0.02)
    assert {p["name"]: p["status"] for p in run(user)["photos"]} == {
        "a.png": "done", "large.png": "failed",
    }  # fmt: skip


def test_results_without_end_are_refused(user, client, monkeypatch):
    add(user, "a.png")
    run(user)
    monkeypatch.setattr(client.stage.shelves, "limit", 10)
    answer = user.post("many/run", b"{}")
    assert answer.status_code == 422 and "start another set" in answer.json()["message"]


def test_sets_are_bounded_in_number(tmp_path, monkeypatch):
    monkeypatch.setattr(shelves.tempfile, "tempdir", str(tmp_path))
    all_of_them = Shelves(most=2)
    for token in "abcd":
        all_of_them.get(token, make=True)
        all_of_them.trim()
    assert [token for token in "abcd" if all_of_them.get(token)] == ["c", "d"]
    assert len(list(tmp_path.iterdir())) == 2
    all_of_them.close()


def test_nobody_waits_while_files_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(shelves.tempfile, "tempdir", str(tmp_path))
    all_of_them, seen = Shelves(), []

    def held(_):
        other = threading.Thread(target=lambda: seen.append(all_of_them.get("a")))
        other.start()
        other.join(5)
        return 1

    monkeypatch.setattr(shelves.Shelf, "held", held)
    all_of_them.get("a", make=True)
    all_of_them.trim()
    assert len(seen) == 1
    all_of_them.close()


ASKED = {
    "get": ("many/thumb?name=a.png", "many/recipe", "many/zip"),
    "post": ("many/open?name=a.png", "many/run", "many/stop", "many/keep?name=a.png"),
}


def test_nobody_reaches_the_set_of_another(user, client):
    add(user, "a.png")
    run(user)
    other = User(client)
    assert other.get("many").json()["photos"] == []
    for method, paths in ASKED.items():
        for path in paths:
            for token in (other.token, "0" * 32, "", user.token.upper() + "0"):
                headers = {"X-Dmlseg-Session": token}
                answer = client.request(method, f"/stage/{path}", headers=headers, content=b"{}")
                assert answer.status_code in (404, 409), (path, answer.text)
    other.post("many/clear")
    assert len(user.get("many").json()["photos"]) == 1


def test_a_set_that_was_put_away_is_gone_for_every_route(user, client):
    add(user, "a.png")
    run(user)
    client.stage.shelves.drop(user.token)
    for method, paths in ASKED.items():
        for path in paths:
            answer = client.request(method, f"/stage/{path}", headers=user.headers(), content=b"{}")
            assert (answer.status_code, answer.json()["code"]) == (404, "many_none"), path


def test_files_that_vanish_meanwhile_are_told_without_their_place(user, client):
    add(user, "a.png", "b.png")
    run(user)
    shelf = client.stage.shelves.get(user.token)
    user.post("many/photo?name=bad.jpg", b"no photo")
    for path in (shelf.root / "in").glob("b.*"):
        path.unlink()
    for path in [p for p in shelf.out.rglob("*") if p.is_file() and "labels" not in p.parts]:
        path.unlink()
    for path in ("many/thumb?name=a.png", "many/thumb?name=b.png"):
        assert user.get(path).status_code == 404
    for name in ("b.png", "bad.jpg"):
        answer = user.post(f"many/open?name={name}")
        assert answer.status_code == 422 and name in answer.json()["message"]
        assert str(shelf.root) not in answer.text
    assert user.get("many/zip").status_code == 200
    assert user.post("many/photo?name=b.png", file_of()).status_code == 200
    assert str(shelf.root) not in user.post("many/run", b"{}").text
    assert str(shelf.root) not in str(ended(user))
