"""Chunks of a PNG file (ISO/IEC 15948) that speak about the photo."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any, TypeAlias

from dmlseg_core.photo.metadata import photoshop
from dmlseg_core.photo.metadata.about import Metadata

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"
_RAW = b"Raw profile type "
_PROFILES = (b"exif", b"app1", b"iptc", b"8bim", b"xmp")
_MOST, _TRIED = 1 << 26, 1 << 16
"""Bytes that a compressed block may grow to; of a text that is only carried."""
_MANY, _SHORT = 20_000, 1024
"""Chunks beside the picture's; bytes that those have on the average, where there are more."""
_PALETTE, _COLORED = 3, 2
_NAMED = 8
_KNOWN = (b"tRNS", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"pHYs", b"hIST",
          b"acTL", b"fcTL", b"fdAT", b"iDOT")  # fmt: skip
"""Chunks beside the picture's that are read, written anew or of no use without its layout."""
_PICTURES = (b"IDAT", b"fdAT", b"fcTL")

_SIZES = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9}
"""Bytes of the chunks that cannot have others."""

Chunk: TypeAlias = "tuple[bytes, bytes]"


def chunks(data: bytes) -> Iterator[Chunk]:
    """(type, whole chunk) in order, up to the first that is cut off."""
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        end = place + 12 + struct.unpack_from(">I", data, place)[0]
        yield bytes(data[place + 4 : place + 8]), data[place:end]
        place = end


def crowded(data: bytes) -> bool:
    """Whether there are more chunks than any program writes."""
    place, count, beside = len(SIGNATURE), 0, 0
    while place + 12 <= len(data) and beside <= _MANY and count <= _MANY + len(data) // _SHORT:
        (length,) = struct.unpack_from(">I", data, place)
        count, beside = count + 1, beside + (data[place + 4 : place + 8] not in _PICTURES)
        place += 12 + length
    return place + 12 <= len(data)


def profile_in(data: bytes) -> bytes | None:
    """The color profile; b"damaged" where it cannot be inflated."""
    for kind, whole in chunks(data):
        if kind == b"IDAT":
            break
        if kind == b"iCCP":
            try:
                return _inflated(whole[8:-4].partition(b"\0")[2][1:]) or b"damaged"
            except zlib.error:
                return b"damaged"
    return None


def chunk(kind: bytes, body: bytes) -> bytes:
    """A whole chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def is_sound(kind: bytes, whole: bytes) -> bool:
    """Has a chunk the length that its type asks for?"""
    return len(whole) - 12 == _SIZES.get(kind, len(whole) - 12)


def pixels_alone(data: bytes) -> bytes:
    """The file without texts, EXIF and profile, which are read here: damage does not hurt pixels.

    So do other chunks of a wrong length.
    """
    view: Any = memoryview(data)
    found = (pair for pair in chunks(view) if pair[0] not in (*_TEXTS, b"eXIf", b"iCCP"))
    kept = (_mended(kind, whole) for kind, whole in found if is_sound(kind, whole))
    return b"".join([SIGNATURE, *kept])  # of views: the pixels are copied once


def _mended(kind: bytes, whole: bytes) -> bytes:
    """A chunk that is not critical with its right checksum: a wrong one ends the decoder."""
    complete = len(whole) == 12 + struct.unpack_from(">I", whole)[0]
    return chunk(kind, whole[8:-4]) if kind[0] > 96 and complete else whole


def read_png(data: bytes) -> Metadata:
    """What the chunks say about the photo."""
    found: dict[bytes, bytes] = {}
    texts, left, seen = [], set(), set()
    stale: dict[str, None] = {}
    for kind, whole in chunks(data):
        if kind == b"eXIf":
            found[b"exif"] = whole[8:-4].removeprefix(b"Exif\0\0")
        elif kind in _TEXTS:
            keyword, _, rest = whole[8:-4].partition(b"\0")
            name = keyword.removeprefix(_RAW).strip().lower()
            if keyword == _XMP:
                if b"xml" not in found:
                    found[b"xml"] = _text(kind, rest) or b""
            elif keyword.startswith(_RAW) and name in _PROFILES:
                body = None if name in seen else _unhex(_text(kind, rest))
                _take(found, name, body)
                left |= {"damaged text"} if body is None and name != b"exif" else set()
                seen.add(name)
            elif keyword and b"\0" in whole[8:-4] and _text(kind, rest, _TRIED) is not None:
                texts.append(chunk(kind, whole[8:-4]))
            else:
                left.add("damaged text")
        elif not is_sound(kind, whole):
            left.add("damaged chunk")
        elif kind == b"caBX":
            left.add("credentials")
        elif kind == b"bKGD":
            texts += _background(data, whole[8:-4])
        else:
            texts += [whole] * _may_be_copied(kind)
            stale |= {} if _may_be_copied(kind) or not _is_foreign(kind) else {kind.decode(): None}
    return Metadata(
        exif=found.get(b"exif") or None,
        xmp=found.get(b"xml") or found.get(b"xmp"),
        photoshop=found.get(b"iptc"),
        texts=tuple(texts),
        stale=tuple(stale)[:_NAMED],
        left=frozenset(left),
    )


def _may_be_copied(kind: bytes) -> bool:
    """Ancillary, safe to copy though pixels change (5.4), and not written by ourselves."""
    return kind.isalpha() and kind[0] > 96 and kind[3] > 96 and kind != b"pHYs"


def _is_foreign(kind: bytes) -> bool:
    """Ancillary, and of no use to anybody here."""
    return kind.isalpha() and kind[0] > 96 and kind not in _KNOWN


def _background(data: bytes, body: bytes) -> list[bytes]:
    """bKGD (11.3.5.1) for a picture in RGB; none where it is damaged."""
    depth, color = data[24], data[25]
    palette = next((whole[8:-4] for kind, whole in chunks(data) if kind == b"PLTE"), b"")
    if color == _PALETTE:
        found = palette[3 * body[0] : 3 * body[0] + 3] if body else b""
        return [chunk(b"bKGD", struct.pack(">3H", *found))] if len(found) == 3 else []
    if len(body) != (6 if color & _COLORED else 2) or depth not in (1, 2, 4, 8, 16):
        return []
    most = (1 << depth) - 1
    scale = 1 if depth == 16 else 255 / most
    values = [round(min(v, most) * scale) for v in struct.unpack(f">{len(body) // 2}H", body)]
    return [chunk(b"bKGD", struct.pack(">3H", *(values * 3)[:3]))]


def _take(found: dict[bytes, bytes], name: bytes, body: bytes | None) -> None:
    """A raw profile as ImageMagick and exiftool write it, where no better one was there."""
    if body is None:
        if name == b"exif":
            found.setdefault(name, b"\0")  # damaged, and said so where it is looked at
    elif name == b"app1" and body.startswith(b"http"):
        found.setdefault(b"xmp", body.partition(b"\0")[2])
    elif name in (b"exif", b"app1"):
        found[b"exif"] = found.get(b"exif") or body.removeprefix(b"Exif\0\0")
    elif name == b"xmp":
        found.setdefault(b"xmp", body)
    else:
        body = body.removeprefix(photoshop.JPEG_HEAD)
        is_block = body[:4] == b"8BIM"
        found.setdefault(b"iptc", body if is_block else photoshop.block_of_iptc(body))


def _text(kind: bytes, rest: bytes, most: int = _MOST) -> bytes | None:
    """Content of a text chunk behind its keyword, at most so many bytes; None where damaged."""
    try:
        if kind == b"zTXt":
            return _inflated(rest[1:], most)
        if kind == b"iTXt":
            packed = rest[0] == 1
            body = rest[2:].split(b"\0", 2)[2]
            return _inflated(body, most) if packed else body
    except (zlib.error, IndexError):
        return None
    return rest


def _inflated(body: bytes, most: int = _MOST) -> bytes:
    return zlib.decompressobj().decompress(body, most)


def _unhex(text: bytes | None) -> bytes | None:
    """Bytes of "\\nname\\n    length\\nhex lines"; None where that is damaged.

    The name may be several words: exiftool writes "IPTC profile".
    """
    found = re.fullmatch(rb"\s*+\S[^\n]*+\n\s*+(\d++)\s++([0-9a-fA-F\s]*+)", text or b"")
    if found is None:
        return None
    digits = re.sub(rb"\s", b"", found[2])
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())[: int(found[1][:12])]


def text_name(whole: bytes) -> str:
    """Keyword of a text chunk, type of another, as it can be shown."""
    keyword = whole[8:].partition(b"\0")[0] if whole[4:8] in _TEXTS else whole[4:8]
    return "".join(c for c in keyword[:79].decode("latin-1") if c.isprintable())


def with_chunks(data: bytes, told: list[bytes]) -> bytes:
    """A PNG file with more chunks, behind its header."""
    end = len(SIGNATURE) + len(next(chunks(data))[1])
    return b"".join([data[:end], *told, memoryview(data)[end:]])


def told_in_png(about: Metadata) -> list[bytes]:
    """Chunks that hold a photo's metadata."""
    told = [chunk(b"eXIf", about.exif)] if about.exif else []
    if about.xmp:
        told.append(chunk(b"iTXt", _XMP + bytes(5) + about.xmp))
    if about.photoshop:
        told.append(chunk(b"zTXt", _RAW + b"iptc\0\0" + zlib.compress(_hexed(about.photoshop))))
    told += [_comment(comment.replace(b"\0", b"")) for comment in about.comments]
    return told + list(about.texts)


def _comment(comment: bytes) -> bytes:
    """tEXt is Latin-1: what is more than ASCII, and good UTF-8, goes into iTXt."""
    try:
        utf8 = not comment.isascii() and bool(comment.decode("utf-8"))
    except UnicodeDecodeError:
        utf8 = False
    return chunk(b"iTXt" if utf8 else b"tEXt", b"Comment\0" + bytes(4 * utf8) + comment)


def _hexed(body: bytes) -> bytes:
    digits = body.hex().encode()
    lines = b"\n".join(digits[place : place + 72] for place in range(0, len(digits), 72))
    return b"\niptc\n%8d\n" % len(body) + lines + b"\n"
