"""The stage's routes, asked as the page asks them."""

import json
import threading

import numpy as np
import pytest

from dmlseg_core.stage.pack import unpack
from tests.edit.test_session import CAT, PERSON, picture
from tests.ui.server import KnownScenes, User, file_of, serving


@pytest.fixture(scope="module")
def client():
    with serving() as made:
        yield made


@pytest.fixture
def user(client):
    made = User(client)
    made.open()
    return made


def test_the_page_is_one_component_and_its_files_are_served(client):
    page = client.get("/")
    assert page.status_code == 200 and "stage-host" in page.text
    module = client.get("/stage/js/main.js")
    assert module.headers["content-type"].startswith("text/javascript")
    tag = {"If-None-Match": module.headers["etag"]}
    assert client.get("/stage/js/main.js", headers=tag).status_code == 304


@pytest.mark.parametrize(
    "name", ["..%2Fload.js", "%2Fetc%2Fpasswd", "nothing.js", "main.py", ".js"]
)
def test_no_other_file_is_served(client, name):
    answer = client.get(f"/stage/js/{name}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_a_photo_is_decoded_then_analysed(user):
    state = user.get("state").json()
    assert state["phase"] == "ready"
    assert (state["photo"]["width"], state["photo"]["height"]) == (128, 96)
    assert state["photo"]["name"] == "cat.png"
    assert [p["name"] for p in state["proposals"]] == ["cat", "cat", "person", "dog"]
    assert state["history"] == ["Photo opened"] and not state["can_undo"]


def test_names_of_files_lose_their_folders(client):
    user = User(client)
    answer = user.post("photo?name=C:%5Ctemp%5C..%2Fsecret%2Fcat.png", file_of())
    assert answer.json()["photo"]["name"] == "cat.png"


def test_every_sample_opens_and_has_a_picture(client):
    user = User(client)
    samples = user.about["samples"]
    assert len(samples) == 5
    for sample in samples:
        assert user.get(sample["thumb"]).headers["content-type"] == "image/jpeg"
    assert user.post("sample/nothing").json()["code"] == "no_such"
    assert user.get("sample/..").status_code in (404, 405)


def test_edits_come_back_as_the_whole_state(user):
    state = user.click(CAT)
    (cat,) = state["selections"]
    assert state["active"] == cat["id"] and cat["name"] == "cat" and cat["simple"]
    assert state["seq"] == user.seq and state["can_undo"]
    state = user.edit(op="style", id=cat["id"], style={"color": "navy"})
    (cat,) = state["selections"]
    assert cat["hex"] == "#000080" and cat["painted"]
    assert cat["delta_e"]["median"] < 2 and cat["delta_e"]["met"]
    assert "recolored to navy" in cat["summary"]
    state = user.edit(op="undo")
    assert not state["selections"][0]["painted"] and state["can_redo"]
    state = user.edit(op="goto", step=2)
    assert state["selections"][0]["painted"] and state["step"] == 2
    assert state["history"][-1] == "Recolor cat"


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


def test_drags_are_one_step_and_clicks_are_each_one(user):
    user.click(CAT)
    for tau in (0.3, 0.4, 0.5):
        user.edit(op="tau", tau=tau, drag="a")
    for tau in (0.6, 0.7):
        user.edit(op="tau", tau=tau, drag="b")
    assert user.edit(op="undo")["selections"][0]["tau"] == 0.5
    assert user.edit(op="undo")["selections"][0]["auto"]


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


def test_the_mask_is_what_will_be_painted(user):
    state = user.click(CAT)
    number = state["active"]
    header, arrays = unpack(user.get(f"mask/{number}").content)
    left, top, right, bottom = header["box"]
    assert header["size"] == [128, 96]
    assert arrays["mask"].shape == (bottom - top, right - left)
    full = np.zeros((96, 128), np.uint8)
    full[top:bottom, left:right] = arrays["mask"]
    assert full[CAT] == 255 and full[PERSON] == 0


def test_band_and_table_give_what_the_exact_path_gives(user):
    number = user.click(CAT)["active"]
    header, arrays = unpack(user.get(f"band/{number}").content)
    _, table = unpack(user.get(f"lut/{number}?color=%23c8102e").content)
    assert table["table"].shape == (33, 33, 33, 3) and table["shaper"].shape == (4096,)
    assert arrays["F"].shape == arrays["B"].shape == (len(arrays["band"]), 3)
    share = arrays["alpha"].ravel()[arrays["band"]] / 255
    mixed = share[:, None] * _linear(arrays["F"]) + (1 - share[:, None]) * _linear(arrays["B"])
    left, top, right, bottom = header["box"]
    seen = picture()[top:bottom, left:right].reshape(-1, 3)[arrays["band"]]
    assert np.abs(mixed - _linear(seen))[share < 0.9].max() < 0.02


def _linear(levels):
    values = levels / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def test_tiles_are_the_exported_pixels(user):
    import io

    from PIL import Image

    user.click(CAT)
    user.edit(op="style", style={"color": "#c8102e"})
    tile = np.asarray(Image.open(io.BytesIO(user.get("tile/0/0/0").content)))
    file = user.client.post(
        "/stage/export", headers=user.headers(), json={"kind": "photo", "format": "png"}
    )
    np.testing.assert_array_equal(tile, np.asarray(Image.open(io.BytesIO(file.content))))
    before = np.asarray(Image.open(io.BytesIO(user.get("tile/0/0/0?original=1").content)))
    np.testing.assert_array_equal(before, picture())
    half = Image.open(io.BytesIO(user.get("tile/1/0/0").content))
    assert half.size == (64, 48)
    for wrong in ("tile/0/1/0", "tile/0/0/-1", "tile/40/0/0"):
        assert user.get(wrong).status_code == 422


@pytest.mark.parametrize("path", [
    "preview", "preview?result=1", "explain?what=pca", "explain?what=seediness",
    "explain?what=seeds", "explain?what=distance&x=20&y=20",
])  # fmt: skip
def test_pictures(user, path):
    answer = user.get(path.format(user.click(CAT)["active"]))
    assert answer.status_code == 200
    assert answer.headers["content-type"] in ("image/png", "image/jpeg")
    assert "no-store" in answer.headers["cache-control"]


def test_what_is_named_by_a_version_stays_in_the_browser(user):
    number = user.click(CAT)["active"]
    assert "immutable" in user.get(f"mask/{number}?v=abc").headers["cache-control"]


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
    "gate that leaves nothing": {"op": "style", "style": {
        "color": "red", "gates": [{"color": "#00ffff", "tolerance": 0, "softness": 0}]}},
    "no stroke": {"op": "stroke", "points": [], "radius": 3},
    "radius": {"op": "stroke", "points": [[3, 3]], "radius": -1},
    "order": {"op": "reorder", "ids": [1, 1]},
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


@pytest.mark.parametrize("body", [b"", b"words", file_of()[:200]])
def test_files_that_are_no_photo_leave_the_old_one(user, body):
    answer = user.post("photo?name=holiday.png", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "image")
    assert "holiday.png" in answer.json()["message"]
    assert user.get("state").json()["phase"] == "ready"


def test_mistakes_are_told_in_the_pages_language(client):
    for language in ("zh", "zh-CN", "zh-HK", "zh-TW"):
        user = User(client, language)
        user.open()
        message = user.ask(op="click", x=500, y=2).json()["message"]
        assert message == "点击位置在照片之外。"
        assert user.click(CAT)["selections"][0]["name"] == "猫"


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
    assert bob.get("work").json()["edits"][0]["style"]["color"] is None
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


def test_another_quality_keeps_every_edit(user):
    before = user.click(CAT)["selections"]
    user.edit(op="quality", name="fast")
    state = user.settled()
    assert state["quality"] == "fast"
    assert [s["id"] for s in state["selections"]] == [s["id"] for s in before]


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


def test_limits_and_words_of_a_session(client):
    about = User(client, "zh-TW").about
    assert about["language"] == "zh"
    assert about["limits"] == {"megabytes": 400.0, "megapixels": 100.0}
    assert json.dumps(about)


def test_large_uploads_are_refused_before_they_are_read(user, monkeypatch):
    from dmlseg_core.ui import routes

    monkeypatch.setattr(routes, "MAX_MEGABYTES", 0.001)
    answer = user.post("photo?name=a.png", b"\0" * 5000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_palette_says_what_each_material_becomes(user):
    clicked = user.click(CAT)
    number, shape = clicked["active"], clicked["selections"][0]["shape"]
    header, arrays = unpack(user.get(f"materials/{number}").content)
    assert arrays == {} and len(header["materials"]) == 1  # a gray cat
    (cat,) = header["materials"]
    assert cat["share"] == 1 and cat["target"] == cat["color"]
    style = {"color": "#c8102e", "targets": [{"color": cat["color"], "target": "navy"}]}
    state = user.edit(op="style", id=number, style=style)
    assert state["selections"][0]["style"]["targets"] == style["targets"]
    assert state["selections"][0]["shape"] != shape  # what is painted may be another part
    (cat,) = unpack(user.get(f"materials/{number}").content)[0]["materials"]
    assert cat["target"] == "navy"
