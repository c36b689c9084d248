"""What the tests of the page share."""

import numpy as np
from PIL import Image

from dmlseg_core.ui import actions
from dmlseg_core.ui.sentences import told
from tests.edit.test_session import CAT


def brush(color="#c8102e", mode="match", strength=1.0, **more):
    usual = {"amount": 0.0, "tile": None, "scale": 1.0}
    return actions.Brush(color, mode, strength, **{**usual, **more})


def painted(session, **how):
    session.select(*CAT)
    actions.paint(session, *brush(**how))
    return session


def tile(folder, size=(200, 200)):
    noise = np.random.default_rng(3).integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(noise).save(folder / "tile.png")
    return str(folder / "tile.png")


def assert_told(english):
    assert told("en", english) == english
    chinese = told("zh", english)
    assert chinese != english and any("\u4e00" <= c <= "\u9fff" for c in chinese)
    assert "{" not in chinese
