"""`dmlseg recolor` with recipes: saved, replayed, refused."""

import json

import pytest
from PIL import Image

from dmlseg_core.cli.entry import main
from dmlseg_core.config import QUALITIES
from dmlseg_core.model.weights import save_weights
from tests.cli.recoloring import AT, RED, none_written, read, recolor, saved, told
from tests.edit.test_session import picture
from tests.scene.test_segmenter import photo, random_network


@pytest.mark.parametrize("by", ["point", "class", "likeness", "rank"])
@pytest.mark.parametrize(
    ("source", "ending"), [("photo.png", ".png"), ("deep.tif", ".tif"), ("photo.png", ".jpg")]
)
def test_a_saved_recipe_replays_to_the_same_file(folder, capsys, by, source, ending):
    (folder / "out").mkdir()
    words = [source, "--at", AT, "--color", RED, "--strength", "0.9", "--exclude", "red",
             "-o", f"out/a{ending}", "--save-recipe", "out/r.json", "--recipe-by", by,
             "--json"]  # fmt: skip
    assert recolor(folder, *words) == 0
    first = told(capsys)[0]
    recipe = str(folder / "out/r.json")
    replay = [source, "--recipe", recipe, "-o", f"out/b{ending}", "--ora", "out/b.ora", "--json"]
    assert recolor(folder, *replay) == 0
    rows = told(capsys)
    if by == "class":  # the other cat too
        assert len(rows) == 2
        return
    assert (folder / f"out/a{ending}").read_bytes() == (folder / f"out/b{ending}").read_bytes()
    told_anew = ("out", "score")
    assert all(rows[0][k] == v for k, v in first.items() if k not in told_anew), (rows[0], first)


def test_a_recipe_replays_in_the_quality_it_was_made_with(tmp_path, capsys):
    weights = tmp_path / "tiny.safetensors"
    save_weights(random_network(), weights)
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    made, recipe, again = (tmp_path / n for n in ("a.png", "r.json", "b.png"))
    words = ["recolor", str(tmp_path / "photo.png"), "--weights", str(weights)]
    style = ["--at", "30,40", "--tau", "0.05", "--color", RED, "--quality", "best"]
    assert main([*words, *style, "-o", str(made), "--save-recipe", str(recipe)]) == 0
    scene = json.loads(recipe.read_text())["scene"]
    assert (scene["long_side"], scene["flip"]) == (QUALITIES["best"]["long_side"], True)
    assert main([*words, "--recipe", str(recipe), "-o", str(again)]) == 0
    assert made.read_bytes() == again.read_bytes()
    assert (read(made) != photo()).any()
    said = ["--quality", "best", "--long-side", str(scene["long_side"])]  # it may be said again
    assert main([*words, "--recipe", str(recipe), "-o", str(again), *said]) == 0
    for other in (["--quality", "fast"], ["--long-side", "300"], ["--no-connected"]):
        capsys.readouterr()
        assert main([*words, "--recipe", str(recipe), "-o", str(again), *other]) == 2
        assert "does not go with this --recipe" in capsys.readouterr().err
        batch = ["batch", str(tmp_path / "photo.png"), "-o", str(tmp_path / "many")]
        flags = ["--weights", str(weights), "--recipe", str(recipe)]
        assert main([*batch, *flags, *other]) == 2
        assert "does not go with this --recipe" in capsys.readouterr().err


@pytest.mark.parametrize(("changes", "words"), [
    ({"version": 99}, "newer"), ({"weights": "0" * 64}, "weights"), ({"format": "x"}, "no recipe"),
    ({"edits": []}, "selects nothing"), ({"photo": None}, "name its photo"),
])  # fmt: skip
def test_recipes_that_do_not_fit_write_nothing(folder, capsys, changes, words):
    saved(folder, **changes)
    capsys.readouterr()
    assert recolor(folder, "photo.png", "--recipe", "r.json", "-o", "out/b.png") == 2
    none_written(folder, capsys, words)


def test_a_point_recipe_for_another_photo_writes_nothing(folder, capsys):
    saved(folder)
    capsys.readouterr()
    Image.fromarray(picture()[::-1]).save(folder / "photo.png")
    assert recolor(folder, "photo.png", "--recipe", "r.json", "-o", "out/b.png") == 2
    none_written(folder, capsys, "another photo")
