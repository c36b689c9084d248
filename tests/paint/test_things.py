"""An embedding tells things of one color apart, and leaves one thing whole."""

import cv2
import numpy as np
import pytest

from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Look, Subject
from dmlseg_core.paint.materials.joining import joined
from dmlseg_core.paint.materials.same import difference
from dmlseg_core.paint.materials.things import Things, things_of
from dmlseg_core.scene.frame import Frame

SIZE = (180, 240)
BROWN, SKIN, GREEN = (120, 84, 60), (150, 120, 96), (40, 120, 60)
COAT, FACE, LEG = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


def person():
    """A brown coat, a paler face above it, green below; labels, photo, embedding
    on a grid of a sixth of the size.
    """
    labels = np.zeros(SIZE, np.intp)
    labels[:50] = 1
    labels[140:] = 2
    light = np.linspace(0.8, 1.1, SIZE[1])[None, :, None]
    rgb = np.array([BROWN, SKIN, GREEN])[labels] * light
    rgb += np.random.default_rng(0).normal(0, 2, rgb.shape)
    small = labels[3::6, 3::6]
    embedding = np.stack([COAT, FACE, LEG])[small].transpose(2, 0, 1).astype(np.float32)
    return labels, np.clip(np.rint(rgb), 0, 255).astype(np.uint8), embedding


def test_things_of_one_color_are_two_materials():
    labels, rgb, embedding = person()
    alpha = np.ones(SIZE, np.float32)
    assert len(Subject.of(rgb, alpha).palette.materials) == 2  # face and coat are one
    subject = Subject.of(rgb, alpha, embedding=embedding)
    assert len(subject.palette.materials) == 3
    body = subject.part((0,)).share
    assert body[labels == 0].mean() > 0.97
    assert body[labels == 1].mean() < 0.03
    made = subject.recolor(Look("#1f2a5a")).rgb
    assert (made[:45] == rgb[:45]).all()


def test_one_thing_is_not_split_by_its_embedding():
    _, rgb, embedding = person()
    rng = np.random.default_rng(1)
    flat = np.zeros_like(embedding) + rng.normal(0, 0.07, embedding.shape).astype(np.float32)
    alpha = np.ones(SIZE, np.float32)
    for part in (np.s_[60:130], np.s_[150:]):
        some = np.zeros_like(alpha)
        some[part] = alpha[part]
        for known in (embedding, flat):
            assert len(Subject.of(rgb, some, embedding=known).palette.materials) == 1
    assert len(Subject.of(rgb, alpha, embedding=flat).palette.materials) == 2


def test_panels_of_one_paint_are_one_material():
    """Door and hood are other things, but of the same color: the body is all of them."""
    labels, _, embedding = person()
    rgb = np.full((*SIZE, 3), (150, 20, 30), np.uint8)
    rgb[labels == 1] = (160, 24, 34)
    subject = Subject.of(rgb, np.ones(SIZE, np.float32), embedding=embedding)
    assert len(subject.palette.materials) == 1


def test_mixtures_of_one_color_are_not_made_up():
    """Along the border of two things of one color a pixel is of one or the other."""
    labels, rgb, embedding = person()
    subject = Subject.of(rgb, np.ones(SIZE, np.float32), embedding=embedding)
    body = subject.part((0,)).share
    near = cv2.morphologyEx((labels == 1).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((13, 13)))
    wrong = np.abs(body - (labels == 0))[near > 0]
    assert (wrong > 0.5).mean() < 0.25
    assert ((body > 0.2) & (body < 0.8))[near > 0].mean() < 0.15


def test_each_pixel_is_of_the_nearest_cluster():
    """Against plain bilinear sampling, distance by distance."""
    _, _, embedding = person()
    inside = np.zeros((45, 60), bool)
    inside[3:40, 5:50] = True
    box = np.s_[20:160, 30:230]
    found = things_of(embedding, SIZE, (box[0], box[1]), inside)
    means = np.stack([COAT, FACE, LEG])
    full = [cv2.resize(plane, SIZE[::-1], interpolation=cv2.INTER_LINEAR) for plane in embedding]
    part = np.stack(full)[:, box[0], box[1]]
    small = np.stack(
        [cv2.resize(plane, (60, 45), interpolation=cv2.INTER_LINEAR) for plane in part]
    )
    wanted = ((small[:, None] - means.T[:, :, None, None]) ** 2).sum(axis=0).argmin(axis=0)[inside]
    names = [np.bincount(wanted[found.labels == k]).argmax() for k in range(len(found.apart))]
    assert (np.array(names)[found.labels] == wanted).mean() > 0.98
    assert found.apart.max() == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 5), np.float32), np.zeros((2, 0, 3), np.float32), np.zeros((2, 3, 4), np.int32),
     np.full((2, 3, 4), np.nan, np.float32)],
)  # fmt: skip
def test_what_is_no_embedding(wrong):
    with pytest.raises(ParameterError, match=r"embedding must be \(D, h, w\) finite floats"):
        Subject.of(person()[1], np.ones(SIZE, np.float32), embedding=wrong)


def slow_joined(features, labels, things):
    """Pair by pair, everything anew after each joining."""
    labels = labels * len(things.apart) + things.labels
    while True:
        names, sizes = np.unique(labels, return_counts=True)
        usual = [np.median(features[:, labels == k], axis=1) for k in names]
        mixes = [
            np.bincount(things.labels[labels == k], minlength=len(things.apart)) for k in names
        ]
        mixes = [mix / mix.sum() for mix in mixes]
        found = []
        for j in range(len(names)):
            for i in range(j):
                away = difference(usual[i], usual[j])
                far = np.clip((mixes[i] @ things.apart @ mixes[j] - 0.3) / 0.3, 0, 1)
                away += far * (2 * away + 0.6)
                tiny = min(sizes[i], sizes[j]) < 0.012 * labels.size
                found.append((away / (1 + away) - 1 if tiny else away, i, j))
        if not found or (min(found)[0] > 1 and len(names) <= 5):
            return np.argsort(np.argsort(-sizes, kind="stable"))[np.searchsorted(names, labels)]
        labels = np.where(labels == names[min(found)[2]], names[min(found)[1]], labels)


@pytest.mark.parametrize("seed", range(8))
def test_joining_is_that_of_a_slow_one(seed):
    rng = np.random.default_rng(seed)
    kinds, count = rng.integers(1, 6), 4000
    centers, vectors = rng.normal(0, 0.2, (9, 3)), rng.normal(0, 0.3, (kinds, 8))
    labels = np.sort(rng.choice(9, count, p=rng.dirichlet(np.ones(9)))).astype(np.intp)
    features = (centers[labels] + rng.normal(0, 0.03, (count, 3))).T.astype(np.float32)
    apart = ((vectors[:, None] - vectors) ** 2).sum(axis=2).astype(np.float32)
    things = Things(rng.integers(0, kinds, count).astype(np.uint8), apart)
    wanted = slow_joined(features, labels, things)
    np.testing.assert_array_equal(joined(features, labels, things), wanted)


@pytest.mark.parametrize("size", [(480, 640), (333, 1000), (37, 22)])
def test_a_spread_grid_is_one_that_a_resize_understands(size):
    frame = Frame.fit(size, 512)
    y, x = np.mgrid[: frame.grid_size[0], : frame.grid_size[1]].astype(np.float32)
    grid = np.stack([y, x])
    fine = cv2.resize(frame.spread(grid).transpose(1, 2, 0), size[::-1]).transpose(2, 0, 1)
    exact = frame.to_photo(grid)
    rim = max(2, round(1.5 * size[0] / frame.grid_size[0]))
    inner = np.s_[:, rim:-rim, rim:-rim]
    assert np.abs(fine - exact)[inner].max() < 0.02
