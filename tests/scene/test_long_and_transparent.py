"""Panoramas by their short side, in tiles; what is transparent is seen and selected by nobody."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from dmlseg_core.edit import Alphas, EditSession
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.develop.output import annotate, label_photo
from dmlseg_core.model.network import _coordinates
from dmlseg_core.photo import load_photo, over, shown
from dmlseg_core.photo.masks import cutout
from dmlseg_core.scene.frame import MULTIPLE, Frame, stretch
from dmlseg_core.scene.segmenter import TILE, Segmenter, tiles_of
from tests.scene.test_segmenter import CONFIG, photo, random_network


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(random_network(), CONFIG)


@pytest.mark.parametrize(
    ("size", "input_size"),
    [((480, 640), (480, 640)), ((500, 1000), (320, 640)), ((500, 2000), (480, 1920)),
     ((2000, 500), (1920, 480)), ((100, 4000), (128, 5120))],
)  # fmt: skip
def test_the_short_side_of_a_long_photo_is_that_of_an_ordinary_one(size, input_size):
    assert Frame.fit(size, 640).input_size == input_size


def test_the_scale_never_jumps():
    ratios = np.linspace(1, 20, 400)
    found = np.array([stretch((1000, round(1000 * r))) for r in ratios])
    assert (np.diff(found) >= -1e-9).all()
    assert np.diff(found).max() < 1.3 * (ratios[1] - ratios[0])
    assert found.max() == 8


@pytest.mark.parametrize("length", [16 * n + 1 for n in (1, 31, 32, 33, 40, 64, 100, 256)])
def test_tiles_cover_an_input_and_overlap(length):
    tiles = tiles_of(length, 128)
    assert tiles[0][0] == 0
    assert sum(tiles[-1]) == length
    assert all(start % MULTIPLE == 0 and size <= 4 * 128 + 1 for start, size in tiles)
    for (start, size), (after, _) in pairwise(tiles):
        assert start + size - after >= 128


@pytest.mark.parametrize("turned", [False, True])
def test_a_tiled_pass_is_the_whole_pass_where_the_network_sees_as_much(segmenter, turned):
    """Cells far from a tile's ends get what one pass over the whole would say, but for what the
    network pools over its whole input; a photo that repeats itself shows the geometry exactly."""
    strip = np.tile(photo(3, (96, 128)), (1, 6, 1))
    pixels = np.ascontiguousarray(np.swapaxes(strip, 0, 1)) if turned else strip
    scene = segmenter.analyze(pixels)
    frame = Frame.fit(pixels.shape[:2], 128)
    assert scene.frame == frame
    assert scene.embedding.shape[1:] == scene.class_probs.shape[2:] == frame.grid_size
    assert torch.isfinite(scene.embedding).all()
    assert torch.allclose(scene.class_probs.sum(1), torch.ones(4, *frame.grid_size), atol=1e-5)
    images = torch.from_numpy(frame.to_input(load_photo(pixels).rgb))[None]
    whole, probs = segmenter._pass(images, scene.config, TILE)
    vectors = scene.embedding.permute(1, 2, 0)
    h, w = frame.grid_size
    off = (vectors - whole[:h, :w]).abs().mean() / whole[:h, :w].std()
    assert off < 0.2
    assert (scene.class_probs - probs[..., :h, :w]).abs().mean() < 0.05


@pytest.mark.parametrize(("size", "long"), [((96, 128), 1.0), ((96, 384), 3.0), ((384, 96), 3.0)])
def test_a_step_along_a_long_photo_tells_as_much_apart_as_in_an_ordinary_one(segmenter, size, long):
    """Its long side was the unit: neighbors in a panorama were a third as far apart."""
    pixels = photo(3, size)
    scene = segmenter.analyze(pixels)
    images = torch.from_numpy(scene.frame.to_input(pixels))[None]
    h, w = scene.frame.grid_size
    vectors, _ = segmenter._pass(images, scene.config, long)
    assert torch.equal(scene.embedding.permute(1, 2, 0), vectors[:h, :w])
    steps = [
        float(_coordinates(torch.zeros(1, 1, *cells), spread)[0, -1].diff(dim=1).mean())
        for cells, spread in (((24, 32), 1.0), ((24, 96), 3.0))
    ]
    assert steps[0] == pytest.approx(steps[1])


def hidden_half():
    """A photo whose left half is noise under full transparency, and an edge of half alpha."""
    pixels = np.random.default_rng(0).integers(0, 256, (75, 101, 3), dtype=np.uint8)
    pixels[:, 50:] = photo()[:, 50:]
    alpha = np.full((75, 101), 255, np.uint8)
    alpha[:, :50], alpha[:, 50:53] = 0, 128
    return load_photo(np.dstack([pixels, alpha]))


def test_the_ground_is_gray_or_squares():
    rgb, alpha = np.full((20, 20, 3), 200, np.uint8), np.full((20, 20), 0, np.uint8)
    alpha[0], alpha[1] = 255, 128
    plain = over(rgb, alpha)
    assert (plain[0] == 200).all()
    assert (plain[1] == round((200 * 128 + 128 * 127) / 255)).all()
    assert (plain[2:] == 128).all()
    assert set(np.unique(over(rgb, alpha, checkered=True)[2:])) == {204, 255}
    opaque = load_photo(rgb)
    assert shown(opaque) is opaque.rgb


def test_hidden_colors_are_not_seen_by_the_network(segmenter):
    seen = hidden_half()
    other = np.dstack([seen.rgb, seen.alpha])
    other[:, :50, :3] = 7
    first, second = segmenter.analyze(seen), segmenter.analyze(load_photo(other))
    assert torch.equal(first.embedding, second.embedding)
    assert torch.equal(first.class_probs, second.class_probs)
    assert (first.image == second.image).all()


def test_transparent_pixels_can_be_neither_clicked_nor_part_of_a_mask(segmenter):
    seen = hidden_half()
    scene = segmenter.analyze(seen)
    for ask in (scene.mask_at, scene.stops, scene.best_tau, EditSession(seen, scene).select):
        with pytest.raises(ParameterError, match="transparent"):
            ask(30, 20)
    height, width = seen.size
    for rim in ((-0.5, width - 0.4), (height - 0.4, 80)):  # points of the outermost pixels
        assert scene.mask_at(*rim, 0.01, connected=False).grid.any()
    mask = scene.mask_at(30, 80, 0.01, connected=False)
    for size in (seen.size, (40, 54)):
        edge = round(50 * size[1] / 101) - 1
        assert (mask.to_level(size)[:, :edge] < 0).all()
        small = np.zeros((*size, 3), np.uint8)
        assert not mask.to_alpha(small)[:, :edge].any()
    assert mask.to_alpha(shown(seen))[:, 50:].any()
    proposals = scene.propose()
    assert all(seen.visible[tuple(map(round, scene.frame.point_of(m.seed.y, m.seed.x)))]
               for m in proposals)  # fmt: skip
    labels = label_photo(list(proposals), Alphas(shown(seen)))
    assert not labels[:, :50].any()
    counted = sum(row["area"] for row in annotate(labels, list(proposals)))
    assert counted == np.count_nonzero(labels)


def test_a_selection_is_painted_and_measured_without_hidden_pixels(segmenter):
    seen = hidden_half()
    session = EditSession(seen, segmenter.analyze(seen))
    session.select(40, 90)
    session.set_tau(0.01)
    session.set_color("#1f3fbf")
    made = session.render(full=True)
    assert (made[:, :50] == seen.rgb[:, :50]).all()
    assert (made != seen.rgb).any()


def test_a_cutout_is_as_transparent_as_its_photo():
    seen = hidden_half()
    cut = cutout(seen.rgb, np.ones(seen.size, np.float32), seen)
    assert (cut[..., 3] == seen.alpha).all()
    assert not cut[:, :50].any()
