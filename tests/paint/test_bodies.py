"""Of several paints: which piece is of which, and which of them a hand means."""

import numpy as np
import pytest

from dmlseg_core.color import srgb_to_linear
from dmlseg_core.paint import Look, Subject
from dmlseg_core.paint.materials.islands import without_islands
from dmlseg_core.paint.materials.small import features_of
from dmlseg_core.paint.materials.things import Things

SIZE = (120, 200)
RED, COFFEE, CREMA, WHITE = (106, 17, 6), (220, 147, 79), (132, 66, 26), (247, 235, 220)


def cup():
    """(labels, sRGB): red at the left, coffee at the right with a piece of crema that is red's."""
    labels = np.zeros(SIZE, np.intp)
    labels[:, 80:] = 1
    rgb = np.array([RED, COFFEE])[labels].astype(float)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    away = np.hypot((y - 60) / 12, (x - 140) / 24)
    share = np.clip(1.6 - away, 0, 1)[..., None]  # it fades into the coffee
    rgb = share * np.array(CREMA) + (1 - share) * rgb
    labels[away < 1] = 0
    return labels, np.rint(rgb).astype(np.uint8)


def found(labels, rgb, kinds=None, apart=((0.0,),)):
    features = features_of(srgb_to_linear(rgb.reshape(-1, 3).T)).reshape(3, *SIZE)
    kinds = np.zeros(SIZE, np.uint8) if kinds is None else kinds
    inside = labels >= 0
    return without_islands(features, labels, Things(kinds[inside], np.array(apart, np.float32)))


def test_a_piece_that_differs_by_light_alone_is_of_the_paint_around_it():
    labels, rgb = cup()
    labels[:3] = -1
    was = labels.copy()
    got = found(labels, rgb)
    assert (got[40:80, 100:] == 1).all()
    assert (got[:, :80] == was[:, :80]).all() and (got[labels < 0] == -1).all()
    assert (labels == was).all()


def test_a_piece_of_the_very_paint_stays():
    labels, rgb = cup()
    rgb[labels == 1] = WHITE
    rgb[labels == 0] = RED  # a red mark on white
    assert (found(labels, rgb) == labels).all()


def test_a_piece_that_is_another_thing_stays():
    labels, rgb = cup()
    kinds = np.zeros(SIZE, np.uint8)
    kinds[:, 100:][labels[:, 100:] == 0] = 1  # a hand on a coat as brown
    assert (found(labels, rgb, kinds, [[0, 2], [2, 0]]) == labels).all()
    assert (found(labels, rgb, kinds, [[0, 0.1], [0.1, 0]]) != labels).any()


def test_a_piece_between_two_paints_stays():
    labels, rgb = cup()
    labels[:60, 80:][labels[:60, 80:] == 1] = 2
    assert (found(labels, rgb) == labels).all()


def halves(left):
    """Red at the left, of so many columns; navy at the right: photo, alpha."""
    rgb = np.full((*SIZE, 3), (190, 40, 40), np.uint8)
    rgb[:, left:] = (40, 60, 160)
    noise = np.random.default_rng(0).integers(-3, 4, rgb.shape)
    alpha = np.zeros(SIZE, np.float32)
    alpha[5:-5, 5:-5] = 1
    return (rgb + noise).astype(np.uint8), alpha


@pytest.mark.parametrize(("left", "pointed"), [(80, True), (60, True), (45, False)])
def test_the_paint_under_the_hand_is_the_body_where_it_rivals_the_largest(left, pointed):
    rgb, alpha = halves(left)
    free = Subject.of(rgb, alpha)
    assert free.recolor(Look("#20a020")).palette == free.palette.materials
    assert free.part((0,)).share[60, (150, 30)].round().tolist() == [1, 0]
    subject = Subject.of(rgb, alpha, at=(60, 30))
    body = subject.part((0,)).share
    assert body[60, (30, 150)].round().tolist() == [pointed, not pointed]
    made = subject.recolor(Look("#20a020")).rgb.astype(int)
    kept = np.s_[10:110, left + 8 : 190] if pointed else np.s_[10:110, 10 : left - 8]
    assert (made[kept] == rgb[kept]).all()
    assert {m.color for m in subject.palette.materials} == {m.color for m in free.palette.materials}


def test_a_point_on_the_largest_or_beside_the_object_changes_nothing():
    rgb, alpha = halves(80)
    first = Subject.of(rgb, alpha).palette.materials
    for at in ((60, 150), (0, 0), (119.9, 199.9), (300, -40)):
        assert Subject.of(rgb, alpha, at=at).palette.materials == first


def test_a_point_on_a_chip_of_another_paint_means_the_paint_around_it():
    """A highlight on a saucer has the color of the cream in the cup."""
    rgb, alpha = halves(80)
    rgb[54:66, 140:152] = rgb[54:66, 30:42]
    first = Subject.of(rgb, alpha).palette.materials
    assert len(first) == 2
    assert Subject.of(rgb, alpha, at=(60, 146)).palette.materials == first
    assert Subject.of(rgb, alpha, at=(60, 30)).palette.materials == first[::-1]
