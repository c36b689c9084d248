"""Skin and hair are materials of their own, whatever their colors, and no coat's color."""

import numpy as np
import pytest

from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Look, Subject

SIZE = (180, 240)
BROWN, DARKER = (150, 112, 84), (140, 104, 78)
HAIR, FACE, COAT = np.s_[:30], np.s_[30:70], np.s_[70:]
WHOLE = np.ones(SIZE, np.float32)


def person(specks=False):
    """Hair, face and coat of one brown; and how probably a cell is skin, hair."""
    light = np.linspace(0.9, 1.1, SIZE[1])[None, :, None]
    rgb = np.array(BROWN) * light + np.zeros((*SIZE, 1))
    rgb += np.random.default_rng(0).normal(0, 2, rgb.shape)
    people = np.zeros((2, SIZE[0] // 5, SIZE[1] // 5), np.float32)
    people[1, :6], people[0, 6:14] = 0.95, 0.9
    if specks:
        rgb[45:50, 100:110] = 20  # an eye
        people[:, 9, 20:22] = 0
        people[0, 25, 10] = 0.8  # a button
    return np.clip(rgb, 0, 255).astype(np.uint8), people


def changed(rgb, made):
    return (rgb != made).any(axis=2)


def test_a_coat_takes_its_color_alone():
    rgb, people = person()
    assert [m.kind for m in Subject.of(rgb, WHOLE).palette.materials] == [""]
    subject = Subject.of(rgb, WHOLE, people=people)
    assert [m.kind for m in subject.palette.materials] == ["", "skin", "hair"]
    painted = changed(rgb, subject.recolor(Look("navy")).rgb)
    assert painted[75:].mean() > 0.99
    assert not painted[:65].any()


def test_a_pattern_turned_as_a_whole_leaves_people_alone():
    rgb, people = person()
    subject = Subject.of(rgb, WHOLE, people=people)
    painted = changed(rgb, subject.recolor(Look("navy", materials="together")).rgb)
    assert painted[75:].mean() > 0.99 and not painted[:65].any()
    assert changed(rgb, subject.recolor(Look("navy", materials="all")).rgb).mean() > 0.99


@pytest.mark.parametrize(
    ("at", "kind"), [((120, 100), ""), ((50, 100), ""), ((10, 100), ""), (None, "")]
)
def test_who_points_at_a_person_means_the_clothes(at, kind):
    """Hair of a fifth of them is as little the body as a print of that size."""
    rgb, people = person()
    assert Subject.of(rgb, WHOLE, people=people, at=at).palette.materials[0].kind == kind


def test_hair_that_is_pointed_at_is_painted_where_it_rivals_the_clothes():
    rgb, people = person()
    some = WHOLE.copy()
    some[120:] = 0
    assert Subject.of(rgb, some, people=people, at=(10, 100)).palette.materials[0].kind == "hair"
    assert Subject.of(rgb, some, people=people, at=(50, 100)).palette.materials[0].kind == ""


@pytest.mark.parametrize(
    ("rows", "kind"), [(FACE, "skin"), (np.s_[5:66], "skin"), (np.s_[30:76], "skin")]
)
def test_where_hardly_anything_else_is_skin_is_painted(rows, kind):
    """An arm alone, a head alone; a little collar is no body."""
    rgb, people = person()
    some = np.zeros_like(WHOLE)
    some[rows] = 1
    subject = Subject.of(rgb, some, people=people)
    assert subject.palette.materials[0].kind == kind
    assert changed(rgb, subject.recolor(Look("navy")).rgb)[35:60].mean() > 0.9


def test_eyes_are_the_faces_and_buttons_the_coats():
    rgb, people = person(specks=True)
    subject = Subject.of(rgb, WHOLE, people=people)
    painted = changed(rgb, subject.recolor(Look("navy")).rgb)
    assert not painted[35:65].any()
    assert painted[75:].mean() > 0.99


@pytest.mark.parametrize(
    "people", [np.zeros((3, 4, 4)), np.zeros((2, 4)), np.full((2, 4, 4), np.nan),
               np.full((2, 4, 4), 1.5), np.zeros((2, 0, 4))],
)  # fmt: skip
def test_what_are_no_probabilities_is_said(people):
    rgb, _ = person()
    with pytest.raises(ParameterError, match="people"):
        Subject.of(rgb, WHOLE, people=people.astype(np.float32))
