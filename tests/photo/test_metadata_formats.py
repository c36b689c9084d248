"""What each format says in its own way: texts, segments, gain maps, TIFF tags, resolution."""

import io
import struct
import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import about, directories, jpeg, photoshop, png
from dmlseg_core.photo.save import losses, save_photo
from tests.photo import blocks, profiles
from tests.photo.test_load import coded, picture
from tests.photo.test_metadata import ALL, camera, exiftool, jpeg_file, saved


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


BACKGROUNDS = {  # mode, its chunk, the color that it means in RGB
    "P": (b"\1", (9, 99, 199)),
    "L": (struct.pack(">H", 130), (130, 130, 130)),
    "1": (struct.pack(">H", 1), (255, 255, 255)),
    "RGB": (struct.pack(">3H", 1, 20, 200), (1, 20, 200)),
    "RGBA": (struct.pack(">3H", 1, 20, 200), (1, 20, 200)),
    "I;16": (struct.pack(">H", 40_000), (40_000,) * 3),
}


@pytest.mark.parametrize("mode", BACKGROUNDS)
def test_a_pngs_background_stays_the_color_that_it_is(tmp_path, mode):
    body, color = BACKGROUNDS[mode]
    image = Image.new(mode, (8, 8))
    if mode == "P":
        image.putpalette([0, 0, 0, 9, 99, 199])
    head, *rest = png.chunks(coded(image))
    place = 1 + [kind for kind, _ in rest].index(b"PLTE") if mode == "P" else 0
    rest.insert(place, (b"bKGD", png.chunk(b"bKGD", body)))
    photo = load_photo(png.SIGNATURE + b"".join(whole for _, whole in [head, *rest]))
    path = save_photo(photo.rgb, tmp_path / "a.png", photo)
    written = dict(png.chunks(path.read_bytes()))
    assert struct.unpack(">3H", written[b"bKGD"][8:-4]) == color
    assert losses(photo, "a.png") == ()
    assert "bKGD went" in " ".join(losses(photo, "a.jpg"))


@pytest.mark.parametrize("body", [b"", b"\0", bytes(5), bytes(7)])
def test_a_damaged_background_is_no_background(body):
    image = coded(Image.fromarray(picture()))
    assert load_photo(png.with_chunks(image, [png.chunk(b"bKGD", body)])).about.texts == ()


def test_chunks_that_describe_the_file_as_it_was_are_named(tmp_path):
    told = {b"tIME": struct.pack(">H5B", 2020, 1, 2, 3, 4, 5), b"sBIT": b"\5\6\5", b"dSIG": b"x",
            b"iDOT": bytes(28)}  # fmt: skip
    whole = [png.chunk(kind, body) for kind, body in told.items()]
    photo = load_photo(png.with_chunks(coded(Image.fromarray(picture())), whole))
    for suffix in ALL:
        said = " ".join(losses(photo, f"a{suffix}"))
        assert "as it was: tIME, sBIT, dSIG." in said
    written = save_photo(photo.rgb, tmp_path / "a.png", photo).read_bytes()
    assert not set(told) & {kind for kind, _ in png.chunks(written)}


def test_chunks_of_a_webp_that_nobody_knows_are_named():
    data = io.BytesIO()
    Image.fromarray(picture()).save(data, "WEBP", exif=blocks.camera_block())
    grown = data.getvalue() + b"MINE" + struct.pack("<I", 3) + b"abc\0"
    whole = grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]
    assert losses(load_photo(whole), "a.webp") == (
        "Left out, for it describes the file as it was: MINE.",
    )
    assert losses(load_photo(data.getvalue()), "a.webp") == ()


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


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True), (">", True)])
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


DISPLAY_P3 = ((68, 100), (32, 100), (265, 1000), (69, 100), (15, 100), (6, 100))
SRGB = ((64, 100), (33, 100), (3, 10), (6, 10), (15, 100), (6, 100))


@pytest.mark.parametrize(("places", "told"), [(DISPLAY_P3, 1), (SRGB, 0)])
def test_white_point_and_primaries_of_a_tiff_stay_and_are_not_believed(tmp_path, places, told):
    flat = tuple(part for place in places for part in place)
    tags = [(318, 5, 2, (3127, 10000, 329, 1000), True), (319, 5, 6, flat, True),
            (297, 3, 2, (1, 2), True), (337, 2, 6, b"laser", True)]  # fmt: skip
    photo = load_photo(tiff_with(tags))
    assert len([n for n in photo.notes if "primaries" in n]) == told
    for suffix in ALL:
        path = save_photo(photo.rgb, tmp_path / f"a{suffix}", photo)
        block = path.read_bytes() if suffix == ".tif" else load_photo(path).exif
        structure = directories.Structure.of(block)
        entries = structure.first.entries
        assert structure.numbers("12I", entries[319].place) == flat
        assert structure.numbers("4I", entries[318].place) == (3127, 10000, 329, 1000)
        assert structure.numbers("2H", entries[297].place) == (1, 2)
        assert structure.value(entries[337]).rstrip(b"\0") == b"laser"


def test_what_makes_a_raw_file_of_a_tiff_is_left_out_with_a_word(tmp_path):
    tags = [(50708, 2, 5, b"Cam1", True), (301, 3, 256, tuple(range(256)), True)]
    photo = load_photo(tiff_with(tags))
    (said,) = losses(photo, "a.tif")
    assert said.endswith("as it was: TransferFunction, entries for raw converters.")
    data = save_photo(photo.rgb, tmp_path / "a.tif", photo).read_bytes()
    assert not {301, 50708} & set(directories.Structure.of(data).first.entries)
    block = b"II*\0" + struct.pack("<I", 8)
    block += blocks.directory("<", 8, {50708: (2, 5, b"Cam1\0")})
    phone = load_photo(jpeg_file(about.Metadata(block)))
    assert losses(phone, "a.jpg") == ()
    assert "raw converters" in " ".join(losses(phone, "a.tif"))


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
