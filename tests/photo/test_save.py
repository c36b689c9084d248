"""The file comes back as it came: one round trip for each format, depth, profile and mode."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import with_thumbnail
from dmlseg_core.photo.metadata.about import Metadata
from dmlseg_core.photo.metadata.boxes import items
from dmlseg_core.photo.save import FORMATS, losses, save_photo
from dmlseg_core.photo.tiff import tiff_bytes
from tests.photo import profiles
from tests.photo.test_load import coded, picture

P3 = profiles.profile(profiles.P3, profiles.SRGB_CURVE, "Display P3")
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


@pytest.mark.parametrize(("own", "said"), [((300, 300), False), ((72, 72), True)])
def test_a_resolution_that_exif_holds_otherwise_is_said_to_go(own, said):
    """Exiftool gives the EXIF that it makes 72 dpi, whatever the PNG says."""
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = *own, 2
    data = coded(Image.fromarray(picture(8, 8)), "PNG", exif=exif, dpi=(300, 300))
    photo = load_photo(data)
    assert photo.dpi == pytest.approx((300, 300), abs=0.1)
    assert ("dpi was left out" in " ".join(losses(photo, "a.webp"))) == said


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


@pytest.mark.parametrize(("size", "count"), [((40, 300), 1), ((1700, 1800), 2)])
@pytest.mark.parametrize("deep", [False, True])
def test_a_large_heic_is_coded_in_slices(size, count, deep, tmp_path):
    """None may be longer than the 16 MB that libde265 reads; noise of 3 megapixels is shorter."""
    pytest.importorskip("pillow_heif")
    pixels = np.full((*size, 3), 90, np.uint8)
    pixels[: size[0] // 2] = 180
    path = tmp_path / "a.heic"
    save_photo(pixels.astype(np.uint16) * 257 if deep else pixels, path)
    data = path.read_bytes()
    (item,) = (found for found in items(data) if found.kind == b"hvc1")
    place, kinds = item.start, []
    while place < item.end:
        kinds.append(data[place + 4] >> 1 & 63)  # ITU-T H.265, 7.3.1.2
        place += 4 + int.from_bytes(data[place : place + 4])
    assert sum(kind < 32 for kind in kinds) == count
    assert np.abs(load_photo(path).rgb.astype(int) - pixels).max() <= 2


@pytest.mark.parametrize("size", [(1, 9000), (20, 8200), (9000, 16), (31, 31), (1, 1)])
def test_a_narrow_heic_is_written(size, tmp_path):
    rgb = np.full((*size, 3), (200, 30, 60), np.uint8)
    rgb[: (size[0] + 1) // 2, : (size[1] + 1) // 2] = 20
    again = load_photo(save_photo(rgb, tmp_path / "a.heic"))
    assert again.size == size
    assert np.abs(again.rgb.astype(int) - rgb).max() <= 6


@pytest.mark.parametrize(("suffix", "most"), [(".webp", 16_383), (".avif", 32_768)])
@pytest.mark.parametrize("turned", [False, True])
def test_sides_that_a_format_does_not_hold_are_named(suffix, most, turned, tmp_path):
    rgb = np.zeros((1, most, 3), np.uint8)
    rgb = rgb.swapaxes(0, 1) if turned else rgb
    assert load_photo(save_photo(rgb, tmp_path / f"a{suffix}")).size == rgb.shape[:2]
    longer = np.repeat(rgb, 2, axis=int(not turned))[: most + 1, : most + 1]
    with pytest.raises(ExportError, match=f"holds at most {most:,} on a side"):
        save_photo(longer, tmp_path / f"b{suffix}")
    assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]
