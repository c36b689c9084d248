"""What a file says of its colors without a profile: PNG's chunks, nclx in HEIF and AVIF."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dmlseg_core.photo.metadata.boxes import properties, properties_of_primary
from dmlseg_core.photo.metadata.png import SIGNATURE, chunks, is_sound

HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of high dynamic range."""
_COLOR_CHUNKS = (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI")


@dataclass(frozen=True)
class Signal:
    """Color signals as they are stored.

    Attributes:
        points: color primaries, transfer characteristics, matrix and full range (ITU-T H.273).
        srgb: PNG says sRGB.
        gamma: exponent of PNG's encoding: 0.45455 is the usual one.
        chromaticities: x, y of white, red, green and blue.
        chunks: the PNG chunks, whole.
        exif: the color space that EXIF names beside sRGB, see `color_space_of`.
    """

    points: tuple[int, int, int, int] | None = None
    srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    chunks: tuple[bytes, ...] = ()
    exif: str | None = None

    @property
    def hdr(self) -> bool:
        """Whether levels stand for more than white."""
        return self.points is not None and self.points[1] in HDR


def read_signal(data: bytes) -> Signal:
    """Of any photo file; an empty one where it says nothing, or is damaged."""
    try:
        if data.startswith(SIGNATURE):
            return _of_png(data)
        if data[4:8] == b"ftyp":
            return Signal(points=_nclx(data))
    except (struct.error, IndexError):
        pass
    return Signal()


def _of_png(data: bytes) -> Signal:
    """Of the chunks before the pixels; each counts once."""
    found: dict[bytes, bytes] = {}
    for kind, whole in chunks(data):
        if kind == b"IDAT":
            break
        if kind in _COLOR_CHUNKS and is_sound(kind, whole):
            found.setdefault(kind, whole)
    body = {kind: whole[8:-4] for kind, whole in found.items()}
    gamma = struct.unpack(">I", body[b"gAMA"])[0] / 1e5 if b"gAMA" in body else None
    places = [n / 1e5 for n in struct.unpack(">8I", body[b"cHRM"])] if b"cHRM" in body else None
    return Signal(
        points=_four(body[b"cICP"]) if b"cICP" in body else None,
        srgb=b"sRGB" in body,
        gamma=gamma,
        chromaticities=None if places is None else tuple(places),
        chunks=tuple(found.values()),
    )


def _four(body: bytes) -> tuple[int, int, int, int]:
    first, second, third, last = struct.unpack(">4B", body)
    return first, second, third, last


def _nclx(data: bytes) -> tuple[int, int, int, int] | None:
    """Code points of the primary item (ISO/IEC 14496-12, 12.1.5); of any item where it has none."""
    for at, end in properties_of_primary(data) + properties(data):
        if data[at - 4 : at] == b"colr" and data[at : at + 4] == b"nclx" and end - at >= 11:
            primaries, transfer, matrix, full = struct.unpack_from(">3HB", data, at + 4)
            return primaries, transfer, matrix, full >> 7
    return None


def with_points(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF or HEIF file whose nclx boxes have other primaries and another transfer.

    Raises:
        ValueError: it has none.
    """
    changed, found = bytearray(data), False
    for at, _ in properties(data):
        if data[at - 4 : at] == b"colr" and data[at : at + 4] == b"nclx":
            struct.pack_into(">2H", changed, at + 4, primaries, transfer)
            found = True
    if not found:
        raise ValueError("its color code points have no place")
    return bytes(changed)
