"""EXIF blocks, XMP packets and IPTC records made by hand, as cameras and editors write them."""

from __future__ import annotations

import io
import struct

from PIL import Image

ASCII, SHORT, LONG, RATIONAL, UNDEFINED, BYTE = 2, 3, 4, 5, 7, 1
LENS = b"EF50mm f/1.8 STM\0"
OWNER = b"somebody of the photo club\0"
UNICODE = "Ü sofa".encode("utf-16-le") + b"\0\0"


def number(order, kind, *values):
    code = {SHORT: "H", LONG: "I", RATIONAL: "I"}[kind]
    count = len(values) // (2 if kind == RATIONAL else 1)
    return kind, count, struct.pack(f"{order}{len(values)}{code}", *values)


def text(kind, value):
    return kind, len(value), value


def directory(order, start, entries, after=0):
    """A directory at `start` with its values behind it."""
    rows, body = b"", b""
    behind = start + 2 + 12 * len(entries) + 4
    for tag, (kind, count, value) in sorted(entries.items()):
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack(order + "I", behind + len(body))
            body += value + b"\0" * (len(value) % 2)
        rows += struct.pack(order + "HHI", tag, kind, count) + field
    return struct.pack(order + "H", len(entries)) + rows + struct.pack(order + "I", after) + body


def thumbnail(color="red"):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), color).save(buffer, "JPEG")
    return buffer.getvalue()


def camera_block(order="<", size=(120, 160), orientation=1, extra=b""):
    """EXIF of a Canon: a maker note with offsets from the block's start, Interop, GPS, thumbnail.

    The maker note is a directory of its own (image type, owner, lens), as exiftool reads it.
    """
    height, width = size
    at = {"zero": 8, "exif": 600, "note": 1200, "interop": 1600, "gps": 1700, "one": 1900}
    note = directory("<" if order == "<" else ">", at["note"], {
        0x0006: text(ASCII, b"Canon EOS 5D Mark II\0"), 0x0009: text(ASCII, OWNER),
        0x0095: text(ASCII, LENS), **({0x4002: text(UNDEFINED, extra)} if extra else {}),
    })  # fmt: skip
    if len(note) > 380:
        shift = len(note) - 380 + len(note) % 2
        at |= {name: at[name] + shift for name in ("interop", "gps", "one")}
    zero = {
        271: text(ASCII, b"Canon\0"), 272: text(ASCII, b"Canon EOS 5D Mark II\0"),
        274: number(order, SHORT, orientation), 282: number(order, RATIONAL, 300, 1),
        283: number(order, RATIONAL, 300, 1), 296: number(order, SHORT, 2),
        315: text(ASCII, b"somebody\0"), 0x4746: number(order, SHORT, 4),
        0x9C9B: text(BYTE, UNICODE), 0x9C9E: text(BYTE, UNICODE),
        0x8769: number(order, LONG, at["exif"]), 0x8825: number(order, LONG, at["gps"]),
    }  # fmt: skip
    exif = {
        0x829A: number(order, RATIONAL, 1, 125), 0x9000: text(UNDEFINED, b"0231"),
        0x9003: text(ASCII, b"2020:01:02 03:04:05\0"), 0x9286: text(UNDEFINED, b"ASCII\0\0\0word"),
        0xA001: number(order, SHORT, 1), 0xA002: number(order, SHORT, width),
        0xA003: number(order, SHORT, height), 0xA434: text(ASCII, LENS),
        0x927C: (UNDEFINED, len(note), struct.pack(order + "I", at["note"])),
        0xA005: number(order, LONG, at["interop"]),
    }  # fmt: skip
    gps = {0: text(BYTE, b"\2\3\0\0"), 1: text(ASCII, b"N\0"),
           2: number(order, RATIONAL, 52, 1, 31, 1, 12, 1)}  # fmt: skip
    interop = {1: text(ASCII, b"R98\0"), 2: text(UNDEFINED, b"0100")}
    picture = thumbnail()
    one = {259: number(order, SHORT, 6), 513: number(order, LONG, at["one"] + 100),
           514: number(order, LONG, len(picture))}  # fmt: skip
    block = bytearray(at["one"] + 100 + len(picture))
    block[:8] = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for name, entries, after in (("zero", zero, at["one"]), ("exif", exif, 0), ("gps", gps, 0),
                                 ("interop", interop, 0), ("one", one, 0)):  # fmt: skip
        made = directory(order, at[name], entries, after)
        block[at[name] : at[name] + len(made)] = made
    block[at["note"] : at["note"] + len(note)] = note
    block[at["one"] + 100 :] = picture
    return bytes(block)


XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmp:Rating="4" tiff:Orientation="6" tiff:ImageWidth="160" tiff:ImageLength="120">
<dc:subject><rdf:Bag><rdf:li>sofa</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def iptc(*pairs):
    """IPTC records of dataset 2."""
    return b"".join(b"\x1c\2" + struct.pack(">BH", tag, len(v)) + v for tag, v in pairs)


def resource(number_, content):
    pad = b"\0" * (len(content) % 2)
    return b"8BIM" + struct.pack(">HHI", number_, 0, len(content)) + content + pad


IPTC = iptc((120, b"Caption"), (25, b"sofa"), (80, b"somebody"))
PHOTOSHOP = resource(0x0404, IPTC) + resource(0x040C, bytes(28) + thumbnail())
