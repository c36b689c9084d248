"""Color signals that are no profile, made profiles: one way for all colors, in and out; curves.

A PNG says its colors in chunks (ISO/IEC 15948, 11.3.2; third edition for cICP), HEIF and AVIF by
code points (ITU-T H.273). The ICC profile made here says the same, so the pixels are converted for
the work and back like any other's. Written are the chunks as they were, else that profile.

HDR (PQ and HLG): the profile shows what is not brighter than reference white, 203 cd/m2 (ITU-R
BT.2408), as sRGB does, and clips the rest; untouched pixels keep their stored values.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import ImageError
from dmlseg_core.photo.metadata.exif import ADOBE_RGB, PRIMARIES, UNCALIBRATED
from dmlseg_core.photo.metadata.signals import HDR, Signal

Floats: TypeAlias = NDArray[np.float64]

_D65 = (0.3127, 0.3290)
# ITU-T H.273, table 2: x, y of white, red, green, blue
_PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_ADOBE_PLACES = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)  # Adobe RGB (1998) Encoding, 4.3.1
_NAMES = {1: "BT.709", 4: "BT.470 M", 5: "BT.601 625", 6: "BT.601 525", 7: "SMPTE 240M",
          9: "BT.2020", 11: "DCI-P3", 12: "Display P3", 22: "EBU 3213"}  # fmt: skip
_PQ, _UNKNOWN = 16, 2
# Viewers show what was coded for television with sRGB's curve, and so do we.
_TRANSFERS: dict[int, float | None] = {
    1: None, 6: None, 7: None, 13: None, 14: None, 15: None, 4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6,
}  # fmt: skip
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_GAMMA, _LEAST_GAMMA, _MOST_GAMMA = 0.45455, 0.1, 5.0
_STEPS = 4096
_LEVELS = np.arange(65536) / 65535
_WHITE = 203.0
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367],
                      [0.0389, -0.0685, 1.0296]])  # fmt: skip


def profile_of(signal: Signal, notes: list[str]) -> bytes | None:
    """An ICC profile that says the same; None where that is sRGB, or nothing that is known.

    PNG's precedence: code points, then (the caller's) an embedded profile, then sRGB, then gamma
    and chromaticities; EXIF's word where there is nothing else.

    Raises:
        ImageError: a PNG with video levels, or not of RGB.
    """
    if signal.points is not None:
        return _of_points(signal, notes)
    if signal.srgb:
        return None
    if signal.gamma is None and signal.chromaticities is None:
        return _of_exif(signal.exif, notes)
    places = signal.chromaticities or _PRIMARIES[1]
    gamma = _GAMMA if signal.gamma is None else signal.gamma
    if not _LEAST_GAMMA <= gamma <= _MOST_GAMMA or not _spans(places):
        notes.append("The photo's gamma or primaries are absurd; its colors were taken as sRGB.")
        return None
    usual = np.allclose(places, _PRIMARIES[1], atol=0.003)
    if abs(gamma / _GAMMA - 1) < 0.01:  # what encoders write for sRGB: that chunk knows no offset
        return None if usual else _profile("PNG chromaticities", places, _para(*_SRGB_CURVE))
    return _profile(f"PNG gamma {gamma:g}", places, _para(1 / gamma))


def _of_exif(space: str | None, notes: list[str]) -> bytes | None:
    if space == UNCALIBRATED:
        notes.append("EXIF calls the colors uncalibrated, without a profile: taken as sRGB.")
    if space == PRIMARIES:
        notes.append("The file names primaries of its own, without a profile: taken as sRGB.")
    return _profile(ADOBE_RGB, _ADOBE_PLACES, _para(563 / 256)) if space == ADOBE_RGB else None


def _of_points(signal: Signal, notes: list[str]) -> bytes | None:
    assert signal.points is not None
    primaries, transfer, matrix, full = signal.points
    if signal.chunks and (matrix != 0 or not full):
        raise ImageError(
            f"the PNG's color code points ({primaries}, {transfer}, {matrix}, {full}) say video "
            "levels, which are not read; save it with full range RGB"
        )
    if _UNKNOWN in (primaries, transfer):
        return None
    if primaries not in _PRIMARIES or transfer not in {*_TRANSFERS, *HDR}:
        notes.append(
            f"The color code points {primaries}, {transfer} are not known; colors were taken "
            "as sRGB."
        )
        return None
    gamma = _TRANSFERS.get(transfer)
    if primaries == 1 and transfer in _TRANSFERS and gamma is None:
        return None
    name = _NAMES[primaries]
    if transfer in HDR:
        kind = HDR[transfer]
        notes.append(f"HDR ({kind}): what is brighter than white is clipped where it is recolored.")
        return _profile(
            f"{name} {kind}", _PRIMARIES[primaries], _table(_light(transfer)), signal.points
        )
    curve = _para(*_SRGB_CURVE) if gamma is None else _para(gamma)
    return _profile(name + ("" if gamma is None else f" gamma {gamma:g}"),
                    _PRIMARIES[primaries], curve)  # fmt: skip


def _light(transfer: int) -> Floats:
    """(_STEPS,) light of each level, reference white = 1, clipped there (ITU-R BT.2100-2)."""
    level = np.linspace(0, 1, _STEPS)
    if transfer == _PQ:
        root = level ** (32 / 2523)
        part = np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
        light = 10000 * part ** (8192 / 1305)
    else:  # scene light, shown at 1000 cd/m2 with system gamma 1.2, per channel
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
        light = 1000 * scene**1.2
    return np.minimum(light / _WHITE, 1)


def _spans(places: tuple[float, ...]) -> bool:
    """Whether primaries and white make a space of colors."""
    if min(places[1::2]) <= 0.01 or max(places) > 1:
        return False
    return bool(np.linalg.cond(_xyz(places)) < 100 and (_balance(places) > 0).all())


def _xyz(places: tuple[float, ...]) -> Floats:
    """(3, 3): columns are the XYZ of red, green and blue, each with x + y + z = 1."""
    x, y = np.array(places[2::2]), np.array(places[3::2])
    return np.stack([x, y, 1 - x - y])


def _white(places: tuple[float, ...]) -> Floats:
    x, y = places[:2]
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _balance(places: tuple[float, ...]) -> Floats:
    """How much of each primary makes the white."""
    return np.asarray(np.linalg.solve(_xyz(places), _white(places)))


def _colorants(places: tuple[float, ...]) -> Floats:
    """(3, 3): columns are the primaries' XYZ, adapted to D50 (ICC.1:2022, annex E)."""
    matrix = _xyz(places) * _balance(places)
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ _white(places))
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ matrix)


@lru_cache(maxsize=16)
def _profile(
    name: str, places: tuple[float, ...], curve: bytes, points: tuple[int, ...] | None = None
) -> bytes:
    """A display profile (ICC.1:2022, 8.4)."""
    tags = {b"desc": _text(name), b"cprt": _text("CC0"), b"wtpt": _triple(_D50)}
    for letter, column in zip((b"r", b"g", b"b"), _colorants(places).T, strict=True):
        tags[letter + b"XYZ"] = _triple(column)
        tags[letter + b"TRC"] = curve
    if points is not None:
        tags[b"cicp"] = b"cicp" + bytes(4) + bytes((points[0], points[1], 0, 1))
    rows, body, places_of = b"", b"", {}
    start = 132 + 12 * len(tags)
    for key, element in tags.items():
        if element not in places_of:  # curves are shared
            places_of[element] = start + len(body)
            body += element + bytes(-len(element) % 4)
        rows += struct.pack(">4sII", key, places_of[element], len(element))
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x04400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(64, b"\0") + struct.pack(">I", 1) + _triple(_D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + rows + body


def _fixed(*values: Any) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(float(v) * 65536) for v in values))


def _triple(xyz: Any) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*xyz)


def _para(*values: float) -> bytes:
    """parametricCurveType: a gamma alone, or sRGB's five numbers (10.18)."""
    return struct.pack(">4s4xH2x", b"para", 0 if len(values) == 1 else 3) + _fixed(*values)


def _table(light: Floats) -> bytes:
    words = np.rint(light * 65535).astype(">u2").tobytes()
    return struct.pack(">4s4xI", b"curv", len(light)) + words


def _text(words: str) -> bytes:
    utf = words.encode("utf-16-be")
    return struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(utf), 28) + utf


def curve_in(element: bytes) -> NDArray[np.float32]:
    """(65536,) float32 of a curveType (10.6) or parametricCurveType (10.18)."""
    if element[:4] == b"para":
        return _monotone(_parametric(element))
    if element[:4] != b"curv":
        raise ValueError(f"no curve: {element[:4]!r}")
    (count,) = struct.unpack_from(">I", element, 8)
    if count == 0:
        return _monotone(_LEVELS)
    stored = np.array(struct.unpack_from(f">{count}H", element, 12))
    if count == 1:
        return _monotone(_LEVELS ** (stored[0] / 256))
    return _monotone(np.interp(_LEVELS, np.linspace(0, 1, count), stored / 65535))


def _parametric(element: bytes) -> Floats:
    (kind,) = struct.unpack_from(">H", element, 8)
    length = (1, 3, 4, 5, 7)[kind]
    values = [v / 65536 for v in struct.unpack_from(f">{length}i", element, 12)]
    g, a, b = (*values, 1.0, 0.0)[:3] if kind == 0 else values[:3]
    if kind < 3:  # below -b / a the curve is flat
        offset = values[3] if kind == 2 else 0.0
        return np.asarray(np.maximum(a * _LEVELS + b, 0) ** g + offset)
    c, d, e, f = (*values[3:], 0.0, 0.0)[:4]
    power = np.maximum(a * _LEVELS + b, 0) ** g + e
    return np.asarray(np.where(d <= _LEVELS, power, c * _LEVELS + f))


def _monotone(curve: NDArray[Any]) -> NDArray[np.float32]:
    """Clipped and never falling, so that it has an inverse."""
    return np.maximum.accumulate(np.clip(curve, 0, 1)).astype(np.float32)
