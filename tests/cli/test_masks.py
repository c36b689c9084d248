"""Masks that people have: taken as they are meant, or refused in a sentence."""

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.cli.chosen import read_mask
from dmlseg_core.errors import ImageError, ParameterError
from dmlseg_core.photo import load_photo, save_labels
from tests.photo.test_load import picture

INSIDE = np.zeros((24, 36), bool)
INSIDE[6:15, 9:30] = True
WHITE = INSIDE.astype(np.uint8) * 255


def stacked(color, alpha=None):
    layers = [np.where(INSIDE, c, 0) for c in color]
    return np.dstack(layers if alpha is None else [*layers, alpha]).astype(np.uint8)


def labels_file(path):
    return save_labels(INSIDE.astype(np.int32) * 3, path)


MASKS = {
    "gray": Image.fromarray(WHITE),
    "zeros and ones": Image.fromarray(INSIDE.astype(np.uint8)),
    "one bit": Image.fromarray(INSIDE),
    "16 bits": Image.fromarray(WHITE.astype(np.uint16) * 257),
    "16 bits, zeros and ones": Image.fromarray(INSIDE.astype(np.uint16)),
    "16 bits, up to 255": Image.fromarray(WHITE.astype(np.uint16)),
    "RGB": Image.fromarray(stacked((255, 255, 255))),
    "one color": Image.fromarray(stacked((220, 20, 60))),
    "alpha of white": Image.fromarray(np.dstack([np.full((24, 36, 3), 255, np.uint8), WHITE])),
    "alpha of black": Image.fromarray(np.dstack([np.zeros((24, 36, 3), np.uint8), WHITE])),
    "a cut-out": Image.fromarray(np.dstack([picture(), WHITE])),
    "white and black on a layer": Image.fromarray(
        np.dstack([WHITE, WHITE, WHITE, np.where(np.arange(36) < 34, 255, 0) + 0 * WHITE])
        .astype(np.uint8)
    ),
    "gray with alpha": Image.fromarray(np.dstack([WHITE, WHITE]), "LA"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_masks_are_taken_as_they_are_meant(kind, suffix, tmp_path):
    MASKS[kind].save(tmp_path / f"m{suffix}")
    alpha = read_mask(tmp_path / f"m{suffix}", load_photo(picture()), 100)
    assert alpha.dtype == np.float32
    assert (alpha == INSIDE).all()


def test_label_images_of_one_object_and_soft_masks(tmp_path):
    photo = load_photo(picture())
    assert (read_mask(labels_file(tmp_path / "l.png"), photo, 100) == INSIDE).all()
    soft = np.linspace(0, 255, 36).round().astype(np.uint8) + np.zeros((24, 1), np.uint8)
    # stored levels count, whatever profile or gamma is beside them
    Image.fromarray(soft).save(tmp_path / "s.png", gamma=1.0)
    Image.fromarray(soft // 2).save(tmp_path / "half.png")
    assert np.allclose(read_mask(tmp_path / "s.png", photo, 100), soft / 255)
    assert np.allclose(read_mask(tmp_path / "half.png", photo, 100), (soft // 2) / 255)


def test_masks_that_mean_nothing_are_refused(tmp_path):
    photo, path = load_photo(picture()), tmp_path / "m.png"
    for levels, word in ((0, "empty"), (9, "nearly black")):
        Image.fromarray(WHITE // 255 * np.uint8(levels)).save(path)
        with pytest.raises(ParameterError, match=word):
            read_mask(path, photo, 100)
    Image.fromarray(picture()).save(path)
    with pytest.raises(ImageError, match="colored"):
        read_mask(path, photo, 100)
    Image.fromarray(WHITE[:, :30]).save(path)
    with pytest.raises(ImageError, match="30 x 24 pixels, the photo 36 x 24"):
        read_mask(path, photo, 100)
    Image.fromarray(WHITE.T.copy()).save(path)
    with pytest.raises(ImageError, match="turned"):
        read_mask(path, photo, 100)


def test_transparent_pixels_of_the_photo_are_never_meant(tmp_path):
    path = tmp_path / "m.png"
    Image.new("L", (36, 24), 255).save(path)
    photo = load_photo(np.dstack([picture(), WHITE]))
    assert (read_mask(path, photo, 100) == INSIDE).all()
    Image.fromarray(255 - WHITE).save(path)
    with pytest.raises(ParameterError, match="transparent"):
        read_mask(path, photo, 100)
