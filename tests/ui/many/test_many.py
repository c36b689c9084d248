"""Many photos by routes: added, found, recolored by one recipe, finished by hand, zipped."""

import io
import json
import re
import time
import zipfile
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.ui.many import shelf as shelves
from dmlseg_core.ui.many.shelves import Shelves
from tests.edit.test_session import CAT
from tests.ui.server import file_of


def add(user, *names):
    return [user.post(f"many/photo?name={name}", file_of()) for name in names]


def run(user, **asked):
    answer = user.post("many/run", json.dumps(asked).encode())
    assert answer.status_code == 200, answer.text
    for _ in range(400):
        state = user.get("many?after=-1").json()
        if not state["running"]:
            assert state["error"] is None
            return state
        time.sleep(0.02)
    raise AssertionError("the run never ends")


def card(state, name):
    return next(photo for photo in state["photos"] if photo["name"] == name)


def test_photos_are_found_then_recolored_and_leave_as_one_zip(user):
    assert [a.status_code for a in add(user, "a.png", "trip/b.png")] == [200, 200]
    found = run(user)
    assert [p["status"] for p in found["photos"]] == ["done", "done"]
    assert all(p["objects"] > 0 and p["painted"] == 0 for p in found["photos"])
    thumb = user.get("many/thumb?name=trip/b.png&kind=found")
    assert Image.open(io.BytesIO(thumb.content)).width <= 360
    kind = found["classes"][0]["id"]
    painted = run(user, **{"class": kind, "color": "navy"})
    assert all(p["painted"] > 0 and p["thumb"] == "after" for p in painted["photos"])
    archive = zipfile.ZipFile(io.BytesIO(user.get("many/zip").content))
    names = archive.namelist()
    assert "report.html" in names and "instances.csv" in names
    made = [name for name in names if name.startswith("recolored/")]
    assert len(made) == 2 and any("trip/" in name for name in made)
    picture = np.asarray(Image.open(io.BytesIO(archive.read(made[0]))).convert("RGB"))
    before = np.asarray(Image.open(io.BytesIO(file_of())).convert("RGB"))
    assert picture.shape == before.shape and (picture != before).any()


def test_points_of_another_photo_are_skipped_and_named(user):
    user.open()
    user.click(CAT)
    user.edit(op="style", style={"color": "#0000ff"})
    recipe = user.post("export", b'{"kind": "recipe"}').text
    add(user, "a.png")
    other = np.asarray(Image.open(io.BytesIO(file_of()))).copy()
    other[:3] ^= 1
    assert user.post("many/photo?name=other.png", file_of(other)).status_code == 200
    state = run(user, recipe=recipe)
    assert card(state, "a.png")["painted"] == 1
    skipped = card(state, "other.png")
    assert skipped["status"] == "empty" and "another photo" in skipped["notes"][0]


def test_one_is_finished_by_hand_and_stays_so(user):
    add(user, "a.png", "b.png")
    state = run(user)
    assert user.post("many/open?name=b.png").status_code == 200
    user.settled()
    assert user.get("many/recipe").text == "null"
    user.click(CAT)
    user.edit(op="style", style={"color": "#00ff00"})
    kept = user.post("many/keep?name=b.png").json()
    assert card(kept, "b.png")["by_hand"] and card(kept, "b.png")["painted"] == 1
    kind = state["classes"][0]["id"]
    later = run(user, **{"class": kind, "color": "#ff0000"})
    assert card(later, "b.png")["by_hand"] and card(later, "a.png")["painted"] > 0
    rows = zipfile.ZipFile(io.BytesIO(user.get("many/zip").content)).read("instances.csv").decode()
    assert "#00ff00" in rows and "#ff0000" in rows


def test_a_folder_that_is_dropped_again_loses_nothing_that_was_done_by_hand(user):
    add(user, "a.png", "b.png")
    run(user)
    user.post("many/open?name=b.png")
    user.settled()
    user.click(CAT)
    user.edit(op="style", style={"color": "#00ff00"})
    user.post("many/keep?name=b.png")
    add(user, "a.png", "b.png", "c.png")
    later = run(user, again=True)
    assert card(later, "b.png")["by_hand"] and card(later, "b.png")["painted"] == 1
    assert card(later, "c.png")["status"] == "done"


def test_the_stages_own_work_is_done_to_all(user):
    user.open()
    user.click(CAT)
    add(user, "a.png")
    nothing = user.post("many/run", b'{"by": "likeness"}')
    assert (nothing.status_code, nothing.json()["code"]) == (422, "recipe")
    user.edit(op="style", style={"color": "#0000ff"})
    assert run(user, by="likeness")["photos"][0]["painted"] >= 1


def test_mistakes_are_sentences_without_paths(user, client, monkeypatch):
    assert user.get("many").json()["photos"] == []
    assert user.post("many/run", b"{}").json()["code"] == "many_none"
    for name in ("notes.txt", "..", "%00.png/"):
        assert user.post(f"many/photo?name={name}", b"x").status_code == 422
    assert user.post("many/photo?name=../../up.png", file_of()).json()["name"] == "up.png"
    assert user.post("many/photo?name=bad.jpg", b"no photo").status_code == 200
    bad = card(run(user), "bad.jpg")
    assert bad["status"] == "failed" and "bad.jpg" in bad["error"] and "/" not in bad["error"]
    assert user.get("many/thumb?name=none.png").status_code == 404
    assert user.post("many/open?name=none.png").status_code == 404
    assert user.post("many/run", b'{"class": "unicorn", "color": "red"}').status_code == 200
    monkeypatch.setattr(shelves, "MOST_PHOTOS", 2)
    assert add(user, "third.png")[0].status_code == 422
    assert user.post("many/clear").status_code == 200
    assert user.get("many").json()["photos"] == []


@pytest.mark.parametrize("names", [("a.png", "a.png/b.png"), ("a.png/b.png", "a.png")])
def test_a_photo_called_like_anothers_folder_is_refused_in_a_sentence(user, names):
    first, second = add(user, *names)
    assert (first.status_code, second.status_code) == (200, 422)
    assert str(shelves.tempfile.gettempdir()) not in second.text
    assert [p["name"] for p in user.get("many").json()["photos"]] == [names[0]]
    assert user.post("many/clear").status_code == 200


def test_nothing_of_a_download_lies_on_the_disk(tmp_path):
    shelf = shelves.Shelf(root=tmp_path)
    shelf.add("x.png", b"12345")
    (shelf.out / "recolored").mkdir(parents=True)
    (shelf.out / "recolored/x.png.red.png").write_bytes(b"1234567" * 500_000)
    before = sorted(tmp_path.rglob("*"))
    parts = shelf.zipped()
    begun = next(parts)
    assert len(begun) < 2 << 20 and sorted(tmp_path.rglob("*")) == before
    whole = zipfile.ZipFile(io.BytesIO(begun + b"".join(parts)))
    assert whole.testzip() is None and whole.namelist() == ["recolored/x.png.red.png"]
    (entry,) = whole.infolist()
    assert abs(entry.date_time[0] - time.localtime().tm_year) <= 1
    assert entry.compress_type == zipfile.ZIP_DEFLATED and entry.extract_version < 45  # no zip64
    broken_off = shelf.zipped()
    next(broken_off)
    broken_off.close()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_set_that_is_thrown_away_during_a_download_ends_it(tmp_path):
    shelf = shelves.Shelf(root=tmp_path / "set")
    for name in "ab":
        path = shelf.out / f"recolored/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1234567")
    parts = shelf.zipped()
    begun = next(parts)
    shelf.close()
    whole = zipfile.ZipFile(io.BytesIO(begun + b"".join(parts)))
    assert whole.testzip() is None and whole.namelist() == ["recolored/a.png"]


def test_sets_are_bounded_and_go_with_the_app(tmp_path, monkeypatch):
    monkeypatch.setattr(shelves.tempfile, "tempdir", str(tmp_path))
    all_of_them = Shelves(limit=10)
    for token in "abc":
        all_of_them.get(token, make=True).add("x.png", b"12345")
        all_of_them.trim()
    assert all_of_them.get("a") is None and all_of_them.get("c") is not None
    assert len(list(tmp_path.iterdir())) == 2
    all_of_them.close()
    assert not list(tmp_path.iterdir())


def opened_zip(user):
    return zipfile.ZipFile(io.BytesIO(user.get("many/zip").content))


def test_a_download_names_no_folder_of_the_server_and_holds_what_its_report_shows(user):
    add(user, "a&b.png", "trip/c.png")
    user.post("many/photo?name=trip/bad.jpg", b"no photo")
    state = run(user)
    kind = state["classes"][0]["id"]
    run(user, **{"class": kind, "color": "navy"})
    user.post("many/photo?name=plain.png", file_of(np.full((48, 64, 3), 99, np.uint8)))
    run(user, again=True)
    archive = opened_zip(user)
    texts = [n for n in archive.namelist() if n.endswith((".html", ".json", ".csv"))]
    for name in texts:
        assert b"many-" not in archive.read(name), name
    assert "trip/bad.jpg" in archive.read("failures.csv").decode().splitlines()[1]
    page = archive.read("report.html").decode()
    shown = {unquote(path) for path in re.findall(r'src="\./([^"]+)"', page)}
    assert shown and shown <= set(archive.namelist())
    assert "<h1>dmlseg-photos</h1>" in page


def test_photos_that_come_later_get_what_the_others_got(user):
    add(user, "a.png")
    kind = run(user)["classes"][0]["id"]
    run(user, **{"class": kind, "color": "navy"})
    add(user, "b.png")
    later = run(user, again=True)
    assert [p["painted"] for p in later["photos"]] == [later["photos"][0]["painted"]] * 2
    assert later["photos"][0]["painted"] > 0


def test_what_was_done_again_leaves_nothing_of_before_in_the_download(user):
    add(user, "a.png", "b.png")
    kind = run(user)["classes"][0]["id"]
    run(user, **{"class": kind, "color": "navy"})
    run(user, **{"class": kind, "color": "red"})
    assert not [name for name in opened_zip(user).namelist() if "navy" in name]
    user.post("many/open?name=b.png")
    user.settled()
    user.click(CAT)
    user.edit(op="style", style={"color": "#00ff00"})
    user.post("many/keep?name=b.png")
    made = [name for name in opened_zip(user).namelist() if name.startswith("recolored/b")]
    assert made == ["recolored/b.png.00ff00.png"]


def test_hidden_names_are_names(user):
    assert user.post("many/photo?name=.trip/.a.png", file_of()).json()["name"] == "trip/a.png"
    assert run(user)["done"] == 1
