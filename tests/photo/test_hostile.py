"""Hostile files in small: every one is read, or refused in one sentence; tests/soak/ has many."""

import io

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import ImageError
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.save import FORMATS, save_photo
from tests.photo.test_load import coded
from tests.soak.files import ODD, WAYS, good, hostile

SMALL = list(hostile(192, seed=3, ways=WAYS[:-1]))  # bombs take seconds to make


@pytest.mark.parametrize("start", range(0, len(SMALL), 32))
def test_each_is_read_or_refused_in_one_sentence(start, tmp_path):
    for name, data in SMALL[start : start + 32]:
        path = tmp_path / name
        path.write_bytes(data)
        try:
            photo = load_photo(path)
        except ImageError as error:
            assert str(error) and "\n" not in str(error), name
            continue
        if photo.height * photo.width < 100_000:
            suffix = path.suffix if path.suffix in FORMATS else ".png"
            out = save_photo(photo.working_pixels(), tmp_path / f"out{suffix}", photo)
            assert load_photo(out).size == photo.size, name


@pytest.mark.parametrize("data", ODD, ids=lambda data: repr(data[:12]))
def test_what_is_no_photo(data):
    with pytest.raises(ImageError):
        load_photo(data)


def test_no_more_is_read_than_a_photo_can_have(tmp_path):
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ImageError, match=r"more than 64 MB, too much for 0.01 megapixels"):
        load_photo(tmp_path / "sparse.jpg", max_megapixels=0.01)


def test_nothing_runs_what_a_file_says(monkeypatch):
    """EPS is a program, and Pillow would start Ghostscript for it."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "EPS")
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("ran a program"))
    with pytest.raises(ImageError):
        load_photo(file.getvalue())


def test_the_generator_is_fixed_and_its_seeds_are_good():
    assert list(hostile(40)) == list(hostile(40))
    assert load_photo(good("HEIF")).size in ((48, 64), (64, 48))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"keep_rgb": True}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_cut_jpeg_with_a_new_end_is_said(options, mode):
    """libjpeg fills the rest with gray and raises nothing."""
    noise = np.random.default_rng(5).integers(0, 256, (96, 128, 3), np.uint8)
    options = {} if mode == "CMYK" else options
    data = coded(Image.fromarray(noise).convert(mode), "JPEG", quality=90, **options)
    assert "cut off" not in " ".join(load_photo(data).notes)
    for share in (0.4, 0.95):
        cut = data[: int(len(data) * share)].rstrip(b"\xff") + b"\xff\xd9"
        assert "cut off" in " ".join(load_photo(cut).notes)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_photo_that_ends_in_gray_is_whole(options):
    gray = np.full((96, 128, 3), 128, np.uint8)
    gray[:30] = np.random.default_rng(5).integers(0, 256, (30, 128, 3), np.uint8)
    assert load_photo(coded(Image.fromarray(gray), "JPEG", **options)).notes == ()
