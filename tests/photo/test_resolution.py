"""Resolution without a unit: the shape of a pixel, carried or said to go."""

import io
import struct
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import png
from dmlseg_core.photo.save import losses, save_photo
from dmlseg_core.words import told
from tests.photo.test_load import coded, picture


def without_unit(suffix, across, down, turn=1):
    """A photo whose file says how its pixels are shaped, and no more."""
    image, exif = Image.fromarray(picture(32, 48)), Image.Exif()
    exif[0x0112] = turn
    if suffix == ".tif":
        tags = {0x0112: turn, 282: Fraction(across), 283: Fraction(down), 296: 1}
        data = io.BytesIO()
        image.save(data, "TIFF", tiffinfo=tags)
        return load_photo(data.getvalue())
    if suffix == ".png":
        head = png.chunk(b"pHYs", struct.pack(">IIB", across, down, 0))
        return load_photo(png.with_chunks(coded(image, exif=exif), [head]))
    data = coded(image, "JPEG", exif=exif)
    return load_photo(data[:13] + struct.pack(">B2H", 0, across, down) + data[18:])


def shape_in(path):
    """As Pillow reads the file."""
    with Image.open(path) as image:
        if image.format == "JPEG":
            return image.info["jfif_density"] if image.info["jfif_unit"] == 0 else None
        if image.format == "PNG":
            return image.info.get("aspect")
        tags = image.tag_v2
        return (tags[282], tags[283]) if tags.get(296) == 1 else None


@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".tif"])
def test_the_shape_of_pixels_is_carried(tmp_path, source, suffix, turn):
    photo = without_unit(source, 72, 36, turn)
    assert photo.dpi is None
    path = save_photo(photo.rgb, tmp_path / f"a{suffix}", photo)
    assert tuple(shape_in(path)) == ((36, 72) if turn == 6 else (72, 36))
    assert losses(photo, path) == ()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_shape_of_fractions_is_rounded(tmp_path, suffix):
    photo = without_unit(".tif", "1.0666666", 1)
    assert tuple(shape_in(save_photo(photo.rgb, tmp_path / f"a{suffix}", photo))) == (16, 15)


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".heic"])
def test_what_holds_no_shape_says_so(suffix):
    (said,) = losses(without_unit(".png", 2, 1), f"a{suffix}")
    assert "2 x 1 without a unit went" in said and "2 x 1，" in told("zh", said)
    assert losses(without_unit(".tif", 2, 1), f"a{suffix}") == ()  # EXIF says it there


@pytest.mark.parametrize(("across", "down"), [(1, 1), (72, 72), (0, 1), (1000, 1)])
def test_squares_and_mistakes_say_nothing(tmp_path, across, down):
    photo = without_unit(".jpg", across, down)
    assert photo.about.shape is None and losses(photo, "a.webp") == ()
    path = save_photo(photo.rgb, tmp_path / "a.jpg", photo)
    assert tuple(shape_in(path)) == (1, 1)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("turn", "wanted"), [(1, (300, 150)), (3, (300, 150)), (6, (150, 300))])
def test_a_turned_tiff_has_its_resolution_turned(tmp_path, turn, wanted, deep):
    pixels = picture(32, 48)[..., 0].astype(np.uint16) * 257 if deep else picture(32, 48)
    tags = {0x0112: turn, 282: 300.0, 283: 150.0, 296: 2}
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "TIFF", tiffinfo=tags)
    photo = load_photo(data.getvalue())
    assert (photo.size == (48, 32)) == (turn == 6)
    assert photo.dpi == wanted
    for suffix in (".tif", ".png", ".jpg"):
        again = load_photo(save_photo(photo.rgb, tmp_path / f"a{suffix}", photo))
        assert again.dpi == pytest.approx(wanted, abs=0.1) and again.size == photo.size
    assert "resolution" not in " ".join(losses(photo, "a.webp"))  # EXIF has it there
