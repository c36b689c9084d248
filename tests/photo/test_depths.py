"""Pixels of every depth and layout: read at their real scale, or named in one sentence."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import chunk
from tests.photo.test_load import coded, picture
from tests.photo.test_load_refused import fails

DEEP = picture().astype(np.uint16) * 257
GRAY = DEEP[..., 0]


def tiff(pixels, photometric="rgb", **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric=photometric, **options)
    return buffer.getvalue()


def planes(pixels):
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def packed_tiff(levels, bits, photometric=1):
    """An uncompressed TIFF of (H, W) levels with `bits` each, rows padded to whole bytes."""
    height, width = levels.shape
    body = b""
    for row in levels:
        digits = "".join(f"{v:0{bits}b}" for v in row)
        digits += "0" * (-len(digits) % 8)
        body += int(digits, 2).to_bytes(len(digits) // 8, "big")
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 0, 277: 1,
            278: height, 279: len(body)}  # fmt: skip
    tags[273] = 14 + 12 * len(tags)
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + rows + bytes(4) + body


def png(pixels, color, *extra):
    """A 16-bit PNG written by hand."""
    height, width = pixels.shape[:2]
    body = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels.reshape(height, -1))
    head = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *extra, chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


LAYOUTS = {
    "planes": tiff(planes(DEEP), planarconfig="separate"),
    "planes deflated": tiff(planes(DEEP), planarconfig="separate", compression="deflate",
                            predictor=True),
    "tiles": tiff(DEEP, tile=(16, 16)),
    "tiled planes": tiff(planes(DEEP), planarconfig="separate", tile=(16, 16)),
    "big": tiff(DEEP, bigtiff=True),
    "big endian": tiff(DEEP, byteorder=">"),
    "five channels": tiff(np.dstack([DEEP, DEEP[..., :2]]), extrasamples=[0, 0]),
    "two pages": tiff(np.stack([DEEP, DEEP // 2])),
    "turned planes": tiff(planes(np.rot90(DEEP)), planarconfig="separate",
                          extratags=[(274, 3, 1, 6, True)]),
    "apng": png(DEEP, 2, chunk(b"acTL", struct.pack(">II", 1, 0)),
                chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 36, 24, 0, 0, 1, 10, 0, 0))),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_16_bit_layouts(name):
    photo = load_photo(LAYOUTS[name])
    assert (photo.deep == DEEP).all()
    assert photo.deep_alpha is None


GRAYS = {
    "zero is black": tiff(GRAY, "minisblack"),
    "zero is white": tiff(65535 - GRAY, "miniswhite"),
    "zero is white, big endian": tiff(65535 - GRAY, "miniswhite", byteorder=">"),
    "pgm": b"P5 36 24 65535\n" + GRAY.astype(">u2").tobytes(),
}


@pytest.mark.parametrize("name", GRAYS)
def test_16_bit_gray(name):
    photo = load_photo(GRAYS[name])
    assert (photo.deep == GRAY[..., None]).all()
    assert any("grey" in note for note in photo.notes)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 4, 8, 10, 12, 14])
def test_gray_is_scaled_by_its_real_depth(bits, photometric):
    top = (1 << bits) - 1
    levels = np.mgrid[:8, :64][1] * top // 63
    photo = load_photo(packed_tiff(levels, bits, photometric))
    share = levels / top if photometric else 1 - levels / top
    found = photo.rgb / 255 if photo.deep is None else photo.deep / 65535
    assert (photo.deep is None) == (bits <= 8)
    assert np.abs(found - share[..., None]).max() <= 1 / top * 0.51
    assert (found.min(), found.max()) == (0, 1)


def test_transparency_in_16_bits():
    for data in (
        png(np.dstack([GRAY, DEEP[..., 1]]), 4),
        tiff(np.dstack([GRAY, DEEP[..., 1]]), "minisblack", extrasamples=["unassalpha"]),
    ):
        photo = load_photo(data)
        assert (photo.deep == GRAY[..., None]).all()
        assert (photo.deep_alpha == DEEP[..., 1]).all()
    key = int(GRAY[0, 5])
    for data in (
        png(GRAY[..., None], 0, chunk(b"tRNS", struct.pack(">H", key))),
        png(DEEP, 2, chunk(b"tRNS", struct.pack(">3H", *map(int, DEEP[0, 5])))),
    ):
        hidden = load_photo(data).deep_alpha == 0
        assert hidden[0, 5]
        assert not hidden[:, 6].any()


@pytest.mark.parametrize("kind", ["gray", "rgb"])
def test_heic_of_10_bits_keeps_them(kind):
    heif = pytest.importorskip("pillow_heif")
    mode, pixels = ("I;16", GRAY) if kind == "gray" else ("RGB;16", DEEP)
    pixels = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_LINEAR)
    buffer = io.BytesIO()
    heif.from_bytes(mode, (64, 64), pixels.tobytes()).save(buffer, quality=-1, chroma=444)
    photo = load_photo(buffer.getvalue())
    wanted = pixels.reshape(64, 64, -1)
    assert np.abs(photo.deep.astype(int) - wanted).max() < 65535 / 1023 * 3
    assert any("10 bits" in note for note in photo.notes)
    assert (photo.deep % 257 != 0).mean() > 0.5  # more than 8 bits can say


def sgi(pixels):
    """An uncompressed SGI file of two bytes a channel: planes, the lowest row first."""
    height, width, channels = pixels.shape
    head = struct.pack(">HBBHHHHII", 474, 0, 2, 3, width, height, channels, 0, 65535)
    return head.ljust(512, b"\0") + planes(pixels)[:, ::-1].astype(">u2").tobytes()


def test_what_is_read_with_8_bits_says_so():
    for data in (sgi(DEEP), tiff(np.dstack([65535 - DEEP, 0 * GRAY]), "separated")):
        photo = load_photo(data)
        assert np.abs(photo.rgb.astype(int) - picture()).max() <= 1
        assert any("16 bits per channel and now has 8" in note for note in photo.notes)
    assert load_photo(b"P6 36 24 255\n" + picture().tobytes()).notes == ()


@pytest.mark.parametrize("white", [65535, 4095, 1000, 256])
def test_ppm_is_scaled_by_its_white(white):
    levels = np.linspace(0, white, 36 * 24 * 3).round().astype(">u2").reshape(24, 36, 3)
    photo = load_photo(b"P6\n# made by hand\n36 24\n%d\n" % white + levels.tobytes())
    assert np.abs(photo.deep - levels * (65535 / white)).max() <= 0.5


def test_jpeg_2000_keeps_its_bits():
    wide = cv2.resize(DEEP, (72, 48), interpolation=cv2.INTER_LINEAR)
    done, data = cv2.imencode(".jp2", wide[..., ::-1])
    assert done
    photo = load_photo(data.tobytes())
    assert np.abs(photo.deep.astype(int) - wide).max() < 257
    assert len(np.unique(photo.deep)) > 256


@pytest.mark.parametrize("bits", [10, 12])
def test_avif_keeps_its_bits(bits):
    wide = cv2.resize(DEEP, (72, 48), interpolation=cv2.INTER_LINEAR)
    depth = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 95]
    done, data = cv2.imencode(".avif", wide[..., ::-1] >> (16 - bits), depth)
    assert done
    with Image.open(io.BytesIO(data.tobytes())) as image:
        plain = np.asarray(image).astype(int)  # Pillow's own reading, in 8 bits
    photo = load_photo(data.tobytes())
    assert photo.bits == bits
    assert np.abs(photo.rgb.astype(int) - plain).max() <= 3
    steps = photo.deep / (65535 / ((1 << bits) - 1))
    assert np.abs(steps - steps.round()).max() < 0.04  # levels of so many bits, white is 65535
    assert len(np.unique(photo.deep[..., 1])) > len(np.unique(photo.rgb[..., 1]))


@pytest.mark.parametrize("rows", [0, 11, 23])
@pytest.mark.parametrize("deep", [False, True])
def test_a_png_with_missing_rows_is_refused(rows, deep):
    pixels = DEEP if deep else picture()
    size = pixels.itemsize
    body = b"".join(
        b"\0" + row.astype(f">u{size}").tobytes() for row in pixels.reshape(24, -1)[:rows]
    )
    head = struct.pack(">IIBBBBB", 36, 24, 8 * size, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")]
    fails(b"\x89PNG\r\n\x1a\n" + b"".join(parts), f"after {rows} of 24 rows")


def test_few_bytes_do_not_become_many_pixels():
    head = struct.pack(">IIBBBBB", 9000, 11000, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")]
    fails(b"\x89PNG\r\n\x1a\n" + b"".join(parts), "after 0 of 11000 rows")
    jpeg = bytearray(coded(Image.new("RGB", (16, 16)), "JPEG"))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = struct.pack(">2H", 9000, 11000)
    fails(bytes(jpeg), "cannot hold 99000000 pixels")


def test_a_side_is_capped():
    fails(coded(Image.new("L", (65501, 1))), "65501 x 1", "at most 65500")
    assert load_photo(coded(Image.new("L", (65500, 1)))).width == 65500


def test_interlaced_png_is_whole():
    bars = np.zeros((13, 9, 3), np.uint8)
    bars[::2] = 200
    data = cv2.imencode(".png", bars)[1].tobytes()
    assert (load_photo(data).rgb == bars).all()
    # passes by hand: ISO/IEC 15948, 8.2
    body = b""
    for left, top, right, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
                                   (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):  # fmt: skip
        for row in bars[top::down, left::right]:
            body += b"\0" + row.tobytes() if row.size else b""
    head = struct.pack(">IIBBBBB", 9, 13, 8, 2, 0, 0, 1)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    whole = start + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    assert (load_photo(whole).rgb == bars).all()
    short = start + chunk(b"IDAT", zlib.compress(body[:-40])) + chunk(b"IEND", b"")
    fails(short, "of 13 rows")


def test_damage_of_any_kind_is_one_sentence():
    """Truncated, flipped and spliced files of every format, from a fixed generator."""
    rng = np.random.default_rng(7)
    noise = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    wholes = [LAYOUTS["planes"], LAYOUTS["tiles"], GRAYS["zero is white"], LAYOUTS["five channels"]]
    wholes += [coded(noise, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "TIFF")]
    for whole in wholes:
        for k in range(24):
            data, place = bytearray(whole), int(rng.integers(1, len(whole)))
            if k % 3 == 0:
                del data[place:]
            elif k % 3 == 1:
                for spot in rng.integers(0, min(len(data), 400), 3):
                    data[spot] = rng.integers(256)
            else:
                other = wholes[rng.integers(len(wholes))]
                data[place : place + 60] = other[place % len(other) :][:90]
            try:
                load_photo(bytes(data), max_megapixels=1)
            except Exception as error:  # of any other kind is a fault
                assert type(error).__name__ == "ImageError", (whole[:4], k, repr(error))
                assert "\n" not in str(error)


@pytest.mark.parametrize("full", [True, False])
def test_gray_avif_of_video_levels_reaches_black_and_white(full):
    levels = np.mgrid[:64, :64][1] * 1023 // 63
    coded = levels if full else np.rint(64 + levels * 876 / 1023)
    done, file = cv2.imencode(
        ".avif", coded.astype(np.uint16), [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, 99]
    )
    assert done
    data = bytearray(file.tobytes())
    place = data.index(b"nclx")
    assert data[place + 10] == 0x80  # OpenCV writes full range; a reader goes by this bit
    data[place + 10] = 0x80 * full
    photo = load_photo(bytes(data))
    assert np.abs(photo.deep[..., 0] / 65535 - levels / 1023).max() < 0.012


def test_a_png_of_gray_and_alpha_says_that_it_was_gray():
    """OpenCV repeats the gray, so nothing told it from colors."""
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 14, 2)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 14, 9, 16, 4, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    photo = load_photo(b"\x89PNG\r\n\x1a\n" + head + body)
    assert photo.notes == ("The photo was grey and is now RGB.",)
    assert (photo.deep == pixels[..., :1]).all()
    assert (photo.deep_alpha == pixels[..., 1]).all()
