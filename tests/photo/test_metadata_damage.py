"""Damaged metadata never hurts a good photo."""

import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import about, boxes, jpeg, png
from dmlseg_core.photo.save import losses, save_photo
from tests.photo import blocks, profiles
from tests.photo.test_load import coded, picture
from tests.photo.test_metadata import ALL, jpeg_file, saved

GARBAGE = (
    b"",
    b"\0",
    b"'Exif\\x00MM'H",
    b"II*\0" + b"\xff" * 40,
    b"MM\0*\0\0\0\x08\xff\xff",
    b"junk" * 9,
)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("junk", GARBAGE)
def test_a_damaged_block_never_hurts_the_photo(tmp_path, file_format, junk):
    mark = b"II*\0\x08\0\0\0" + bytes(6) + b"the place of a block that is damaged"
    image = Image.fromarray(picture(40, 60))
    if file_format == "JPEG":
        data = jpeg_file(about.Metadata(junk))
    elif file_format == "PNG":
        data = png.with_chunks(coded(image), [png.chunk(b"eXIf", junk)])
    else:
        if file_format == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        whole = coded(image, file_format, exif=mark, quality=95)
        assert whole.count(mark) == 1
        data = whole.replace(mark, junk.ljust(len(mark), b"\xff")[: len(mark)])
    photo = load_photo(data)
    assert photo.size == (40, 60)
    assert photo.exif is None
    if junk:
        assert any("EXIF" in note for note in photo.notes)
    for suffix in ALL:
        saved(photo, tmp_path / f"a{suffix}")


def test_flipped_bytes_of_a_block_never_hurt_the_photo(tmp_path):
    rng = np.random.default_rng(3)
    for order in "<>" * 40:
        block = bytearray(blocks.camera_block(order, (40, 60), 6))
        for place in rng.integers(0, len(block), rng.integers(1, 60)):
            block[place] = rng.integers(256)
        photo = load_photo(jpeg_file(about.Metadata(bytes(block[: rng.integers(20, len(block))]))))
        for suffix in (".jpg", ".tif"):
            again = saved(photo, tmp_path / f"a{suffix}")
            assert again.rgb.shape == photo.rgb.shape


def test_damaged_texts_of_a_png_do_not_hurt_it():
    bad = [png.chunk(b"zTXt", b"Title\0\0" + b"no deflate"), png.chunk(b"iTXt", b"Title\0\1"),
           png.chunk(b"tEXt", b"no separator"), png.chunk(b"eXIf", b"II*\0")[:-4] + b"crc!",
           png.chunk(b"zTXt", b"Large\0\0" + zlib.compress(bytes(1 << 22)))]  # fmt: skip
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), bad))
    assert (photo.rgb == picture()).all()


def test_damaged_texts_and_unsafe_chunks_are_not_copied(tmp_path):
    chunks = [png.chunk(b"zTXt", b"Title\0\0no deflate"), png.chunk(b"vpAg", bytes(9)),
              png.chunk(b"tIME", bytes(7)), png.chunk(b"bKGD", bytes(6))]  # fmt: skip
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), chunks))
    again = saved(photo, tmp_path / "a.png")
    assert again.about.texts == (chunks[1], chunks[3])
    assert set(losses(photo, "a.png")) == {
        "A damaged text chunk was left out.",
        "The time of the file's last change was left out: this is another file.",
    }
    Image.open(tmp_path / "a.png").load()  # another reader has nothing to stumble over


def test_a_profile_that_lacks_a_part_is_said():
    long = profiles.profile(profiles.P3, None, "long", {b"priv": bytes(150_000)}.items())
    told = jpeg.told_in_jpeg(about.Metadata(), long)
    del told[1]
    data = jpeg.with_segments(coded(Image.fromarray(picture()), "JPEG"), told)
    photo = load_photo(data)
    assert photo.icc_profile is None
    assert "damaged" in photo.notes[0]
    broken = png.with_chunks(coded(Image.fromarray(picture())), [png.chunk(b"iCCP", b"a\0\0junk")])
    assert "damaged" in load_photo(broken).notes[0]
    assert load_photo(broken, managed=False).notes == ()


def test_a_wrong_checksum_beside_the_pixels_does_not_hurt():
    chunks = [png.chunk(b"pHYs", struct.pack(">IIB", 3000, 3000, 1)), png.chunk(b"vpAg", bytes(9))]
    bad = [whole[:-4] + b"crc!" for whole in chunks]
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), bad))
    assert (photo.rgb == picture()).all()


def test_items_of_a_damaged_container_are_none():
    pytest.importorskip("pillow_heif").register_heif_opener()
    block = blocks.camera_block(size=(40, 60))
    data = coded(Image.fromarray(picture(40, 60)), "HEIF", exif=block, xmp=blocks.XMP)
    found = boxes.read_boxes(data)
    assert (found.exif, found.xmp) == (block, blocks.XMP)
    rng = np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(data)
        for place in rng.integers(0, 700, 5):
            bad[place] = rng.integers(256)
        boxes.read_boxes(bytes(bad[: rng.integers(1, len(bad))]))


def test_items_that_claim_more_than_their_box_holds_take_no_time():
    """65,535 items of as many pieces, none of which has a byte: a loop of 4 billion steps."""
    places = struct.pack(">BxxxHH", 0, 0, 65535) + bytes(4) + b"\xff" * 200_000
    boxed = struct.pack(">I4s", 8 + len(places), b"iloc") + places
    meta = bytes(4) + boxed + struct.pack(">I4sI", 12, b"iinf", 0)
    data = b"\0\0\0\x0cftypavif" + struct.pack(">I4s", 8 + len(meta), b"meta") + meta
    assert boxes.items(data) == []


@pytest.mark.parametrize("kind", [b"gAMA", b"cHRM", b"sRGB", b"cICP", b"pHYs", b"mDCV", b"cLLI"])
@pytest.mark.parametrize("body", [b"", bytes(3), bytes(40)])
def test_chunks_of_a_wrong_length_do_not_hurt_and_are_said(kind, body, tmp_path):
    plain = coded(Image.fromarray(picture()), "PNG")
    photo = load_photo(plain[:33] + png.chunk(kind, body) + plain[33:])
    assert (photo.rgb == picture()).all()
    assert photo.dpi is None and photo.rgb_profile is None
    assert any("damaged chunk" in sentence for sentence in losses(photo, "out.png"))
    save_photo(photo.rgb, tmp_path / "out.png", photo)
    assert kind not in (tmp_path / "out.png").read_bytes()


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_gain_maps_of_containers_are_said(kind):
    """Apple's is an auxiliary picture, ISO's an item `tmap`; both are made of others here."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    image = Image.new("RGBA", (64, 64), (200, 90, 30, 120))
    data = coded(image, kind, exif=b"Exif\0\0" + blocks.camera_block("<"))
    said = "The gain map (HDR) was left out"
    assert not any(sentence.startswith(said) for sentence in losses(load_photo(data), "a.heic"))
    urn = re.search(rb"auxC\0{4}(urn:[^\0]+)\0", data)[1]
    apple = data.replace(urn, b"urn:a:hdrgainmap".ljust(len(urn), b"-"))
    items = data.replace(b"\0\0Exif", b"\0\0tmap", 1)
    for changed in (apple, items):
        assert any(s.startswith(said) for s in losses(load_photo(changed), "a.heic"))
        assert any(s.startswith(said) for s in losses(load_photo(changed), "a.jpg"))
