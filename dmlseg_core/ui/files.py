"""What can be downloaded of a session: one function for each kind of file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edit import EditSession, save_recipe
from dmlseg_core.errors import ParameterError
from dmlseg_core.photo import (
    Layer,
    save_cutout,
    save_mask,
    save_openraster,
    save_photo,
    shown,
    suffix_of,
    to_8_bits,
)
from dmlseg_core.ui.text import class_label


def write(what: str, session: EditSession, folder: Path, suffix: str, language: str) -> Path:
    """Make one file at full size.

    Args:
        what: a key of KINDS.
        session: what it is made of.
        folder: where to.
        suffix: of the photo; "" is that of the source's format, PNG where it is not written.
        language: of the names of layers.

    Raises:
        ParameterError: nothing is selected, or nothing recolored, where that is needed.
    """
    return KINDS[what](session, folder / _stem(session), suffix=suffix, language=language)


def _photo(session: EditSession, base: Path, *, suffix: str, **_: Any) -> Path:
    path = base.with_name(f"{base.name}-recolored{suffix or suffix_of(session.photo)}")
    return save_photo(session.render(full=True), path, session.photo)


def _cutout(session: EditSession, base: Path, **_: Any) -> Path:
    alpha = _alpha(session)
    rgb = to_8_bits(session.render(full=True))
    return save_cutout(rgb, alpha, base.with_name(f"{base.name}-cutout.png"), session.photo)


def _mask(session: EditSession, base: Path, **_: Any) -> Path:
    return save_mask(_alpha(session), base.with_name(f"{base.name}-mask.png"))


def _layers(session: EditSession, base: Path, *, language: str, **_: Any) -> Path:
    _need_paint(session)
    layers = (
        Layer(
            f"{class_label(language, p.mask.class_name)} {p.selection.title}", p.made.rgb, p.alpha
        )
        for p in session.paint()
    )
    return save_openraster(base.with_name(f"{base.name}.ora"), session.photo, layers)


def _recipe(session: EditSession, base: Path, *, by: str = "point", **_: Any) -> Path:
    _need_paint(session)
    ending = "-recipe" if by == "point" else f"-recipe-by-{by}"
    return save_recipe(session.to_recipe(by), base.with_name(f"{base.name}{ending}.json"))


def _recipe_by_class(session: EditSession, base: Path, **_: Any) -> Path:
    return _recipe(session, base, by="class")


KINDS: dict[str, Callable[..., Path]] = {
    "photo": _photo,
    "cutout": _cutout,
    "mask": _mask,
    "layers": _layers,
    "recipe": _recipe,
    "recipe_class": _recipe_by_class,
}
"""Kinds of files; the page names them by the texts what_photo, what_cutout, ..."""


def _alpha(session: EditSession) -> NDArray[np.float32]:
    """The active selection's soft mask at full size: (H, W) in [0, 1]."""
    if session.active is None:
        raise ParameterError("nothing is selected; click an object first")
    mask = session.mask_of(session.active)
    if mask is None:
        raise ParameterError("a later selection covers all of this one; choose another object")
    matting = session.selections[session.active].matting
    return mask.to_alpha(shown(session.photo), matting=matting)


def _need_paint(session: EditSession) -> None:
    if not any(s.painted for s in session.selections):
        raise ParameterError("nothing is recolored yet; recolor an object first")


def _stem(session: EditSession) -> str:
    return (session.photo.path or Path("photo")).stem
