"""Colors that are told without a profile: converted for the work, written back as they came."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from dmlseg_core.photo import load_photo, losses, save_photo
from dmlseg_core.photo.metadata import chunk, read_signal, with_chunks, with_points
from dmlseg_core.photo.metadata.boxes import read_boxes
from dmlseg_core.photo.profiles import srgb_profile
from tests.photo import profiles
from tests.photo.test_load import coded, picture
from tests.photo.test_load_refused import fails

GAMMA1 = chunk(b"gAMA", struct.pack(">I", 100000))
USUAL = chunk(b"gAMA", struct.pack(">I", 45455))
SRGB_PLACES = chunk(
    b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
)
P3_PLACES = chunk(
    b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
)
SRGB = chunk(b"sRGB", b"\0")


def points(*four):
    return chunk(b"cICP", bytes(four))


P3, PQ, HLG = points(12, 13, 0, 1), points(9, 16, 0, 1), points(9, 18, 0, 1)


def png(*told, pixels=None, **options):
    image = Image.fromarray(picture() if pixels is None else pixels)
    return with_chunks(coded(image, **options), list(told))


def by_littlecms(rgb, profile):
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return np.asarray(ImageCms.profileToProfile(Image.fromarray(rgb), source, srgb_profile(),
                                                renderingIntent=1))  # fmt: skip


@pytest.mark.parametrize("told", [[P3], [P3_PLACES, USUAL]])
def test_display_p3_is_what_a_profile_of_others_says(told):
    photo = load_photo(png(*told))
    theirs = by_littlecms(picture(), profiles.profile(profiles.P3, profiles.SRGB_CURVE))
    assert np.abs(photo.rgb.astype(int) - theirs).max() <= 2
    assert (photo.native == picture()).all()
    assert "profile" in " ".join(photo.notes)


def test_linear_light():
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    light = gray / 255
    wanted = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    for told, pixels in ((GAMMA1, gray), (GAMMA1, gray[..., 0]), (points(1, 8, 0, 1), gray)):
        assert np.abs(load_photo(png(told, pixels=pixels)).rgb - wanted).max() <= 1.5


@pytest.mark.parametrize(
    "told", [[SRGB], [SRGB, GAMMA1], [USUAL], [USUAL, SRGB_PLACES], [points(1, 13, 0, 1), GAMMA1],
             [points(2, 2, 0, 1)]]
)  # fmt: skip
def test_srgb_by_any_name_is_left_alone_and_kept(told, tmp_path):
    photo = load_photo(png(*told))
    assert (photo.rgb == picture()).all()
    assert photo.rgb_profile is None
    out = save_photo(photo.rgb, tmp_path / "a.png", photo)
    assert read_signal(out.read_bytes()).chunks == tuple(told)
    assert load_photo(out).notes == photo.notes == ()


def test_precedence():
    swapped = profiles.profile(profiles.ADOBE, profiles.gamma(2.2), "other")
    with_profile = load_photo(png(GAMMA1, icc_profile=swapped))
    assert with_profile.rgb_profile == with_profile.icc_profile == swapped
    with_both = load_photo(png(P3, GAMMA1, icc_profile=swapped))
    assert (with_both.rgb == load_photo(png(P3)).rgb).all()


@pytest.mark.parametrize("told", [[GAMMA1], [P3], [P3_PLACES, GAMMA1], [PQ], [HLG]])
@pytest.mark.parametrize("deep", [False, True])
def test_untouched_pixels_come_back_with_their_signal(told, deep, tmp_path):
    if deep:
        import cv2

        pixels = picture().astype(np.uint16) * 256 + 7
        data = with_chunks(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes(), told)
    else:
        data = png(*told)
    photo = load_photo(data)
    made = np.array(photo.working_pixels())
    made[:4] = np.array([200, 16, 46]) * (257 if deep else 1)
    out = save_photo(made, tmp_path / "a.png", photo)
    again = load_photo(out)
    assert read_signal(out.read_bytes()).chunks == tuple(told)
    assert again.icc_profile is None
    stored = again.deep if deep else again.native
    assert (stored[4:] == (photo.deep if deep else photo.native)[4:]).all()
    assert np.abs(again.rgb[:4].astype(int) - [200, 16, 46]).max() <= (1 if deep else 6)
    tiff = load_photo(save_photo(made, tmp_path / "a.tif", photo))  # no chunks: a profile
    assert ((tiff.deep if deep else tiff.native) == stored).all()
    assert np.abs(tiff.working_pixels().astype(int) - again.working_pixels()).max() <= 1


@pytest.mark.parametrize(("told", "white"), [(PQ, 0.5807), (HLG, 0.75)])
def test_hdr_is_shown_up_to_reference_white_and_said(told, white, tmp_path):
    """BT.2408: 203 cd/m2 is PQ 58 %, HLG 75 %; what is brighter is white."""
    levels = np.array([0, white * 255 - 6, white * 255 + 1, 255]).round().astype(np.uint8)
    photo = load_photo(png(told, pixels=np.repeat(levels[None, :, None], 3, axis=2)))
    assert photo.rgb[0, :, 0].tolist()[::3] == [0, 255]
    assert 225 < photo.rgb[0, 1, 0] < 255
    assert photo.rgb[0, 2, 0] == 255
    assert any("HDR" in note for note in photo.notes)
    painted = photo.rgb.copy()
    painted[0, 0] = 255  # new white is reference white, not the brightest level
    again = load_photo(save_photo(painted, tmp_path / "a.png", photo))
    assert abs(int(again.native[0, 0, 0]) - white * 255) <= 1
    assert any("HDR" in told for told in losses(photo, "a.jpg"))
    assert not losses(photo, "a.png")
    jpeg = load_photo(save_photo(photo.rgb, tmp_path / "a.jpg", photo))
    assert np.abs(jpeg.rgb.astype(int) - photo.rgb).max() <= 12


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_code_points_of_containers(kind, tmp_path):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    plain = coded(Image.fromarray(picture(64, 64)), kind, quality=95)
    assert read_signal(plain).points[:2] == (1, 13)
    assert load_photo(plain).rgb_profile is None
    wide = load_photo(with_points(plain, 12, 13))
    theirs = by_littlecms(wide.native, profiles.profile(profiles.P3, profiles.SRGB_CURVE))
    assert np.abs(wide.rgb.astype(int) - theirs).max() <= 2
    again = load_photo(save_photo(wide.rgb, tmp_path / "a.png", wide))
    assert (again.native == wide.native).all()
    hdr = load_photo(with_points(plain, 9, 16))
    for suffix in (".png", ".avif"):
        out = save_photo(hdr.rgb, tmp_path / f"b{suffix}", hdr)
        assert read_signal(out.read_bytes()).points[:2] == (9, 16)


def test_what_cannot_be_used_is_said():
    fails(png(points(1, 13, 0, 0)), "video", "full range")
    for told in ([chunk(b"gAMA", bytes(4))], [chunk(b"cHRM", bytes(32)), GAMMA1],
                 [points(99, 13, 0, 1)]):  # fmt: skip
        photo = load_photo(png(*told))
        assert (photo.rgb == picture()).all()
        assert "sRGB" in photo.notes[0]
    assert load_photo(png(chunk(b"cICP", b"\1"))).notes == ()  # damaged: as if it were not there


def exif_block(space, index=None):
    """EXIF that names a color space, and an Interop index."""
    inner = Image.Exif()
    inner.get_ifd(0x8769)[0xA001] = space
    if index:
        inner.get_ifd(0x8769)[0xA005] = {1: index}
    return inner.tobytes()


@pytest.mark.parametrize(("space", "index"), [(65535, "R03"), (2, None)])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_adobe_rgb_by_exif(space, index, suffix, tmp_path):
    """Cameras set to Adobe RGB embed no profile (DCF: R03)."""
    data = coded(Image.fromarray(picture()), "JPEG", exif=exif_block(space, index), quality=95)
    photo = load_photo(data)
    theirs = by_littlecms(photo.native, profiles.profile(profiles.ADOBE, profiles.gamma(563 / 256)))
    assert np.abs(photo.rgb.astype(int) - theirs).max() <= 2
    again = load_photo(save_photo(photo.rgb, tmp_path / f"a{suffix}", photo))
    assert np.abs(again.rgb.astype(int) - photo.rgb).mean() <= (0 if suffix != ".jpg" else 2)
    assert again.icc_profile is not None  # other programs know it, too


def test_exif_counts_last():
    block = exif_block(65535, "R03")
    told = {"icc_profile": srgb_profile().tobytes()}
    photo = load_photo(coded(Image.fromarray(picture()), "PNG", exif=block, **told))
    assert (photo.rgb == picture()).all()
    plain = with_chunks(coded(Image.fromarray(picture()), "PNG", exif=block), [SRGB])
    assert (load_photo(plain).rgb == picture()).all()
    said = load_photo(coded(Image.fromarray(picture()), "PNG", exif=exif_block(65535)))
    assert "uncalibrated" in " ".join(said.notes)
    assert load_photo(coded(Image.fromarray(picture()), "PNG", exif=exif_block(1))).notes == ()


def test_light_levels_of_hdr_stay(tmp_path):
    levels = chunk(b"cLLI", struct.pack(">II", 10_000_000, 4_000_000))
    mastering = chunk(b"mDCV", struct.pack(">8H2I", *range(8), 10_000_000, 50))
    photo = load_photo(png(PQ, mastering, levels))
    after = save_photo(photo.rgb, tmp_path / "a.png", photo).read_bytes()
    assert levels in after
    assert mastering in after


def test_an_avif_multiplied_by_alpha_is_said_to_be_so_no_longer():
    """The decoder divides, and tells nobody: the reference in the file does (ISO/IEC 23000-22)."""
    rgba = np.dstack([picture(32, 32), picture(32, 32)[..., 0]])
    data = coded(Image.fromarray(rgba), "AVIF")
    assert read_boxes(data).left == frozenset()
    assert read_boxes(data.replace(b"auxl", b"prem")).left == {"multiplied"}
