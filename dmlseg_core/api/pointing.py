"""Which object a call means, and the style that it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.api.asked import Painted, Where
from dmlseg_core.config import AMOUNTS, PATTERN_MODE, TARGET_MODES
from dmlseg_core.edit import MAX_TILE, EditSession, Pattern, Style, choose_in_box
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import ColorGate
from dmlseg_core.photo import Photo, box_of, load_photo
from dmlseg_core.scene import Mask
from dmlseg_core.stage import import_mask, shown_proposals

_WAYS = "x and y, object, box or mask"
NOTHING = "nothing of the photo is meant; give another point, box or tau, or less to subtract"
"""Told where a mask is empty."""


def chosen(session: EditSession, asked: Where, max_megapixels: float) -> Mask:
    """The object that is meant; it becomes the session's active selection.

    Raises:
        ParameterError: none is named, or in two ways, or outside the photo; ImageError: the mask is
        no picture.
    """
    _check_one_way(asked)
    if asked.x is not None and asked.y is not None:
        session.select(asked.y, asked.x, asked.tau, new=True)
    elif asked.object is not None:
        _choose(session, asked.object)
    elif asked.box is not None:
        choose_in_box(session, _box(asked.box, session.photo), "new")
    elif asked.mask is not None:
        import_mask(session, asked.mask, "mask", max_megapixels)
    if asked.tau is not None and asked.x is None:
        session.set_tau(asked.tau)
    if asked.add or asked.subtract:  # at once: each step would cut the mask anew
        where = session.selections[session.required()].where
        add = (*where.add, *_points(asked.add))
        subtract = (*where.subtract, *_points(asked.subtract))
        session.point_at(replace(where, add=add, subtract=subtract), "add")
    return session.mask_of(session.required())


def _points(pairs: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((y, x) for x, y in pairs)


def _box(asked: Sequence[float], photo: Photo) -> tuple[float, float, float, float]:
    left, top, right, bottom = asked
    height, width = photo.size
    if min(right, width) - max(left, 0) < 1 or min(bottom, height) - max(top, 0) < 1:
        raise ParameterError(
            f"box must be [left, top, right, bottom], a pixel or more of the photo's {width} x "
            f"{height}; got {asked}"
        )
    return top, left, bottom, right


def _check_one_way(asked: Where) -> None:
    if (asked.x is None) != (asked.y is None):
        raise ParameterError("x and y go together")
    given = sum(way is not None for way in (asked.x, asked.object, asked.box, asked.mask))
    if given != 1:
        raise ParameterError(f"say which object in one way: {_WAYS}")
    if asked.mask is not None and asked.tau is not None:
        raise ParameterError("tau does not go with a mask")


def _choose(session: EditSession, number: int) -> None:
    found = shown_proposals(session)
    if not 1 <= number <= len(found):
        raise ParameterError(
            f"object must be a number of /analyze, here 1 to {len(found)}; got {number}"
            if found else "no object was found in this photo; give a point, a box or a mask"
        )  # fmt: skip
    session.choose(found[number - 1])


def style_of(asked: Painted) -> Style:
    """How the object is to look; checked before a photo is decoded.

    Raises:
        ParameterError: a value out of its range, or one that the mode does not take.
    """
    takes = {**dict.fromkeys(TARGET_MODES, "color"), **dict.fromkeys(AMOUNTS, "amount"),
             PATTERN_MODE: "pattern"}  # fmt: skip
    for name in ("color", "amount", "pattern"):
        if getattr(asked, name) is not None and takes.get(asked.mode, name) != name:
            raise ParameterError(f"mode {asked.mode} takes no {name}")
    _check_company(asked)
    wide = asked.gate_tolerance
    gates = [ColorGate(color, wide) for color in asked.gate]
    gates += [ColorGate(color, wide, exclude=True) for color in asked.exclude]
    return Style(
        color=asked.color, mode=asked.mode, amount=asked.amount, strength=asked.strength,
        protect_highlights=asked.protect_highlights, gloss=asked.gloss, gates=tuple(gates),
        pattern=_pattern(asked), matting=asked.matting, materials=asked.materials,
        targets=(*((color, None) for color in asked.keep), *map(_target, asked.target)),
    )  # fmt: skip


def _check_company(asked: Painted) -> None:
    """Values that would say nothing; usual ones do not, as programs send all of them."""
    for name, others in (("pattern_scale", ("pattern",)), ("gate_tolerance", ("gate", "exclude"))):
        given = getattr(asked, name) != Painted.model_fields[name].default
        if given and not any(getattr(asked, other) for other in others):
            raise ParameterError(f"{name} goes with {' or '.join(others)}")
    file = {"cutout": "a PNG", "layer": "a PNG", "recipe": "JSON"}.get(asked.result)
    odd = asked.file_quality is not None or asked.format not in (None, "png")
    if file is not None and odd:
        raise ParameterError(f"a {asked.result} is {file}; format and file_quality go with photo")


def _target(text: str) -> tuple[str, str]:
    color, sign, target = text.partition("=")
    if not (color and sign and target):
        raise ParameterError(f"a target is COLOR=NEW, such as black=#c8102e; got {text!r:.40}")
    return color, target


def _pattern(asked: Painted) -> Pattern | None:
    if asked.pattern is None:
        return None
    return Pattern.of(load_photo(asked.pattern, max_megapixels=MAX_TILE).rgb, asked.pattern_scale)


def extent(alpha: NDArray[np.float32]) -> dict[str, Any]:
    """Pixels that are more than half inside, and the box [x, y, width, height] around them."""
    inside = alpha >= np.float32(0.5)
    return {"area": int(inside.sum()), "box": box_of(inside)}
