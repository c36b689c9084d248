"""`batch` on scenes of known answers: what is painted, written and told."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.edit import EditSession, Selection, Style, recipe_of
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder import prepare
from dmlseg_core.folder.rules import Find, Like, Rule, Rules, Way
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Override
from tests import synth
from tests.folder.synthetic import CATS, HERO, PEOPLE, Synthetic, files, picture, run


def test_each_rule_paints_its_objects_and_nothing_else(photos, tmp_path):
    out = tmp_path / "out"
    _, rows = run(photos, out, rules=Rules((PEOPLE, CATS, HERO)), outputs=("recolored", "labels"))
    assert files(out) == [
        "labels/a.png.png", "labels/c.png.png", "labels/sub/b.jpg.png",
        *(f"recolored/{n}.{c}.{n[-3:]}" for n in ("a.png", "c.png", "sub/b.jpg")
          for c in ("red", "teal")),
    ]  # fmt: skip
    before = np.array(Image.open(photos / "a.png"))
    labels = np.array(Image.open(out / "labels/a.png.png"))
    row = next(row for row in rows if row.photo == "a.png")
    of = {name: {r.instance for r in row.instances if r.rule == name} for name in ("cats", "hero")}
    assert [len(of["cats"]), len(of["hero"])] == [2, 1]
    for color in ("red", "teal"):
        after = np.array(Image.open(out / f"recolored/a.png.{color}.png"))
        changed = (after != before).any(axis=2)
        painted = np.isin(labels, list(of["cats"] | of["hero"]))
        # the soft edge reaches some pixels over the label's
        near = np.array([np.roll(painted, s, (0, 1)) for s in np.ndindex(9, 9)]).any(axis=0)
        near = np.roll(near, (-4, -4), (0, 1))
        assert changed[painted].mean() > 0.9
        assert not changed[~near].any()


def test_rows_tell_objects_and_colors(photos, tmp_path):
    _, rows = run(photos, tmp_path / "out", rules=Rules((PEOPLE, CATS, HERO)), max_delta_e=3)
    row = rows[0]
    assert (row.photo, row.status, (row.height, row.width)) == ("a.png", "done", (96, 128))
    named = [(r.class_name, r.rule, r.swatch, r.target) for r in row.instances]
    assert sorted(named, key=str) == sorted([
        ("cat", "cats", "navy", "#000080"), ("cat", "cats", "navy", "#000080"),
        ("cat", "cats", "navy", "#000080"), ("cat", "cats", "navy", "#000080"),
        ("person", None, None, None),
        ("dog", "hero", "red", "#ff0000"), ("dog", "hero", "teal", "#008080"),
    ], key=str)  # fmt: skip
    labels = np.array(Image.open(tmp_path / "out/labels/a.png.png"))
    rgb = np.array(Image.open(photos / "a.png"))
    for one in row.instances:
        where = labels == one.instance
        assert one.area == where.sum()
        x, y, width, height = one.box
        assert where[y : y + height, x : x + width].sum() == one.area
        got = np.array([int(one.mean_color[k : k + 2], 16) for k in (1, 3, 5)])
        linear = np.where(rgb / 255 > 0.04045, ((rgb / 255 + 0.055) / 1.055) ** 2.4, rgb / 3294.6)
        mean = linear[where].mean(axis=0)
        wanted = np.where(mean > 0.0031308, 1.055 * mean ** (1 / 2.4) - 0.055, 12.92 * mean) * 255
        assert np.abs(got - wanted).max() < 1
        if one.rule:
            assert one.passed is not None and (one.delta_e <= 3 or not one.passed)
            assert (tmp_path / "out" / one.output).is_file()
            assert 0 <= one.within_2 <= 1 <= one.delta_e_p95 + 1


def test_what_is_told_of_a_file_is_what_the_file_shows(tmp_path):
    picture(tmp_path / "in/a.jpg", quality=95)
    _, (row,) = run(tmp_path / "in", tmp_path / "out", rules=Rules((HERO,)))
    from dmlseg_core.paint import Look, Subject

    photo, scene = load_photo(tmp_path / "in/a.jpg"), synth.scene()
    mask = max(scene.propose(), key=lambda m: m.grid.sum())
    subject = Subject.of(photo.rgb, mask.to_alpha(photo.rgb))
    for one in (r for r in row.instances if r.rule):
        shown = np.array(Image.open(tmp_path / "out" / one.output))
        told = subject.measure(Look(one.target), shown).report
        assert one.delta_e == pytest.approx(told.median, abs=1e-4)
        assert one.delta_e_p95 == pytest.approx(told.p95, abs=1e-4)


def test_tables_hold_everything(photos, tmp_path):
    import pyarrow.parquet as pq

    (photos / "bad\n.jpg").write_bytes(b"nothing")
    out = tmp_path / "out"
    run(photos, out, rules=Rules((CATS,)), max_delta_e=100)
    table = list(csv.DictReader((out / "instances.csv").open(encoding="utf-8-sig", newline="")))
    assert len(table) == pq.read_table(out / "instances.parquet").num_rows == 12
    assert {row["rule"] for row in table} == {"cats", ""}
    assert len(json.loads((out / "instances.json").read_text())["images"]) == 3
    (failed,) = csv.DictReader((out / "failures.csv").open(newline=""))
    assert failed["path"] == str(photos / "bad\n.jpg")
    assert failed["encoded"].endswith("/bad%0A.jpg")
    told = json.loads((out / "run.json").read_text())
    assert told["counts"]["done"] == 3
    assert (out / "report.html").stat().st_size > 1000


def test_cutouts_with_and_without_rules(photos, tmp_path):
    run(photos / "a.png", tmp_path / "one", outputs=("cutouts",))
    assert files(tmp_path / "one") == [f"cutouts/a.png.{k}.png" for k in (1, 2, 3, 4)]
    run(photos / "a.png", tmp_path / "two", rules=Rules((CATS,)), outputs=("cutouts",))
    (told,) = json.loads((tmp_path / "two/instances.json").read_text())["images"]
    assert told["file_name"] == "a.png" and "labels" not in told  # none was asked for
    assert files(tmp_path / "two") == [f"cutouts/a.png.navy.{k}.png" for k in (1, 2)]
    with Image.open(tmp_path / "two/cutouts/a.png.navy.1.png") as image:
        rgba = np.array(image)
    inside = rgba[..., 3] > 127
    assert 0.8 < inside.sum() / (32 * 36) < 1.2  # the thing's own size
    assert rgba[inside][:, 2].mean() > rgba[inside][:, 0].mean() + 30  # navy


def test_a_photo_that_no_rule_fits_is_named(photos, tmp_path):
    _, rows = run(photos, tmp_path / "out", rules=Rules((replace(CATS, find=Find(rank=9)),)))
    assert {row.status for row in rows} == {"empty"}
    assert rows[0].notes == ("no rule takes any of its objects",)
    assert not (tmp_path / "out/recolored").exists()


def recipe(photos, by, segmenter):
    photo = load_photo(photos / "a.png")
    scene = segmenter.analyze(photo)
    where = Override(*synth.INSIDE[1])
    chosen = [(Selection(where).styled(Style(color="#c8102e")), scene.answer(where))]
    return photo, scene, recipe_of(photo, scene, chosen, by)


@pytest.mark.parametrize("by", ["class", "rank", "likeness"])
def test_a_recipe_makes_the_pixels_that_an_edit_makes(photos, tmp_path, by):
    segmenter = Synthetic([])
    photo, scene, made = recipe(photos, by, segmenter)
    segmenter.config = scene.config
    _, rows = run(photos, tmp_path / "out", recipe=made, segmenter=segmenter)
    assert [row.status for row in rows] == ["done"] * 3
    session = EditSession(photo, scene)
    session.apply(made)
    (name,) = rows[0].files["recolored"]
    assert name == "recolored/a.png.c8102e.png"
    after = np.array(Image.open(tmp_path / "out" / name))
    assert (after == session.render(full=True)).all()
    painted = [r for r in rows[0].instances if r.rule]
    assert len(painted) == len(session.selections)
    assert {r.rule for r in painted} == {"1"}  # of all of them the recipe's first edit


def test_a_recipe_by_point_is_for_its_photo_and_names_the_others(photos, tmp_path):
    segmenter = Synthetic([])
    *_, made = recipe(photos, "point", segmenter)
    _, rows = run(photos, tmp_path / "out", recipe=made, segmenter=segmenter)
    assert [row.status for row in rows] == ["done", "empty", "empty"]
    assert "belong to another photo" in rows[1].notes[0]
    made = replace(made, weights="f" * 64)
    with pytest.raises(Exception, match="made with weights"):
        prepare([photos], tmp_path / "out", recipe=made, segmenter=segmenter)


def test_likeness_takes_what_is_like_the_reference(photos, tmp_path):
    y, x = synth.INSIDE[4]  # the dog
    like = Like(photos / "a.png", (y, x), 0.8)
    rules = Rules((Rule(Find(like=like), (Way("red", Style(color="red")),), "like"),))
    _, rows = run(photos, tmp_path / "out", rules=rules)
    for row in rows:
        assert [r.class_name for r in row.instances if r.rule] == ["dog"]
        assert [r.likeness == 1 for r in row.instances] == [r.rule == "like" for r in row.instances]
    outside = Rules((Rule(Find(like=Like(photos / "a.png", (999, 3))), HERO.ways),))
    with pytest.raises(ParameterError, match="the reference"):
        run(photos, tmp_path / "other", rules=outside)


def test_likeness_can_ask_for_the_colors_too(photos, tmp_path):
    """The dogs of all photos have one vector; their colors are their own."""
    y, x = synth.INSIDE[4]
    for least, dogs in ((0.0, 3), (0.95, 1)):
        like = Like(photos / "a.png", (y, x), 0.8, least)
        rules = Rules((Rule(Find(like=like), (Way("red", Style(color="red")),), "like"),))
        _, rows = run(photos, tmp_path / f"{least}", rules=rules)
        assert sum(r.rule == "like" for row in rows for r in row.instances) == dogs
    with pytest.raises(ParameterError, match="colors"):
        Like(photos / "a.png", (y, x), 0.8, 1.5)


def test_inputs_are_never_written(photos, tmp_path):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.rglob("*.*")}
    run(photos, tmp_path / "out", rules=Rules((CATS,)), outputs=("recolored", "cutouts"))
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.rglob("*.*")} == before


def test_metadata_and_profile_stay(tmp_path):
    from tests.soak.files import good

    path = tmp_path / "in" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(good("JPEG"))

    class Whole:
        weights = ""

        def analyze(self, photo):
            from dmlseg_core.scene.frame import Frame

            return replace(synth.scene(), photo_digest=photo.digest, visible=None,
                           frame=Frame.fit(photo.size, synth.LONG_SIDE))  # fmt: skip

    _, (row,) = run(tmp_path / "in", tmp_path / "out", rules=Rules((HERO,)), segmenter=Whole())
    made = load_photo(tmp_path / "out" / row.files["recolored"][0])
    like = load_photo(path)
    assert (made.format, made.icc_profile) == ("JPEG", like.icc_profile)
    assert b"makermaker" in made.exif
    assert Path(row.files["recolored"][0]).suffix == ".jpg"
