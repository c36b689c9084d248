"""TIFFs of other programs: layouts, compressions, further channels."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.tiff import tiff_bytes
from tests.photo.test_depths import DEEP, GRAY, LAYOUTS, planes, tiff
from tests.photo.test_load import picture
from tests.photo.test_load_refused import fails


@pytest.mark.parametrize("kind", ["float32", "float16", "float64", "int16", "uint32", "int8"])
@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_other_numbers_are_named(kind, photometric):
    pixels = (GRAY if photometric == "minisblack" else DEEP) // 600
    message = fails(tiff(pixels.astype(kind), photometric), kind, "8 or 16 bits")
    assert "damaged" not in message


def test_other_layouts_are_named():
    four = np.dstack([DEEP, GRAY])
    fails(tiff(DEEP, "cielab"), "16-bit LAB", "save it as RGB")
    fails(tiff(planes(four), "separated", planarconfig="separate"), "CMYK", "separate planes")


@pytest.mark.parametrize("compression", ["lzw", "lzma", "zstd", "deflate"])
@pytest.mark.parametrize("kind", ["planes", "pixels", "tiles"])
def test_16_bit_tiffs_as_libtiff_packs_them(compression, kind):
    """Each plane, or row, is packed by Pillow's libtiff as gray, and put together by hand."""
    tiled = 16 if kind == "tiles" else 0
    parts = [DEEP[..., k] for k in range(3)] if kind == "planes" else [DEEP.reshape(24, -1)]
    if tiled:
        padded = np.zeros((32, 48, 3), np.uint16)
        padded[:24, :36] = DEEP
        parts = [padded[y : y + 16, x : x + 16].reshape(16, -1)
                 for y in range(0, 32, 16) for x in range(0, 48, 16)]  # fmt: skip
    packed = [strip_of(part, compression) for part in parts]
    tags = {256: 36, 257: 24, 258: 16, 259: packed[0][0], 262: 2, 277: 3,
            284: 2 if kind == "planes" else 1}  # fmt: skip
    tags |= {322: 16, 323: 16} if tiled else {278: 24}
    data = joined(tags, [strip for _, strip in packed], 324 if tiled else 273)
    photo = load_photo(data)
    assert (photo.deep == DEEP).all()


def strip_of(gray, compression):
    """(method, bytes) of one strip of a 16-bit gray TIFF that Pillow writes."""
    method = {"lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate"}.get(compression, compression)
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(gray))
    try:
        image.save(buffer, "TIFF", compression=method, strip_size=1 << 20)
    except OSError:
        pytest.skip(f"Pillow was built without {compression}")
    with Image.open(buffer) as made:
        (start,), (size,) = made.tag_v2[273], made.tag_v2[279]
        return made.tag_v2[259], buffer.getvalue()[start : start + size]


def joined(tags, strips, places):
    """A TIFF of those tags and strips."""
    tags = tags | {places: [0] * len(strips), places + (1 if places == 324 else 6): strips}
    start = 8 + 2 + 12 * len(tags) + 4
    lists = {tag: v for tag, v in tags.items() if isinstance(v, list)}
    at, values = start + 4 * len(strips) * 2, b""
    for tag in lists:
        numbers = []
        for strip in strips:
            numbers.append(at if tag == places else len(strip))
            at += len(strip) if tag == places else 0
        lists[tag] = (start + len(values), struct.pack(f"<{len(numbers)}I", *numbers))
        values += lists[tag][1]
    rows = b""
    for tag, value in sorted(tags.items()):
        if tag in lists:
            place, packed = lists[tag]
            field = packed if len(packed) == 4 else struct.pack("<I", place)
            rows += struct.pack("<HHI", tag, 4, len(strips)) + field
        else:
            rows += struct.pack("<HHII", tag, 4, 1, value)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return head + rows + bytes(4) + values + b"".join(strips)


def test_differences_end_at_tiles():
    """Predictor 2 of pixels side by side, in a compression that OpenCV does not read."""
    wide = np.zeros((32, 48, 3), np.uint16)
    wide[:24, :36] = DEEP
    tiles = []
    for y in range(0, 32, 16):
        for x in range(0, 48, 16):
            tile = wide[y : y + 16, x : x + 16].copy()
            tile[:, 1:] -= wide[y : y + 16, x : x + 15]
            tiles.append(strip_of(tile.reshape(16, -1), "zstd"))
    tags = {256: 36, 257: 24, 258: 16, 259: tiles[0][0], 262: 2, 277: 3, 317: 2, 322: 16, 323: 16}
    assert (load_photo(joined(tags, [strip for _, strip in tiles], 324)).deep == DEEP).all()


def test_tiffs_that_are_not_read_are_not_called_damaged():
    for tags, word in (({259: 50001}, "method 50001"), ({262: 6}, "YCbCr")):
        told = {256: 36, 257: 24, 258: 8, 259: 1, 262: 2, 277: 3, 278: 24} | tags
        message = fails(joined(told, [bytes(36 * 24 * 3)], 273), word, "save it")
        assert "damaged" not in message


def test_further_channels_are_said():
    five = load_photo(LAYOUTS["five channels"])
    assert "2 more channels" in " ".join(five.notes)
    four = tiff(np.dstack([picture(), picture()[..., 0]]), extrasamples=[0])
    assert "1 more channel," in " ".join(load_photo(four).notes)
    alpha = tiff(np.dstack([picture(), picture()[..., 0]]), extrasamples=["unassalpha"])
    assert load_photo(alpha).notes == ()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"planarconfig": "separate"}])
def test_either_byte_order_of_either_size(big, order, deep, options):
    pixels = DEEP if deep else (DEEP >> 8).astype(np.uint8)
    stored = planes(pixels) if "planarconfig" in options else pixels
    photo = load_photo(tiff(stored, "rgb", bigtiff=big, byteorder=order, **options))
    assert np.array_equal(photo.deep if deep else photo.rgb, pixels)


def pages(*kinds, sub=False):
    """A TIFF of pages with these subfile types; the first a quarter as large, 1 is a preview."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for k, kind in enumerate(kinds):
            part = DEEP[::2, ::2] if k == 0 else DEEP
            below = 1 if sub and k == 0 else None
            file.write(part, photometric="rgb", subfiletype=kind, subifds=below)
    return buffer.getvalue()


@pytest.mark.parametrize("sub", [False, True])
def test_a_preview_is_never_taken_for_the_photo(sub):
    assert "damaged" not in fails(pages(1, 0, sub=sub), "preview", "develop it")
    assert load_photo(pages(0, 1, sub=sub)).size == (12, 18)  # a smaller copy behind it
    assert load_photo(pages(1)).size == (12, 18)  # there is no other


def test_raw_files_are_told_so():
    fails(tiff(DEEP, "rgb", extratags=[(50706, "B", 4, bytes([1, 4, 0, 0]), True)]), "raw")
    data = tiff_bytes(DEEP)
    assert load_photo(data).size == DEEP.shape[:2]
    fails(data[:8] + b"CR\2\0" + data[12:], "raw")  # nothing but Canon's files begins so
