"""Regions: known partitions, nesting, distances, a brute-force agglomeration, features by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2lab

from dmlseg_core.errors import ParameterError
from dmlseg_core.model.sheet import DataSheet
from dmlseg_core.scene.adjacency import (
    BINS,
    LAB_RANGES,
    SIDE,
    Adjacency,
    Pieces,
    features,
    measure,
    shrink,
)
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.regions import Grower, region_tree
from tests import synth

SIZE = (96, 128)
SHEET = DataSheet()


def quarters(size=SIZE):
    """Four quarters, numbered."""
    y, x = np.indices(size)
    return 2 * (y >= size[0] // 2) + (x >= size[1] // 2)


def photo_of(labels, seed=0):
    """One color a label, with a little noise."""
    rng = np.random.default_rng(seed)
    colors = rng.integers(40, 216, (labels.max() + 1, 3))
    return np.clip(colors[labels] + rng.normal(0, 2, (*labels.shape, 3)), 0, 255).astype(np.uint8)


def blobs(seed=0, size=SIZE):
    """A photo of smooth noise, many regions of which are a matter of opinion."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (size[0] // 8, size[1] // 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST)


def vectors(frame, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(6, *frame.grid_size)).astype(np.float32)


@lru_cache
def tree(seed=0):
    frame = Frame.fit(SIZE, 128)
    return region_tree(vectors(frame, seed), frame, Pieces.of(blobs(seed)), SHEET)


def agreement(a, b):
    """Share of the pixels that are in step when each region of `a` is called what most of it is."""
    table = np.zeros((a.max() + 1, b.max() + 1), int)
    np.add.at(table, (a.ravel(), b.ravel()), 1)
    assert len(set(table.argmax(1))) == len(table), "two regions for one"
    return table.max(1).sum() / a.size


def with_regions(found, count):
    """The finest partition that has at most so many regions."""
    cuts = (found.cut(level) for level in np.linspace(0.01, 0.99, 99))
    return next(cut for cut in cuts if cut.max() < count)


# ---------------------------------------------------------------- what comes out


def test_quarters_of_color_and_embedding_are_found():
    labels, frame = quarters(), Frame.fit(SIZE, 128)
    grid = labels[::4, ::4]
    assert grid.shape == frame.grid_size
    embedding = 3 * np.eye(4, dtype=np.float32)[grid].transpose(2, 0, 1)
    found = with_regions(region_tree(embedding, frame, Pieces.of(photo_of(labels)), SHEET), 4)
    assert found.dtype == np.int32 and found.shape == SIZE
    assert set(np.unique(found)) == set(range(4))
    assert agreement(found, labels) > 0.95  # an edge's soft pixels may go to either side


def test_the_embedding_joins_what_color_parts():
    """Four stripes, two things of two stripes each."""
    y, x = np.indices(SIZE)
    color, thing = (x // 32) % 2, x // 64
    frame = Frame.fit(SIZE, 128)
    embedding = 3 * np.eye(2, dtype=np.float32)[thing[::4, ::4]].transpose(2, 0, 1)
    found = with_regions(
        region_tree(embedding, frame, Pieces.of(photo_of(color + 0 * y)), SHEET), 2
    )
    assert found.max() == 1 and agreement(found, thing) > 0.98


def test_a_click_follows_the_edges_of_the_photo():
    """Vectors that say nothing of things: all that parts them is color."""
    labels = synth.sample().instances.astype(int)
    blank = synth.scene(vectors=torch.zeros(2, *synth.GRID))
    image = photo_of(labels)
    for weight, share in ((0.0, 0), (5.0, 1)):
        scene = replace(blank, image=image, config=replace(blank.config, edge_weight=weight))
        for k, (y, x) in synth.INSIDE.items():
            mask, thing = scene.mask_at(y, x, 0.5).grid, synth.labels() == k
            assert scene.mask_at(y, x, 0.999).grid[scene.frame.cell_of(y, x)]
            overlap = (mask & thing).sum() / (mask | thing).sum()
            assert overlap > 0.7 if share else mask.all()
    tree = scene.regions
    held = sum(part.nbytes for part in (image, tree.superpixels, tree.cells, tree.gaps))
    assert scene.nbytes >= blank.nbytes + held
    assert scene.regions is scene.regions and blank.regions is None


def test_proposals_are_the_embeddings_alone():
    """The class head was trained on what the vectors grow, and so are its masks."""
    labels = synth.sample().instances.astype(int)
    plain = synth.scene()
    scene = replace(plain, image=photo_of(labels), config=replace(plain.config, edge_weight=5.0))
    assert [(m.grid == n.grid).all() for m, n in zip(scene.propose(), plain.propose(), strict=True)]


@given(st.integers(0, 3), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
@settings(max_examples=60, deadline=None)
def test_partitions_are_nested_connected_and_numbered_without_gaps(seed, low, high):
    fine, coarse = (tree(seed).cut(level) for level in sorted((low, high)))
    pairs = set(zip(fine.ravel().tolist(), coarse.ravel().tolist(), strict=True))
    assert len(pairs) == fine.max() + 1 >= coarse.max() + 1
    assert set(np.unique(fine)) == set(range(fine.max() + 1))
    for k in range(coarse.max() + 1):
        assert cv2.connectedComponents((coarse == k).astype(np.uint8), connectivity=8)[0] == 2


def test_two_cells_are_one_region_from_their_distance_on():
    found = tree()
    assert len(found.gaps) == found.superpixels.max() and set(found.cells.ravel()) <= set(
        found.superpixels.ravel()
    )
    y, x = 5, 9
    apart = found.distances2(y, x)
    assert apart.dtype == np.float32 and apart.shape == found.cells.shape
    assert (apart[found.cells == found.cells[y, x]] == 0).all()
    assert (apart[found.cells != found.cells[y, x]] > 0).all()
    for level in (0.02, 0.1, 0.3, 0.6, 0.9):
        region = found.cut(level)[::4, ::4]  # cell (i, j) is centred on pixel (4i, 4j)
        limit = math.log(1 + 2 * level / (1 - level))
        assert ((apart <= limit) == (region == region[y, x])).all()


def test_a_large_photo_is_cut_up_small_and_answered_at_its_own_size():
    size = (960, 1280)
    frame = Frame.fit(size, 128)
    labels = quarters(size)
    embedding = 3 * np.eye(4, dtype=np.float32)[labels[4::40, 4::40]].transpose(2, 0, 1)
    found = region_tree(embedding, frame, Pieces.of(shrink(photo_of(labels))), SHEET)
    assert max(found.superpixels.shape) == SIDE
    cut = with_regions(found, 4)
    assert cut.shape == size and cut.max() == 3 and agreement(cut, labels) > 0.98


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (50, 1), (3, 2), (60, 80)])
def test_one_color_is_one_region(size):
    frame = Frame.fit(size, 64)
    flat = np.full((*size, 3), 90, np.uint8)
    found = region_tree(0 * vectors(frame), frame, Pieces.of(flat), SHEET)
    assert found.cut(0.5).shape == size and found.cut(0.5).max() == 0


# ---------------------------------------------------------------- how it comes about


def brute_force(found: Adjacency, weights, bias):
    """Height of the first region that holds two superpixels, by loops over sets."""
    groups = {k: {k} for k in range(len(found.sums))}
    highest = dict.fromkeys(groups, -math.inf)
    edges = {tuple(p): e for p, e in zip(found.pairs.tolist(), found.edges, strict=True)}
    heights = np.full((len(groups), len(groups)), -math.inf)
    while len(groups) > 1:
        nearest = {}
        for (a, ours), (b, theirs) in combinations(groups.items(), 2):
            shared = [e for (p, q), e in edges.items() if {p, q} & ours and {p, q} & theirs]
            if shared:
                rows = [found.sums[sorted(g)].sum(0)[None] for g in (ours, theirs)]
                seen = features(*rows, sum(shared)[None], found.labels.size)[0]
                for one, other in ((a, b), (b, a)):
                    pair = (seen @ weights + bias, one, other)
                    nearest[one] = min(nearest.get(one, pair), pair)
        for weight, a, b in sorted(nearest.values()):
            if a < b and nearest[b][2] == a:  # each other's nearest
                top = max(weight, highest[a], highest[b])
                for p in groups[a]:
                    heights[p, list(groups[b])] = heights[list(groups[b]), p] = top
                groups[a] |= groups.pop(b)
                highest[a] = top
    return heights


def test_the_tree_is_that_of_a_brute_force_agglomeration():
    frame = Frame.fit((40, 48), 64)
    found = measure(vectors(frame, 4), frame, Pieces.of(blobs(4, (40, 48))))
    assert 8 <= len(found.sums) <= 40
    heights = brute_force(found, SHEET.region_weights, SHEET.region_bias)
    grown = Grower(found, SHEET.region_weights, SHEET.region_bias).tree((40, 48))
    number = {p: int(grown.superpixels[found.labels == p][0]) for p in range(len(found.sums))}
    for p, q in combinations(range(len(found.sums)), 2):
        low, high = sorted((number[p], number[q]))
        assert grown.gaps[low:high].max() == pytest.approx(heights[p, q], abs=1e-5)


def test_features_by_hand():
    bins = 3 * BINS
    ours, theirs = np.zeros((1, 3 + bins)), np.zeros((1, 3 + bins))
    ours[0, :3] = 10, 10 * 1.0, 10 * 2.0  # ten pixels, mean vector (1, 2)
    theirs[0, :3] = 30, 30 * 4.0, 30 * -2.0  # thirty, (4, -2): five apart
    for row, pixels in ((ours, 10), (theirs, 30)):
        for channel in range(3):
            row[0, 3 + channel * BINS] = pixels
    ours[0, 3], ours[0, 4] = 5, 5  # half of ours in the second bin of L
    apart, color, contrast, size = features(ours, theirs, np.array([[4.0, 12.0]]), 1000)[0]
    assert apart == pytest.approx(5)
    # bins of L: (.5, .5) against (1, 0): (.25 / 1.5 + .25 / .5) / 2
    assert color == pytest.approx((0.25 / 1.5 + 0.25 / 0.5) / 2, abs=1e-6)
    assert contrast == pytest.approx(math.log1p(3)) and size == pytest.approx(math.log(0.01))


def test_superpixels_are_measured_as_pixel_loops_measure_them():
    frame = Frame.fit((40, 48), 96)  # the network sees the photo twice as large
    embedding, rgb = vectors(frame, 7), blobs(7, (40, 48))
    found = measure(embedding, frame, Pieces.of(rgb))
    lab = rgb2lab(rgb)
    smooth = cv2.GaussianBlur(lab.astype(np.float32), (0, 0), 1.0)
    sums = np.zeros_like(found.sums)
    edges: dict[tuple[int, int], np.ndarray] = {}
    for y in range(40):
        for x in range(48):
            k = found.labels[y, x]
            i, j = frame.cell_of(y, x)
            sums[k, 0] += 1
            sums[k, 1:7] += embedding[:, i, j]
            for c, (low, high) in enumerate(LAB_RANGES):
                at = min(max((lab[y, x, c] - low) / (high - low), 0), 1) * (BINS - 1)
                first = min(int(at), BINS - 2)
                sums[k, 7 + c * BINS + first] += 1 - (at - first)
                sums[k, 7 + c * BINS + first + 1] += at - first
            for dy, dx in ((0, 1), (1, 0)):
                if y + dy < 40 and x + dx < 48 and (n := found.labels[y + dy, x + dx]) != k:
                    before = smooth[max(y - dy, 0), max(x - dx, 0)]
                    after = smooth[min(y + 2 * dy, 39), min(x + 2 * dx, 47)]
                    pair = (min(k, n), max(k, n))
                    step = np.array([1, np.linalg.norm(after - before)])
                    edges[pair] = edges.get(pair, 0) + step
    assert np.allclose(found.sums, sums, atol=1e-3)
    for (i, j), k in np.ndenumerate(found.cells):
        y, x = (round(v) for v in frame.point_of(i, j))
        assert k == found.labels[min(max(y, 0), 39), min(max(x, 0), 47)]
    assert [tuple(p) for p in found.pairs.tolist()] == sorted(edges)
    assert np.allclose(found.edges, [edges[p] for p in sorted(edges)], rtol=1e-5)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("level", [0, 1, -0.5, 2, math.nan, "wide"])
def test_levels_outside_their_range(level):
    with pytest.raises(ParameterError, match=r"level must .*\(0, 1\)"):
        tree().cut(level)
