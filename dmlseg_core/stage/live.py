"""What a browser needs to show a color while it is dragged: the look as a table, the edge unmixed.

A table is `paint.ColorTable`, exact up to its interpolation. Along the edge a pixel is
alpha * F + (1 - alpha) * B in linear light, F the object's own color and B what is behind it; the
table goes to F alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import encode_srgb8, srgb_to_linear
from dmlseg_core.edit import EditSession, Style
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Layer, Look, Subject, lut_of
from dmlseg_core.stage.asked import Asked
from dmlseg_core.stage.ops import restyled
from dmlseg_core.stage.pack import pack

_LEAST = 1 / 255
_ANY = "white"
"""A color that asks for nothing: what a look paints does not depend on it."""


def table(session: EditSession, k: int, asked: Asked) -> bytes:
    """The color map of a style for selection k: a buffer of `pack`.

    Args:
        session: locked by the caller.
        k: index of the selection.
        asked: fields of the style as a query has them; the rest is the selection's own.

    Raises:
        ParameterError: a style that has no table (pattern), paints nothing, or is out of range.
    """
    values = {n: asked.values[n] for n in _FIELDS if asked.values.get(n) not in (None, "")}
    style: Style = restyled(session.selections[k].style, Asked(values))
    if not style.painted:
        raise ParameterError("there is no color yet; give one such as '#c8102e'")
    made = lut_of(subject_of(session, k), style.look())
    coded = np.rint(np.clip(made.table, 0, 1) * 255).astype(np.uint8)
    return pack({"shade": made.shade}, {
        "shaper": made.shaper, "table": coded,
        "low": made.low.astype(np.float32), "high": made.high.astype(np.float32),
    })  # fmt: skip


_FIELDS = ("color", "mode", "strength", "protect_highlights", "gloss", "amount")


def band(session: EditSession, k: int) -> bytes:
    """Where and how much of selection k is painted in the preview, and both colors along its edge:
    a buffer of `pack`.

    Raises:
        ParameterError: others cover all of it.
    """
    layer = _layer_of(session, k)
    rows, columns = layer.box
    share = np.rint(layer.share[layer.box] * 255).astype(np.uint8)
    mixed = (layer.share[layer.box] > 0) & (layer.share[layer.box] < 1)
    fore, back, share[mixed] = _unmixed(layer, mixed)
    height, width = session.preview.shape[:2]
    return pack(
        {"box": [columns.start, rows.start, columns.stop, rows.stop], "size": [width, height]},
        {
            "alpha": share,
            "band": np.flatnonzero(mixed).astype(np.uint32),
            "F": fore,
            "B": back,
        },
    )


def materials(session: EditSession, k: int) -> bytes:
    """The palette of selection k, the body first, and the color of each as it is asked for, null
    where it is kept: a buffer of `pack` without arrays.

    Raises:
        ParameterError: others cover all of it.
    """
    subject, style = subject_of(session, k), session.selections[k].style
    look = Look(style.color or _ANY, materials=style.materials, targets=style.targets)
    found = () if style.gates else subject.palette.materials
    asked = () if style.gates else subject.asked(look)
    rows = [
        {
            "color": m.color, "kind": m.kind, "share": round(m.share, 4),
            "target": _shown(style, m.color, target),
        }
        for m, target in zip(found, asked, strict=True)
    ]  # fmt: skip
    return pack({"materials": rows}, {})


def _shown(style: Style, own: str, target: str | None) -> str | None:
    """A target as the page shows it: a material's own color while nothing is painted."""
    return own if target and not style.painted else target


def _layer_of(session: EditSession, k: int) -> Layer:
    """What of selection k takes the color that is dragged: its body, or all of it."""
    style = session.selections[k].style
    look = Look(_ANY, materials=style.materials, targets=style.targets)
    return subject_of(session, k).lead(look)[0]


def _unmixed(layer: Layer, mixed: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], ...]:
    """(n, 3) uint8 each: the object's color and the other one of the partly painted pixels; and
    (n,) how much of them is painted.
    """
    rows, columns = np.nonzero(mixed)
    rows, columns = rows + layer.box[0].start, columns + layer.box[1].start
    shown = srgb_to_linear(layer.rgb[rows, columns].T)
    share = layer.share[rows, columns]
    fore = shown
    if layer.foreground is not None:
        fore, share = layer.foreground.at(rows, columns)
    back = (shown - share * fore) / np.maximum(1 - share, _LEAST)
    colors = encode_srgb8(fore).T, encode_srgb8(np.clip(back, 0, 1)).T
    return *colors, np.rint(share * 255).astype(np.uint8)


def subject_of(session: EditSession, k: int) -> Subject:
    """Selection k as it is measured on the preview, painted yet or not.

    Raises:
        ParameterError: others cover all of it, or its gates leave nothing.
    """
    items = session.items({k: session.selections[k]})
    subject = session.easel.subject(items, [index for index, _, _ in items].index(k))
    if subject is None:
        raise ParameterError("a later selection covers all of this one; choose another object")
    return subject
