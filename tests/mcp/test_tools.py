"""The tools on single photos, asked by the official client in this process."""

import sys

import pytest

from dmlseg_core.errors import MissingExtraError, ParameterError
from dmlseg_core.mcp.serve import mcp_server
from dmlseg_core.mcp.tools import Aim
from dmlseg_core.photo.load import load_photo
from tests.edit.test_session import CAT, PERSON, picture
from tests.mcp.answers import Scenes


def test_find_objects_lists_and_shows_them(asked, scenes):
    error, found, shown = asked("find_objects", photo="things.png")
    assert not error and shown.shape == (96, 128, 3)
    assert [o["class_name"] for o in found["objects"]] == ["cat", "cat", "person", "dog"]
    assert [o["number"] for o in found["objects"]] == [1, 2, 3, 4]
    assert (shown[CAT].astype(int) - picture()[CAT]).any()
    asked("find_objects", photo="things.png")
    assert len(scenes.asked) == 1  # the second time nothing is analysed


def test_a_dry_run_shows_and_writes_nothing(asked, folder):
    before = sorted(folder.iterdir())
    error, told, shown = asked("recolor_object", photo="things.png", number=1, color="navy")
    assert not error and told["dry_run"] and told["file"] == "things-navy.png"
    assert told["objects"][0]["delta_e"] < 2 and "dry_run" in told["next"]
    assert shown[CAT][2] > shown[CAT][0] + 40
    assert sorted(folder.iterdir()) == before


def test_the_file_is_written_once_and_never_over_another(asked, folder):
    values = {"photo": "things.png", "x": CAT[1], "y": CAT[0], "color": "#00a000"}
    error, told, _ = asked("recolor_object", **values, dry_run=False)
    assert not error and told["file"] == "things-00a000.png" and "next" not in told
    made = load_photo(folder / told["file"]).rgb
    changed = (made != picture()).any(axis=2)
    assert changed[CAT] and not changed[PERSON]
    stamp = (folder / told["file"]).stat().st_mtime_ns
    error, sentence, _ = asked("recolor_object", **values, dry_run=False)
    assert error and "is there already" in sentence
    assert (folder / told["file"]).stat().st_mtime_ns == stamp
    error, told, _ = asked("recolor_object", **values, out="other.jpg", dry_run=False)
    assert not error and (folder / "other.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_all_like_it_are_recolored_and_nothing_else(asked, folder):
    error, told, _ = asked("recolor_all_like", photo="things.png", number=1, color="navy",
                           dry_run=False)  # fmt: skip
    assert not error and [o["class_name"] for o in told["objects"]] == ["cat", "cat"]
    changed = (load_photo(folder / told["file"]).rgb != picture()).any(axis=2)
    assert changed[20, 20] and changed[20, 56] and not changed[PERSON]


@pytest.mark.parametrize("values", [
    {"photo": "../x.png"}, {"photo": "text.png"}, {"photo": "."}, {"photo": "none.png"}, {},
    {"photo": "things.png", "number": 9, "color": "red"}, {"photo": "things.png", "color": "red"},
    {"photo": "things.png", "number": 1}, {"photo": "things.png", "number": 1, "color": "nored"},
    {"photo": "things.png", "number": 1, "color": "red", "collor": "blue"},
    {"photo": "things.png", "x": 1e9, "y": 1, "color": "red"},
    {"photo": "things.png", "x": 3, "y": 3, "color": "red", "tau": 7},
    {"photo": "things.png", "number": 1, "color": "red", "mode": "lightness"},
    {"photo": "things.png", "number": 1, "color": "red", "mode": "no"},
    {"photo": "things.png", "number": 1, "color": "red", "out": "/tmp/x.png"},
    {"photo": "things.png", "number": 1, "color": "red", "out": "x.exe", "dry_run": False},
    {"photo": "things.png", "number": "one", "color": "red"}, {"photo": 3}, {"photo": None},
    {"photo": "things.png", "x": "NaN", "y": 1, "color": "red"},
])  # fmt: skip
def test_mistakes_are_told_without_the_place_of_the_folder(asked, folder, values):
    before = sorted(folder.iterdir())
    error, sentence, _ = asked("recolor_object", **values)
    assert error and sentence.startswith("Error executing tool recolor_object: ")
    assert str(folder) not in sentence and "Traceback" not in sentence
    assert sorted(folder.iterdir()) == before


def test_aims_are_checked_as_the_api_checks_them():
    with pytest.raises(ParameterError):
        _ = Aim(photo="a", x=float("nan"), y=1).asked


def test_without_the_package_one_sentence_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    monkeypatch.delitem(sys.modules, "dmlseg_core.mcp.server", raising=False)
    with pytest.raises(MissingExtraError, match=r"'\.\[mcp\]'"):
        mcp_server(folder, Scenes, 100.0, "0")
