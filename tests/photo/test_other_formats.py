"""What files that are read and not written say: JPEG 2000, PSD, GIF, BMP."""

import struct

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.photo import load_photo, losses, save_photo
from dmlseg_core.photo.metadata import chunk, photoshop, with_chunks
from tests.photo import blocks, profiles
from tests.photo.test_load import coded, picture

ADOBE = profiles.profile(profiles.ADOBE, profiles.gamma(2.2))
BLOCK = blocks.camera_block("<", (24, 36), 1)


def box(kind, body):
    return struct.pack(">I", 8 + len(body)) + kind + body


def jp2(*told, profile=None):
    """A JPEG 2000 file with more boxes; its color box replaced by a profile."""
    data = coded(Image.fromarray(picture()), "JPEG2000", num_resolutions=3)
    if profile:
        at = data.index(b"colr") - 4
        (size,) = struct.unpack_from(">I", data, at)
        new = box(b"colr", b"\2\0\0" + profile)
        head = data.index(b"jp2h") - 4
        (whole,) = struct.unpack_from(">I", data, head)
        data = (data[:head] + struct.pack(">I", whole + len(new) - size) + data[head + 4 : at]
                + new + data[at + size :])  # fmt: skip
    place = data.index(b"jp2c") - 4
    return data[:place] + b"".join(told) + data[place:]


def psd(*resources, layers=b""):
    """A flat PSD of 8-bit RGB, not compressed (Adobe Photoshop File Formats, 2019)."""
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 24, 36, 8, 3)
    told = b"".join(resources)
    planes = np.ascontiguousarray(np.moveaxis(picture(), -1, 0)).tobytes()
    sections = [struct.pack(">I", len(part)) + part for part in (b"", told, layers)]
    return head + b"".join(sections) + b"\0\0" + planes


def gif(*extensions):
    data = coded(Image.fromarray(picture()).quantize(64), "GIF")
    place = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:place] + b"".join(extensions) + data[place:]


def blocks_of(content):
    parts = (content[k : k + 255] for k in range(0, len(content), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def bmp(profile):
    """BITMAPV5HEADER, with the profile behind the pixels."""
    rows = picture()[::-1, :, ::-1].tobytes()  # 36 x 3 is a multiple of 4
    head = struct.pack("<IiiHHIIiiII", 124, 36, 24, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    head += bytes(16) + b"DEBM" + bytes(36 + 12) + struct.pack("<I", 4)
    head += struct.pack("<III", 124 + len(rows), len(profile), 0)
    start = 14 + len(head)
    first = struct.pack("<2sIII", b"BM", start + len(rows) + len(profile), 0, start)
    return first + head + rows + profile


ICC_IN_GIF = b"\x21\xff\x0bICCRGBG1012" + blocks_of(ADOBE)
WITH_PROFILE = {
    "jp2": jp2(profile=ADOBE), "psd": psd(blocks.resource(1039, ADOBE)), "gif": gif(ICC_IN_GIF),
    "bmp": bmp(ADOBE),
}  # fmt: skip
PLAIN = {"jp2": jp2(), "psd": psd(), "gif": gif(), "bmp": bmp(b"")}


@pytest.mark.parametrize("kind", WITH_PROFILE)
def test_profiles_are_found_where_pillow_overlooks_them(kind, tmp_path):
    photo, plain = load_photo(WITH_PROFILE[kind]), load_photo(PLAIN[kind])
    assert photo.icc_profile == ADOBE
    assert (photo.native == plain.rgb).all()
    assert (photo.rgb != plain.rgb).any()
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.png", photo))
    assert again.icc_profile == ADOBE
    assert (again.rgb == photo.rgb).all()


@pytest.mark.parametrize("kind", WITH_PROFILE)
def test_damaged_ones_do_not_hurt(kind):
    data = WITH_PROFILE[kind]
    at = data.index(ADOBE[:100])
    junk = data[:at] + bytes(100) + data[at + 100 :]
    assert load_photo(junk).icc_profile is None
    assert load_photo(junk).notes


def test_jpeg_2000_boxes(tmp_path):
    xmp, iptc = "be7acfcb97a942e89c71999491e3afac", "33c7a4d2b81d4723a0baf1a3e097ad38"
    told = [box(b"uuid", b"JpgTiffExif->JP2" + BLOCK),
            box(b"uuid", bytes.fromhex(xmp) + blocks.XMP),
            box(b"uuid", bytes.fromhex(iptc) + blocks.IPTC)]  # fmt: skip
    photo = load_photo(jp2(*told))
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.jpg", photo))
    assert b"EF50mm" in again.exif
    assert b"sofa" in again.about.xmp
    assert photoshop.iptc_of(again.about.photoshop) == blocks.IPTC


def test_psd_resources(tmp_path):
    photo = load_photo(psd(blocks.resource(1028, blocks.IPTC), blocks.resource(1058, BLOCK),
                           blocks.resource(1060, blocks.XMP), blocks.resource(1035, b"http://x"),
                           blocks.resource(1032, b"a grid and its guides"),
                           layers=bytes(12)))  # fmt: skip
    assert (np.sort(photo.rgb.ravel()) == np.sort(picture().ravel())).all()
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.jpg", photo))
    assert b"EF50mm" in again.exif
    assert b"sofa" in again.about.xmp
    assert photoshop.iptc_of(again.about.photoshop) == blocks.IPTC
    assert b"http://x" in again.about.photoshop
    assert b"guides" not in again.about.photoshop
    assert "layers" in " ".join(losses(photo, "a.jpg"))
    assert losses(load_photo(psd()), "a.jpg") == ()


def test_xmp_of_a_gif():
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    photo = load_photo(gif(b"\x21\xff\x0bXMP DataXMP" + blocks.XMP + trailer))
    assert photo.about.xmp.startswith(b"<?xpacket")
    assert photo.about.xmp.endswith(b'<?xpacket end="w"?>')


def test_iptc_as_exiftool_names_it():
    digits = blocks.PHOTOSHOP.hex().encode()
    told = b"\nIPTC profile\n%8d\n%s\n" % (len(blocks.PHOTOSHOP), digits)
    text = chunk(b"tEXt", b"Raw profile type iptc\0" + told)
    data = with_chunks(coded(Image.fromarray(picture())), [text])
    assert photoshop.iptc_of(load_photo(data).about.photoshop) == blocks.IPTC
    torn = chunk(b"tEXt", b"Raw profile type iptc\0" + told[:9])
    photo = load_photo(with_chunks(coded(Image.fromarray(picture())), [torn]))
    assert "damaged text" in " ".join(losses(photo, "a.png"))
