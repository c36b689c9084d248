"""The file comes back as it came: one round trip for each format, depth, profile and mode."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from dmlseg_core.errors import ExportError
from dmlseg_core.paint.apply import recolor
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import with_thumbnail
from dmlseg_core.photo.metadata.about import Metadata
from dmlseg_core.photo.save import FORMATS, losses, save_photo
from dmlseg_core.photo.tiff import tiff_bytes
from tests.photo import profiles
from tests.photo.test_load import coded, picture

P3 = profiles.profile(profiles.P3, profiles.SRGB_CURVE, "Display P3")
DEEP = [".png", ".tif"]
ALL = [".jpg", ".png", ".webp", ".tif", ".avif", ".heic"]


def deep_picture():
    """16-bit pixels that no 8-bit value rounds to."""
    return picture(40, 60).astype(np.uint16) * 250 + 1000 + picture(40, 60)[::-1]


def deep_file(suffix, pixels=None, **about):
    """A 16-bit file written without our own encoders where OpenCV can."""
    pixels = deep_picture() if pixels is None else pixels
    if about:
        pytest.importorskip("tifffile")
        return tiff_by_tifffile(pixels, **about) if suffix == ".tif" else png_by_hand(pixels, about)
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return cv2.imencode(suffix, pixels[..., order])[1].tobytes()


def tiff_by_tifffile(pixels, icc_profile=None, dpi=None):

    import tifffile

    buffer = io.BytesIO()
    options = {"resolution": dpi, "resolutionunit": "inch"} if dpi else {}
    tifffile.imwrite(buffer, pixels, photometric="rgb", iccprofile=icc_profile, **options)
    return buffer.getvalue()


def png_by_hand(pixels, about):
    """OpenCV's PNG with the chunks of a PNG that Pillow wrote."""
    data = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    told = coded(Image.new("RGB", (1, 1)), **about)
    end = told.index(b"IDAT") - 4
    return data[:33] + told[33:end] + data[33:]


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


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("suffix", ALL)
def test_a_turned_photo_is_turned_once(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    sub = exif.get_ifd(ExifTags.IFD.Exif)
    sub[ExifTags.Base.ExifImageWidth], sub[ExifTags.Base.ExifImageHeight] = 48, 32
    data = coded(Image.fromarray(picture(32, 48)), "JPEG", exif=exif, dpi=(300, 150), quality=97)
    photo = load_photo(data)
    out = save_photo(photo.rgb, tmp_path / f"a{suffix}", photo)
    with Image.open(out) as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert image.size == (photo.width, photo.height)
    again = load_photo(out)
    assert again.size == photo.size
    assert np.abs(again.rgb.astype(int) - photo.rgb).mean() < 5
    kept = Image.Exif()
    kept.load(again.exif)
    entries = kept.get_ifd(ExifTags.IFD.Exif)
    sides = entries[ExifTags.Base.ExifImageHeight], entries[ExifTags.Base.ExifImageWidth]
    assert sides == photo.size
    if suffix in (".jpg", ".png", ".tif"):
        wanted = (300, 150) if orientation == 3 else (150, 300)
        assert again.dpi == pytest.approx(wanted, abs=0.5)
    else:
        assert "resolution" in " ".join(losses(photo, out))


@pytest.mark.parametrize("file_format", ["AVIF", "HEIF"])
def test_modern_sources_are_turned_once(file_format):
    from dmlseg_core.photo.source import register_heif

    register_heif()
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = load_photo(coded(Image.fromarray(picture(32, 64)), file_format, exif=exif, quality=95))
    # AVIF is written with a rotation; in HEIF rotation counts, EXIF does not (ISO 23008-12, 6.5.10)
    wanted = np.rot90(picture(32, 64), -1) if file_format == "AVIF" else picture(32, 64)
    assert photo.size == wanted.shape[:2]
    assert np.abs(photo.rgb.astype(int) - wanted).mean() < 6
    kept = Image.Exif()
    kept.load(photo.exif or b"")
    assert kept.get(0x0112, 1) == 1


def test_a_thumbnail_is_made_anew(tmp_path):
    """The old one would still show the old colors, and lie on its side."""
    thumb = coded(Image.fromarray(picture()), "JPEG")
    # two directories (TIFF 6.0, EXIF 2.3): the maker; a JPEG of that many bytes at that place
    first = struct.pack("<HHHI4sI", 1, 271, 2, 4, b"me!\0", 26)
    second = struct.pack("<H", 3)
    for tag, kind, value in ((259, 3, 6), (513, 4, 68), (514, 4, len(thumb))):
        second += struct.pack("<HHII", tag, kind, 1, value)
    block = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + bytes(4)
    assert len(block) - 6 == 68
    data = coded(Image.fromarray(picture()), "JPEG", exif=block + thumb)
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)  # it is there on the way in
    photo = load_photo(data)
    again = save_photo(photo.rgb, tmp_path / "a.jpg", photo)
    with Image.open(again) as image:
        assert image.getexif()[271] == "me!"
        inner = image.getexif().get_ifd(ExifTags.IFD.IFD1)
        block = image.info["exif"].removeprefix(b"Exif\0\0")
    assert thumb not in again.read_bytes()
    with Image.open(io.BytesIO(block[inner[513] : inner[513] + inner[514]])) as small:
        off = np.asarray(small).astype(int) - picture()
    assert np.abs(off).mean() < 8


def test_no_thumbnail_where_there_was_none_or_no_room(tmp_path):
    block = b"II*\0\x08\0\0\0" + bytes(6)
    assert with_thumbnail(block, b"p" * 65_500) == block
    photo = load_photo(coded(Image.fromarray(picture()), "JPEG", exif=b"Exif\0\0" + block))
    with Image.open(save_photo(photo.rgb, tmp_path / "a.jpg", photo)) as image:
        assert not image.getexif().get_ifd(ExifTags.IFD.IFD1)


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


def test_a_jpeg_of_rgb_stays_one(tmp_path):
    data = coded(Image.fromarray(picture(64, 64)), "JPEG", keep_rgb=True, quality=90)
    photo = load_photo(data)
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.jpg", photo))
    assert again.jpeg_rgb
    assert np.abs(again.rgb.astype(int) - photo.rgb).max() <= 2


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "LA"])
def test_other_modes_come_back_as_rgb_with_a_word(tmp_path, suffix, mode):
    image = Image.fromarray(picture(32, 48)).convert("L" if mode == "LA" else mode).convert(mode)
    photo = load_photo(coded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert "is now RGB" in " ".join(photo.notes)
    out = save_photo(photo.rgb, tmp_path / f"a{suffix}", photo)
    again = load_photo(out)
    assert again.mode in ("RGB", "RGBA")
    assert np.abs(again.rgb.astype(int) - photo.rgb).mean() < 6


def test_a_cmyk_profile_is_not_glued_to_rgb(tmp_path):
    """Pixels were converted by the CMYK profile where there is one; none ships with Pillow."""
    photo = load_photo(coded(Image.fromarray(picture()).convert("CMYK"), "JPEG", icc_profile=P3))
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.png", photo))
    assert again.icc_profile != P3
    assert np.abs(again.rgb.astype(int) - photo.rgb).max() <= 1


@pytest.mark.parametrize("quality", [40, 75, 92])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_jpeg_settings_are_the_sources(tmp_path, quality, subsampling):
    data = coded(Image.fromarray(picture(64, 64)), "JPEG", quality=quality, subsampling=subsampling)
    photo = load_photo(data)
    out = save_photo(photo.rgb, tmp_path / "a.jpg", photo)
    again = load_photo(out)
    assert again.jpeg_tables == photo.jpeg_tables
    assert again.jpeg_subsampling == subsampling
    assert 0.7 < out.stat().st_size / len(data) < 1.4


def test_a_phones_multi_picture_file_is_a_jpeg(tmp_path):
    frames = [Image.fromarray(picture(64, 64)), Image.fromarray(picture(64, 64)[::-1])]
    data = coded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=61)
    photo = load_photo(data)
    assert photo.jpeg_tables is not None
    assert "only the first" in " ".join(photo.notes)
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.jpg", photo))
    assert again.jpeg_tables == photo.jpeg_tables


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


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_our_tiff_is_read_the_same_by_four_readers(tmp_path, depth, channels):

    tifffile = pytest.importorskip("tifffile")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(depth).max, (300, 700, channels), depth, endpoint=True)
    exif = Image.Exif()
    exif[315] = "who"
    exif.get_ifd(ExifTags.IFD.Exif)[0x9003] = "2020:01:01 00:00:00"
    about = Metadata(exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    data = tiff_bytes(pixels, about, icc_profile=P3, dpi=(300, 150))
    ours = load_photo(data)
    assert ours.dpi == (300, 150)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if (depth, channels) != (np.uint8, 4):  # there OpenCV multiplies alpha in
        assert (theirs[..., [2, 1, 0, 3][:channels]] == pixels).all()
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == P3
        assert image.getexif().get_ifd(ExifTags.IFD.Exif)[0x9003].startswith("2020")
        if depth == np.uint8:
            assert (np.asarray(image) == pixels).all()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        assert page.shape == pixels.shape
        assert page.dtype == depth
        assert page.tags[315].value == "who"
        assert len(page.dataoffsets) > 1 or pixels.nbytes < 1 << 20


def test_our_16_bit_png_is_whole(tmp_path):
    exif = Image.Exif()
    exif[315] = "who"
    photo = load_photo(deep_file(".png", icc_profile=P3, exif=exif.tobytes(), dpi=(300, 150)))
    again = save_photo(photo.working_pixels(), tmp_path / "a.png", photo)
    with Image.open(again) as image:
        image.verify()  # every chunk's checksum
    with Image.open(again) as image:
        image.load()
        assert image.getexif()[315] == "who"
        assert image.info["icc_profile"] == P3
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.1)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_suffix_never_over_the_input(tmp_path, suffix):
    photo = load_photo(picture(32, 32))
    path = save_photo(photo.rgb, tmp_path / f"a{suffix}")
    before = path.read_bytes()
    source = load_photo(path)
    with pytest.raises(ExportError, match="input itself"):
        save_photo(source.rgb, path, source)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_srgb_profile_of_16_bits_stays(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = load_photo(deep_file(".png", icc_profile=srgb))
    assert photo.working_pixels() is photo.deep
    again = load_photo(save_photo(photo.working_pixels(), tmp_path / "a.tif", photo))
    assert again.icc_profile == srgb
    assert (again.deep == photo.deep).all()
