"""Small files that would take minutes or gigabytes: refused at once, or read without their load.

No clock: before they were mended, each of these ran for minutes or filled gigabytes.
"""

import io
import re
import struct
import threading
import time
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import ImageError
from dmlseg_core.photo.decode import to_8_bits
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import chunk
from dmlseg_core.photo.metadata.write import fitted
from dmlseg_core.photo.metadata.xmp import upright_xmp
from dmlseg_core.photo.save import losses, save_photo
from dmlseg_core.photo.source import _Turns
from tests.photo.profiles import profile as made_profile
from tests.photo.test_load import coded, picture

RGB = Image.fromarray(picture())
PNG, JPEG = coded(RGB), coded(RGB, "JPEG")
HEAD = 33
"""Bytes of a PNG's signature and header."""


def shared(entries, length):
    """A TIFF structure whose entries all name the same bytes."""
    rows = b"".join(struct.pack("<HHII", 40000 + k, 7, length, 100) for k in range(entries))
    return b"II*\0" + struct.pack("<IH", 8, entries) + rows + bytes(4 + length)


def with_exif(block):
    head = b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0"
    return JPEG[:2] + head + block + JPEG[2:]


CROWDED = {
    "segments": JPEG[:2] + b"\xff\xe5\0\2" * 30_000 + JPEG[2:],
    "fill bytes": JPEG[:2] + b"\xff" * 2_000_000 + JPEG[2:],
    "comments": JPEG[:2] + b"\xff\xfe\0\4ab" * 30_000 + JPEG[2:],
    "shared EXIF": with_exif(shared(4000, 17_000)),
    "texts": PNG[:HEAD] + chunk(b"tEXt", b"k\0v") * 30_000 + PNG[HEAD:],
    "empty pixels": PNG[:HEAD] + chunk(b"IDAT", b"") * 60_000 + PNG[HEAD:],
    "shared TIFF": shared(9000, 100_000),
    "comment of a PPM": b"P6\n#" + b"x" * 100_000 + b"\n1 1\n255\nabc",
    "comments of a PGM": b"P5\n" + b"#a\n" * 100_000 + b"1 1 255\na",
}


@pytest.mark.parametrize("name", CROWDED)
def test_files_of_too_many_pieces_are_refused(name):
    with pytest.raises(ImageError, match="more pieces beside its pixels"):
        load_photo(CROWDED[name])


def test_what_programs_write_is_not_crowded():
    texts = PNG[:HEAD] + chunk(b"tEXt", b"k\0v") * 500 + PNG[HEAD:]
    packet = b"\xff\xe1" + struct.pack(">H", 65000) + b"http://x\0".ljust(64998, b" ")
    for data in (texts, JPEG[:2] + packet * 200 + JPEG[2:],
                 b"P6 # a\n# b # c\n 36\n#d\n24 255\n" + picture().tobytes()):  # fmt: skip
        assert load_photo(data).size == (24, 36)


def test_scans_are_counted(tmp_path):
    data = coded(Image.new("RGB", (3000, 3000)), "JPEG", progressive=True)
    assert load_photo(data).size == (3000, 3000)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(ImageError, match=r"come in \d+ scans"):
        load_photo(data[:-2] + data[last:-2] * 150 + data[-2:])


def test_pages_are_not_counted_to_their_end():
    page = struct.pack("<H", 0)
    first = [(256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 4),
             (279, 16)]  # fmt: skip
    start, size = 24, 2 + 12 * len(first) + 4
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in first)
    zero = struct.pack("<H", len(first)) + rows + struct.pack("<I", start + size)
    rest = b"".join(page + struct.pack("<I", start + size + 6 * (k + 1)) for k in range(200_000))
    photo = load_photo(b"II*\0" + struct.pack("<I", start) + bytes(16) + zero + rest)
    assert any("more than 1000 pages" in note for note in photo.notes)
    circle = zero[:-4] + struct.pack("<I", start)
    alone = load_photo(b"II*\0" + struct.pack("<I", start) + bytes(16) + circle)
    assert not any("pages" in note for note in alone.notes)


def test_shared_values_in_a_png_are_left_out(tmp_path):
    data = PNG[:HEAD] + chunk(b"eXIf", shared(9000, 100_000)) + PNG[HEAD:]
    tracemalloc.start()
    try:
        photo = load_photo(data)
        save_photo(photo.rgb, tmp_path / "a.jpg", photo)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()
    assert photo.exif is None
    assert any("EXIF block is damaged" in note for note in photo.notes)


def test_a_long_block_loses_its_longest_entries_and_names_a_few():
    entries = 12_000
    start = 8 + 2 + 12 * entries + 4
    rows = b"".join(
        struct.pack("<HHII", k, 7, 8 + k % 2 * 2, start + 10 * k) for k in range(1, entries + 1)
    )
    block = b"II*\0" + struct.pack("<IH", 8, entries) + rows + bytes(4 + 10 * entries + 10)
    kept, left = fitted(block, 60_000)
    assert kept is not None
    assert 59_900 < len(kept) <= 60_000
    assert len(left) == 9
    assert re.fullmatch(r"\d+ more entries", left[-1])
    assert all(int(name.split()[-1]) % 2 for name in left[:-1])  # the longer ones first


def test_a_png_with_a_profile_of_more_than_a_megabyte(tmp_path):
    profile = bytearray(made_profile())
    profile += np.random.default_rng(0).bytes(1_500_000)  # after its last tag: of no meaning
    profile[:4] = struct.pack(">I", len(profile))
    body = b"long\0\0" + zlib.compress(bytes(profile))
    photo = load_photo(PNG[:HEAD] + chunk(b"iCCP", body) + PNG[HEAD:])
    assert photo.icc_profile == bytes(profile)
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.png", photo))
    assert again.icc_profile == photo.icc_profile
    assert (again.native == picture()).all()


def test_a_profile_that_grows_without_end_is_left_out():
    body = b"x\0\0" + zlib.compress(bytes(100_000_000), 9)
    photo = load_photo(PNG[:HEAD] + chunk(b"iCCP", body) + PNG[HEAD:])
    assert (photo.rgb == picture()).all()
    assert any("profile" in note for note in photo.notes)


def test_xmp_that_never_closes_takes_one_look():
    packet = b"<xmp:Thumbnails" * 40_000 + b"<Container:Directory>" * 40_000
    assert upright_xmp(packet, (1, 1)) == packet
    kept = b"<a/><xmp:Thumbnails/><b>"
    assert upright_xmp(kept + b"<xmp:Thumbnails x='1'>old</xmp:Thumbnails></b>", (1, 1)) == (
        kept + b"</b>"
    )


def test_very_long_xmp_is_left_out_with_a_word(tmp_path):
    packet = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x " + b"a='1' " * 3_000_000, 9)
    photo = load_photo(PNG[:HEAD] + chunk(b"iTXt", packet) + PNG[HEAD:])
    assert photo.about.xmp is None
    assert "XMP of more than 16 MB was left out." in losses(photo, "a.png")


def test_a_raw_profile_of_blanks_is_read_once():
    body = b"\nx\n 1" + b" " * 200_000 + b"z"
    text = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(body))
    assert load_photo(PNG[:HEAD] + text + PNG[HEAD:]).exif is None


def test_large_tiled_tiffs_say_nothing_beside_our_sentences(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    file = io.BytesIO()
    RGB.save(file, "TIFF")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_photo(file.getvalue()).size == (24, 36)


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "WEBP"])
def test_few_bytes_are_no_large_photo_but_may_be_a_mask(file_format):
    settings = {"lossless": True, "method": 0} if file_format == "WEBP" else {}
    kind = "RGB" if file_format == "WEBP" else "L"
    data = coded(Image.new(kind, (6000, 4100), 200), file_format, **settings)
    with pytest.raises(ImageError, match=r"25 megapixels in .* bytes are no photo"):
        load_photo(data)
    assert load_photo(data, managed=False).size == (4100, 6000)
    assert load_photo(data, plain=True).size == (4100, 6000)
    assert load_photo(coded(Image.new(kind, (600, 410)), file_format, **settings)).width == 600


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_pillows_own_limit_says_nothing_of_photos_below_ours(
    monkeypatch, tmp_path, mode, progressive
):
    data = coded(RGB.convert(mode), "JPEG", progressive=progressive, quality=40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = load_photo(data)
        save_photo(255 - photo.rgb, tmp_path / "a.jpg", photo)


def test_photos_are_decoded_beside_each_other_up_to_so_many_pixels():
    turns, begun, ended = _Turns(10), [], []

    def decode(number, pixels):
        with turns.taken(pixels):
            begun.append(number)
            while number not in ended:
                time.sleep(0.001)

    def until(numbers):
        while sorted(begun) != numbers:
            time.sleep(0.001)

    threads = []
    for number, pixels in enumerate((4, 6, 99, 3)):  # the third is alone, and the last behind it
        threads.append(threading.Thread(target=decode, args=(number, pixels)))
        threads[-1].start()
        until(list(range(min(number, 1) + 1)))
    for done, now in ((0, [0, 1]), (1, [0, 1, 2]), (2, [0, 1, 2, 3])):
        ended.append(done)
        until(now)
    ended.append(3)
    for thread in threads:
        thread.join()


def test_every_16_bit_level_becomes_the_nearest_of_8():
    levels = np.arange(65536, dtype=np.uint16).reshape(-1, 64)
    assert np.array_equal(to_8_bits(levels), np.rint(levels / 257))
