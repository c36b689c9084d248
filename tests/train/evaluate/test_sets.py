"""`evaluate` with fake segmenters whose right figures are known."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from dmlseg_core.config import SceneConfig
from dmlseg_core.errors import DatasetError
from dmlseg_core.train.evaluate.photo_scores import LEVELS, at_photo_resolution
from dmlseg_core.train.evaluate.sets import evaluate, open_folders
from dmlseg_core.train.evaluate.sweep import Variant, VariantSegmenter, markdown, sweep, variants
from tests.train.toy_scenes import Fake, NoiseScene, PerfectScene, SweepScene, sample

KEYS = {
    "photos", "objects", "objects_left_out", "map_r", "map_r_ci", "map_r_agnostic",
    "iou_after_clicks", "iou_after_clicks_jitter", "noc85", "noc90", "iou_part", "iou_whole",
    "boundary_f", "covering", "seconds_per_photo",
}  # fmt: skip


def run(scene, samples, **options):
    return evaluate(Fake(scene, samples), {"toy": samples}, progress=False, **options)["sets"][
        "toy"
    ]


def test_a_perfect_predictor_has_ones_everywhere():
    figures = run(PerfectScene, [sample(i) for i in range(4)])
    assert set(figures) >= KEYS
    assert (figures["photos"], figures["objects"], figures["objects_left_out"]) == (4, 12, 4)
    ones = dict.fromkeys(("0.5", "0.6", "0.7", "0.8", "0.9"), 1.0)
    assert figures["map_r"] == figures["map_r_agnostic"] == ones
    assert figures["map_r_ci"]["0.5"] == [1, 1]
    for clicks in ("iou_after_clicks", "iou_after_clicks_jitter"):
        assert figures[clicks] == {"1": 1, "3": 1, "5": 1}
    assert figures["noc85"] == figures["noc90"] == 1
    assert figures["iou_part_offered"] == figures["iou_whole_offered"] == 1
    assert figures["iou_whole"] == figures["iou_whole_default"] == 1
    assert figures["iou_part"] == figures["iou_part_default"] == 0.5  # the scene's part is a group
    assert figures["boundary_f"] is None and figures["covering"] is None
    assert figures["seconds_per_photo"] >= 0


def test_noise_has_next_to_nothing():
    figures = run(NoiseScene, [sample(i) for i in range(3)])
    assert figures["map_r"]["0.5"] < 0.1
    assert figures["iou_after_clicks"]["5"] < 0.1
    assert figures["noc85"] == figures["noc90"] == 20


def test_regions_are_scored_as_partitions():
    samples = [sample(i, partition=True) for i in range(3)]
    figures = run(PerfectScene, samples)
    # two people agree; the third's quarters are halves of ours, his half is a third of each union
    third = 0.25 * 0.5 + 0.25 * 0.5 + 0.5 * 1 / 3
    assert figures["covering"]["ods"] == pytest.approx((1 + 1 + third) / 3)
    assert figures["boundary_f"]["ods"] > 0.8
    assert figures["iou_after_clicks"] == {"1": 1.0, "3": None, "5": None}
    empty = ("map_r", "map_r_agnostic", "noc85", "iou_part", "iou_after_clicks_jitter")
    assert all(figures[k] is None for k in empty)
    noise = run(NoiseScene, samples)
    assert noise["covering"]["ois"] < 0.1 and noise["iou_after_clicks"]["1"] < 0.1


def test_rivals_stand_beside_us():
    samples = [sample(i, partition=True) for i in range(2)]

    def whole(image):
        return [np.zeros((60, 80), int)] * len(LEVELS)

    found = run(PerfectScene, samples, rivals={"whole": whole})
    rival, alone = (found["rivals"][name] for name in ("whole", "embedding"))
    assert alone["boundary_f"] == found["boundary_f"] and alone["iou_after_clicks"]["1"] == 1
    assert rival["boundary_f"] == {"ods": 0, "ois": 0}
    assert rival["iou_after_clicks"]["1"] == pytest.approx(0.5, abs=0.1)


def test_agnostic_only_where_the_background_is_complete():
    figures = run(PerfectScene, [sample(0, background="no_voc")], quick=True)
    assert figures["map_r_agnostic"] is None and figures["map_r"]["0.9"] == 1


def test_quick_makes_one_click():
    figures = run(PerfectScene, [sample(0)], quick=True)
    assert figures["iou_after_clicks"] == {"1": 1.0, "3": None, "5": None}
    assert figures["noc85"] is figures["iou_after_clicks_jitter"] is None


def test_the_same_figures_twice_and_plain_json():
    samples = [sample(i) for i in range(2)]
    first, second = (run(PerfectScene, samples) for _ in range(2))
    for key in ("seconds_per_photo", "seconds_per_pass"):
        first[key] = second[key] = 0
    assert first == second == json.loads(json.dumps(first))


def test_limit_spreads_over_the_list():
    samples = [sample(i) for i in range(9)]
    fake = Fake(PerfectScene, samples)
    result = evaluate(fake, {"toy": samples}, limit=3, quick=True, progress=False)
    assert result["sets"]["toy"]["photos"] == fake.calls == 3
    assert result["weights"] is None and result["config"] == {}


def test_empty_lists_are_typed_errors(tmp_path):
    fake = Fake(PerfectScene, [])
    with pytest.raises(DatasetError, match="no set"):
        evaluate(fake, {})
    with pytest.raises(DatasetError, match="no photo"):
        evaluate(fake, {"toy": []})
    pytest.importorskip("dmlseg_core.train.data.voc")
    with pytest.raises(DatasetError):
        open_folders([tmp_path / "missing"], "val")


def test_grid_partitions_take_the_nearest_cell():
    frame = SimpleNamespace(cells=lambda: (np.arange(8) // 4, np.arange(12) // 4))
    labels = np.arange(6).reshape(2, 3)
    big = at_photo_resolution(SimpleNamespace(frame=frame), [labels], np.zeros((8, 12)))[0]
    assert (big == np.kron(labels, np.ones((4, 4), int))).all()


# ---------------------------------------------------------------- sweep


def test_variants_change_one_thing():
    rows = variants(SceneConfig(), ["alpha", "budget"])
    assert {row.axis for row in rows} == {"alpha", "budget"}
    assert all(replace(row.config, alpha=0.3, budget=100) == SceneConfig() for row in rows)
    with pytest.raises(DatasetError, match="cannot sweep"):
        variants(axes=["color"])


def test_the_taus_swept_are_the_networks():
    sets = [row.taus for row in variants(axes=["taus"], taus=(0.3, 0.6, 0.8))]
    assert sets == [(0.3,), (0.6,), (0.8,), (0.3, 0.6), (0.6, 0.8), (0.3, 0.6, 0.8)]
    assert [row.taus for row in variants(axes=["taus"], taus=(0.5,))] == [(0.5,)]
    assert {row.taus for row in variants(axes=["alpha", "budget", "long_side"])} == {None}


def test_sweep_tables():
    samples = [sample(i) for i in range(2)]
    sides = []

    def make(config):
        sides.append(config.long_side)
        return Fake(SweepScene, samples)

    rows = [
        Variant("budget", k, SceneConfig(budget=k)) for k in (1, 100)
    ] + [Variant("taus", [0.5], SceneConfig(), (0.5,))]  # fmt: skip
    table = sweep(make, {"toy": samples}, rows, progress=False)
    assert sides == [SceneConfig().long_side]  # one network pass serves every variant of a size
    assert [row["sets"]["toy"]["map_r"]["0.5"] for row in table] == [0.5, 1, 1]
    text = markdown(table)
    assert text.count("\n") == 5 and "| budget | 1 | toy | 0.500 [0.500, 0.500] |" in text


def test_variant_keeps_the_named_taus():
    fake = Fake(SweepScene, [sample(0)])
    variant = Variant("taus", [0.5, 0.9], SceneConfig(alpha=0.1), (0.5, 0.9))
    scene = VariantSegmenter(fake, variant).analyze(fake.samples[0].image)
    assert scene.taus == (0.5, 0.9) and scene.config.alpha == 0.1
    every = Variant("budget", 1, SceneConfig())
    taus = VariantSegmenter(fake, every).analyze(fake.samples[0].image).taus
    assert taus == fake.analyze(fake.samples[0].image).taus


# ---------------------------------------------------------------- real sets


@pytest.mark.parametrize("name", ["voc", "clothing", "regions", "coco128"])
def test_a_perfect_predictor_on_real_sets(name, labelled_set):
    samples = open_folders([labelled_set(name)], "val")[name]
    data = [replace(samples[i], image=samples[i].image.copy()) for i in range(3)]
    figures = run(PerfectScene, data)
    assert figures["photos"] == 3
    if name == "regions":
        assert figures["iou_after_clicks"]["1"] > 0.3
    else:
        assert figures["noc85"] == 1


# ---------------------------------------------------------------- rivals


def test_rivals_go_from_fine_to_coarse():
    pytest.importorskip("skimage")
    from dmlseg_core.train.evaluate.rivals import RIVALS

    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    for name, method in RIVALS.items():
        levels = method(blocks)
        assert len(levels) == len(LEVELS), name
        assert all(labels.shape == (120, 160) and labels.min() >= 0 for labels in levels)
        assert len(np.unique(levels[0])) > len(np.unique(levels[-1]))


def test_tuning_picks_from_the_grid(monkeypatch):
    pytest.importorskip("skimage")
    from dmlseg_core.train.evaluate import rivals

    grids = {"felzenszwalb": {"sigma": (0.5,), "min_size": (20, 400)},
             "slic_merge": {"n_segments": (60,), "compactness": (10,)}}  # fmt: skip
    monkeypatch.setattr(rivals, "GRIDS", grids)
    photo = sample(0, partition=True)
    photo.image[30:], photo.image[:30, :, 1] = 250, 90
    best = rivals.tune([photo])
    assert best["felzenszwalb"][0]["sigma"] == 0.5 and best["felzenszwalb"][1] > 0.5
