"""What tests of `dmlseg recolor` share."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from dmlseg_core.cli import recolor as cli_recolor
from tests import synth
from tests.edit.test_session import picture


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The synthetic scene's photo, a 16-bit copy of it, a mask of its cat, a tile."""
    monkeypatch.setattr(cli_recolor, "weights_digest", lambda path: "")
    monkeypatch.setattr(
        cli_recolor, "load_segmenter",
        lambda args, config=None: SimpleNamespace(analyze=lambda photo, **_: synth.scene()),
    )  # fmt: skip
    Image.fromarray(picture()).save(tmp_path / "photo.png")
    cv2.imwrite(str(tmp_path / "deep.tif"), picture()[..., ::-1].astype(np.uint16) * 257 + 7)
    mask = np.kron(synth.labels() == 1, np.ones((4, 4), np.uint8)).astype(np.uint8) * 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    tile = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(tile).save(tmp_path / "tile.png")
    return tmp_path
