"""Large and deep photos: the same pixels in less memory, or a sentence before memory is taken."""

import io
import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from dmlseg_core.errors import ImageError
from dmlseg_core.photo import decode, load
from dmlseg_core.photo.jpeg import _tile_means
from dmlseg_core.photo.load import Photo, load_photo
from dmlseg_core.photo.masks import cutout
from dmlseg_core.photo.profiles import to_srgb8
from dmlseg_core.photo.save import _deep_pixels, save_photo
from tests.photo import profiles
from tests.photo.test_load import coded, picture


def deep_rgba(height=40, width=60):
    rgb = np.random.default_rng(0).integers(0, 65536, (height, width, 3)).astype(np.uint16)
    alpha = np.linspace(0, 65535, height * width).reshape(height, width).astype(np.uint16)
    return np.dstack([rgb, alpha])


@pytest.mark.parametrize("extra", [[], [0], [2], [2, 0]])
def test_channels_are_parted_in_place_as_they_were(extra):
    """Colors, alpha where the file says so, and what else a TIFF holds."""
    pixels = np.dstack([deep_rgba(), deep_rgba()[..., 1]])[..., : 3 + len(extra)]
    file = io.BytesIO()
    kinds = {0: "unspecified", 2: "unassalpha"}
    tifffile.imwrite(file, pixels, photometric="rgb", extrasamples=[kinds[k] for k in extra])
    photo = load_photo(file.getvalue())
    assert (photo.deep == pixels[..., :3]).all()
    if 2 in extra:
        assert (photo.deep_alpha == pixels[..., 3]).all()
    else:
        assert photo.deep_alpha is None


def test_premultiplied_heic_of_10_bits_is_divided():
    """libheif says so, and leaves it: soft edges were dark."""
    heif = pytest.importorskip("pillow_heif")
    given = deep_rgba(64, 64)
    given[..., :3] = 50_000
    share = given[..., 3:] / 65535
    stored = np.dstack([np.rint(given[..., :3] * share).astype(np.uint16), given[..., 3]])
    file = heif.from_bytes("RGBA;16", (64, 64), stored.tobytes())
    file.premultiplied_alpha = True
    buffer = io.BytesIO()
    file.save(buffer, quality=-1, chroma=444)
    data = buffer.getvalue()
    if not heif.open_heif(data).premultiplied_alpha:
        pytest.skip("this pillow-heif writes no such files")
    photo = load_photo(data)
    assert decode.DIVIDED in photo.notes
    seen = photo.alpha > 100
    assert np.abs(photo.rgb[seen].astype(int) - round(50_000 / 257)).max() <= 3


@pytest.mark.parametrize("kind", ["tiff", "png", "gray"])
def test_what_would_take_too_much_memory_is_refused_by_its_head(kind):
    """16 bits of four channels, decoded, are eight bytes a pixel, and decoders hold them twice."""
    pixels = np.zeros((1000, 1000, 4), np.uint16)
    pixels[:, ::2] = 3000
    if kind == "tiff":
        file = io.BytesIO()
        tifffile.imwrite(file, pixels, photometric="rgb", extrasamples=["unassalpha"])
        data = file.getvalue()
    else:
        data = cv2.imencode(".png", pixels if kind == "png" else pixels[..., 0])[1].tobytes()
    if kind == "gray":
        assert load_photo(data, max_megapixels=1).bits == 16
        return
    with pytest.raises(ImageError, match=r"GB of memory.*8 bits or raise --max-megapixels"):
        load_photo(data, max_megapixels=1)
    assert load_photo(data, max_megapixels=2).bits == 16


@pytest.mark.parametrize("options", [{"lossless": True, "exact": True}, {"quality": 80}])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_large_webp_is_read_as_a_small_one(monkeypatch, options, channels):
    pixels = np.dstack([picture(), picture()[..., :1]])[..., :channels]
    data = coded(Image.fromarray(np.ascontiguousarray(pixels)), "WEBP", **options)
    small = load_photo(data)
    monkeypatch.setattr(load, "LARGE", 0)
    calls = []
    monkeypatch.setattr(load, "whole_webp", lambda *a: calls.append(1) or decode.whole_webp(*a))
    large = load_photo(data)
    assert calls
    assert large.digest == small.digest
    assert channels == 3 or (large.alpha == small.alpha).all()
    with pytest.raises(ImageError):
        load_photo(data[: len(data) // 2])


def test_profiles_are_applied_in_bands_as_to_the_whole():
    tall = np.random.default_rng(0).integers(0, 256, (decode.BAND * 2 + 7, 3, 3)).astype(np.uint8)
    data = profiles.profile(profiles.ADOBE, profiles.gamma(2.2))
    whole, _ = to_srgb8(Image.fromarray(tall), data, [])
    for top in (0, decode.BAND - 1, decode.BAND * 2):
        row, _ = to_srgb8(Image.fromarray(tall[top : top + 9]), data, [])
        assert (whole[top : top + 9] == row).all()


def held(work):
    """Bytes that it holds at the most, its result included, as numpy tells."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def large(**fields):
    """A photo of 8 megapixels, and it with every pixel changed."""
    rgb = np.tile(picture(), (84, 112, 1))[:2000, :4000].copy()
    return Photo(rgb=rgb, path=None, digest="", **fields), rgb ^ 1


def test_writing_a_large_photo_holds_little_beside_it(tmp_path):
    """Bytes a pixel: 36 for a JPEG, whose colors were compared in floats of all of it, 11 for a
    cut-out, 13 for 16 bits in a profile.
    """
    tables = {0: [8] * 64, 1: [8] * 64}
    photo, made = large(format="JPEG", jpeg_tables=tables)
    save_photo(made, tmp_path / "first.jpg", photo)  # tables and imports
    assert held(lambda: save_photo(made, tmp_path / "a.jpg", photo)) < 9 * 8e6
    share = np.ones(photo.size, np.float32)
    share[0] = 0.5
    assert held(lambda: cutout(made, share, photo)) < 9 * 8e6
    wide = profiles.profile(profiles.ADOBE, profiles.gamma(2.2))
    deep = photo.rgb.astype(np.uint16) * 257
    like = replace(photo, deep=deep, bits=16, rgb_profile=wide)
    changed = like.working_pixels() ^ 1
    assert held(lambda: _deep_pixels(changed, like)) < 9 * 8e6
    plain = replace(photo, deep=deep, bits=16)
    assert _deep_pixels(changed, plain) is changed


def test_tiles_of_a_large_jpeg_are_those_of_the_whole():
    """Worked on in bands: sides that are no whole tiles, and a last band of one row."""
    for height, width in ((513, 40), (512, 33), (15, 7), (16, 1)):
        plane = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
        found = _tile_means(plane)
        assert found.shape == (-(-height // 16), -(-width // 16), 3)
        if width % 16 == 0 or width < 16:
            first = plane[:16].astype(float).mean(axis=(0, 1))
            assert np.allclose(found[0, 0], first, atol=1e-3)
        assert _tile_means(plane[..., 0] > 9).shape == found.shape[:2]
