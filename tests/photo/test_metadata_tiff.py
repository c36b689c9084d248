"""Tags, white points, maker notes, resolution: what TIFF says in its own way."""

import io
import struct

import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import about, directories
from dmlseg_core.photo.save import losses, save_photo
from tests.photo import blocks
from tests.photo.test_load import picture
from tests.photo.test_metadata import ALL, camera, jpeg_file, saved


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
