"""Photos in and pictures out by the stage's routes, asked as the page asks them."""

import io

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.stage.pack import unpack
from dmlseg_core.ui import routes
from tests.edit.test_session import CAT, PERSON, picture
from tests.ui.server import User, file_of


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
    for wrong in ("tile/0/1/0", "tile/0/0/-1", "tile/40/0/0", "tile/-1/0/0", f"tile/{10**30}/0/0"):
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


@pytest.mark.parametrize("body", [b"", b"words", file_of()[:200]])
def test_files_that_are_no_photo_leave_the_old_one(user, body):
    answer = user.post("photo?name=holiday.png", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "image")
    assert "holiday.png" in answer.json()["message"]
    assert user.get("state").json()["phase"] == "ready"


def test_large_uploads_are_refused_before_they_are_read(user, monkeypatch):
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


@pytest.mark.parametrize("original", ["", "?original=1"])
def test_tiles_of_a_transparent_photo_lie_over_the_squares_of_the_preview(user, original):
    alpha = np.full(picture().shape[:2], 255, np.uint8)
    alpha[:, :40], alpha[:20] = 0, 128
    user.open(file_of(np.dstack([picture(), alpha])), "cut.png")
    tile = np.asarray(Image.open(io.BytesIO(user.get(f"tile/0/0/0{original}").content)))
    seen = np.asarray(Image.open(io.BytesIO(user.get("preview").content)))
    assert tile.shape == seen.shape
    assert np.abs(tile.astype(int) - seen).max(axis=2).mean() < 6  # the preview is a JPEG
    assert sorted(set(tile[40:, :40].ravel())) == [204, 255]
