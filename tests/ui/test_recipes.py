"""Recipes that come while something else goes on, and those that cannot be painted."""

import json
import threading
import time

import pytest

from tests.edit.test_session import CAT, PERSON
from tests.ui.server import KnownScenes, User, serving


def recipe_of(user, **style):
    """The recipe of a painted cat, in another style."""
    user.click(CAT)
    user.edit(op="style", style={"color": "#c8102e"})
    file = user.post("export", json.dumps({"kind": "recipe"}).encode()).json()
    file["edits"][0]["style"] |= style
    return file


def test_a_recipe_does_not_wait_for_an_analysis_that_waits_for_it():
    """The network's one thread lays a new scene under the session: nobody who waits for that thread
    may hold the session meanwhile.
    """
    go_on, network = threading.Event(), KnownScenes()
    with serving(network) as client:
        user = User(client)
        user.open()
        file = recipe_of(user)
        file["scene"] |= {"long_side": 320}
        answers = []
        bring = threading.Thread(
            target=lambda: answers.append(user.post("import", json.dumps(file).encode())),
            daemon=True,
        )
        network.before = lambda: go_on.wait(20)
        user.edit(op="quality", name="best")
        bring.start()
        queue = client.stage.analyst._pool._work_queue
        while not queue.qsize():
            time.sleep(0.01)
        go_on.set()
        bring.join(20)
        assert answers and answers[0].status_code == 200
        assert user.settled()["quality"] == "fast"


def test_a_recipe_whose_gate_leaves_nothing_is_told_and_does_not_stay(user):
    gate = {"color": "#00ffff", "tolerance": 0, "softness": 0, "exclude": False}
    file = recipe_of(user, gates=[gate])
    before = user.edit(op="clear")
    answer = user.post("import", json.dumps(file).encode())
    assert answer.status_code == 422 and "gate" in answer.json()["message"]
    after = user.get("state").json()
    assert after["selections"] == before["selections"] == []


SHOWN = ("history", "step", "active", "can_undo", "can_redo")


def worked(user):
    """A user's work in the browser: two things painted, one of them removed, and that undone."""
    user.click(CAT)
    user.edit(op="style", style={"color": "#c8102e"})
    person = user.click(PERSON)["active"]
    user.edit(op="rename", id=person, name="Ann")
    user.edit(op="style", id=person, style={"color": "navy"})
    user.edit(op="remove", id=person)
    return user.edit(op="undo"), user.get("work").content


def listed(state):
    return [(s["id"], s["name"], s["hex"], s["tau"], s["points"]) for s in state["selections"]]


def test_the_history_comes_back_in_another_session(user):
    before, work = worked(user)
    other = User(user.client)
    other.open()
    after = other.post("import", work).json()
    assert [after[name] for name in SHOWN] == [before[name] for name in SHOWN]
    assert listed(after) == listed(before)
    redone = other.edit(op="redo")
    assert redone["history"][-1] == "Remove Ann" and len(redone["selections"]) == 1
    assert not other.edit(op="goto", step=0)["selections"]
    assert other.click((5, 5))["active"] not in {s["id"] for s in before["selections"]}


def test_work_beside_what_was_done_is_one_more_step(user):
    before, work = worked(user)
    after = user.post("import", work).json()
    assert len(after["history"]) == before["step"] + 2
    assert [s["hex"] for s in after["selections"]] == [s["hex"] for s in before["selections"]]
    assert listed(user.edit(op="undo")) == listed(before)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("at",), 99),
        (("at",), None),
        (("steps",), []),
        (("steps", 1, "active"), 1),
        (("steps", 1, "of"), [[0, 1], [0, 1]]),
        (("steps", 1, "of"), [[7, 1]]),
        (("steps", 1, "of"), [[-1, 1]]),
        (("steps", 1, "of"), [[True, 1]]),
        (("steps", 1, "of"), [[0]]),
        (("steps", 1, "later"), 1),
    ],
)
def test_a_damaged_history_is_refused_and_nothing_is_changed(user, path, value):
    file = json.loads(worked(user)[1])
    place = file["history"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    other = User(user.client)
    before = other.open()
    answer = other.post("import", json.dumps(file).encode())
    assert answer.status_code == 422 and "history" in answer.json()["message"]
    assert other.get("state").json()["history"] == before["history"]
