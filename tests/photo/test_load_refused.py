"""What is no photo, damaged or too large is one sentence."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import ImageError, ParameterError
from dmlseg_core.photo.load import load_photo
from tests.photo.test_load import coded, picture


def fails(source, *words, **options):
    with pytest.raises(ImageError) as caught:
        load_photo(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_files(file_format, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = coded(Image.fromarray(noise), file_format)
    try:  # a cut in the trailer may leave all pixels whole
        photo = load_photo(data[: int(len(data) * share)])
    except ImageError as error:
        assert "\n" not in str(error)
    else:
        assert photo.size == (64, 64)
        assert share > 0.9


def test_flipped_bytes_never_escape_as_another_error():
    rng = np.random.default_rng(1)
    for file_format in ("JPEG", "PNG", "TIFF", "WEBP", "GIF"):
        exif = Image.Exif()
        exif[0x0112], exif[271] = 6, "maker"
        whole = coded(Image.fromarray(picture()), file_format, exif=exif)
        for _ in range(40):
            data = bytearray(whole)
            for place in rng.integers(0, min(len(data), 400), 4):
                data[place] = rng.integers(256)
            try:
                load_photo(bytes(data), max_megapixels=1)
            except ImageError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("marker", "bits", "words"),
    [(0xC1, 12, "12 bits"), (0xC2, 12, "12 bits"), (0xC3, 8, "without loss"), (0xC3, 9, "loss"),
     (0xC6, 8, "layers"), (0xF7, 8, "without loss")],
)  # fmt: skip
def test_jpegs_of_other_processes_are_named(marker, bits, words):
    data = bytearray(coded(Image.fromarray(picture()), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 1], data[frame + 4] = marker, bits
    assert "damaged" not in fails(bytes(data), words, "save it")


def test_not_a_photo(tmp_path):
    fails(b"", "empty")
    fails(b"hello, world " * 50, "not a photo")
    fails(tmp_path, "folder")
    fails(tmp_path / "none.jpg", "does not exist")
    fails("a\0b.png", "cannot be read")
    archive = io.BytesIO()
    np.save(archive, picture())
    fails(archive.getvalue(), "not a photo")


def bomb(width, height):
    """A PNG header of that size with hardly any data."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(10001, 10000), (20000, 10000), (60000, 60000)])
def test_over_the_cap_is_refused_from_the_header(width, height):
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fails(bomb(width, height), "megapixels", "--max-megapixels")
    assert limit == Image.MAX_IMAGE_PIXELS


def test_the_cap_can_be_set():
    data = coded(Image.new("RGB", (200, 200)))
    fails(data, "cap", max_megapixels=0.03)
    assert load_photo(data, max_megapixels=0.05).size == (200, 200)
    with pytest.raises(ParameterError):
        load_photo(data, max_megapixels=0)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), float),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_bad_arrays(array):
    fails(array)


def test_arrays_of_other_kinds():
    grey = load_photo(picture()[..., 0])
    assert (grey.rgb == picture()[..., :1]).all()
    rgba = load_photo(np.dstack([picture(), picture()[..., 0]]))
    assert (rgba.alpha == picture()[..., 0]).all()
    deep = load_photo(picture().astype(np.uint16) * 257)
    assert (deep.rgb == picture()).all()
    assert deep.deep.dtype == np.uint16
