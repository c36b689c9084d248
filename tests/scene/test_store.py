"""Scenes on disk: the same to the bit, bounded, private, and never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dmlseg_core.config import SceneConfig
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene import store as module
from dmlseg_core.scene.segmenter import Segmenter
from dmlseg_core.scene.store import SUFFIX, SceneStore, name_of
from tests.scene.test_segmenter import CONFIG, photo, random_network

NAMES = ("a" * 64, "b" * 64, "c" * 64)
POINTS = ((10, 12), (40, 77), (74, 100))


@pytest.fixture
def segmenter(tmp_path):
    """Its network counts its passes."""
    made = Segmenter(
        random_network(), CONFIG, weights="f" * 64, store=SceneStore(tmp_path / "kept")
    )
    made.passes = 0

    def count(*_):
        made.passes += 1

    made.network.register_forward_hook(count)
    return made


def files(segmenter):
    return sorted(segmenter.store.folder.glob(f"*{SUFFIX}"))


def answers(scene):
    """Everything that a user sees of a scene."""
    masks = [scene.mask_at(*p) for p in POINTS] + list(scene.stops(*POINTS[1]))
    masks.append(scene.mask_at(*POINTS[0], add=(POINTS[1],), subtract=(POINTS[2],)))
    proposals = scene.propose()
    return (
        [m.level.tobytes() for m in masks], [m.seed for m in masks], proposals.labels.tobytes(),
        [m.seed for m in proposals], scene.regions.cut(0.4).tobytes(), scene.regions.gaps.tobytes(),
        scene.embedding.numpy().tobytes(), scene.class_probs.numpy().tobytes(),
    )  # fmt: skip


# ---------------------------------------------------------------- the same again


@pytest.mark.parametrize("flip", [False, True])
def test_a_kept_scene_says_what_the_fresh_one_said_to_the_bit(segmenter, flip):
    config = replace(CONFIG, flip=flip)
    plain = Segmenter(random_network(), config, weights="f" * 64).analyze(photo())
    first = segmenter.analyze(photo(), config=config)
    passes = segmenter.passes
    again = segmenter.analyze(photo(), config=config)
    assert passes == 1 + flip and segmenter.passes == passes and len(files(segmenter)) == 1
    assert answers(plain) == answers(first) == answers(again)
    assert again.embedding.stride() == first.embedding.stride()
    assert (again.image == first.image).all() and again.config == first.config


def test_regions_grown_beside_the_pass_are_those_that_a_click_would_grow(segmenter):
    lazy = Segmenter(random_network(), CONFIG).analyze(photo(2))
    eager = Segmenter(random_network(), CONFIG).analyze(photo(2), regions=True)
    assert "regions" not in vars(lazy) and "regions" in vars(eager)
    assert answers(lazy) == answers(eager)


def test_what_is_transparent_stays_so(segmenter):
    rgba = np.dstack([photo(), np.full((75, 101), 255, np.uint8)])
    opaque = segmenter.analyze(load_photo(photo()))
    rgba[:, 50:, 3] = 0
    first, again = (segmenter.analyze(load_photo(rgba)) for _ in range(2))
    assert segmenter.passes == 2 and len(files(segmenter)) == 2
    assert (first.class_probs == again.class_probs).all()
    assert (again.visible == (rgba[..., 3] > 0)).all() and opaque.visible is None


def test_names_differ_where_the_arrays_may():
    one, cpu = load_photo(photo()), torch.device("cpu")
    sheet = Segmenter(random_network()).sheet
    clear = load_photo(np.dstack([photo(), np.full((75, 101), 9, np.uint8)]))
    asked = [
        (one, CONFIG, "w", sheet, cpu),
        (load_photo(photo(1)), CONFIG, "w", sheet, cpu),
        (clear, CONFIG, "w", sheet, cpu),
        (one, replace(CONFIG, long_side=160), "w", sheet, cpu),
        (one, replace(CONFIG, flip=True), "w", sheet, cpu),
        (one, replace(CONFIG, precision="bfloat16"), "w", sheet, cpu),
        (one, CONFIG, "v", sheet, cpu),
        (one, CONFIG, "w", replace(sheet, region_bias=1.0), cpu),
        (one, CONFIG, "w", sheet, torch.device("cuda")),
    ]
    assert len({name_of(*parts) for parts in asked}) == len(asked)
    # how proposals are made of the arrays is asked of every scene anew
    assert name_of(one, replace(CONFIG, budget=3, overlap=0.9), "w", sheet, cpu) == name_of(
        *asked[0]
    )


def test_an_update_of_the_code_opens_nothing_of_the_old_one(monkeypatch):
    arguments = load_photo(photo()), CONFIG, "w", Segmenter(random_network()).sheet
    now = name_of(*arguments, torch.device("cpu"))
    monkeypatch.setattr(module, "_code", lambda: "other")
    assert name_of(*arguments, torch.device("cpu")) != now


def test_weights_without_a_name_are_never_kept(tmp_path):
    made = Segmenter(random_network(), CONFIG, store=SceneStore(tmp_path / "kept"))
    made.analyze(photo())
    assert not (tmp_path / "kept").exists()


# ---------------------------------------------------------------- the folder


def tensors(number=0, cells=1000):
    return {"x": torch.full((cells,), float(number))}


def test_the_longest_unused_go_first(tmp_path):
    one = SceneStore(tmp_path)
    one.put(NAMES[0], tensors())
    size = (tmp_path / (NAMES[0] + SUFFIX)).stat().st_size
    few = SceneStore(tmp_path, limit=2 * size + 100)
    for age, name in ((300, NAMES[0]), (200, NAMES[1])):
        few.put(name, tensors())
        os.utime(tmp_path / (name + SUFFIX), (0, 1e9 - age))
    assert few.get(NAMES[0]) is not None  # now the youngest
    few.put(NAMES[2], tensors())
    assert few.get(NAMES[1]) is None
    assert few.get(NAMES[0]) is not None and few.get(NAMES[2]) is not None
    assert sum(p.stat().st_size for p in tmp_path.glob(f"*{SUFFIX}")) <= few.limit


def test_what_is_larger_than_the_whole_store_is_not_kept(tmp_path):
    SceneStore(tmp_path / "kept", limit=100).put(NAMES[0], tensors())
    assert not (tmp_path / "kept").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps others out of the profile by itself")
def test_nobody_else_may_read_it(tmp_path):
    before = os.umask(0)
    try:
        SceneStore(tmp_path / "kept").put(NAMES[0], tensors())
    finally:
        os.umask(before)
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "kept").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


@pytest.mark.parametrize("harm", ["cut", "bit", "empty", "text", "tree"])
def test_a_damaged_file_is_made_again(segmenter, harm):
    wanted = answers(segmenter.analyze(photo()))
    (path,) = files(segmenter)
    data = bytearray(path.read_bytes())
    if harm == "bit":
        data[len(data) // 2] ^= 1
    if harm == "tree":  # sound as a file, but of another photo
        other = Segmenter(segmenter.network, CONFIG, weights="e" * 64, store=segmenter.store)
        other.analyze(photo(1, (40, 90)))
        (theirs,) = set(files(segmenter)) - {path}
        data = theirs.read_bytes()
    changed = {"cut": data[:-9], "empty": b"", "text": b"no scene at all"}
    path.write_bytes(changed.get(harm, data))
    passes = segmenter.passes
    assert answers(segmenter.analyze(photo())) == wanted and segmenter.passes == passes + 1
    assert answers(segmenter.analyze(photo())) == wanted and segmenter.passes == passes + 1


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = SceneStore(tmp_path / "file" / "kept")
    store.put(NAMES[0], tensors())
    assert store.get(NAMES[0]) is None


def test_what_a_killed_process_left_is_swept_but_not_what_is_being_written(tmp_path):
    old, new = tmp_path / "x.part", tmp_path / "y.part"
    old.touch(), new.touch()
    os.utime(old, (0, 0))
    SceneStore(tmp_path).put(NAMES[0], tensors())
    assert not old.exists() and new.exists()


WRITER = """
import sys, torch
from pathlib import Path
from dmlseg_core.scene.store import SceneStore
store = SceneStore(Path(sys.argv[1]), limit=40_000)
for k in range(60):
    name = f"{k % 7}" * 64
    store.put(name, {"x": torch.full((2000,), float(k % 7))})
    found = store.get(f"{(k + 3) % 7}" * 64)
    assert found is None or (found["x"] == (k + 3) % 7).all(), found
"""


def test_two_processes_share_a_folder(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    root = Path(__file__).parents[2]
    both = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(p.communicate()[1], p.returncode) for p in both] == [(b"", 0)] * 2
    left = list(tmp_path.glob(f"*{SUFFIX}"))
    assert left and sum(p.stat().st_size for p in left) <= 40_000
    assert not list(tmp_path.glob("*.part"))


def test_where_the_usual_one_is(monkeypatch, tmp_path):
    monkeypatch.setenv("DMLSEG_CACHE", str(tmp_path))
    assert SceneStore.usual() == SceneStore(tmp_path)
    monkeypatch.setenv("DMLSEG_CACHE", "OFF")
    assert SceneStore.usual() is None
    monkeypatch.delenv("DMLSEG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    usual = SceneStore.usual()
    assert usual is not None and usual.folder.name == "scenes" and "dmlseg" in usual.folder.parts


def test_a_library_user_keeps_nothing_unasked(shipped_weights):
    assert Segmenter.load(shipped_weights, config=SceneConfig()).store is None
