"""What a scene tells of people and cars to those who paint."""

from dataclasses import replace

import numpy as np
import torch

from dmlseg_core.edit import sight_of
from dmlseg_core.model import DataSheet
from dmlseg_core.scene import Segmenter
from tests.scene.test_segmenter import CONFIG, photo, random_network


def test_skin_is_told_where_a_person_is_seen():
    """The sheet's classifiers are believed where the class head says person, not on leaves."""
    scene = Segmenter(random_network(), CONFIG).analyze(photo())
    assert "people" in sight_of(scene) and sight_of(scene)["people"] is None
    count = len(scene.embedding)
    sheet = DataSheet(skin=(0.0,) * count + (3.0,), hair=(0.0,) * (count + 1))
    told = replace(scene, sheet=sheet, classes=("person", *scene.classes[1:]))
    for sure, shown in ((0.9, True), (0.1, False)):
        probs = scene.class_probs.clone()
        probs[:, 1] = sure
        people = sight_of(replace(told, class_probs=probs))["people"]
        assert (people is not None) is shown
        if shown:
            assert people.shape == (2, *scene.embedding.shape[1:])
            assert people[0].min() > 0.9
    assert sight_of(replace(told, classes=scene.classes))["people"] is None  # nobody's class


def test_bodywork_is_told_where_a_car_is_seen_and_about_it():
    """Of a wing alone the class head seldom says car; far from any car nothing is a panel."""
    scene = Segmenter(random_network(), CONFIG).analyze(photo())
    assert sight_of(scene)["bodywork"] is None
    sheet = DataSheet(bodywork=(0.0,) * len(scene.embedding) + (3.0,))
    probs = torch.zeros_like(scene.class_probs)
    probs[:, 1, :, 0] = 0.9  # the left column
    told = replace(scene, sheet=sheet, classes=("car", *scene.classes[1:]), class_probs=probs)
    panels = sight_of(told)["bodywork"]
    assert panels.shape == scene.embedding.shape[1:]
    assert panels[:, 1:11].min() > 0.9 and (panels.shape[1] < 16 or panels[:, 15:].max() == 0)
    nobody = replace(told, class_probs=torch.zeros_like(probs))
    assert sight_of(nobody)["bodywork"] is None
    assert np.isfinite(sight_of(nobody)["embedding"]).all()


def test_skin_is_told_by_the_photo_and_its_mirror_too():
    """Of quality "best" a cell's vector is that of two passes."""
    segmenter = Segmenter(random_network(), CONFIG)
    both = segmenter.analyze(photo(), config=replace(CONFIG, flip=True))
    count = len(both.embedding) // 2
    skin, hair = (tuple(k * n / 10 for n in range(count + 1)) for k in (1, -2))
    sheet = DataSheet(skin=skin, hair=hair)
    probs = both.class_probs.clone()
    probs[:, 1] = 0.9
    seen = replace(both, sheet=sheet, class_probs=probs, classes=("person", *both.classes[1:]))
    people = sight_of(seen)["people"]
    first, second = (
        torch.einsum("kd,dhw->khw", torch.tensor([skin, hair])[:, :-1], half * 2**0.5)
        for half in both.embedding.split(count)
    )
    logits = (first + second) / 2 + torch.tensor([[[skin[-1]]], [[hair[-1]]]])
    wanted = torch.cat([torch.zeros_like(logits[:1]), logits]).softmax(0)[1:]
    np.testing.assert_allclose(people, both.frame.spread(wanted.numpy()), atol=1e-5)
