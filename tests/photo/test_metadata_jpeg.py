"""Segments, gain maps, long XMP and profiles: what JPEG says in its own way."""

import io
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import about, jpeg, png
from dmlseg_core.photo.save import losses
from tests.photo import blocks, profiles
from tests.photo.test_load import coded, picture
from tests.photo.test_metadata import ALL, camera, exiftool, jpeg_file, saved


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


MARK = b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'


def gain_map(mark=MARK, size=(20, 30)):
    packet = blocks.XMP.replace(b'xmp:Rating="4"', mark + b' hdrgm:GainMapMax="2.5"')
    packet = packet.replace(b'tiff:Orientation="6"', b"")
    grays = Image.fromarray(picture(*size)[..., 0])
    told = jpeg.told_in_jpeg(about.Metadata(xmp=packet), None)
    return jpeg.with_segments(coded(grays, "JPEG", quality=90), told)


def ultra_hdr(orientation=1, size=(20, 30)):
    """An Ultra HDR file as phones write it: announced in XMP, a second picture behind."""
    mark = b'xmp:Rating="4" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
    told = camera("<", orientation)
    told = replace(told, xmp=blocks.XMP.replace(b'xmp:Rating="4"', mark))
    index = (0xE2, b"MPF\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    return jpeg.with_segments(jpeg_file(told), [index]) + bytes(7) + gain_map(size=size)


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
        upright = picture(20, 30)[..., 0]
        turned = np.rot90(upright, -1) if orientation == 6 else upright
        assert image.size == turned.shape[::-1]
        assert np.abs(np.asarray(image).astype(int) - turned).mean() < 3
    if orientation == 1:
        assert second == gain_map()
    assert not [value for key, value in row.items() if key.endswith("Warning")]


def test_a_gain_map_larger_than_its_photo_is_not_turned(tmp_path):
    photo = load_photo(ultra_hdr(6, size=(999, 1000)))
    assert "gain map" in " ".join(losses(photo, "a.jpg"))
    assert saved(photo, tmp_path / "a.jpg").about.gain_map is None


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
