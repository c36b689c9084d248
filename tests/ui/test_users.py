"""Several users of one app: whose photo is whose, who waits for whom, who may come in."""

import json
import threading
import time

import pytest

from dmlseg_core.stage import desks
from dmlseg_core.ui import served
from tests.edit.test_session import CAT, PERSON, picture
from tests.ui.server import KnownScenes, User, file_of, serving


def test_without_a_session_or_a_photo_it_is_gone(client):
    user = User(client)
    for path in ("state", "preview", "fields", "mask/1", "tile/0/0/0", "work"):
        answer = user.get(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "gone"), path
    user.token = "0" * 32
    for answer in (user.get("state"), user.ask(op="undo"), user.post("photo", file_of())):
        assert (answer.status_code, answer.json()["code"]) == (409, "gone")


def test_two_users_never_mix(client):
    ann, bob = User(client), User(client)
    ann.open(), bob.open()
    assert ann.token != bob.token and len(ann.token) == 32
    ann.click(CAT), bob.click(PERSON)
    ann.edit(op="style", style={"color": "red"})
    assert [s["name"] for s in bob.get("state").json()["selections"]] == ["person"]
    assert bob.get("work").json()["recipe"]["edits"][0]["style"]["color"] is None
    shapes = {u.get("state").json()["look"] for u in (ann, bob)}
    assert len(shapes) == 2


def test_an_evicted_photo_comes_back_with_its_edits_and_its_undo():
    with serving(limit=0.01) as client:
        ann, bob = User(client), User(client)
        ann.open()
        ann.click(CAT)
        made = ann.edit(op="style", style={"color": "red"})
        bob.open()
        assert ann.ask(op="undo").json()["code"] == "gone"
        state = ann.open()
        assert state["selections"][0]["color"] == "red"
        assert state["history"] == made["history"]
        assert not ann.edit(op="undo")["selections"][0]["painted"]
        assert bob.get("state").json()["code"] == "gone"


def test_a_photo_that_others_push_out_before_its_analysis_is_gone_and_no_fault(monkeypatch):
    with serving() as client:
        ann = User(client)
        ann.open()
        (desk,) = client.stage.desks._desks.values()
        monkeypatch.setattr(client.stage.desks, "trim", desk.clear)  # as their analysis would
        assert ann.post("photo?name=a.png", file_of()).status_code == 200
        monkeypatch.undo()
        assert ann.get("state").json()["code"] == "gone" and desk.phase == "empty"
        assert ann.open()["phase"] == "ready"


def test_a_page_that_was_left_gives_its_photo_up_and_finds_its_edits_again(monkeypatch):
    monkeypatch.setattr(served, "SWEEP", 0.01)
    with serving() as client:
        ann, bob = User(client), User(client)
        ann.open(), bob.open()
        made = ann.click(CAT)
        monkeypatch.setattr(desks, "GRACE", -1)
        assert ann.post("leave").status_code == 200
        held, until = client.stage.desks.nbytes, time.monotonic() + 20
        while client.stage.desks.nbytes == held and time.monotonic() < until:
            time.sleep(0.02)  # asking for the desk would keep it
        assert ann.get("state").json()["code"] == "gone"
        assert bob.get("state").status_code == 200  # who did not leave
        assert ann.open()["history"] == made["history"]
        ann.token = "0" * 32
        assert ann.post("leave").status_code == 200  # tells nothing about whose token it is


def test_another_photo_starts_anew_and_the_first_one_is_not_forgotten(user):
    user.click(CAT)
    assert user.open(file_of(255 - picture()))["selections"] == []
    assert [s["name"] for s in user.open()["selections"]] == ["cat"]


def test_clicks_go_on_while_another_photo_is_analysed():
    segmenter = KnownScenes()
    with serving(segmenter) as client:
        ann, bob = User(client), User(client)
        ann.open()
        held = threading.Event()
        segmenter.before = lambda: held.wait(20)
        bob.post("photo?name=b.png", file_of())
        assert len(ann.click(CAT)["selections"]) == 1
        assert bob.get("state").json()["phase"] in ("queued", "network")
        assert bob.ask(op="undo").json()["code"] == "busy"
        assert bob.get("preview").status_code == 200
        held.set()
        assert bob.settled()["phase"] == "ready"


def test_an_analysis_that_fails_is_told():
    segmenter = KnownScenes()

    def fail():
        raise RuntimeError("a secret of the server")

    with serving(segmenter) as client:
        user = User(client)
        segmenter.before = fail
        user.post("photo?name=a.png", file_of())
        for _ in range(400):
            answer = user.get("state")
            if answer.status_code != 200:
                break
        assert (answer.status_code, answer.json()["code"]) == (500, "failed")
        assert "secret" not in answer.text
        segmenter.before = lambda: None
        assert user.open()["phase"] == "ready"


@pytest.fixture(scope="module")
def guarded():
    with serving(auth=("ann", "s3cret")) as made:
        yield made


class TestLogin:
    """--auth guards the stage as it guards Gradio's page."""

    def test_nothing_without_a_login(self, guarded):
        guarded.cookies.clear()
        for method, path in (("post", "session"), ("get", "state"), ("post", "edit"),
                             ("post", "export"), ("get", "swatches.ase?colors=[]")):  # fmt: skip
            answer = getattr(guarded, method)(f"/stage/{path}")
            assert (answer.status_code, answer.json()["code"]) == (401, "login"), path
        wrong = {"username": "ann", "password": "guess"}
        assert guarded.post("/login", data=wrong).status_code == 400

    def test_all_with_one(self, guarded):
        right = {"username": "ann", "password": "s3cret"}
        assert guarded.post("/login", data=right).status_code == 200
        user = User(guarded)
        user.open()
        assert len(user.click(CAT)["selections"]) == 1

    def test_another_site_has_no_use_of_the_login(self, guarded):
        """Gradio's cookie says SameSite=None, and its logout, a mere GET, ends all of a name's."""
        right = {"username": "ann", "password": "s3cret"}
        cookies = guarded.post("/login", data=right).headers.get_list("set-cookie")
        assert cookies
        assert not [told for told in cookies if "samesite=none" in told.lower()]
        image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
        assert guarded.get("/logout", headers=image).status_code == 403
        assert guarded.post("/stage/session").status_code == 200
        guarded.get("/logout", headers={"Sec-Fetch-Site": "none"})
        assert guarded.post("/stage/session").status_code == 401


def test_limits_and_words_of_a_session(client):
    about = User(client, "zh-TW").about
    assert about["language"] == "zh"
    assert about["limits"] == {"megabytes": 400.0, "megapixels": 100.0}
    assert json.dumps(about)
