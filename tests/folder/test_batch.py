"""`batch` on scenes of known answers: what is painted, written, told, and done again."""

import csv
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.edit import EditSession, Selection, Style, recipe_of
from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.folder import batch, make_plan, prepare
from dmlseg_core.folder.engine import in_turn
from dmlseg_core.folder.rules import Find, Like, Rule, Rules, Way
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Override
from tests import synth

CATS = Rule(Find(classes=("cat",)), (Way("navy", Style(color="navy")),), "cats")
PEOPLE = Rule(Find(classes=("person",)), (), "people")
HERO = Rule(Find(largest=1), tuple(Way(c, Style(color=c)) for c in ("red", "teal")), "hero")


@dataclass
class Synthetic:
    """Sees the scene of `synth` in every photo of its size."""

    seen: list
    weights: str = "0" * 64

    def analyze(self, photo):
        self.seen.append(photo.path.name)
        return replace(synth.scene(), photo_digest=photo.digest, weights=self.weights)


def picture(path, seed=0, **options):
    """A photo whose things have colors of their own."""
    where = synth.sample().instances
    colors = np.random.default_rng(seed).integers(60, 200, (5, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colors[where]).save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path):
    for seed, name in enumerate(("a.png", "sub/b.jpg", "c.png")):
        picture(tmp_path / "in" / name, seed)
    return tmp_path / "in"


def run(inputs, out, *, segmenter=None, **asked):
    segmenter = segmenter or Synthetic([])
    rows = list(batch([inputs], out, segmenter=segmenter, **asked))
    return segmenter, rows


def files(out):
    kinds = ("recolored", "cutouts", "labels", "overlays")
    return sorted(str(p.relative_to(out)) for k in kinds for p in (out / k).rglob("*.*"))


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


def test_a_run_goes_on_where_it_stopped_by_content_and_settings(photos, tmp_path):
    out, rules = tmp_path / "out", Rules((CATS,))
    run(photos, out, rules=rules)
    assert run(photos, out, rules=rules)[0].seen == []
    os.utime(photos / "a.png", (1, 1))  # touched, not changed
    assert run(photos, out, rules=rules)[0].seen == []
    assert run(photos, out, rules=Rules((replace(CATS, name="x"),)))[0].seen != []
    assert len(run(photos, out, rules=rules, max_delta_e=5)[0].seen) == 3
    assert len(run(photos, out, rules=rules)[1]) == 3
    (out / "recolored/c.png.navy.png").unlink()
    assert run(photos, out, rules=rules)[0].seen == ["c.png"]


def test_rows_of_an_earlier_run_are_the_same_rows(photos, tmp_path):
    first = run(photos, tmp_path / "out", rules=Rules((CATS,)))[1]
    again = run(photos, tmp_path / "out", rules=Rules((CATS,)))[1]
    assert again == first


def test_a_changed_photo_loses_what_no_longer_belongs_to_it(photos, tmp_path):
    out = tmp_path / "out"
    run(photos, out, rules=Rules((HERO,)))
    run(photos, out, rules=Rules((CATS,)))  # other rules: the files of the first ones stay
    assert {"recolored/a.png.red.png", "recolored/a.png.navy.png"} <= set(files(out))
    picture(photos / "a.png", 9)
    run(photos, out, rules=Rules((HERO,)))
    assert "recolored/a.png.navy.png" not in files(out)
    assert "recolored/c.png.navy.png" in files(out)
    (photos / "c.png").write_bytes(b"nothing")
    run(photos, out, rules=Rules((HERO,)))
    assert not [name for name in files(out) if name.startswith(("recolored/c.png.red", "labels/c"))]


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


def test_shards_are_parts_of_the_whole(tmp_path):
    for k in range(12):
        picture(tmp_path / "in" / f"{k}.png", k)
    parts = [
        {job.name for job in prepare([tmp_path / "in"], tmp_path / "o", shard=(i, 3)).jobs}
        for i in (1, 2, 3)
    ]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 12
    assert all(parts)
    # of one photo, three of four shards have none
    none = [prepare([tmp_path / "in/0.png"], tmp_path / "o", shard=(i, 4)) for i in (1, 2, 3, 4)]
    assert [make_plan(made).looked for made in none if not made.jobs] == [0, 0, 0]
    with pytest.raises(ParameterError, match="a shard is i of n"):
        prepare([tmp_path / "in"], tmp_path / "o", shard=(4, 3))


def test_leaving_the_loop_keeps_what_was_done(photos, tmp_path):
    segmenter = Synthetic([])
    rows = batch([photos], tmp_path / "out", segmenter=segmenter, rules=Rules((CATS,)))
    next(rows)
    rows.close()
    assert json.loads((tmp_path / "out/run.json").read_text())["interrupted"]
    segmenter, rows = run(photos, tmp_path / "out", rules=Rules((CATS,)))
    assert (len(rows), len(segmenter.seen)) == (3, 2)


def test_a_plan_writes_nothing_and_tells_what_a_run_then_does(photos, tmp_path):
    (photos / "bad.jpg").write_bytes(b"nothing")
    rules = Rules((PEOPLE, CATS, HERO, Rule(Find(like=Like(photos / "a.png", (20, 20))), (), "l")))
    made = prepare([photos], tmp_path / "out", rules=rules, segmenter=Synthetic([]))
    plan = make_plan(made)
    assert not (tmp_path / "out").exists()
    assert (plan.photos, plan.looked, len(plan.failed)) == (4, 4, 1)
    assert {k: (v.objects, v.photos) for k, v in plan.rules.items()} == {
        "cats": (6, 3), "hero": (3, 3)
    }  # fmt: skip
    assert plan.classes == {"cat": 6, "person": 3, "dog": 3}
    assert {t: c.objects for t, c in plan.thresholds.items()}[0.8] == 3
    rows = [result.row for result in made.results()]
    written = {k: sum(len(r.files.get(k, ())) for r in rows) for k in plan.files}
    assert plan.files == written == {"labels": 3, "overlays": 3, "recolored": 6}
    size = sum(p.stat().st_size for p in (tmp_path / "out").rglob("*.*g") if p.is_file())
    assert plan.bytes == pytest.approx(size, rel=0.5)
    assert plan.seconds > 0
    json.dumps(plan.to_json())
    # of a cluster's size nothing is known before
    on_cluster = prepare([photos], tmp_path / "o3", segmenter=Synthetic([]), engine="ray",
                         workers=None)  # fmt: skip
    assert make_plan(replace(on_cluster, runner=in_turn)).seconds > 0
    cut = prepare([photos], tmp_path / "o4", segmenter=Synthetic([]), outputs=("cutouts",))
    assert make_plan(cut).files == {"cutouts": 12}  # as photographed, as in the test of cut-outs
    one = make_plan(prepare([photos], tmp_path / "o2", segmenter=Synthetic([])), sample=1)
    assert (one.photos, one.looked) == (4, 1)


def test_wrong_asks_are_told_before_the_start(photos, tmp_path):
    for wrong, told in (
        ({"outputs": ("label",)}, "outputs are some of"),
        ({"max_delta_e": -1}, "max_delta_e is 0 or more"),
        ({"workers": 0}, "workers counts"),
        ({"workers": 0, "engine": "ray"}, "workers counts"),
        ({"engine": "spark"}, "engine is one of local, ray"),
        ({"rules": Rules((replace(CATS, find=Find(classes=("lion",))),))}, "no class 'lion'"),
    ):
        with pytest.raises(ParameterError, match=told):
            batch([photos], tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ParameterError, match="lies in the input folder"):
        batch([photos], photos / "out")


def test_inputs_are_never_written(photos, tmp_path):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.rglob("*.*")}
    run(photos, tmp_path / "out", rules=Rules((CATS,)), outputs=("recolored", "cutouts"))
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.rglob("*.*")} == before


def test_a_segment_run_and_a_batch_in_one_folder(photos, tmp_path):
    from dmlseg_core.folder import segment_folder

    out = tmp_path / "out"
    segment_folder([photos], out, Synthetic([]), progress=False)
    segmenter, _ = run(photos, out, rules=Rules((CATS,)))
    assert len(segmenter.seen) == 3  # a segment's record holds no row
    assert segment_folder([photos], out, Synthetic([]), progress=False).done == 3


def test_an_output_that_cannot_be_is_told(photos, tmp_path):
    (tmp_path / "out").write_text("a file where a folder must be")
    with pytest.raises(ExportError):
        run(photos, tmp_path / "out")


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
