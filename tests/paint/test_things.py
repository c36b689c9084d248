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


def pairs_of(features, inside):
    """Of pixels four apart, one by one: where both are, and how far their colors are apart."""
    height, width = inside.shape
    found = [
        (at, to, np.linalg.norm(features[:, *at] - features[:, *to]))
        for at in np.ndindex(height, width)
        for to in ((at[0] + 4, at[1]), (at[0], at[1] + 4))
        if to[0] < height and to[1] < width and inside[at] and inside[to]
    ]
    first, second, step = zip(*found, strict=True)
    return tuple(np.transpose(first)), tuple(np.transpose(second)), np.array(step)


def edge_seen(pairs, labels, k, other):
    first, second, step = labels[pairs[0]], labels[pairs[1]], pairs[2]
    mixed = first != second
    across = mixed & np.isin(first, [k, other]) & np.isin(second, [k, other])
    around = min((mixed & ((first == n) | (second == n))).sum() for n in (k, other))
    if across.sum() <= 0.05 * max(around, 1):
        return 1.0
    inner = [step[(first == n) & (second == n)] for n in (k, other)]
    calm = max(min(v.mean() if v.size else 0 for v in inner), 0.01)
    return np.clip((step[across].mean() / calm - 1.5) / 1.5, 0, 1)


def mix(labels, count):
    return np.bincount(labels, minlength=count) / labels.size


def slow_joined(features, tones, things):
    """Pair by pair, everything anew after each joining."""
    inside = tones >= 0
    kinds = np.full(tones.shape, -1)
    kinds[inside] = things.labels
    pairs = pairs_of(features, inside)
    labels = np.where(inside, tones * len(things.apart) + kinds, -1)
    while True:
        names, sizes = np.unique(labels[inside], return_counts=True)
        usual = [np.median(features[:, labels == k], axis=1) for k in names]
        paints = [mix(tones[labels == k], 9) for k in names]
        mixed = [mix(kinds[labels == k], len(things.apart)) for k in names]
        found = []
        for j in range(len(names)):
            for i in range(j):
                away = difference(usual[i], usual[j])
                far = np.clip((mixed[i] @ things.apart @ mixed[j] - 0.3) / 0.3, 0, 1)
                far *= edge_seen(pairs, labels, names[i], names[j]) if far else 1
                away = away * (1 - np.minimum(paints[i], paints[j]).sum()) + far * (2 * away + 0.6)
                tiny = min(sizes[i], sizes[j]) < 0.012 * inside.sum()
                found.append((away / (1 + away) - 1 if tiny else away, i, j))
        if not found or (min(found)[0] > 1 and len(names) <= 5):
            order = np.argsort(np.argsort(-sizes, kind="stable"))
            return np.where(inside, order[np.searchsorted(names, labels) % len(names)], -1)
        labels = np.where(labels == names[min(found)[2]], names[min(found)[1]], labels)


@pytest.mark.parametrize("seed", range(8))
def test_joining_is_that_of_a_slow_one(seed):
    rng = np.random.default_rng(seed)
    kinds, size = rng.integers(1, 6), (24, 30)
    centers, vectors = rng.normal(0, 0.2, (9, 3)), rng.normal(0, 0.3, (kinds, 8))
    inside = rng.random(size) < 0.9
    chosen = rng.choice(9, (4, 5), p=rng.dirichlet(np.ones(9)))
    labels = np.where(inside, np.kron(chosen, np.ones((6, 6), np.intp)), -1)
    features = centers[labels].transpose(2, 0, 1) + rng.normal(0, 0.03, (3, *size))
    apart = ((vectors[:, None] - vectors) ** 2).sum(axis=2).astype(np.float32)
    drawn = np.kron(rng.integers(0, kinds, (3, 3)), np.ones((8, 10), np.uint8))
    things = Things(drawn[inside].astype(np.uint8), apart)
    wanted = slow_joined(features.astype(np.float32), labels, things)
    np.testing.assert_array_equal(joined(features.astype(np.float32), labels, things), wanted)


def shaded(color=BROWN):
    """One cloth in light that falls off across it; its right side another thing by the
    embedding.
    """
    rng = np.random.default_rng(0)
    light = np.linspace(1.3, 0.45, SIZE[1])[None, :, None] ** 1.5
    rgb = np.full((*SIZE, 3), color) * light
    rgb += rng.normal(0, 2, rgb.shape)
    small = np.zeros((30, 40), np.intp)
    small[:, 20:] = 1
    embedding = np.stack([COAT, FACE])[small].transpose(2, 0, 1).astype(np.float32)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8), embedding


def test_where_no_border_is_seen_there_is_none():
    alpha = np.ones(SIZE, np.float32)
    rgb, embedding = shaded((90, 90, 92))
    assert len(Subject.of(rgb, alpha, embedding=embedding).palette.materials) == 1


def test_a_step_of_light_between_two_things_tells_them_apart():
    rgb, embedding = shaded()
    rgb[:, 120:] = rgb[:, 120:] * 0.7
    alpha = np.ones(SIZE, np.float32)
    assert len(Subject.of(rgb, alpha).palette.materials) == 1
    assert len(Subject.of(rgb, alpha, embedding=embedding).palette.materials) == 2


def test_colors_that_meet_slowly_are_one_paint_whatever_the_things():
    """Gold under a lamp that changes from warm to cool: two clusters of color, one paint; what the
    embedding takes for two things with a fold between is no reason to split it by color.
    """
    alpha = np.ones(SIZE, np.float32)
    _, embedding = shaded()
    way = np.linspace(0, 1, SIZE[1])[None, :, None]
    rgb = (1 - way) * np.array([200, 140, 40]) + way * np.array([110, 135, 120])
    rgb = np.broadcast_to(rgb, (*SIZE, 3)) + np.random.default_rng(0).normal(0, 2, (*SIZE, 3))
    rgb = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    assert len(Subject.of(rgb, alpha).palette.materials) == 1
    assert len(Subject.of(rgb, alpha, embedding=embedding).palette.materials) == 1


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
