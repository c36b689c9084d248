"""Every way a photo can come in: it works, or it ends in one clear sentence."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from dmlseg_core.photo.decode import turned
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata.boxes import properties


def picture(height=24, width=36):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) % 256], -1).astype(
        np.uint8
    )


def coded(image, file_format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def wide_profile():
    """A made RGB profile: sRGB's with the red and green primaries swapped, so that colors move."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    places = {bytes(data[p : p + 4]): p for p in range(132, 132 + 12 * count, 12)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    entries = bytes(data[red + 4 : red + 12]), bytes(data[green + 4 : green + 12])
    data[red + 4 : red + 12], data[green + 4 : green + 12] = entries[1], entries[0]
    return bytes(
        data.replace(b"s\0R\0G\0B", b"s\0w\0a\0p").replace(b"sRGB built-in", b"swap built-in")
    )


def test_plain_photo_from_every_kind_of_source(tmp_path):
    rgb = picture()
    data = coded(Image.fromarray(rgb))
    path = tmp_path / "a.png"
    path.write_bytes(data)
    photos = [load_photo(s) for s in (path, str(path), data, io.BytesIO(data), rgb)]
    assert all((p.rgb == rgb).all() for p in photos)
    assert len({p.digest for p in photos}) == 1
    assert photos[0].path == path
    assert photos[2].path is None
    assert photos[0].size == (24, 36)
    assert photos[0].notes == ()
    assert (photos[0].format, photos[0].mode) == ("PNG", "RGB")


def test_pixels_are_read_only_and_not_the_callers():
    rgb = picture()
    photo = load_photo(rgb)
    with pytest.raises(ValueError, match="read-only"):
        photo.rgb[0, 0] = 0
    rgb[:] = 0
    assert photo.rgb.any()


def test_digest_depends_on_pixels_and_on_shape():
    assert (
        load_photo(np.zeros((2, 6, 3), np.uint8)).digest
        != load_photo(np.zeros((6, 2, 3), np.uint8)).digest
    )
    assert load_photo(picture()).digest != load_photo(picture()[::-1]).digest


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_exactly_once(orientation, file_format):
    exif = Image.Exif()
    exif[0x0112], exif[271] = orientation, "maker"
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(file_format, {})
    data = coded(Image.fromarray(picture()), file_format, exif=exif, **options)
    photo = load_photo(data)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert (photo.rgb == np.asarray(expected)).all()
    kept = Image.Exif()
    kept.load(photo.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[271] == "maker"


def test_orientation_turns_alpha_and_16_bits_along():
    deep = picture().astype(np.uint16) * 257 + 3
    exif = Image.Exif()
    exif[0x0112] = 6
    rgba = np.dstack([picture(), picture()[..., 0]])
    photo = load_photo(coded(Image.fromarray(rgba), exif=exif))
    assert photo.alpha.shape == photo.size == (36, 24)
    assert (photo.alpha == np.rot90(rgba[..., 3], -1)).all()
    png = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    body = b"eXIf" + exif.tobytes()[6:]
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    turned = load_photo(png[:33] + chunk + png[33:])
    assert (turned.deep == np.rot90(deep, -1)).all()


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bits_are_kept_and_rounded(suffix):
    deep = (picture().astype(np.uint16) * 257).clip(0, 65000) + 5
    photo = load_photo(cv2.imencode(suffix, deep[..., ::-1])[1].tobytes())
    assert (photo.deep == deep).all()
    assert np.abs(photo.rgb.astype(int) - deep / 257).max() <= 0.5
    grey = load_photo(cv2.imencode(suffix, deep[..., 0])[1].tobytes())
    assert (grey.deep == deep[..., :1]).all()
    assert any("grey" in note for note in grey.notes)
    alpha = load_photo(cv2.imencode(suffix, np.dstack([deep, deep[..., 0]]))[1].tobytes()).alpha
    assert alpha.dtype == np.uint8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr", "LAB"])
def test_other_modes_become_rgb_with_a_word(mode):
    image = Image.fromarray(picture())
    if mode == "LAB":
        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = image.convert(mode)
    file_format = "JPEG" if mode in ("CMYK", "YCbCr") else "TIFF" if mode == "LAB" else "PNG"
    photo = load_photo(coded(image, file_format))
    assert photo.rgb.shape == (24, 36, 3)
    if photo.mode != "RGB":
        assert "RGB" in " ".join(photo.notes)


def test_cmyk_colors_survive():
    solid = Image.new("RGB", (16, 16), (200, 40, 60)).convert("CMYK")
    photo = load_photo(coded(solid, "JPEG", quality=95))
    assert np.abs(photo.rgb.astype(int) - [200, 40, 60]).max() <= 6
    assert "CMYK" in photo.notes[0]


def test_palette_with_transparency_keeps_alpha():
    image = Image.new("P", (4, 3), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((0, 0), 0)
    photo = load_photo(coded(image, transparency=0))
    assert photo.alpha[0, 0] == 0
    assert photo.alpha[1, 1] == 255
    assert photo.rgb[1, 1].tolist() == [255, 0, 0]


def test_transparent_pixels_keep_their_color():
    rgba = np.dstack([picture(), np.zeros((24, 36), np.uint8)])
    assert (load_photo(coded(Image.fromarray(rgba))).rgb == picture()).all()


@pytest.mark.parametrize("file_format", ["GIF", "TIFF", "WEBP"])
def test_animated_gives_the_first_frame_and_a_note(file_format):
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "lime", "blue")]
    photo = load_photo(coded(frames[0], file_format, save_all=True, append_images=frames[1:]))
    assert photo.rgb[4, 4, 0] > 240
    assert photo.rgb[4, 4, 1] < 15
    assert ("several" if file_format == "GIF" else "3") in photo.notes[0]
    assert "first" in photo.notes[0]


def test_profile_is_converted_and_kept():
    profile = wide_profile()
    photo = load_photo(coded(Image.new("RGB", (4, 4), (255, 0, 0)), icc_profile=profile))
    assert photo.icc_profile == profile
    assert photo.native[0, 0].tolist() == [255, 0, 0]
    assert photo.rgb[0, 0, 1] > 240  # its red is our green
    assert photo.rgb[0, 0, 0] < 15
    assert "profile" in photo.notes[0]


def test_srgb_profile_changes_nothing():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = load_photo(coded(Image.fromarray(picture()), icc_profile=srgb))
    assert (photo.rgb == picture()).all()
    assert photo.native is None
    assert photo.icc_profile == srgb


def test_damaged_profile_is_a_note():
    photo = load_photo(coded(Image.fromarray(picture()), icc_profile=b"junk" * 50))
    assert (photo.rgb == picture()).all()
    assert "damaged" in photo.notes[0]


def test_jpeg_settings_are_remembered():
    photo = load_photo(
        coded(Image.fromarray(picture()), "JPEG", quality=70, subsampling="4:2:2", dpi=(300, 300))
    )
    assert photo.jpeg_subsampling == "4:2:2"
    assert set(photo.jpeg_tables) == {0, 1}
    assert photo.dpi == (300, 300)


@pytest.mark.parametrize("file_format", ["AVIF", "HEIF"])
def test_modern_formats(file_format):
    if file_format == "HEIF":
        heif = pytest.importorskip("pillow_heif")
        heif.register_heif_opener()
    photo = load_photo(coded(Image.fromarray(picture(64, 64)), file_format, quality=95))
    assert np.abs(photo.rgb.astype(int) - picture(64, 64)).mean() < 6


def with_aperture(image, *numbers, **options):
    """An AVIF with a clean aperture: in the place of a profile that takes as many bytes."""
    stand_in = b"a profile of 28 bytes, junk."
    data = coded(image, "AVIF", quality=95, icc_profile=stand_in, **options)
    places = [at for at, _ in properties(data)]
    number = 1 + places.index(data.index(b"prof" + stand_in))
    link = data.index(bytes([number]), data.index(b"ipma") + 15)  # the first item's, on its own
    changed = bytearray(data)
    changed[link] |= 0x80  # decoders must not overlook it
    clap = b"clap" + struct.pack(">4IiIiI", *numbers)
    return bytes(changed.replace(b"colrprof" + stand_in, clap))


@pytest.mark.parametrize(("mode", "turn"), [("RGB", 1), ("RGB", 3), ("RGB", 6), ("RGBA", 1)])
def test_an_avif_is_cut_to_its_clean_aperture_then_turned(mode, turn):
    """Columns 16..47, rows 4..35 of 64 x 64; libheif cuts them out alike."""
    image, exif = Image.fromarray(picture(64, 64)), Image.Exif()
    if mode == "RGBA":
        image.putalpha(200)
    exif[0x0112] = turn
    whole = load_photo(coded(image, "AVIF", quality=95)).rgb
    found = load_photo(with_aperture(image, 32, 1, 64, 2, 0, 1, -24, 2, exif=exif))
    assert np.array_equal(found.rgb, turned(whole[4:36, 16:48], turn))
    assert mode == "RGB" or found.alpha.shape == found.size


@pytest.mark.parametrize(
    "numbers", [(65, 1, 64, 1, 0, 1, 0, 1), (32, 1, 32, 1, 40, 1, 0, 1), (32, 0, 32, 1, 0, 1, 0, 1)]
)
def test_an_aperture_that_leaves_the_picture_is_none(numbers):
    assert load_photo(with_aperture(Image.fromarray(picture(64, 64)), *numbers)).size == (64, 64)


def test_the_primary_picture_of_several_is_taken_and_said():
    heif = pytest.importorskip("pillow_heif")
    several, data = heif.HeifFile(), io.BytesIO()
    for level in (10, 120, 240):
        several.add_from_pillow(Image.new("L", (64, 64), level).convert("RGB"))
    several.save(data, primary_index=1, quality=95)
    photo = load_photo(data.getvalue())
    assert abs(int(photo.rgb.mean()) - 120) < 3
    assert any("3 pictures; only the primary one" in note for note in photo.notes)


def test_one_pixel():
    assert load_photo(coded(Image.new("RGB", (1, 1), "red"))).rgb.tolist() == [[[255, 0, 0]]]


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "PPM", "TGA", "JPEG2000"])
def test_other_formats_are_read_before_pillow_knows_heif(file_format, monkeypatch):
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    pixels = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((16, 16), np.uint8))
    photo = load_photo(coded(Image.fromarray(np.dstack([pixels] * 3)), file_format))
    assert (photo.rgb == pixels[..., None]).all()
