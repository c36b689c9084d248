"""More than 8 bits per channel come back as they came, or with a word."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from dmlseg_core.paint.apply import recolor
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.save import losses, save_photo
from tests.photo import profiles
from tests.photo.test_load import picture
from tests.photo.test_save import P3, deep_file, deep_picture

DEEP = [".png", ".tif"]


def mask(photo):
    alpha = np.zeros(photo.size, np.float32)
    alpha[10:30, 15:45] = 1
    return alpha


@pytest.mark.parametrize("suffix", DEEP)
@pytest.mark.parametrize("source", DEEP)
def test_16_bits_come_back_bit_for_bit(tmp_path, source, suffix):
    photo = load_photo(deep_file(source))
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / f"a{suffix}", photo))
    assert again.deep.dtype == np.uint16
    assert (again.deep == deep_picture()).all()


@pytest.mark.parametrize("suffix", DEEP)
@pytest.mark.parametrize("profile", [None, P3], ids=["sRGB", "P3"])
def test_16_bits_are_recolored_in_16_bits(tmp_path, suffix, profile):
    about = {} if profile is None else {"icc_profile": profile}
    photo = load_photo(deep_file(suffix, **about))
    alpha = mask(photo)
    made = recolor(photo.working_pixels(), alpha, "#c8102e")
    again = load_photo(save_photo(made.rgb, tmp_path / f"a{suffix}", photo))
    assert again.icc_profile == photo.icc_profile
    assert (again.deep[alpha == 0] == photo.deep[alpha == 0]).all()  # stored values, untouched
    inside = again.deep[alpha == 1]
    assert len(np.unique(inside & 255)) > 100  # the low bytes are used
    off = np.abs(again.working_pixels().astype(int) - made.rgb)[alpha == 1]
    assert np.median(off) <= 2
    assert off.mean() < 30  # in words: a dark channel beside bright ones is coarse in any RGB


def test_8_bit_results_of_16_bit_photos_keep_the_rest_in_16(tmp_path):
    photo = load_photo(deep_file(".tif", icc_profile=P3))
    alpha = mask(photo)
    made = recolor(photo.rgb, alpha, "#c8102e")
    again = load_photo(save_photo(made.rgb, tmp_path / "a.tif", photo))
    assert (again.deep[alpha == 0] == photo.deep[alpha == 0]).all()
    assert np.abs(again.rgb.astype(int) - made.rgb)[alpha == 1].mean() < 1


def test_a_profile_of_tables_is_recolored_in_8_bits_with_a_word(tmp_path, monkeypatch):
    from dmlseg_core.photo import load as images
    from dmlseg_core.photo import save as export

    for module in (images, export):
        monkeypatch.setattr(module, "matrix_profile", lambda profile: None)
    photo = load_photo(deep_file(".tif", icc_profile=P3))
    assert photo.working_pixels() is photo.rgb
    assert any("8 bits" in word for word in losses(photo, "a.tif"))
    alpha = mask(photo)
    made = recolor(photo.rgb, alpha, "#c8102e")
    for rgb in (made.rgb, made.rgb.astype(np.uint16) * 257):
        again = load_photo(save_photo(rgb, tmp_path / "a.tif", photo))
        assert (again.deep[alpha == 0] == photo.deep[alpha == 0]).all()
        assert np.abs(again.rgb.astype(int) - made.rgb)[alpha == 1].mean() < 1


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_8_bit_formats_round_and_say_so(tmp_path, suffix):
    photo = load_photo(deep_file(".tif", icc_profile=P3))
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / f"a{suffix}", photo))
    assert again.deep is None
    assert again.icc_profile == P3
    assert np.abs(again.rgb.astype(int) - photo.rgb).mean() < 4
    assert any("8 bits" in word for word in losses(photo, f"a{suffix}"))


@pytest.mark.parametrize("suffix", DEEP)
def test_16_bit_alpha_comes_back(tmp_path, suffix):
    rgba = np.dstack([deep_picture(), deep_picture()[..., 1]])
    photo = load_photo(deep_file(suffix, rgba))
    assert (photo.deep_alpha == rgba[..., 3]).all()
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / f"a{suffix}", photo))
    assert (again.deep_alpha == rgba[..., 3]).all()
    assert (again.deep == rgba[..., :3]).all()
    assert "transparency" in " ".join(losses(photo, "a.jpg"))


def test_alpha_that_was_multiplied_in_is_taken_out():

    tifffile = pytest.importorskip("tifffile")
    color, share = np.full((8, 8, 3), 40000.0), np.full((8, 8, 1), 0.25)
    stored = np.dstack([color * share, share * 65535]).astype(np.uint16)
    for extra, wanted in (("assocalpha", 40000), ("unassalpha", 10000)):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, stored, photometric="rgb", extrasamples=[extra])
        photo = load_photo(buffer.getvalue())
        assert np.abs(photo.deep.astype(int) - wanted).max() <= 2
        assert bool(photo.notes) == (extra == "assocalpha")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stored, photometric="rgb", extrasamples=["unspecified"])
    assert load_photo(buffer.getvalue()).alpha is None


def test_gray_16_bits_with_a_gray_profile(tmp_path):

    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    gray = profiles.profile(None, profiles.gamma(1.0), "linear gray")
    ramp = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    tifffile.imwrite(buffer, ramp, photometric="minisblack", iccprofile=gray)
    photo = load_photo(buffer.getvalue())
    linear = ramp / 65535
    wanted = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(photo.deep[..., 0] - wanted * 65535).max() < 2
    assert "grey" in " ".join(photo.notes)
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / "a.tif", photo))
    assert (again.deep == photo.deep).all()
    assert again.icc_profile is not None  # sRGB's, no longer the gray one


def test_16_bit_cmyk_and_planes_end_well():

    tifffile = pytest.importorskip("tifffile")
    four = np.dstack([deep_picture(), deep_picture()[..., 0]])
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, four, photometric="separated")
    photo = load_photo(buffer.getvalue())
    assert photo.deep is None
    assert {"16 bits", "CMYK"} <= {w for w in ("16 bits", "CMYK") if w in " ".join(photo.notes)}
    buffer = io.BytesIO()
    planes = np.ascontiguousarray(deep_picture().transpose(2, 0, 1))
    tifffile.imwrite(buffer, planes, photometric="rgb", planarconfig="separate")
    assert (load_photo(buffer.getvalue()).deep == deep_picture()).all()


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("alpha", [False, True])
def test_heic_keeps_its_depth(tmp_path, bits, alpha):
    heif = pytest.importorskip("pillow_heif")
    pixels = np.dstack([deep_picture(), deep_picture()[..., :1]] if alpha else [deep_picture()])
    buffer = io.BytesIO()
    heif.encode("RGBA;16" if alpha else "RGB;16", pixels.shape[1::-1], pixels.tobytes(), buffer,
                quality=95, chroma=444, bit_depth=bits)  # fmt: skip
    photo = load_photo(buffer.getvalue())
    assert (photo.bits, losses(photo, "a.heic")) == (bits, ())
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / "a.heic", photo))
    assert again.bits == bits
    assert (again.alpha is None) == (not alpha)
    assert np.abs(again.deep.astype(int) - photo.deep).mean() < 257  # one level of 8 bits
    eight = photo.deep.astype(int) // 257 * 257
    assert (
        np.abs(again.deep.astype(int) - photo.deep).mean() < np.abs(eight - photo.deep).mean() * 2
    )


def test_16_bits_in_heic_become_10_with_a_word(tmp_path):
    photo = load_photo(deep_file(".png"))
    assert "written with 10 bits per channel: 16 were rounded" in " ".join(losses(photo, "a.heic"))
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / "a.heic", photo))
    assert again.bits == 10


@pytest.mark.parametrize("bits", [8, 10])
def test_bits_of_heic_and_avif_are_told(bits):
    heif = pytest.importorskip("pillow_heif")
    deep = np.ascontiguousarray(picture(64, 64).astype(np.uint16) * 257)

    buffer = io.BytesIO()
    if bits == 10:
        heif.options.SAVE_HDR_TO_12_BIT = False
        heif.encode("RGB;16", (64, 64), deep.tobytes(), buffer, quality=90)
    else:
        heif.register_heif_opener()
        Image.fromarray(picture(64, 64)).save(buffer, "HEIF", quality=90)
    photo = load_photo(buffer.getvalue())
    assert any("10 bits" in note for note in photo.notes) == (bits == 10)
    assert np.abs(photo.rgb.astype(int) - picture(64, 64)).mean() < 6


def test_an_srgb_profile_of_16_bits_stays(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = load_photo(deep_file(".png", icc_profile=srgb))
    assert photo.working_pixels() is photo.deep
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / "a.tif", photo))
    assert again.icc_profile == srgb
    assert (again.deep == photo.deep).all()
