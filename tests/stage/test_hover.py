"""What a browser computes from the fields is what a click gives."""

import gzip

import numpy as np
import pytest

from dmlseg_core.edit.session import EditSession
from dmlseg_core.measure.iou import mask_iou
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.masks import connected_part
from dmlseg_core.stage.hover import hover_fields, shown_meaning
from dmlseg_core.stage.pack import pack, unpack


def hovered(header, arrays, cell, tau):
    """The mask of a grid cell, step by step as assets/stage/js/fields.js does it."""
    vectors = arrays["embedding"].astype(np.float32)
    d2 = ((vectors - vectors[cell]) ** 2).sum(-1) * np.float32(header["scale"] ** 2)
    own, gaps = int(arrays["cells"][cell]), arrays["gaps"]
    highest = np.full(len(gaps) + 1, -np.inf, np.float32)
    for k in range(own, len(gaps)):
        highest[k + 1] = max(highest[k], gaps[k])
    for k in range(own - 1, -1, -1):
        highest[k] = max(highest[k + 1], gaps[k])
    d2 = d2 + header["edge_weight"] * np.log1p(2 * np.exp(highest))[arrays["cells"]]
    inside = d2 <= np.log(2 / tau - 1)
    return connected_part(inside, [cell]) if header["connected"] else inside


@pytest.fixture(scope="module")
def analysed():
    import skimage.data

    from dmlseg_core.model.weights import DEFAULT_WEIGHTS
    from dmlseg_core.scene.segmenter import Segmenter

    if not DEFAULT_WEIGHTS.exists():
        pytest.skip("weights/ holds no weights yet")
    photo = load_photo(skimage.data.coffee())
    session = EditSession(photo, Segmenter.load().analyze(photo))
    return session, hover_fields(session)


def test_the_hovered_mask_is_the_clicked_one(analysed):
    session, data = analysed
    header, arrays = unpack(data)
    draw, found = np.random.default_rng(0), []
    for _ in range(40):
        y, x = draw.integers(session.photo.height), draw.integers(session.photo.width)
        cell = session.scene.frame.cell_of(y, x)
        tau = float(arrays["tau_whole"][arrays["cells"][cell]])
        clicked = session.scene.mask_at(y, x, tau).grid
        found.append(mask_iou(hovered(header, arrays, cell, tau), clicked))
    assert np.mean(found) >= 0.97


def test_a_click_means_the_object_that_was_shown(analysed):
    session, data = analysed
    _, arrays = unpack(data)
    session.says = shown_meaning(session.scene)
    draw = np.random.default_rng(1)
    for _ in range(20):
        y, x = (int(draw.integers(side)) for side in session.photo.size)
        tau = float(arrays["tau_whole"][arrays["cells"][session.scene.frame.cell_of(y, x)]])
        session.select(y, x, tau, new=True)
        meant = session.meant_by(len(session.selections) - 1)
        assert meant.object == tau and meant.group <= tau <= min(meant[1:4])


def test_it_is_small_and_whole(analysed):
    session, data = analysed
    header, arrays = unpack(data)
    assert len(data) <= 1_300_000 and len(gzip.compress(data, 2)) <= 500_000
    h, w = session.scene.frame.grid_size
    assert (header["h"], header["w"]) == (h, w) == arrays["cells"].shape
    assert arrays["embedding"].shape == (h, w, header["D"])
    assert len(arrays["gaps"]) + 1 == len(arrays["tau_whole"]) == header["N"]
    assert (arrays["tau_part"] >= arrays["tau_whole"]).all()
    assert arrays["tau_whole"].min() > 0 and arrays["tau_part"].max() < 1
    assert arrays["proposals"].max() <= 24


def test_a_buffer_is_read_as_it_was_packed():
    arrays = {
        "a": np.arange(6, dtype=np.uint16).reshape(2, 3), "none": np.zeros((0, 3), np.uint8),
        "b": np.array([1.5, -2], np.float32), "c": np.array([-128, 127], np.int8),
    }  # fmt: skip
    header, found = unpack(pack({"word": "é", "number": np.int64(3)}, arrays))
    assert header == {"word": "é", "number": 3}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(ValueError):
        pack({"bad": float("nan")}, {})
