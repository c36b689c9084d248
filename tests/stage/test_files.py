"""Every export, opened again by a reader that is not ours."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.edit.recipe_file import from_json
from tests.edit.test_session import CAT, PERSON, picture
from tests.ui.server import User, file_of, serving


@pytest.fixture(scope="module")
def user():
    with serving() as client:
        made = User(client)
        made.open(name="blue cat.png")
        made.click(CAT)
        made.edit(op="style", style={"color": "#c8102e"})
        made.click(PERSON)
        made.edit(op="style", style={"color": "#1f4e9e"})
        yield made


def export(user, kind, **more):
    values = {"kind": kind, **more}
    answer = user.client.post("/stage/export", headers=user.headers(), json=values)
    assert answer.status_code == 200, answer.text
    return answer


def image(answer):
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def result(user):
    return image(export(user, "photo", format="png"))


@pytest.mark.parametrize(("format_", "kind"), [
    ("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF"), (None, "PNG"),
])  # fmt: skip
def test_photos_in_every_format(user, format_, kind):
    made = export(user, "photo", format=format_, quality=80 if format_ == "jpeg" else None)
    assert Image.open(io.BytesIO(made.content)).format == kind
    name = made.headers["content-disposition"]
    assert name.startswith("attachment; filename*=UTF-8''blue%20cat-recolored")
    assert image(made).shape == picture().shape


def test_a_smaller_photo_keeps_its_shape_and_colors(user):
    small = image(export(user, "photo", format="png", size=64))
    assert small.shape == (48, 64, 3)
    y, x = CAT[0] // 2, CAT[1] // 2
    assert np.abs(small[y, x].astype(int) - result(user)[CAT]).max() < 12
    assert image(export(user, "photo", format="png", size=9000)).shape == picture().shape


def test_masks_and_cutouts_are_of_what_was_asked_for(user):
    cat, person = (s["id"] for s in user.get("state").json()["selections"])
    mask = image(export(user, "mask", ids=[cat]))
    assert mask[CAT] == 255 and mask[PERSON] == 0
    both = image(export(user, "mask"))
    assert both[CAT] == both[PERSON] == 255 and both[-1, 0] == 0
    rgba = image(export(user, "cutout", ids=[person]))
    assert rgba[PERSON][3] == 255 and rgba[CAT][3] == 0
    np.testing.assert_array_equal(rgba[PERSON][:3], result(user)[PERSON])


def test_labels_and_coco_say_the_same(user):
    from pycocotools import mask as coco

    labels = image(export(user, "labels"))
    values = json.loads(export(user, "coco").content)
    assert [a["name"] for a in values["annotations"]] == ["cat", "person"]
    names = {c["id"]: c["name"] for c in values["categories"]}
    for k, record in enumerate(values["annotations"], 1):
        assert names[record["category_id"]] == record["name"]
        np.testing.assert_array_equal(coco.decode(record["segmentation"]), labels == k)


def test_openraster_shows_the_result(user):
    with zipfile.ZipFile(io.BytesIO(export(user, "ora").content)) as archive:
        merged = np.asarray(Image.open(archive.open("mergedimage.png")))
        stack = archive.read("stack.xml").decode()
    np.testing.assert_array_equal(merged[..., :3], result(user))
    assert "cat #c8102e" in stack and "person #1f4e9e" in stack


def test_photoshop_layers_have_masks_and_composite_to_the_result(user):
    from psd_tools import PSDImage

    data = export(user, "psd").content
    document = PSDImage.open(io.BytesIO(data))
    assert [layer.name for layer in document] == ["original", "cat #c8102e", "person #1f4e9e"]
    original, *edits = document
    np.testing.assert_array_equal(np.asarray(original.topil())[..., :3], picture())
    assert not original.has_mask() and all(layer.has_mask() for layer in edits)
    shown = np.asarray(document.composite(force=True).convert("RGB")).astype(int)
    assert np.abs(shown - result(user)).max() <= 1
    merged = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))  # who reads no layers
    np.testing.assert_array_equal(merged, result(user))


def test_a_cube_is_of_the_named_selection(user):
    cat = user.get("state").json()["selections"][0]["id"]
    lines = export(user, "cube", ids=[cat]).text.splitlines()
    assert "LUT_3D_SIZE 65" in lines
    assert sum(line[:1].isdigit() for line in lines) == 65**3


@pytest.mark.parametrize("by", ["point", "class", "rank", "likeness"])
def test_recipes(user, by):
    recipe = from_json(export(user, "recipe", by=by).text)
    assert [e.style.color for e in recipe.edits] == ["#c8102e", "#1f4e9e"]


def test_colorways_are_a_zip_of_photos_a_table_and_a_sheet(user):
    cat = user.get("state").json()["selections"][0]["id"]
    colors = {"Crimson": "#c8102e", "=1+1": "navy", "crimson": "#c8102f", "藏青/蓝": "#1b2a55"}
    swatches = [{"name": name, "hex": color} for name, color in colors.items()]
    made = export(user, "colorways", ids=[cat], swatches=swatches, format="png")
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        names = archive.namelist()
        rows = list(csv.reader(io.StringIO(archive.read("delta-e.csv").decode("utf-8-sig"))))
        first = np.asarray(Image.open(archive.open("blue cat-Crimson.png")))
        sheet = Image.open(archive.open("sheet.jpg"))
        sheet.load()
    assert "blue cat-crimson-2.png" in names and "blue cat-藏青-蓝.png" in names
    assert len(rows) == 5 and rows[2][1] == "'=1+1"
    assert all(float(row[-1]) < 3 for row in rows[1:])
    np.testing.assert_array_equal(first, result(user))
    small = user.get(f"colorway/{cat}?color=%23c8102e&side=64")
    assert float(small.headers["x-delta-e"]) == pytest.approx(float(rows[1][-1]), abs=0.5)


@pytest.mark.parametrize("values", [
    {"kind": "cake"}, {"kind": "photo", "format": "exe"}, {"kind": "photo", "quality": 300},
    {"kind": "photo", "size": 1}, {"kind": "mask", "ids": [999]}, {"kind": "mask", "ids": "all"},
    {"kind": "colorways", "swatches": []}, {"kind": "colorways", "swatches": [{"hex": "blueish"}]},
    {"kind": "colorways"}, {"kind": "recipe", "by": "magic"}, {},
])  # fmt: skip
def test_bad_exports_are_told(user, values):
    answer = user.client.post("/stage/export", headers=user.headers(), json=values)
    assert answer.status_code == 422 and answer.json()["message"]


def test_work_comes_back_whole_and_a_recipe_too():
    with serving() as client:
        user = User(client)
        user.open()
        user.click(CAT)
        user.edit(op="style", style={"color": "#c8102e"})
        user.edit(op="stroke", points=[[100, 80], [110, 84]], radius=6, soft=0.5)
        state = user.click(PERSON)
        user.edit(op="visible", id=state["active"], on=False)
        user.edit(op="rename", id=state["active"], name="Nachbar")
        user.edit(op="lock", id=state["active"], on=True)
        kept, look = user.get("work").content, user.get("preview?result=1").content
        before = user.get("state").json()["selections"]
        user.edit(op="clear")
        after = user.post("import", kept).json()["selections"]
        for old, new in zip(before, after, strict=True):
            assert {k: v for k, v in old.items() if k != "id"} == {
                k: v for k, v in new.items() if k != "id"
            }
        assert user.get("preview?result=1").content == look
        locked = user.ask(op="tau", id=after[1]["id"], tau=0.5)
        assert locked.status_code == 422 and "locked" in locked.json()["message"]


@pytest.mark.parametrize("scale", [1, 2])
def test_anybodys_mask_becomes_a_selection(scale):
    mask = np.zeros((96 * scale, 128 * scale), np.uint8)
    mask[40 * scale : 60 * scale, 90 * scale : 120 * scale] = 255
    with serving() as client:
        user = User(client)
        user.open()
        (made,) = user.post("import?name=my%20mask.png", file_of(mask)).json()["selections"]
        assert made["name"] == "my mask"
        user.edit(op="style", style={"color": "#c8102e"})
        out = result(user)
        changed = (out != picture()).any(axis=2)
        assert changed[45:55, 95:115].all() and not changed[:38].any()
        exported = image(export(user, "mask"))
        assert exported[50, 100] == 255 and exported[20, 20] == 0
        kept = user.get("work").content
        user.edit(op="clear")
        assert user.post("import", kept).status_code == 200
        np.testing.assert_array_equal(result(user), out)


@pytest.mark.parametrize(("data", "code"), [
    (b"", "empty_file"), (b"{", "recipe"), (b"{}", "recipe"), (b"\x00\x01\x02", "image"),
    (file_of(np.zeros((96, 128), np.uint8)), "value"),  # black: nothing in it
    (file_of(np.full((50, 128), 255, np.uint8)), "value"),  # another shape
    (file_of(picture() // 2 + np.uint8([100, 0, 0])), "value"),  # colored
])  # fmt: skip
def test_bad_imports_change_nothing(user, data, code):
    before = user.get("state").json()["selections"]
    answer = user.post("import?name=x.png", data)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert user.get("state").json()["selections"] == before


def test_a_picture_is_printed_on_a_selection():
    with serving() as client:
        user = User(client)
        user.open()
        number = user.click(CAT)["active"]
        tile = np.zeros((8, 8, 3), np.uint8)
        tile[:, :4] = 255
        state = user.post(f"pattern/{number}?scale=2", file_of(tile)).json()
        assert state["selections"][0]["style"]["mode"] == "pattern"
        assert state["selections"][0]["painted"]
        assert (result(user) != picture()).any()
        assert user.post(f"pattern/{number}?scale=0", file_of(tile)).status_code == 422
        assert user.post(f"pattern/{number}", b"words").json()["code"] == "image"
        assert user.post("pattern/99", file_of(tile)).status_code == 404
