"""The browser's modules under node's own test runner, and their arithmetic against Python's."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import skimage.data

NODE = shutil.which("node")
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(NODE is None, reason="no node on this machine")


def node(*words):
    return subprocess.run(
        [NODE, *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


def test_modules():
    done = node("--test", *sorted(HERE.glob("*.test.mjs")))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_every_module_parses():
    for path in sorted((HERE.parents[1] / "assets/stage/js").glob("*.js")):
        done = node("--check", path)
        assert done.returncode == 0, f"{path.name}: {done.stderr[-1000:]}"


@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_the_hovered_mask_is_the_clicked_one(shipped_weights, tmp_path, name):
    from dmlseg_core.config import SceneConfig
    from dmlseg_core.edit import EditSession
    from dmlseg_core.measure import mask_iou
    from dmlseg_core.photo import load_photo
    from dmlseg_core.scene import Segmenter
    from dmlseg_core.stage.hover import hover_fields

    photo = load_photo(getattr(skimage.data, name)())
    config = SceneConfig().with_quality("fast")
    scene = Segmenter.load(shipped_weights, config=config).analyze(photo)
    rng, (height, width) = np.random.default_rng(5), photo.size
    points = [[int(rng.integers(width)), int(rng.integers(height))] for _ in range(250)]
    points[:2] = [[0, 0], [width - 1, height - 1]]
    (tmp_path / "fields").write_bytes(hover_fields(EditSession(photo, scene)))
    (tmp_path / "points").write_text(json.dumps(points))
    done = node(HERE / "hover_masks.mjs", *(tmp_path / n for n in ("fields", "points", "out")))
    assert done.returncode == 0, done.stderr
    made = json.loads((tmp_path / "out").read_text())
    found = []
    for (x, y), hovered in zip(points, made, strict=True):
        grid = np.array(list(hovered["grid"])) == "1"
        clicked = scene.mask_at(y, x, hovered["tau"]).grid
        found.append(mask_iou(grid.reshape(clicked.shape), clicked))
    assert np.mean(found) >= 0.97, np.mean(found)
