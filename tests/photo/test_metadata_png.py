"""Texts, backgrounds and chunks: what PNG and WebP say in their own way."""

import io
import struct
import zlib

import pytest
from PIL import Image

from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.metadata import photoshop, png
from dmlseg_core.photo.save import losses, save_photo
from tests.photo import blocks
from tests.photo.test_load import coded, picture
from tests.photo.test_metadata import ALL, saved


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
        assert "as it was: sBIT, dSIG." in said
        assert "time of the file's last change" in said and "tIME" not in said
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
