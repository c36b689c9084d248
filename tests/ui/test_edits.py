"""Edits by the stage's route, and those that are none."""

import numpy as np
import pytest

from dmlseg_core.stage.pack import unpack
from dmlseg_core.ui.answers import RefusedError, latest
from tests.edit.test_session import CAT, PERSON
from tests.ui.server import User, file_of


def test_edits_come_back_as_the_whole_state(user):
    state = user.click(CAT)
    (cat,) = state["selections"]
    assert state["active"] == cat["id"] and cat["name"] == "cat" and cat["simple"]
    assert state["seq"] == user.seq and state["can_undo"]
    state = user.edit(op="style", id=cat["id"], style={"color": "navy"})
    (cat,) = state["selections"]
    assert cat["hex"] == "#000080" and cat["painted"]
    assert cat["delta_e"]["median"] < 2 and cat["delta_e"]["met"]
    assert f"recolored to navy, Delta-E {cat['delta_e']['median']:.1f}" in cat["summary"]
    state = user.edit(op="undo")
    assert not state["selections"][0]["painted"] and state["can_redo"]
    state = user.edit(op="goto", step=2)
    assert state["selections"][0]["painted"] and state["step"] == 2
    assert state["history"][-1] == "Recolor cat"


def test_the_history_names_what_is_undone_and_what_is_removed(user):
    user.click(CAT)
    made = user.edit(op="style", style={"color": "navy"})["history"]
    assert made[1:] == ["Select cat", "Recolor cat"]
    assert user.edit(op="goto", step=0)["history"] == made
    user.edit(op="goto", step=2)
    assert user.edit(op="remove")["history"] == [*made, "Remove cat"]


def test_versions_change_with_what_they_name(user):
    first = user.click(CAT)
    styled = user.edit(op="style", style={"color": "#c8102e"})
    assert styled["look"] != first["look"]
    assert styled["selections"][0]["shape"] == first["selections"][0]["shape"]
    named = user.edit(op="rename", id=styled["active"], name=" my  cat ")
    assert named["look"] == styled["look"] and named["selections"][0]["name"] == "my cat"
    cut = user.edit(op="tau", tau=0.4)
    assert cut["selections"][0]["shape"] != named["selections"][0]["shape"]
    hidden = user.edit(op="visible", id=cut["active"], on=False)
    assert hidden["look"] == first["look"]


def test_a_click_beside_selects_another_and_escape_lets_go(user):
    user.click(CAT)
    state = user.click(PERSON)
    assert [s["name"] for s in state["selections"]] == ["cat", "person"]
    assert user.edit(op="activate", id=None)["active"] is None
    assert user.click(CAT)["active"] == state["selections"][0]["id"]


def test_a_painted_selection_is_never_changed_by_a_click(user):
    user.click(CAT)
    user.edit(op="tau", tau=0.6)
    painted = user.edit(op="style", style={"color": "red"})["selections"]
    for _ in range(3):
        assert user.click((CAT[0] + 4, CAT[1]))["selections"] == painted
        assert user.click((CAT[0] + 4, CAT[1]), mode="part")["selections"] == painted


def test_work_of_the_hand_is_never_changed_by_a_click(user):
    user.click(CAT)
    points = [[CAT[1], CAT[0]], [CAT[1] + 6, CAT[0]]]
    brushed = user.edit(op="stroke", points=points, radius=9)["selections"]
    assert not brushed[0]["simple"]
    for mode in ("auto", "part"):
        assert user.click(CAT, mode=mode)["selections"] == brushed


def test_drags_are_one_step_and_clicks_are_each_one(user):
    user.click(CAT)
    for tau in (0.3, 0.4, 0.5):
        user.edit(op="tau", tau=tau, drag="a")
    for tau in (0.6, 0.7):
        user.edit(op="tau", tau=tau, drag="b")
    assert user.edit(op="undo")["selections"][0]["tau"] == 0.5
    assert user.edit(op="undo")["selections"][0]["auto"]


BAD = {
    "no op": {},
    "unknown op": {"op": "dance"},
    "no point": {"op": "click"},
    "text for a number": {"op": "click", "x": "left", "y": 2},
    "true for a number": {"op": "click", "x": True, "y": 2},
    "outside": {"op": "click", "x": 500, "y": 2},
    "tau": {"op": "tau", "tau": 1.5},
    "mode": {"op": "click", "x": 3, "y": 3, "mode": "maybe"},
    "no selection": {"op": "style", "id": 77, "style": {"color": "red"}},
    "no color": {"op": "style", "style": {"color": "bluish"}},
    "no field": {"op": "style", "style": {"sparkle": 1}},
    "strength": {"op": "style", "style": {"color": "red", "strength": 7}},
    "gate": {"op": "style", "style": {"gates": ["red"]}},
    "17 gates": {"op": "style", "style": {"gates": [{"color": "red"}] * 17}},
    "gate that leaves nothing": {"op": "style", "style": {
        "color": "red", "gates": [{"color": "#00ffff", "tolerance": 0, "softness": 0}]}},
    "no stroke": {"op": "stroke", "points": [], "radius": 3},
    "radius": {"op": "stroke", "points": [[3, 3]], "radius": -1},
    "order": {"op": "reorder", "ids": [1, 1]},
    "order of texts": {"op": "reorder", "ids": ["1"]},
    "order of things": {"op": "reorder", "ids": [{}]},
    "proposal": {"op": "choose", "proposal": 99},
    "quality": {"op": "quality", "name": "superb"},
    "name": {"op": "rename", "id": 1, "name": "x" * 5000},
}  # fmt: skip


@pytest.mark.parametrize("values", BAD.values(), ids=BAD.keys())
def test_bad_edits_are_one_sentence_and_change_nothing(user, values):
    user.click(CAT)
    before = user.get("state").json()
    answer = user.ask(**values)
    assert answer.status_code == 422
    assert answer.json().keys() == {"code", "message"}
    assert "Traceback" not in answer.text and "dmlseg_core" not in answer.text
    after = user.get("state").json()
    assert after["selections"] == before["selections"] and after["active"] == before["active"]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"op"', b"[" * 50_000, b"\xff\xfe"])
def test_bodies_that_are_no_object(user, body):
    answer = user.post("edit", body)
    assert answer.status_code in (400, 422)
    assert answer.json()["message"]


def test_mistakes_are_told_in_the_pages_language(client):
    for language in ("zh", "zh-CN", "zh-HK", "zh-TW"):
        user = User(client, language)
        user.open()
        message = user.ask(op="click", x=500, y=2).json()["message"]
        assert message == "点击位置在照片之外。"
        assert user.click(CAT)["selections"][0]["name"] == "猫"


def test_another_quality_keeps_every_edit(user):
    before = user.click(CAT)["selections"]
    user.edit(op="quality", name="fast")
    state = user.settled()
    assert state["quality"] == "fast"
    assert [s["id"] for s in state["selections"]] == [s["id"] for s in before]


def test_a_click_brings_its_mask_along_where_the_page_takes_it(user):
    asked = {"op": "click", "x": CAT[1], "y": CAT[0], "mode": "new"}
    whole = {"Accept": "application/octet-stream"}
    answer = user.client.post("/stage/edit", headers={**user.headers(), **whole}, json=asked)
    header, arrays = unpack(answer.content)
    number = header["state"]["active"]
    alone, mask = unpack(user.get(f"mask/{number}").content)
    assert header["of"] == number
    assert (header["box"], header["size"]) == (alone["box"], alone["size"])
    assert (arrays["mask"] == mask["mask"]).all()
    again = {"op": "activate", "id": number}  # the same mask: the state is enough
    answer = user.client.post("/stage/edit", headers={**user.headers(), **whole}, json=again)
    assert answer.json()["active"] == number


def test_an_edit_that_is_sent_again_is_done_once(user):
    user.click(CAT)
    done = user.edit(op="style", style={"color": "navy"})
    user.seq -= 1
    answer = user.edit(op="style", style={"color": "navy"}, again=True)
    assert answer["step"] == done["step"] and answer["selections"] == done["selections"]
    again = user.edit(op="undo", again=True)  # this one had never come
    assert not again["selections"][0]["painted"]
    user.seq -= 1
    assert user.edit(op="undo", again=True)["step"] == again["step"]


def test_the_state_after_a_drag_is_measured_when_it_is_asked_for(user):
    user.click(CAT)
    user.edit(op="style", style={"color": "navy"})
    moved = user.edit(op="tau", tau=0.4, drag="a")
    assert moved["selections"][0]["delta_e"] is None
    state = user.get("state").json()
    assert state["seq"] == moved["seq"] and state["selections"][0]["delta_e"]["median"] < 2


def test_what_is_asked_about_a_photo_is_refused_where_another_one_lies(user):
    digest = user.open()["photo"]["digest"]
    headers = user.headers() | {"X-Dmlseg-Photo": digest}
    assert user.client.get("/stage/state", headers=headers).status_code == 200
    user.open(file_of(np.full((70, 90, 3), 90, np.uint8)))
    for path in ("state", "preview", "fields"):
        answer = user.client.get(f"/stage/{path}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "gone")
    asked = {"seq": 9, "op": "click", "x": 3, "y": 3}
    assert user.client.post("/stage/edit", headers=headers, json=asked).status_code == 409


def test_an_older_upload_never_replaces_a_newer_photo(user):
    """The first one is read slowly, and comes last."""
    desk = user.client.stage.desks.get(user.token)
    first, second = desk.called(), desk.called()
    photo = desk.work.photo
    assert latest(desk, second, lambda: photo) is photo
    with pytest.raises(RefusedError, match="superseded"):
        latest(desk, first, lambda: photo)
