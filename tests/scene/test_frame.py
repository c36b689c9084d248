"""The geometry between photo, input and grid: exact round trips and where an impulse lands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlseg_core.errors import ParameterError
from dmlseg_core.scene.frame import Frame, stretch
from tests import oracles

SIZE = st.tuples(st.integers(1, 5000), st.integers(1, 5000))
SMALL = st.tuples(st.integers(1, 60), st.integers(1, 60))
LONG = st.integers(64, 4096)


@given(SIZE, LONG)
def test_sizes(photo, long_side):
    frame = Frame.fit(photo, long_side)
    longest = long_side * stretch(photo)
    assert max(frame.input_size) == int(longest + 0.5)
    for axis in (0, 1):
        resized, padded = frame.input_size[axis], frame.padded_size[axis]
        assert padded % 16 == 1 and padded >= 17 and 0 <= padded - resized <= 16
        ideal = photo[axis] * longest / max(photo)
        assert resized == 1 or abs(resized - ideal) <= 0.5 + 1e-9
        # cells whose centre 4i lies on the resized photo, and no other
        h = frame.grid_size[axis]
        assert 4 * (h - 1) <= resized - 1 < 4 * h <= padded + 3


@given(SIZE, LONG, st.data())
@settings(max_examples=200)
def test_every_cell_comes_back(photo, long_side, data):
    frame = Frame.fit(photo, long_side)
    h, w = frame.grid_size
    cell = data.draw(st.integers(0, h - 1)), data.draw(st.integers(0, w - 1))
    y, x = frame.point_of(*cell)
    assert -0.5 <= y < photo[0] and -0.5 <= x < photo[1]
    assert frame.cell_of(y, x) == cell


@given(SIZE, LONG, st.data())
def test_a_point_goes_to_the_nearest_cell(photo, long_side, data):
    frame = Frame.fit(photo, long_side)
    point = [data.draw(st.integers(0, side - 1)) for side in photo]
    cell = frame.cell_of(*point)
    for axis in (0, 1):
        at = ((point[axis] + 0.5) * frame.input_size[axis] / photo[axis] - 0.5) / 4
        gaps = [abs(at - k) for k in range(frame.grid_size[axis])]
        assert gaps[cell[axis]] <= min(gaps) + 1e-9


@given(SMALL, st.integers(64, 200), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_upsampling_by_two_loops(photo, long_side, number):
    frame = Frame.fit(photo, long_side)
    grid = np.random.default_rng(number).normal(size=frame.grid_size).astype(np.float32)
    full = frame.to_photo(grid)
    assert full.shape == photo and full.dtype == np.float32
    for y in range(0, photo[0], 3):
        for x in range(0, photo[1], 3):
            at = [
                ((p + 0.5) * frame.input_size[a] / photo[a] - 0.5) / 4 for a, p in enumerate((y, x))
            ]
            assert full[y, x] == pytest.approx(oracles.bilinear(grid, *at), abs=1e-5)


def test_a_ramp_stays_a_ramp():
    """Coordinates themselves, upsampled, are the coordinates: nothing is shifted by a pixel."""
    frame = Frame.fit((300, 500), 640)
    h, w = frame.grid_size
    rows = np.array([frame.point_of(i, 0)[0] for i in range(h)], np.float32)
    columns = np.array([frame.point_of(0, j)[1] for j in range(w)], np.float32)
    maps = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    y, x = np.mgrid[:300, :500]
    inside = (y >= rows[0]) & (y <= rows[-1]) & (x >= columns[0]) & (x <= columns[-1])
    assert inside.mean() > 0.98
    assert np.abs(frame.to_photo(maps) - np.stack([y, x]))[:, inside].max() < 1e-3


def test_many_maps_at_once():
    frame = Frame.fit((130, 70), 128)
    maps = np.random.default_rng(0).normal(size=(2, 3, *frame.grid_size)).astype(np.float32)
    full = frame.to_photo(maps)
    assert full.shape == (2, 3, 130, 70)
    assert (full[1, 2] == frame.to_photo(maps[1, 2])).all()


# ---------------------------------------------------------------- photo -> input


def test_a_photo_of_the_right_size_is_only_scaled_and_padded():
    frame = Frame.fit((50, 64), 64)
    rgb = np.random.default_rng(0).integers(0, 256, (50, 64, 3), dtype=np.uint8)
    image = frame.to_input(rgb)
    assert image.shape == (3, 65, 65) and image.dtype == np.float32
    assert image.flags.c_contiguous
    assert np.allclose(image[:, :50, :64], rgb.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)
    assert (image[:, 50:] == image[:, 49:50]).all() and (image[:, :, 64] == image[:, :, 63]).all()


def test_the_range_is_minus_one_to_one():
    frame = Frame.fit((64, 64), 64)
    assert (frame.to_input(np.zeros((64, 64, 3), np.uint8)) == -1).all()
    white = frame.to_input(np.full((64, 64, 3), 255, np.uint8))
    assert white.min() == white.max() == pytest.approx(1)


@pytest.mark.parametrize("photo", [(96, 128), (192, 256), (480, 640), (960, 1280)])
@pytest.mark.parametrize("cell", [(0, 0), (5, 9), (23, 31)])
def test_a_dot_at_a_cell_lands_on_input_pixel_four_times_the_cell(photo, cell):
    frame = Frame.fit(photo, 128)
    y, x = frame.point_of(*cell)
    size = photo[0] / 96
    yy, xx = np.mgrid[: photo[0], : photo[1]]
    dot = np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / (2 * (1.5 * size) ** 2))
    rgb = np.repeat((255 * dot).astype(np.uint8)[..., None], 3, 2)
    image = (frame.to_input(rgb)[0] + 1)[:96, :128]
    peak = np.unravel_index(image.argmax(), image.shape)
    assert peak == (4 * cell[0], 4 * cell[1])
    if cell == (5, 9):  # away from the border the blob's centre is there, not half a pixel off
        rows, columns = np.mgrid[:96, :128]
        centre = (image * rows).sum() / image.sum(), (image * columns).sum() / image.sum()
        assert centre == pytest.approx((20, 36), abs=0.05)


def test_shrinking_does_not_alias():
    """One-pixel stripes of black and white are grey at a fifth of the size."""
    rgb = np.zeros((320, 640, 3), np.uint8)
    rgb[:, ::2] = 255
    assert np.abs(Frame.fit((320, 640), 128).to_input(rgb)).max() < 0.1


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (2.5, 5)])
def test_photo_sizes_that_are_none(size):
    with pytest.raises(ParameterError, match="photo size"):
        Frame.fit(size, 640)


@pytest.mark.parametrize("long_side", [63, 4097, math.nan, "wide"])
def test_long_sides_out_of_range(long_side):
    with pytest.raises(ParameterError, match=r"long_side must .*\[64, 4096\]"):
        Frame.fit((10, 10), long_side)


@pytest.mark.parametrize("point", [(-0.6, 5), (5, -1), (48, 5), (5, 64), (math.nan, 5), (5, 1e9)])
def test_points_outside_the_photo(point):
    with pytest.raises(ParameterError, match="outside the photo of 48 x 64"):
        Frame.fit((48, 64), 64).cell_of(*point)


def test_the_rim_belongs_to_the_outermost_cells():
    frame = Frame.fit((48, 64), 64)
    assert frame.cell_of(-0.5, -0.5) == (0, 0)
    assert frame.cell_of(47.9, 63.9) == (11, 15)


@pytest.mark.parametrize("cell", [(-1, 0), (0, -1), (12, 0), (0, 16)])
def test_cells_outside_the_grid(cell):
    with pytest.raises(ParameterError, match="outside the grid of 12 x 16"):
        Frame.fit((48, 64), 64).point_of(*cell)


@pytest.mark.parametrize(
    "rgb",
    [np.zeros((48, 64, 4), np.uint8), np.zeros((64, 48, 3), np.uint8), np.zeros((48, 64, 3))],
)
def test_pictures_of_another_shape(rgb):
    with pytest.raises(ParameterError, match=r"uint8 of shape \(48, 64, 3\)"):
        Frame.fit((48, 64), 64).to_input(rgb)


def test_maps_of_another_shape():
    with pytest.raises(ParameterError, match=r"12, 16.*\(16, 12\)"):
        Frame.fit((48, 64), 64).to_photo(np.zeros((16, 12), np.float32))


@given(SMALL, st.integers(64, 200))
def test_whole_rows_and_columns_map_as_single_points_do(photo, long_side):
    frame = Frame.fit(photo, long_side)
    (height, width), (h, w) = frame.photo_size, frame.grid_size
    rows, columns = frame.cells()
    assert rows.tolist() == [frame.cell_of(y, 0)[0] for y in range(height)]
    assert columns.tolist() == [frame.cell_of(0, x)[1] for x in range(width)]
    ys, xs = frame.centres()
    points = (
        [frame.point_of(i, 0)[0] for i in range(h)],
        [frame.point_of(0, j)[1] for j in range(w)],
    )
    for found, wanted, side in zip((ys, xs), points, (height, width), strict=True):
        assert found.tolist() == [min(max(round(v), 0), side - 1) for v in wanted]
