"""Recipes that come while something else goes on, and those that cannot be painted."""

import json
import threading
import time

from tests.edit.test_session import CAT
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
