"""The fast ways to labels and mixtures against slow ones that say the same in plain words."""

from functools import cache

import cv2
import numpy as np
import pytest

from dmlseg_core.color import srgb_to_linear
from dmlseg_core.paint import Look, Subject
from dmlseg_core.paint.materials import mixtures, tiles
from dmlseg_core.paint.materials.clusters import counts_of, largest_of, nearest_of
from dmlseg_core.paint.materials.members import _labels_in as labels_in
from dmlseg_core.paint.materials.mixtures import mixed_along
from dmlseg_core.paint.materials.same import _meetings
from dmlseg_core.paint.materials.small import features_of
from tests.material_renders import THINGS

COLORS = np.array([[180, 40, 50], [40, 60, 160], [230, 228, 220], [30, 28, 26]], np.uint8)


def blobs(size, count, seed=0, smooth=9):
    """(h, w) uint8 labels in round patches."""
    noise = np.random.default_rng(seed).random((count, *size)).astype(np.float32)
    smoothed = [cv2.GaussianBlur(plane, (0, 0), smooth) for plane in noise]
    return np.argmax(smoothed, axis=0).astype(np.uint8)


def patchwork(size=(300, 330), count=3, seed=0):
    """A photo of patches with soft borders and noise, its alpha with a hole, and the labels."""
    labels = blobs(size, count, seed)
    rgb = cv2.GaussianBlur(COLORS[labels].astype(np.float32), (0, 0), 0.8)
    rgb += np.random.default_rng(seed).normal(0, 2, rgb.shape)
    alpha = np.ones(size, np.float32)
    alpha[50:70, 60:90] = 0
    alpha[70:75] = 0.6
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8), alpha, labels


def slow_mixtures(picture, count, reach, cell):
    """(place, own label, other, part, dull, close to the border, far from it) of each place that is
    not at the picture's rim.
    """
    rgb, alpha, labels = picture
    height, width = labels.shape
    linear = srgb_to_linear(rgb).astype(np.float64)

    def about(y, x, r):
        return labels[max(y - r, 0) : y + r + 1, max(x - r, 0) : x + r + 1]

    mixed = np.array(
        [[about(y, x, reach).min() != about(y, x, reach).max() for x in range(width)]
         for y in range(height)]
    )  # fmt: skip
    pure = ~mixed & (alpha >= 0.99)
    half = (2 * reach + 2) // cell
    found = []
    for y, x in zip(*np.nonzero(mixed & (alpha > 0)), strict=True):
        rows, columns = (slice((v // cell - half) * cell, (v // cell + half + 1) * cell)
                         for v in (y, x))  # fmt: skip
        if rows.start < 0 or columns.start < 0 or rows.stop > height or columns.stop > width:
            continue
        own = int(labels[y, x])
        counts = np.bincount(about(y, x, reach).reshape(-1), minlength=count)
        counts[own] = -1
        other = int(counts.argmax())
        means = []
        for k in (own, other):
            inside = pure[rows, columns] & (labels[rows, columns] == k)
            means.append(linear[rows, columns][inside].mean(axis=0) if inside.any() else None)
        part, dull = np.nan, 0.0
        if means[0] is not None and means[1] is not None:
            first, second = means
            pull = (0.15 * ((first - second) ** 2).sum()) ** 0.5
            system = np.array([[*first, pull], [*second, pull]]).T
            u, v = np.linalg.lstsq(system, [*linear[y, x], pull], rcond=None)[0]
            told = ((first - second) ** 2).sum()
            told /= told + 5e-4 * ((first**2).sum() + (second**2).sum())
            part = 1 - told * v / (u + v)
            dull = 0.02 * np.clip(np.linalg.norm(first) / np.linalg.norm(second), 0.25, 4)
        close = len(np.unique(about(y, x, 1))) > 1
        far = len(np.unique(about(y, x, reach - 1))) == 1
        found.append((y * width + x, own, other, part, dull, close, far))
    return found


@cache
def slow_case(cell):
    return slow_mixtures(patchwork((90, 280)), 3, 3, cell)


@pytest.mark.parametrize("cell", [1, 2])
def test_mixtures_are_those_of_a_slow_reading(monkeypatch, cell):
    monkeypatch.setattr(mixtures, "_LARGE", 0 if cell == 2 else np.inf)
    monkeypatch.setattr(mixtures, "_NOISE", 0)  # the slow reading leaves the rim out
    rgb, alpha, labels = patchwork((90, 280))  # two tiles
    places, others, parts = mixed_along(rgb, alpha, labels, 3, 3)
    fast = dict(
        zip(places.tolist(), zip(others.tolist(), parts.tolist(), strict=True), strict=True)
    )
    assert len(fast) == places.size
    slow = slow_case(cell)
    assert len(slow) > 2000
    for place, _, other, part, dull, _, _ in slow:
        assert fast[place][0] == other
        wanted = 1.0 if np.isnan(part) else min(max(part / (1 - dull), 0), 1)
        assert fast[place][1] == pytest.approx(wanted, abs=2e-3)


def test_noise_far_from_borders_is_taken_for_none():
    rgb, alpha, labels = patchwork((90, 280))
    slow = slow_case(1)
    places, _, parts = mixed_along(rgb, alpha, labels, 3, 3)
    fast = dict(zip(places.tolist(), parts.tolist(), strict=True))
    away = {k: np.abs([s[3] - 1 for s in slow if s[1] == k and s[6] and not np.isnan(s[3])])
            for k in range(3)}  # fmt: skip
    off = []
    for place, own, _, part, dull, close, _ in slow:
        more = min(4 * float(np.median(away[own])), 0.2) * (0.3 if close else 1)
        wanted = 1.0 if np.isnan(part) else np.clip(part / (1 - dull - more), 0, 1)
        off.append(abs(fast[place] - wanted))
    assert np.mean(off) < 2e-3  # medians without the rim differ a little


@pytest.mark.parametrize("size", [(300, 331), (257, 255)])
def test_tiles_make_no_difference(monkeypatch, size):
    rgb, alpha, labels = patchwork(size, 4, seed=3)
    votes = counts_of(blobs([n // 4 for n in size], 4, smooth=4), 4, 3).astype(np.float32)
    votes /= votes.sum(axis=0)
    centers = features_of(srgb_to_linear(COLORS.T)).T.copy()

    def found(side):
        monkeypatch.setattr(tiles, "_SIDE", side)
        named = labels_in(rgb, alpha, votes, centers, np.arange(4))
        places, others, parts = mixed_along(rgb, alpha, labels, 4, 4)
        order = np.argsort(places)
        return named, places[order], others[order], parts[order]

    for whole, tiled in zip(found(1024), found(64), strict=True):
        np.testing.assert_allclose(tiled, whole, atol=1e-5)


def slow_labels(rgb, alpha, votes, centers, materials):
    """By whole planes: the vote of the small picture, weighed against color where it is divided."""
    size = alpha.shape[::-1]
    large = np.stack([cv2.resize(v, size, interpolation=cv2.INTER_LINEAR) for v in votes])
    labels = large.argmax(axis=0)
    calm = cv2.medianBlur(rgb, 3).reshape(-1, 3)
    features = features_of(srgb_to_linear(calm.T))
    away = ((features[:, None] - centers.T[:, :, None]) ** 2).sum(axis=0)
    nearest = np.stack([away[materials == k].min(axis=0) for k in range(len(votes))])
    score = np.log(large + 0.01) - nearest.reshape(large.shape) / 0.08**2
    unsure = (large.max(axis=0) < 0.99) & (alpha > 0.9)
    labels[unsure] = score.argmax(axis=0)[unsure]
    return cv2.medianBlur(labels.astype(np.uint8), 3)


@pytest.mark.parametrize("seed", [0, 1])
def test_labels_are_those_of_whole_planes(seed):
    rgb, alpha, _ = patchwork((300, 331), 3, seed)
    votes = counts_of(blobs((75, 83), 3, seed, smooth=4), 3, 3).astype(np.float32)
    votes /= votes.sum(axis=0)
    centers = features_of(srgb_to_linear(COLORS.T)).T.copy()
    materials = np.array([0, 1, 2, 0])
    fast = labels_in(rgb, alpha, votes, centers, materials)
    slow = slow_labels(rgb, alpha, votes, centers, materials)
    shown = cv2.erode((alpha > 0).astype(np.uint8), np.ones((3, 3))) > 0
    assert ((fast != slow) & shown).mean() < 1e-4  # rounding at ties


@pytest.mark.parametrize("rows", [1, 2])
def test_labels_of_a_small_picture_of_few_rows(rows):
    votes = np.zeros((2, rows, 6), np.float32)
    votes[0, :, :3] = votes[1, :, 3:] = 1
    rgb = np.repeat(COLORS[[0, 1]], 12, axis=0)[None].repeat(5, axis=0)
    centers = features_of(srgb_to_linear(COLORS[:2].T)).T.copy()
    labels = labels_in(rgb, np.ones((5, 24), np.float32), votes, centers, np.arange(2))
    np.testing.assert_array_equal(labels, np.arange(24)[None].repeat(5, axis=0) >= 12)


def test_no_border_no_mixture():
    rgb, alpha, labels = patchwork()
    assert all(len(part) == 0 for part in mixed_along(rgb, alpha, labels * 0, 2, 3))


def test_nearest_and_largest():
    rng = np.random.default_rng(4)
    features, centers = rng.random((3, 500), np.float32), rng.random((7, 3), np.float32)
    away = ((features[:, None] - centers.T[:, :, None]) ** 2).sum(axis=0)
    np.testing.assert_array_equal(nearest_of(features, centers), away.argmin(axis=0))
    planes = rng.integers(0, 4, (5, 30, 20)).astype(np.uint8)  # with equals
    which, best = largest_of(planes)
    np.testing.assert_array_equal(which, planes.argmax(axis=0))
    np.testing.assert_array_equal(best, planes.max(axis=0))


@pytest.mark.parametrize(("down", "right"), [(0, 4), (4, 0), (3, 3), (3, -3)])
def test_meetings(down, right):
    labels = blobs((40, 50), 3, smooth=3).astype(np.intp)
    labels[:5, :8] = -1
    wanted = [
        y * 50 + x
        for y in range(40)
        for x in range(50)
        if y + down < 40 and 0 <= x + right < 50
        and -1 not in (labels[y, x], labels[y + down, x + right])
        and labels[y, x] != labels[y + down, x + right]
    ]  # fmt: skip
    assert sorted(_meetings(labels, down, right).tolist()) == wanted


def test_an_object_is_measured_once(monkeypatch):
    """A second color costs the painting alone; one that is painted as a whole has no palette."""
    subject = Subject.of(*THINGS[0].photo())
    subject.recolor(Look("navy"))
    (body,) = subject._parts.values()
    known = [subject.palette, subject.palette.members, body.core, body.foreground, body.spill]
    subject.recolor(Look("red"))
    again = [subject.palette, subject.palette.members, body.core, body.foreground, body.spill]
    assert all(a is b for a, b in zip(known, again, strict=True))
    assert list(subject._parts.values()) == [body]
    assert "core" not in vars(subject)  # nobody paints all of it
    whole = Subject.of(*THINGS[0].photo())
    assert whole.recolor(Look("navy", materials="all")).palette == ()
    assert "palette" not in vars(whole)
