"""The tool for many photos: planned, done, told how far it is; what cannot begin."""

import json

import anyio
import numpy as np
import pytest
from mcp import Client
from PIL import Image

from dmlseg_core.mcp.serve import mcp_server
from dmlseg_core.photo.load import load_photo
from tests import own_loop, synth
from tests.edit.test_session import CAT, PERSON, picture


@pytest.fixture
def many(folder):
    """Folders in the root: photos to work on, one of them broken, one that a link leads to."""
    work = folder / "in"
    work.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(picture()).save(work / name)
    (work / "broken.png").write_bytes(b"no photo")
    secret = folder.parent / "secret.png"
    Image.fromarray(picture()).save(secret)
    (work / "c.png").symlink_to(secret)
    return {"photos": ["in"], "out": "out", "colors": ["navy"], "classes": ["cat"]}


def test_a_batch_is_planned_first(asked, folder, many, scenes):
    error, told, shown = asked("batch", **many)
    assert len(scenes.asked) == 2  # looked at, painted and shown: the network ran once a photo
    assert not error and told["dry_run"] and not (folder / "out").exists()
    assert told["photos"] == 3 and told["rules"]["1"] == {"objects": 4, "photos": 2}
    assert told["files"]["recolored"] == 2 and len(told["failed"]) == 1
    assert shown.shape == (256, 512, 3)
    assert str(folder) not in json.dumps(told)


def test_a_batch_does_what_was_planned_and_goes_on(asked, folder, many, scenes):
    error, told, shown = asked("batch", **many, max_delta_e=5, dry_run=False)
    assert not error and shown is not None
    assert (told["done"], told["objects"], len(told["failed"])) == (2, 4, 1)
    assert told["delta_e_median"] < 2 and all(one["passed"] for one in told["worst"])
    made = sorted((folder / "out" / "recolored").iterdir())
    assert len(made) == 2  # the link that leads out of the root is no photo here
    changed = (load_photo(made[0]).rgb != picture()).any(axis=2)
    assert changed[CAT] and not changed[PERSON]
    assert (folder / told["report"]).is_file()
    before = len(scenes.asked)
    error, again, _ = asked("batch", **many, max_delta_e=5, dry_run=False)
    assert not error and again["done"] == 2 and len(scenes.asked) == before


def test_a_batch_says_how_far_it_is(folder, scenes, many):
    server, seen = mcp_server(folder, lambda: scenes, 100.0, "0"), []

    async def tell(done, total, _):
        seen.append((done, total))

    async def run():
        async with Client(server) as client:
            await client.call_tool("batch", {**many, "dry_run": False}, progress_callback=tell)

    own_loop.run(run())
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_this_mug_in_all_photos_or_only_in_its_colors(asked, folder, many):
    turned, cat = picture().copy(), np.kron(synth.labels() == 1, np.ones((4, 4), bool))
    turned[cat] = (20, 40, 200)
    Image.fromarray(turned).save(folder / "in" / "b.png")
    like = {"like_photo": "things.png", "like_x": CAT[1], "like_y": CAT[0], "threshold": 0.9}
    _, told, _ = asked("batch", **{**many, "classes": []}, **like)
    assert told["thresholds"]["0.9"]["photos"] == 2 and told["rules"]["1"]["photos"] == 2
    _, told, _ = asked("batch", **{**many, "classes": []}, **like, like_colors=0.9)
    assert told["rules"]["1"]["photos"] == 1


@pytest.mark.parametrize("values", [
    {"photos": ["../"]}, {"photos": []}, {"photos": ["none"]}, {"photos": ["s3://bucket"]},
    {"out": "../out"}, {"out": "/tmp/dmlseg-out"}, {"out": "in/out"}, {"out": "in"},
    {"colors": ["nocolor"]}, {"colors": []}, {"classes": ["catt"]}, {"like_photo": "../x.png"},
    {"like_photo": "things.png", "like_x": 3}, {"threshold": 7, "like_photo": "things.png"},
    {"largest": 0}, {"mode": "no"}, {"like_colors": 0.5}, {"max_delta_e": -1}, {"photos": "in"},
    {"like_colors": 2, "like_photo": "things.png"}, {"what": 1},
])  # fmt: skip
def test_a_batch_that_cannot_begin_writes_nothing(asked, folder, many, values):
    before = sorted(folder.rglob("*"))
    error, sentence, _ = asked("batch", **{**many, **values}, dry_run=False)
    assert error and str(folder) not in sentence and "Traceback" not in sentence
    assert sorted(folder.rglob("*")) == before


def test_a_folder_of_results_with_links_in_it_is_not_written_into(asked, folder, many):
    asked("batch", **many, dry_run=False)
    for path in (folder / "out" / "recolored").iterdir():
        path.unlink()
        path.symlink_to(folder.parent / "secret.png")
    error, sentence, _ = asked("batch", **{**many, "colors": ["red"]}, dry_run=False)
    assert error and "links" in sentence


def test_a_batch_that_is_cancelled_stops_after_its_photo(folder, scenes):
    (folder / "in").mkdir()
    for k in range(6):
        Image.fromarray(picture() ^ np.uint8(k)).save(folder / "in" / f"{k}.png")
    server = mcp_server(folder, lambda: scenes, 100.0, "0")
    asked = {"photos": ["in"], "out": "out", "colors": ["navy"], "dry_run": False}

    async def run():
        async with Client(server) as client:
            with anyio.CancelScope() as scope:

                async def tell(*_):
                    scope.cancel()

                await client.call_tool("batch", asked, progress_callback=tell)
            before = len(scenes.asked)
            with anyio.fail_after(30):
                found = await client.call_tool("find_objects", {"photo": "things.png"})
            return before, found

    before, found = own_loop.run(run())
    assert not found.is_error
    assert before <= len(scenes.asked) - 1 < 6  # one is of the last call
    assert not list((folder / "out").rglob(".dmlseg-*"))
