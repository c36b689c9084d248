"""`dmlseg recolor` as tests call it; `folder` is the fixture of that name."""

import json

import numpy as np
from PIL import Image

from dmlseg_core.cli.entry import main

AT, RED = "28,24", "#c8102e"  # the cat, as x,y


def recolor(folder, *words):
    files = {p.name for p in folder.iterdir()}
    return main(["recolor", *(str(folder / w) if w in files or w.startswith("out/") else w
                              for w in words)])  # fmt: skip


def read(path):
    return np.asarray(Image.open(path))


def told(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def saved(folder, **changes):
    """The text of a recipe for the cat, changed."""
    (folder / "out").mkdir()
    words = ["photo.png", "--at", AT, "--color", RED, "-o", "out/a.png"]
    assert recolor(folder, *words, "--save-recipe", "out/r.json") == 0
    values = json.loads((folder / "out/r.json").read_text()) | changes
    (folder / "r.json").write_text(json.dumps(values))
    for path in (folder / "out").iterdir():
        path.unlink()


def none_written(folder, capsys, words):
    assert list((folder / "out").iterdir()) == []
    err = capsys.readouterr().err.strip()
    assert len(err.splitlines()) == 1, err
    assert words in err
