"""Recipes: they replay to the same pixels, and what does not fit ends in one clear sentence."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.config import AMOUNTS, SceneConfig
from dmlseg_core.edit.recipe import Choice, Edit, Pattern, PhotoName, Recipe, Style
from dmlseg_core.edit.recipe_file import from_json, load_recipe, save_recipe, to_json
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.paint.apply import ColorGate
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.proposals import Override
from dmlseg_core.scene.scene import Scene
from dmlseg_core.scene.strokes import Stroke
from tests import synth
from tests.edit.test_session import CAT, PERSON, RED, picture

TILE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def session(scene=None, photo=None):
    scene = synth.scene() if scene is None else scene
    return EditSession(load_photo(picture()) if photo is None else photo, scene)


def edited():
    """Two objects, one of them with points and a tau."""
    made = session()
    made.select(*CAT)
    made.set_style(
        Style(color=RED, mode="tint", strength=0.8, protect_highlights=0.5, gloss="satin")
    )
    made.select(*PERSON)
    made.extend(24, 60)
    made.extend(20, 104, subtract=True)
    made.set_tau(0.4)
    made.point_at(replace(made.selections[1].where, box=(40, 30, 95, 110)), "box")
    made.brush(Stroke(((60, 50), (64, 70)), 5))
    made.brush(Stroke(((80, 60),), 6, subtract=True))
    made.set_style(Style(mode="hue_shift", amount=40))
    return made


def values():
    return json.loads(to_json(edited().to_recipe()))


def changed(path, value):
    whole = values()
    place = whole
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(whole)


def test_points_replay_to_the_same_pixels_through_a_file(tmp_path):
    made = edited()
    recipe = load_recipe(save_recipe(made.to_recipe(), tmp_path / "r.json"))
    again = session()
    assert again.apply(recipe) == 2
    assert (again.render(full=True) == made.render(full=True)).all()
    assert (made.render(full=True) != made.photo.rgb).any()
    assert again.selections == made.selections
    again.undo()  # one step
    assert again.selections == ()


@pytest.mark.parametrize("style", [
    Style(color="oklch(0.6 0.2 30)", matting=True),
    Style(color="navy", gates=(ColorGate("#969696", 0.5), ColorGate("red", exclude=True))),
    Style(mode="saturation", amount=-0.5), Style(mode="lightness", amount=0.1),
    Style(mode="pattern", pattern=Pattern.of(TILE, 2.0), strength=0.7),
    Style(color="navy", materials="all"), Style(color="navy", materials="together"),
    Style(color="navy", targets=(("#ff0000", None), ("white", "gold"))),
])  # fmt: skip
def test_every_kind_of_style_replays(style):
    made = session()
    made.select(*(PERSON if style.mode == "saturation" else CAT))  # the cat is gray
    made.set_style(style)
    again = session()
    again.apply(from_json(to_json(made.to_recipe())))
    assert again.selections[0].style == style
    assert (again.render(full=True) == made.render(full=True)).all()
    assert (made.render(full=True) != made.photo.rgb).any()


@pytest.mark.parametrize("by", ["class", "rank", "likeness"])
def test_general_recipes_apply_to_another_photo(by):
    made = session()
    made.select(*PERSON)
    made.set_color(RED)
    recipe = from_json(to_json(made.to_recipe(by)))
    assert recipe.photo is None
    other = session(photo=load_photo(picture()[:, ::-1].copy()))
    assert other.apply(recipe) == 1
    assert (other.mask_of(0).grid == (synth.labels() == 3)).all()
    assert other.selections[0].color == RED


def test_a_class_takes_all_of_its_instances_and_a_rank_one():
    made = session()
    cats = Recipe("", made.scene.config, (Edit(Choice("cat"), Style(color=RED)),))
    assert made.apply(cats) == 2
    assert {made.mask_of(k).class_name for k in (0, 1)} == {"cat"}
    second = replace(cats, edits=(Edit(Choice("cat", rank=2), Style(color=RED)),))
    best = [m for m in made.scene.propose() if m.class_name == "cat"]
    assert made.apply(second) == 1
    assert (made.mask_of(0).grid == best[1].grid).all()
    none = replace(cats, edits=(Edit(Choice("sofa"), Style(color=RED)),))
    before = made.selections
    with pytest.raises(RecipeError, match="selects nothing"):
        made.apply(none)
    assert made.selections == before
    # an instance goes to the first edit that takes it
    both = replace(cats, edits=(*second.edits, Edit(Choice("cat"), Style(color="navy"))))
    assert made.apply(both) == 2
    assert [s.color for s in made.selections] == [RED, "navy"]


def test_likeness_is_similarity_to_the_vector():
    made = session()
    vector = made.scene.embedding[:, 6, 6].tolist()
    like = Edit(Choice(like=tuple(vector), threshold=0.9), Style(color=RED))
    assert made.apply(Recipe("", made.scene.config, (like,))) == 1
    far = replace(like, where=Choice(like=tuple(vector[::-1]), threshold=0.9))
    assert made.apply(Recipe("", made.scene.config, (far,))) == 1  # reversed: the person's vector
    assert (made.mask_of(0).grid == (synth.labels() == 3)).all()
    with pytest.raises(RecipeError, match="numbers"):
        made.apply(Recipe("", made.scene.config, (Edit(Choice(like=(1.0,)), Style()),)))


def test_a_recipe_is_read_with_one_list_of_proposals(monkeypatch):
    asked = []
    whole = Scene.propose
    monkeypatch.setattr(Scene, "propose", lambda *a, **k: asked.append(k) or whole(*a, **k))
    made = session()
    edits = tuple(Edit(Choice(name), Style(color=RED)) for name in ("cat", "person", "dog"))
    assert made.apply(Recipe("", made.scene.config, edits)) == 4
    assert asked == [{}]
    points = made.to_recipe()
    asked.clear()  # to_recipe asks for the selections' masks
    made.apply(points)
    assert asked == []


def test_what_does_not_fit_changes_nothing():
    made = edited()
    recipe, before = made.to_recipe(), made.selections
    other = session(photo=load_photo(picture()[::-1].copy()))
    small = session(photo=load_photo(picture()[:50].copy()))
    with pytest.raises(RecipeError, match="another photo"):
        other.apply(recipe)
    with pytest.raises(RecipeError, match="pixels"):
        small.apply(recipe)
    for wrong, words in (
        (replace(recipe, weights="abc"), "weights"),
        (replace(recipe, scene=replace(recipe.scene, connected=True)), "connected"),
        (replace(recipe, edits=(Edit(Override(5000, 1), Style()),)), "does not fit"),
        (replace(recipe, edits=(Edit(Choice("dragon"), Style()),)), "dragon"),
    ):
        with pytest.raises(RecipeError, match=words):
            made.apply(wrong)
        assert made.selections == before
    assert other.selections == small.selections == ()


def test_unknown_kinds_and_unranked_selections():
    made = session()
    made.select(92, 4)  # the wall: no proposal
    made.set_color(RED)
    with pytest.raises(ParameterError, match="rank"):
        made.to_recipe("rank")
    with pytest.raises(ParameterError, match="one of"):
        made.to_recipe("magic")


coordinates = st.tuples(st.floats(0, 4000), st.floats(0, 4000))
fractions = st.floats(0, 1)
gates = st.builds(ColorGate, st.sampled_from(["red", "#123456"]), st.floats(0, 2), fractions,
                  st.booleans())  # fmt: skip
styles = st.one_of(
    st.builds(Style, color=st.sampled_from([None, "#c8102e", "navy"]), strength=fractions,
              mode=st.sampled_from(["match", "tint"]), protect_highlights=fractions,
              gates=st.lists(gates, max_size=3).map(tuple)),
    st.builds(Style, mode=st.sampled_from(list(AMOUNTS)), amount=fractions),
)  # fmt: skip
points = st.builds(Override, st.floats(0, 4000), st.floats(0, 4000),
                   st.none() | st.floats(0.01, 0.99), st.lists(coordinates, max_size=3).map(tuple),
                   st.lists(coordinates, max_size=3).map(tuple))  # fmt: skip
choices = st.builds(
    Choice, st.sampled_from(["cat", "object"]),
    st.none() | st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=5).map(tuple),
    st.floats(0.01, 0.99), st.none() | st.integers(1, 9),
)  # fmt: skip
edits = st.lists(st.builds(Edit, points | choices, styles), max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(edits)
def test_every_recipe_survives_the_file(made):
    recipe = Recipe("a" * 64, SceneConfig(connected=False), made, PhotoName("d", (3, 4)))
    assert from_json(to_json(recipe)) == recipe


def test_recipes_of_older_programs_paint_all_of_an_object_as_one():
    whole = values()
    assert whole["version"] == 4
    for edit in whole["edits"]:
        edit["select"].pop("pointed", None)
        del edit["style"]["materials"], edit["style"]["targets"]
        edit["style"].pop("gloss", None)
    whole["version"] = 2
    old = from_json(json.dumps(whole))
    assert {edit.style.materials for edit in old.edits} == {"all"}
    assert json.loads(to_json(old))["version"] < 3  # and is written as they read it


def test_older_recipes_keep_the_largest_paint_as_the_body():
    """Only since version 4 a recipe says that its point was chosen by hand."""
    whole = values()
    assert any(edit["select"].get("pointed") for edit in whole["edits"])
    for edit in whole["edits"]:
        edit["select"].pop("pointed", None)
    old = from_json(json.dumps(whole | {"version": 3}))
    assert not any(edit.where.pointed for edit in old.edits)
    assert json.loads(to_json(old))["version"] == 3


def test_a_stroke_beyond_the_photo_is_told_before_anything_changes():
    where = Override(*CAT, strokes=(Stroke(((5, 5), (5, 500)), 3),))
    made = session()
    named = PhotoName(made.photo.digest, made.photo.size)
    recipe = Recipe("", made.scene.config, (Edit(where, Style(color=RED)),), named)
    with pytest.raises(RecipeError, match="does not fit the photo"):
        made.apply(recipe)
    assert made.selections == ()


def test_files_of_before_0_2_still_replay():
    """They name `shift_steps`, a knob that is gone: its usual 0 is read, anything else is said."""
    old = changed(("scene", "shift_steps"), 0)
    assert from_json(old) == from_json(json.dumps(values()))
    with pytest.raises(RecipeError, match="shift_steps"):
        from_json(changed(("scene", "shift_steps"), 2))
