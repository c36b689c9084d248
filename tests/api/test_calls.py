"""The calls as a program makes them, on known scenes behind the real routes."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.api.calls import CALLS
from dmlseg_core.edit import EditSession
from tests import synth
from tests.edit.test_session import CAT, PERSON, picture
from tests.ui.server import file_of, serving


@pytest.fixture(scope="module")
def client():
    with serving() as made:
        yield made


def post(client, name, files=None, **values):
    files = {"photo": file_of()} if files is None and "id" not in values else files
    return client.post(f"/api/v1/{name}", files=files, data=values)


def good(answer):
    assert answer.status_code == 200, answer.text
    return answer


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="module")
def found(client):
    return good(post(client, "analyze")).json()


def test_analyze_names_every_object(found):
    assert [o["class_name"] for o in found["objects"]] == ["cat", "cat", "person", "dog"]
    assert [o["object"] for o in found["objects"]] == [1, 2, 3, 4]
    assert (found["photo"]["width"], found["photo"]["height"]) == (128, 96)
    cat = found["objects"][0]
    assert synth.labels()[cat["y"] // 4, cat["x"] // 4] == 1
    shares = [o["share"] for o in found["objects"]]
    sizes = [(synth.labels() == k).mean() for k in (1, 2, 3, 4)]
    assert np.allclose(shares, sizes, atol=1e-4)


def test_a_mask_is_that_of_the_object_however_it_is_named(client, found):
    truth = np.kron(synth.labels() == 1, np.ones((4, 4))) > 0
    for where in (
        {"x": CAT[1], "y": CAT[0]},
        {"object": 1},
        {"x": CAT[1], "y": CAT[0], "tau": 0.5},
        {"box": "[10, 6, 48, 40]"},
    ):
        answer = good(post(client, "mask", id=found["id"], **where))
        assert answer.headers["content-type"] == "image/png"
        mask = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert mask.shape == (96, 128) and mask.dtype == np.uint8
        both, either = (mask > 127) & truth, (mask > 127) | truth
        assert both.sum() / either.sum() > 0.8, where
        figures = json.loads(answer.headers["x-dmlseg-figures"])
        assert figures["area"] == (mask > 127).sum() and figures["class_name"] == "cat"


def test_points_add_and_take_away(client, found):
    both = good(
        post(client, "mask", id=found["id"], x=CAT[1], y=CAT[0], add=f"[[{PERSON[1]},{PERSON[0]}]]")
    )
    mask = np.asarray(Image.open(io.BytesIO(both.content)))
    assert mask[CAT] > 127 and mask[PERSON] > 127
    values = {"id": found["id"], "x": CAT[1], "y": CAT[0], "subtract": [[PERSON[1], PERSON[0]]]}
    one = good(client.post("/api/v1/mask", json=values))
    mask = np.asarray(Image.open(io.BytesIO(one.content)))
    assert mask[CAT] > 127 and mask[PERSON] < 128


@pytest.mark.parametrize("where", [
    {"x": CAT[1], "y": CAT[0], "tau": 1 - 1e-16}, {"x": 1, "y": 1, "subtract": [[1, 1]]},
    {"box": [1, 1, 1.0001, 1.0001]}, {"box": [-9, -9, 0, 0]}, {"box": [200, 0, 300, 9]},
    {"box": [40, 40, 10, 10]},
])  # fmt: skip
def test_where_there_is_nothing_to_paint_a_sentence_says_so(client, found, where):
    answer = client.post("/api/v1/recolor", json={"id": found["id"], "color": "navy", **where})
    if answer.status_code != 200:
        assert answer.status_code == 422, answer.text
        assert "nothing of the photo" in answer.text or "[left, top, right" in answer.text
    else:
        assert json.loads(answer.headers["x-dmlseg-figures"])["area"] > 0


def test_many_points_cost_one_mask(client, found, monkeypatch):
    seen = []
    mask = EditSession.mask
    monkeypatch.setattr(EditSession, "mask", lambda *a: seen.append(a) or mask(*a))
    far = [[CAT[1], CAT[0]]] * 100
    values = {"id": found["id"], "x": CAT[1], "y": CAT[0], "add": far, "subtract": [[90, 70]] * 100}
    assert client.post("/api/v1/mask", json=values).status_code == 200
    assert 0 < len(seen) < 10


def test_recolor_changes_the_object_and_says_how_well(client, found):
    answer = good(post(client, "recolor", id=found["id"], object=1, color="navy"))
    made, before = pixels(answer.content), picture()
    assert answer.headers["content-type"] == "image/png"  # as the photo
    changed = (made != before).any(axis=2)
    assert changed[CAT] and not changed[PERSON]
    figures = json.loads(answer.headers["x-dmlseg-figures"])
    assert float(answer.headers["x-delta-e"]) == pytest.approx(figures["delta_e"], abs=0.01)
    assert figures["delta_e"] < 2 and figures["box"][2] > 0


def test_a_given_mask_and_a_jpeg_come_back(client):
    mask = np.zeros((96, 128), np.uint8)
    mask[20:40, 30:60] = 255
    files = {"photo": file_of(kind="JPEG", quality=95), "mask": file_of(mask)}
    answer = good(post(client, "recolor", files, color="#00ff00", format="webp"))
    assert answer.headers["content-type"] == "image/webp"
    made, before = pixels(answer.content), pixels(files["photo"])
    assert (made[25:35, 35:55] != before[25:35, 35:55]).any()
    assert (made[60:] == before[60:]).all()


def test_a_form_json_and_an_id_give_the_same_bytes(client, found):
    values = {"x": CAT[1], "y": CAT[0], "color": "teal"}
    sent = good(post(client, "recolor", **values)).content
    assert good(post(client, "recolor", id=found["id"], **values)).content == sent
    coded = base64.b64encode(file_of()).decode()
    for photo in (coded, f"data:image/png;base64,{coded}"):
        told = good(client.post(
            "/api/v1/recolor", json={"photo": photo, **values},
            headers={"Accept": "application/json"},
        )).json()  # fmt: skip
        assert base64.b64decode(told["file"]["data"]) == sent
        assert told["file"]["media_type"] == "image/png"


def test_a_recipe_goes_round(client, found):
    values = {"x": CAT[1], "y": CAT[0], "color": "teal"}
    recipe = good(post(client, "recolor", id=found["id"], result="recipe", **values)).content
    files = {"photo": file_of(), "recipe": recipe}
    replayed = good(post(client, "replay", files))
    assert replayed.content == good(post(client, "recolor", **values)).content
    assert json.loads(replayed.headers["x-dmlseg-figures"])["edits"][0]["delta_e"] < 2


def test_figures_that_no_header_holds_travel_in_json_alone(client, found, monkeypatch):
    values = {"id": found["id"], "x": CAT[1], "y": CAT[0], "color": "teal"}
    monkeypatch.setattr("dmlseg_core.api.http._MOST_HEADER", 200)
    plain = good(post(client, "recolor", **values))
    assert "x-dmlseg-figures" not in plain.headers and plain.headers["x-delta-e"]
    headers = {"Accept": "application/json"}
    told = client.post("/api/v1/recolor", data=values, headers=headers).json()
    assert len(json.dumps({k: v for k, v in told.items() if k != "file"})) > 200
    assert base64.b64decode(told["file"]["data"]) == plain.content


def test_a_cutout_is_the_object_alone(client, found):
    answer = good(post(client, "recolor", id=found["id"], object=1, color="red", result="cutout"))
    alpha = np.asarray(Image.open(io.BytesIO(answer.content)))[..., 3]
    assert alpha[CAT] == 255 and alpha[PERSON] == 0


def test_a_layer_over_the_photo_shows_the_recolored_one(client, found):
    values = {"id": found["id"], "object": 1, "color": "red"}
    layer = good(post(client, "recolor", result="layer", **values)).content
    below = Image.fromarray(picture()).convert("RGBA")
    below.alpha_composite(Image.open(io.BytesIO(layer)))
    wanted = pixels(good(post(client, "recolor", **values)).content).astype(int)
    assert abs(np.asarray(below)[..., :3] - wanted).max() <= 1


def test_a_palette_holds_the_colors_that_are_there(client):
    halves = np.zeros((96, 128, 3), np.uint8)
    halves[:, :96], halves[:, 96:] = (200, 30, 40), (20, 60, 200)
    colors = good(post(client, "palette", {"photo": file_of(halves)})).json()["colors"]
    assert [c["hex"] for c in colors] == ["#c81e28", "#143cc8"]
    assert [c["share"] for c in colors] == [0.75, 0.25]
    mask = np.zeros((96, 128), np.uint8)
    mask[:, 64:] = 255
    files = {"photo": file_of(halves), "mask": file_of(mask)}
    found = good(post(client, "palette", files)).json()["colors"]  # the object's materials
    assert {c["hex"] for c in found} == {"#c81e28", "#143cc8"}
    assert sum(c["share"] for c in found) == pytest.approx(1, abs=1e-3)


def test_materials_are_kept_or_get_colors_of_their_own(client):
    halves = np.zeros((96, 128, 3), np.uint8)
    halves[:, :96], halves[:, 96:] = (200, 30, 40), (20, 60, 200)
    files = {"photo": file_of(halves), "mask": file_of(np.full((96, 128), 255, np.uint8))}
    body = pixels(good(post(client, "recolor", files, color="#00a000")).content)
    assert (body[40, 110] == halves[40, 110]).all() and (body[40, 40] != halves[40, 40]).any()
    both = pixels(good(post(client, "recolor", files, color="#00a000",
                            target=["#143cc8=#e0e000"])).content)  # fmt: skip
    assert both[40, 110][0] > 150 and both[40, 110][2] < 100
    assert post(client, "recolor", files, color="red", target="black").status_code == 422
    assert post(client, "recolor", files, color="red", materials="some").status_code == 422


def test_gloss_is_asked_for_as_elsewhere(client):
    asked = {"color": "navy", "x": CAT[1], "y": CAT[0], "result": "recipe"}
    told = good(post(client, "recolor", **asked, gloss="matte"))
    assert '"gloss": "matte"' in told.text or '"gloss":"matte"' in told.text
    wrong = post(client, "recolor", **asked, gloss="dull")
    assert wrong.status_code == 422 and "gloss must be one of" in wrong.text


@pytest.mark.parametrize(("values", "why"), [
    ({"pattern_scale": 2}, "pattern_scale goes with pattern"),
    ({"gate_tolerance": 0.2}, "gate_tolerance goes with gate or exclude"),
    ({"result": "cutout", "format": "jpeg"}, "a cutout is a PNG"),
    ({"result": "recipe", "file_quality": 80}, "a recipe is JSON"),
])  # fmt: skip
def test_what_would_say_nothing_is_refused(client, found, values, why):
    answer = post(client, "recolor", id=found["id"], object=1, color="navy", **values)
    assert answer.status_code == 422 and why in answer.json()["error"]


@pytest.mark.parametrize(("values", "why"), [
    ({"x": ["3", "4"], "y": "1"}, "x was given 2 times"),
    ({"color": ["red", "navy", "green"]}, "color was given 3 times"),
    ({"matting": ["true", "true"]}, "matting was given 2 times"),
    ({"object": "99"}, "object must be a number of /analyze, here 1 to "),
])  # fmt: skip
def test_a_forms_field_that_comes_twice_is_told_so(client, found, values, why):
    answer = post(client, "recolor", id=found["id"], **{"color": "navy", **values})
    assert answer.status_code == 422 and why in answer.json()["error"]


def test_swatches_are_read(client):
    data = b"GIMP Palette\n#\n200 16 46\tred\n0 0 128\tnavy\n"
    answer = good(post(client, "palette", {"swatches": data}))
    assert answer.json() == {"colors": [{"name": "red", "hex": "#c8102e"},
                                        {"name": "navy", "hex": "#000080"}]}  # fmt: skip


def test_the_description_names_every_argument(client):
    told = client.get("/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.") and told["servers"] == [{"url": "/api/v1"}]
    page = client.get("/api/v1/docs").text
    for call in CALLS:
        body = told["paths"][f"/{call.name}"]["post"]["requestBody"]["content"]
        for kind in ("application/json", "multipart/form-data"):
            assert set(body[kind]["schema"]["properties"]) == set(call.asked.model_fields)
        assert f"POST /{call.name}" in page
        assert all(f"<td>{name}</td>" in page for name in call.asked.model_fields)
    assert "http://" not in page and "https://" not in page and "<script" not in page
