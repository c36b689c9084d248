"""What files say about their photos: carried between all formats, as exiftool and exiv2 read it."""

import json
import shutil
import struct
import subprocess
from dataclasses import replace

import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import about, directories, exif, jpeg, xmp
from dmlseg_core.photo.save import losses, save_photo
from tests.photo import blocks
from tests.photo.test_load import coded, picture

ALL = (".jpg", ".png", ".webp", ".tif", ".avif", ".heic")
MAKER = ("IFD0", "ExifIFD", "GPS", "InteropIFD", "Canon")


def exiftool(*paths):
    """{path: {"Group:Tag": value}} as exiftool reads the files."""
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    command = ["exiftool", "-j", "-G1", "-a", "-s", "-u", "-api", "struct=0", *map(str, paths)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return {row["SourceFile"]: row for row in json.loads(told)}


def exiv2(path):
    """{key: value}, and what exiv2 complains of."""
    if shutil.which("exiv2") is None:
        pytest.skip("exiv2 is not installed")
    command = ["exiv2", "-PEkt", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return dict(
        line.split(None, 1) for line in done.stdout.splitlines() if " " in line
    ), done.stderr


def jpeg_file(told, pixels=None, profile=None, **options):
    """A JPEG with metadata, spliced by hand."""
    data = coded(Image.fromarray(picture(40, 60) if pixels is None else pixels), "JPEG", **options)
    return jpeg.with_segments(data, jpeg.told_in_jpeg(told, profile))


def camera(order="<", orientation=6, **more):
    block = blocks.camera_block(order, (40, 60), orientation)
    return about.Metadata(block, blocks.XMP, blocks.PHOTOSHOP, (b"a comment",), **more)


def saved(photo, path):
    return load_photo(save_photo(photo.rgb, path, photo))


def seen(row, *groups):
    return {key: value for key, value in row.items() if key.split(":")[0] in groups}


@pytest.mark.parametrize(("order", "orientation"), [("<", 6), (">", 8)])
def test_every_pair_of_formats_keeps_or_says(tmp_path, order, orientation):
    source = tmp_path / "source.jpg"
    source.write_bytes(jpeg_file(camera(order, orientation)))
    paths, said = [], {}
    for first in ALL:
        middle = tmp_path / f"one{first}"
        photo = saved(load_photo(source), middle)
        assert photo.size == (60, 40)
        for second in ALL:
            out = tmp_path / f"two{first}{second}"
            assert saved(photo, out).size == (60, 40)  # turned once, also by XMP
            paths.append(out)
            said[str(out)] = " ".join((*losses(load_photo(source), middle), *losses(photo, out)))
    rows = exiftool(source, *paths)
    before = rows.pop(str(source))
    sides = {"ExifIFD:ExifImageWidth": 40, "ExifIFD:ExifImageHeight": 60,
             "IFD0:Orientation": "Horizontal (normal)"}  # fmt: skip
    wanted = seen(before, *MAKER) | sides
    assert len(seen(before, "Canon")) == 3  # the maker note is understood on the way in
    for path, row in rows.items():
        got = seen(row, *MAKER)
        assert {key: got.get(key, "Horizontal (normal)") for key in wanted} == wanted, path
        assert seen(row, "XMP-dc", "XMP-xmp") == seen(before, "XMP-dc", "XMP-xmp")
        assert row["XMP-tiff:Orientation"] == "Horizontal (normal)"
        assert (row["XMP-tiff:ImageWidth"], row["XMP-tiff:ImageHeight"]) == (40, 60)
        remade = ".tif" not in path  # a TIFF's second directory is its second page
        assert ("IFD1:ThumbnailImage" in row) == remade, path
        assert not [value for key, value in row.items() if key.endswith("Warning")], path
        for words, groups in (("IPTC", ("IPTC", "IPTC2")), ("omment", ("File", "PNG"))):
            kept = {k.split(":")[1]: v for k, v in seen(row, *groups).items()}
            name = {"IPTC": "Caption-Abstract", "omment": "Comment"}[words]
            assert (name in kept) == (words not in said[path]), (path, said[path])


@pytest.mark.parametrize("order", "<>")
def test_exiv2_reads_the_same_maker_note_without_a_complaint(tmp_path, order):
    source = tmp_path / "source.jpg"
    source.write_bytes(jpeg_file(camera(order)))
    before, _ = exiv2(source)
    names = [key for key in before if key.startswith(("Exif.Canon.", "Exif.Iop.", "Exif.GPSInfo."))]
    assert len(names) >= 7
    for suffix in ALL:
        out = tmp_path / f"a{suffix}"
        saved(load_photo(source), out)
        after, complaints = exiv2(out)
        assert {key: after.get(key) for key in names} == {key: before[key] for key in names}, suffix
        assert "rror" not in complaints, complaints


@pytest.mark.parametrize("order", "<>")
def test_only_the_bytes_that_must_change_do(order):
    block = blocks.camera_block(order, (40, 60), 6)
    after = exif.upright(block, (60, 40), 6)
    cut = block[: len(after)]
    picture_at = block.index(blocks.thumbnail())
    assert len(after) == picture_at  # the thumbnail closed the block
    changed = [k for k, (a, b) in enumerate(zip(cut, after, strict=True)) if a != b]
    second = range(picture_at - 100, picture_at)
    outside = [k for k in changed if k not in second]
    assert 4 <= len(outside) <= 8  # orientation, two sides, the pointer to the second directory
    assert exif.upright(block, (40, 60), 1)[:600].count(b"Canon") == cut[:600].count(b"Canon")


def test_a_side_beyond_16_bits_is_told_as_32():
    after = exif.upright(blocks.camera_block("<", (40, 60)), (70000, 40), 1)
    structure = directories.Structure.of(after)
    inner = structure.under(structure.first, directories.EXIF)
    assert structure.integer(inner.entries[0xA003]) == 70000


def test_a_long_block_goes_into_jpeg_without_its_maker_note(tmp_path):
    block = blocks.camera_block("<", (40, 60), 1, extra=bytes(70000))
    photo = load_photo(coded(Image.fromarray(picture(40, 60)), exif=b"Exif\0\0" + block))
    assert losses(photo, "a.png") == ()
    assert losses(photo, "a.jpg") == ("EXIF is longer than JPEG holds: its maker note went.",)
    again = saved(photo, tmp_path / "a.jpg")
    structure = directories.Structure.of(again.exif)
    inner = structure.under(structure.first, directories.EXIF)
    assert exif.MAKER_NOTE not in inner.entries
    assert structure.value(inner.entries[0xA434]) == blocks.LENS
    whole = saved(photo, tmp_path / "a.webp")
    assert len(whole.exif) > 70000
    text = blocks.directory("<", 8, {270: blocks.text(blocks.ASCII, b"x" * 90000)})
    wordy = b"II*\0" + struct.pack("<I", 8) + text
    photo = load_photo(coded(Image.fromarray(picture()), exif=b"Exif\0\0" + wordy))
    assert "its entry 270" in losses(photo, "a.jpg")[0]
    saved(photo, tmp_path / "b.jpg")


def test_xmp_alone_turns_the_photo_once(tmp_path):
    photo = load_photo(jpeg_file(about.Metadata(xmp=blocks.XMP)))
    assert photo.size == (60, 40)
    for suffix in ALL:
        assert saved(photo, tmp_path / f"a{suffix}").size == (60, 40)


def test_files_are_the_same_bytes_each_time(tmp_path):
    photo = load_photo(jpeg_file(camera()))
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        one = save_photo(photo.rgb, tmp_path / f"one{suffix}", photo).read_bytes()
        assert save_photo(photo.rgb, tmp_path / f"two{suffix}", photo).read_bytes() == one


def test_xmp_of_elements_is_patched_too():
    packet = (
        b"<tiff:Orientation>6</tiff:Orientation><exif:PixelXDimension>60</exif:PixelXDimension>"
    )
    after = xmp.upright_xmp(packet, (600, 4))
    assert (
        after
        == b"<tiff:Orientation>1</tiff:Orientation><exif:PixelXDimension>4</exif:PixelXDimension>"
    )
    assert xmp.orientation_in(packet) == 6


def test_sizes_are_those_of_the_pixels_that_are_written(tmp_path):
    """A page that scales a photo down for the web keeps `about` as it was."""
    photo = load_photo(jpeg_file(camera()))
    small = replace(photo, rgb=photo.rgb[::2, ::2].copy())
    again = saved(small, tmp_path / "a.webp")
    structure = directories.Structure.of(again.exif)
    inner = structure.under(structure.first, directories.EXIF)
    assert [structure.integer(inner.entries[tag]) for tag in (0xA002, 0xA003)] == [20, 30]
    assert b'ImageWidth="20"' in again.about.xmp
