"""Profiles in 16 bits against littleCMS in 8 and against closed formulas."""

import io
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import chunk
from dmlseg_core.photo.profiles import from_srgb8, matrix_profile, srgb_profile, to_srgb8
from tests.photo import profiles

CURVES = {
    "gamma": profiles.gamma(2.19921875),
    "identity": profiles.table([]),
    "table": profiles.table(np.linspace(0, 1, 33) ** 1.8),
    "para0": profiles.parametric(0, 1.8),
    "para1": profiles.parametric(1, 2.4, 1.05, -0.05),
    "para2": profiles.parametric(2, 2.2, 1.02, -0.02, 0.0),
    "para3": profiles.SRGB_CURVE,
    "para4": profiles.parametric(4, 2.4, 0.94, 0.05, 0.08, 0.04, 0.001, 0.0),
}


def words(count=20000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (1, count, 3)).astype(np.uint16) * 257


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("colorants", [profiles.ADOBE, profiles.P3])
def test_16_bits_agree_with_littlecms_in_8(curve, colorants):
    data = profiles.profile(colorants, CURVES[curve])
    deep = matrix_profile(data).to_srgb16(words())
    theirs, native = to_srgb8(Image.fromarray((words() // 257).astype(np.uint8)), data, [])
    assert native is not None
    off = np.abs(deep / 257 - theirs)
    # littleCMS's 8-bit path rounds inside (1.15 fixed point): a level or two in the dark
    assert np.percentile(off, 99) <= 1.01
    assert off.mean() < 0.35


def test_known_answers_of_adobe_rgb():
    """Gray stays gray; Adobe's green at half leaves sRGB: red is clipped."""
    found = matrix_profile(profiles.profile(profiles.ADOBE, profiles.gamma(2.19921875)))
    gray = np.full((1, 1, 3), 32768, np.uint16)
    linear = (32768 / 65535) ** 2.19921875
    wanted = (1.055 * linear ** (1 / 2.4) - 0.055) * 65535
    assert np.abs(found.to_srgb16(gray) - wanted).max() < 12  # colorants have five digits
    green = found.to_srgb16(np.array([[[0, 65535, 0]]], np.uint16))[0, 0]
    assert green[0] == 0
    assert green[1] == 65535


@pytest.mark.parametrize("curve", CURVES)
def test_there_and_back_is_what_16_bit_srgb_resolves(curve):
    found = matrix_profile(profiles.profile(profiles.ADOBE, CURVES[curve]))
    inside = np.random.default_rng(1).integers(6000, 60000, (200, 50, 3)).astype(np.uint16)
    back = found.from_srgb16(inside)
    again = found.to_srgb16(back)
    held = (back > 0).all(-1) & (back < 65535).all(-1)
    assert held.mean() > 0.5
    off = np.abs(again.astype(int) - inside)[held]
    assert off.max() <= 12
    assert off.mean() < 0.6


def test_inputs_stay_and_strips_do_not_show(monkeypatch):
    from dmlseg_core.photo import profiles as images_profiles

    found, given = matrix_profile(profiles.profile()), words(999).reshape(333, 3, 3)
    given.flags.writeable = False
    whole = found.to_srgb16(given)
    monkeypatch.setattr(images_profiles, "_STRIP", 7)
    assert (found.to_srgb16(given) == whole).all()


def test_profiles_of_tables_and_damaged_ones_have_no_matrix():
    assert matrix_profile(profiles.profile(more={b"A2B0": b"mft2" + bytes(60)}.items())) is None
    assert matrix_profile(b"") is None
    whole = profiles.profile()
    assert matrix_profile(whole[:200]) is None
    rng = np.random.default_rng(0)
    for _ in range(200):  # anything but another error
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 6):
            data[place] = rng.integers(256)
        matrix_profile(bytes(data))


def test_srgbs_own_profile_is_the_identity():
    found = matrix_profile(srgb_profile().tobytes())
    given = words()
    assert np.abs(found.to_srgb16(given).astype(int) - given).max() <= 3


def test_8_bits_there_and_back():
    data = profiles.profile(profiles.P3, profiles.SRGB_CURVE, "P3")
    given = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    back, _ = to_srgb8(Image.fromarray(from_srgb8(given, data)), data, [])
    off = np.abs(back.astype(int) - given)
    assert np.percentile(off, 95) <= 1  # more where a dark channel stands beside bright ones
    stored = ImageCms.ImageCmsProfile(io.BytesIO(data))
    assert ImageCms.getProfileDescription(stored).strip() == "P3"


@pytest.mark.parametrize("curve", ["identity", "gamma"])
def test_a_name_with_srgb_in_it_does_not_make_a_profile_srgb(curve):
    """GIMP's "Linear sRGB", Elle Stone's "sRGB-elle-V2-g18": sRGB's primaries, other curves."""
    data = profiles.profile(profiles.SRGB, CURVES[curve], name="GIMP built-in Linear sRGB")
    gray = Image.fromarray(np.full((2, 2, 3), 55, np.uint8))
    rgb, native = to_srgb8(gray, data, [])
    wanted = {"identity": 128, "gamma": 52}[curve]
    assert np.abs(rgb.astype(int) - wanted).max() <= 1
    assert (native == 55).all()


def test_a_profile_is_srgb_under_any_name():
    data = profiles.profile(profiles.SRGB, profiles.SRGB_CURVE, name="c2")
    notes = []
    rgb, native = to_srgb8(Image.fromarray(np.full((2, 2, 3), 55, np.uint8)), data, notes)
    assert native is None
    assert (rgb == 55).all()
    assert not notes


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("gray", "space"), [(False, "GRAY"), (True, "RGB"), (False, "CMYK")])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_profile_of_another_kind_of_pixels_is_left_out(kind, gray, space, deep):
    """Careless tools make such files. With 8 bits it was called damaged, with 16 it was applied."""
    levels = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60) * (27 if deep else 0)
    pixels = levels if gray else np.dstack([levels, levels[::-1], levels[:, ::-1]])
    pixels = pixels if deep else (pixels + 77).astype(np.uint8)
    odd = bytearray(profiles.profile(profiles.ADOBE, profiles.gamma(1.8)))
    if space == "GRAY":
        odd = bytearray(gray_profile())
    elif space == "CMYK":
        odd[16:20] = b"CMYK"
    file = io.BytesIO()
    if kind == "TIFF":
        about = {"photometric": "minisblack" if gray else "rgb", "iccprofile": bytes(odd)}
        tifffile.imwrite(file, pixels, **about)
        data = file.getvalue()
    else:
        data = with_chunk(cv2.imencode(".png", pixels)[1].tobytes(), bytes(odd))
        pixels = pixels if gray else pixels[..., ::-1]
    photo = load_photo(data)
    own = "GRAY" if gray else "RGB"
    word = f"The embedded color profile is one for {space}, not for {own} pixels; "
    assert any(note.startswith(word) for note in photo.notes), photo.notes
    assert photo.icc_profile is None and photo.rgb_profile is None
    read = photo.rgb if photo.deep is None else photo.deep
    assert (read == (pixels[..., None] if gray else pixels)).all()


def gray_profile():
    """Of Ghostscript's kind: a curve alone."""
    data = bytearray(profiles.profile(profiles.ADOBE, profiles.gamma(1.8)))
    data[16:20] = b"GRAY"
    return bytes(data).replace(b"rTRC", b"kTRC")


def with_chunk(png, found):
    """A PNG with an embedded profile."""
    told = chunk(b"iCCP", b"x\0\0" + zlib.compress(found))
    return png[:33] + told + png[33:]
