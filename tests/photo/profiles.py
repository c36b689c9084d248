"""ICC profiles made by hand: a header, a tag table, colorants and curves (ICC.1:2022)."""

from __future__ import annotations

import struct

import numpy as np

ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""D50 colorants of Adobe RGB (1998): red, green, blue."""
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
"""D50 colorants of Display P3."""

SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
"""D50 colorants of sRGB."""


def fixed(*values):
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def gamma(value):
    """curveType with one number."""
    return struct.pack(">4s4xIH2x", b"curv", 1, round(value * 256))


def table(values):
    """curveType with a table of 0..1."""
    words = np.rint(np.asarray(values) * 65535).astype(int)
    pad = b"\0\0" if len(words) % 2 else b""
    return struct.pack(f">4s4xI{len(words)}H", b"curv", len(words), *words) + pad


def parametric(kind, *values):
    return struct.pack(">4s4xH2x", b"para", kind) + fixed(*values)


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def text(words):
    utf = words.encode("utf-16-be")
    return struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(utf), 28) + utf


def profile(colorants=ADOBE, curve=None, name="made", more=()):
    """A display profile; without colorants a gray one."""
    curve = gamma(2.2) if curve is None else curve
    tags = {b"desc": text(name), b"cprt": text("none"),
            b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249)}  # fmt: skip
    if colorants is None:
        tags[b"kTRC"] = curve
    else:
        for letter, xyz in zip(b"rgb", colorants, strict=True):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*xyz)
            tags[bytes([letter]) + b"TRC"] = curve
    tags |= dict(more)
    place, rows, body = 132 + 12 * len(tags), b"", b""
    for key, element in tags.items():
        padded = element + b"\0" * (-len(element) % 4)
        rows += struct.pack(">4sII", key, place + len(body), len(element))
        body += padded
    size, space = place + len(body), b"GRAY" if colorants is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x04300000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(68, b"\0") + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + rows + body
