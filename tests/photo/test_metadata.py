"""What files say about their photos: carried between all formats, as exiftool and exiv2 read it."""

import io
import json
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import about, boxes, directories, exif, jpeg, photoshop, png, xmp
from dmlseg_core.photo.save import losses, save_photo
from tests.photo import blocks, profiles
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


@pytest.mark.parametrize("kind", ["exif", "APP1", "iptc", "xmp"])
def test_raw_profiles_as_other_programs_write_them(tmp_path, kind):
    content = {"exif": b"Exif\0\0" + blocks.camera_block(size=(24, 36)), "iptc": blocks.PHOTOSHOP,
               "APP1": b"Exif\0\0" + blocks.camera_block(size=(24, 36)),
               "xmp": blocks.XMP}[kind]  # fmt: skip
    digits = content.hex().encode()
    lines = b"\n".join(digits[k : k + 72] for k in range(0, len(digits), 72))
    told = b"\n%s\n%8d\n%s\n" % (kind.lower().encode(), len(content), lines)
    body = b"Raw profile type " + kind.encode() + b"\0\0" + zlib.compress(told)
    photo = load_photo(
        png.with_chunks(coded(Image.fromarray(picture())), [png.chunk(b"zTXt", body)])
    )
    assert photo.about.texts == ()
    again = saved(photo, tmp_path / "a.jpg")
    if kind in ("exif", "APP1"):
        assert b"Canon EOS 5D Mark II" in again.exif
    elif kind == "xmp":
        assert b"sofa" in again.about.xmp
    else:
        assert photoshop.iptc_of(again.about.photoshop) == blocks.IPTC
    cut = png.with_chunks(coded(Image.fromarray(picture())), [png.chunk(b"zTXt", body[:60])])
    assert (load_photo(cut).rgb == picture()).all()


def test_png_texts_stay_in_png_and_are_said_elsewhere(tmp_path):
    texts = (png.chunk(b"tEXt", b"Title\0a sofa"), png.chunk(b"iTXt", b"Author\0\0\0\0\0me"))
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), list(texts)))
    assert saved(photo, tmp_path / "a.png").about.texts == texts
    for suffix in ALL[2:]:
        assert "Title, Author" in " ".join(losses(photo, f"a{suffix}"))


def test_damaged_texts_and_unsafe_chunks_are_not_copied(tmp_path):
    chunks = [png.chunk(b"zTXt", b"Title\0\0no deflate"), png.chunk(b"vpAg", bytes(9)),
              png.chunk(b"tIME", bytes(7)), png.chunk(b"bKGD", bytes(6))]  # fmt: skip
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), chunks))
    again = saved(photo, tmp_path / "a.png")
    assert again.about.texts == (chunks[1],)
    assert losses(photo, "a.png") == ("A damaged text chunk was left out.",)
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


def test_segments_of_other_programs_stay_in_jpeg(tmp_path):
    others = ((0xE1, b"FLIR\0heat"), (0xEC, b"Ducky\0x"))
    photo = load_photo(jpeg_file(about.Metadata(segments=others)))
    assert saved(photo, tmp_path / "a.jpg").about.segments == others
    assert "FLIR, Ducky" in " ".join(losses(photo, "a.png"))


def test_what_would_be_untrue_is_left_out_with_a_word(tmp_path):
    packet = blocks.XMP.replace(b'xmp:Rating="4"', b'xmp:Rating="4" hdrgm:Version="1.0"').replace(
        b"<dc:subject>", b"<Container:Directory><rdf:Seq/></Container:Directory><dc:subject>"
    )
    others = ((0xEB, b"JP\0\1jumbf"), (0xE2, b"MPF\0II*\0"))
    photo = load_photo(
        jpeg_file(about.Metadata(xmp=packet, segments=others)) + b"\0\0\0\x18ftypmp42"
    )
    told = " ".join(losses(photo, "a.jpg"))
    assert all(word in told for word in ("gain map", "Credentials", "film"))
    again = saved(photo, tmp_path / "a.jpg")
    assert again.about.segments == ()
    assert b"hdrgm" not in again.about.xmp
    assert b"Container" not in again.about.xmp
    assert b"sofa" in again.about.xmp
    assert losses(again, "b.jpg") == ()


def gain_map(mark=b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'):
    packet = blocks.XMP.replace(b'xmp:Rating="4"', mark + b' hdrgm:GainMapMax="2.5"')
    packet = packet.replace(b'tiff:Orientation="6"', b"")
    grays = Image.fromarray(picture(20, 30)[..., 0])
    told = jpeg.told_in_jpeg(about.Metadata(xmp=packet), None)
    return jpeg.with_segments(coded(grays, "JPEG", quality=90), told)


def ultra_hdr(orientation=1):
    """An Ultra HDR file as phones write it: announced in XMP, a second picture behind."""
    mark = b'xmp:Rating="4" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
    told = camera("<", orientation)
    told = replace(told, xmp=blocks.XMP.replace(b'xmp:Rating="4"', mark))
    index = (0xE2, b"MPF\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    return jpeg.with_segments(jpeg_file(told), [index]) + bytes(7) + gain_map()


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_gain_map_stays_behind_a_jpeg(tmp_path, orientation):
    photo = load_photo(ultra_hdr(orientation))
    assert losses(photo, "a.jpg") == ()
    path = tmp_path / "a.jpg"
    again = saved(photo, path)
    row = exiftool(path)[str(path)]
    assert row["MPF0:NumberOfImages"] == 2
    assert row["XMP-hdrgm:Version"] == 1.0
    lengths = [value for key, value in row.items() if key.endswith("DirectoryItemLength")]
    assert lengths == [len(again.about.gain_map)]
    command = ["exiftool", "-b", "-MPImage2", str(path)]
    second = subprocess.run(command, capture_output=True, check=True).stdout
    assert second == again.about.gain_map
    with Image.open(io.BytesIO(second)) as image:
        turned = (
            np.rot90(picture(20, 30)[..., 0], -1) if orientation == 6 else picture(20, 30)[..., 0]
        )
        assert image.size == turned.shape[::-1]
        assert np.abs(np.asarray(image).astype(int) - turned).mean() < 3
    if orientation == 1:
        assert second == gain_map()
    assert not [value for key, value in row.items() if key.endswith("Warning")]


def test_a_gain_map_that_another_format_does_not_hold_is_said(tmp_path):
    photo = load_photo(ultra_hdr())
    for suffix in ALL[1:]:
        assert "gain map" in " ".join(losses(photo, f"a{suffix}"))
        packet = saved(photo, tmp_path / f"a{suffix}").about.xmp
        assert b"GainMap" not in packet
        assert b"hdrgm:Version" not in packet


def test_a_wrong_checksum_beside_the_pixels_does_not_hurt():
    chunks = [png.chunk(b"pHYs", struct.pack(">IIB", 3000, 3000, 1)), png.chunk(b"vpAg", bytes(9))]
    bad = [whole[:-4] + b"crc!" for whole in chunks]
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), bad))
    assert (photo.rgb == picture()).all()


def test_xmp_alone_turns_the_photo_once(tmp_path):
    photo = load_photo(jpeg_file(about.Metadata(xmp=blocks.XMP)))
    assert photo.size == (60, 40)
    for suffix in ALL:
        assert saved(photo, tmp_path / f"a{suffix}").size == (60, 40)


def test_long_xmp_is_extended_in_jpeg(tmp_path):
    words = b"<dc:description>" + b"word " * 30000 + b"</dc:description><dc:subject>"
    packet = blocks.XMP.replace(b"<dc:subject>", words).replace(
        b'Orientation="6"', b'Orientation="1"'
    )
    text = png.chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + packet)
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), [text]))
    path = tmp_path / "a.jpg"
    again = saved(photo, path)
    assert len(again.about.segments) == 3  # the extension's parts
    row = exiftool(path)[str(path)]
    assert row["XMP-dc:Subject"] == "sofa"
    assert row["XMP-dc:Description"].startswith("word word")
    assert saved(again, tmp_path / "b.jpg").about == again.about


def test_a_long_color_profile_takes_several_segments(tmp_path):
    long = profiles.profile(
        profiles.P3, profiles.SRGB_CURVE, "long", {b"priv": bytes(150_000)}.items()
    )
    photo = load_photo(jpeg_file(about.Metadata(), profile=long))
    assert photo.icc_profile == long
    for suffix in ALL:
        assert saved(photo, tmp_path / f"a{suffix}").icc_profile == long


def tiff_with(tags, order="<", big=False):
    """A TIFF of tifffile's with more tags."""
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, picture(40, 60), photometric="rgb", extratags=tags, metadata=None,
                     bigtiff=big, byteorder=order, software=False)  # fmt: skip
    return buffer.getvalue()


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_tiffs_of_others_keep_their_tags(tmp_path, order, big):
    tags = [(315, "s", 0, "somebody", True), (0x4746, "H", 1, 4, True),
            (65000, "d", 2, (1.5, 2.5), True),
            (700, "B", len(blocks.XMP), blocks.XMP, True),
            (33723, "B", len(blocks.IPTC), blocks.IPTC, True)]  # fmt: skip
    photo = load_photo(tiff_with(tags, order, big))
    assert photo.dpi is None
    for suffix in ALL:
        path = tmp_path / f"a{suffix}"
        again = saved(photo, path)
        assert again.dpi is None
        structure = directories.Structure.of(again.exif)
        entries = structure.first.entries
        assert structure.value(entries[315]).rstrip(b"\0") == b"somebody"
        assert structure.integer(entries[0x4746]) == 4
        assert struct.unpack(structure.order + "2d", structure.value(entries[65000])) == (1.5, 2.5)
        assert b"sofa" in again.about.xmp
        assert ("IPTC" in " ".join(losses(photo, path))) == (again.about.photoshop is None)


def test_a_maker_note_far_in_a_tiff_moves_with_a_word(tmp_path):
    camera_tiff = tmp_path / "camera.tif"
    saved(load_photo(jpeg_file(camera(orientation=1))), camera_tiff)
    near = load_photo(camera_tiff)
    assert not [word for word in losses(near, "a.tif") if "maker" in word]
    data = camera_tiff.read_bytes()
    structure = directories.Structure.of(data)
    tree = directories.tree_of(structure, structure.first)
    place = 1 << 17
    far = data[:4] + struct.pack("<I", place) + data[8:].ljust(place - 8, b"\0")
    tree[273] = (4, 1, structure.value(structure.first.entries[273]))
    far += directories.packed_directory(tree, "<", place)
    photo = load_photo(far)
    assert (photo.rgb == near.rgb).all()
    assert any("maker note" in word for word in losses(photo, "a.tif"))


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("unit", [None, (0, 0), (72, 0)])
def test_no_resolution_stays_none(tmp_path, suffix, unit):
    if unit is None:
        photo = load_photo(tiff_with([]))
    else:
        rows = {282: blocks.number("<", blocks.RATIONAL, *unit),
                283: blocks.number("<", blocks.RATIONAL, *unit)}  # fmt: skip
        block = b"II*\0" + struct.pack("<I", 8) + blocks.directory("<", 8, rows)
        photo = load_photo(jpeg_file(about.Metadata(block)))
    path = save_photo(photo.rgb, tmp_path / f"a{suffix}", photo)
    assert load_photo(path).dpi is None
    with Image.open(path) as image:
        assert image.info.get("jfif_unit", 0) == 0
        assert suffix in (".tif", ".jpg") or "dpi" not in image.info
        if suffix == ".tif":
            assert not {282, 283} & set(image.tag_v2)


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
