"""What is asked of a batch, before its first photo: shards, a plan, what cannot be."""

import json
from dataclasses import replace

import pytest

from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.folder import batch, make_plan, prepare
from dmlseg_core.folder.engine import in_turn
from dmlseg_core.folder.rules import Find, Like, Rule, Rules
from tests.folder.synthetic import CATS, HERO, PEOPLE, Synthetic, picture, run


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
    with pytest.raises(ParameterError, match="a shard is"):
        prepare([tmp_path / "in"], tmp_path / "o", shard=(4, 3))


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


def test_a_plan_looks_at_each_photo_once_and_paints_a_few_of_each_kind(tmp_path):
    for k in range(12):
        picture(tmp_path / "in" / f"{k:02}.png", k)
    near = Like(tmp_path / "in/05.png", (20, 20), 0.99, 0.999)  # alike are all, its colors has one
    rules = Rules((Rule(Find(like=near), CATS.ways),))
    scenes, shown = Synthetic([]), {}

    def show(row, folder):
        there = [(folder / path).is_file() for found in row.files.values() for path in found]
        shown[row.photo] = row.status, all(there), len(there)

    plan = make_plan(prepare([tmp_path / "in"], tmp_path / "o", rules=rules, segmenter=scenes),
                     show=show)  # fmt: skip
    empty = dict.fromkeys(("00.png", "03.png", "06.png", "09.png"), ("empty", True, 3))
    assert shown == {**empty, "05.png": ("done", True, 5)}  # that kind was not among the first
    assert (plan.looked, plan.painted) == (12, 5)
    assert len(scenes.seen) == 1 + 12 + 1  # the reference, each photo, and the one done again
    run(tmp_path / "in", tmp_path / "o", rules=rules)
    size = sum(p.stat().st_size for p in (tmp_path / "o").rglob("*.*g"))
    assert plan.bytes == pytest.approx(size, rel=0.2)


def test_wrong_asks_are_told_before_the_start(photos, tmp_path):
    for wrong, told in (
        ({"outputs": ("label",)}, "outputs are some of"),
        ({"max_delta_e": -1}, "max_delta_e must lie in"),
        ({"workers": 0}, "workers counts"),
        ({"workers": 0, "engine": "ray"}, "workers counts"),
        ({"max_delta_e": "3"}, "max_delta_e must be a number"),
        ({"max_megapixels": 0}, "max_megapixels must lie in"),
        ({"outputs": "labels"}, "outputs are a list of kinds"),
        ({"rules": 3}, "rules are Rules, or the path"),
        ({"recipe": 3}, "recipe is a Recipe, or the path"),
        ({"workers": "2"}, "workers counts processes"),
        ({"shard": "1/2"}, r"a shard is \(i, n\)"),
        ({"engine": "spark"}, "engine is one of local, ray"),
        ({"rules": Rules((replace(CATS, find=Find(classes=("lion",))),))}, "no class 'lion'"),
    ):
        with pytest.raises(ParameterError, match=told):
            batch([photos], tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ParameterError, match="lies in the input folder"):
        batch([photos], photos / "out")


def test_one_input_needs_no_list(photos, tmp_path):
    for inputs in (photos, str(photos)):
        assert len(prepare(inputs, tmp_path / "out").jobs) == 3


def test_an_output_that_cannot_be_is_told(photos, tmp_path):
    (tmp_path / "out").write_text("a file where a folder must be")
    with pytest.raises(ExportError):
        run(photos, tmp_path / "out")
