"""Edits that the page's controls stand for, as functions of a session and the controls' values."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dmlseg_core.color import parse_color, to_hex
from dmlseg_core.config import AMOUNTS, PATTERN_MODE, TARGET_MODES
from dmlseg_core.edit import MAX_TILE, EditSession, Pattern, Recipe, load_recipe
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.paint import ColorGate
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Segmenter
from dmlseg_core.ui.draw import shown_masks

STOPS: tuple[str, ...] = ("part", "object", "group")
GATES: tuple[str, ...] = ("off", "only", "except")


def nothing(_: EditSession) -> None:
    """Only show again."""


def choose(session: EditSession, number: int | None) -> None:
    """Instance `number` of the list (from 1 on) becomes the active selection."""
    masks = shown_masks(session)
    if number is not None and 1 <= number <= len(masks):
        session.choose(masks[number - 1])


def set_tau(session: EditSession, tau: float) -> None:
    """The slider; it also moves when nothing is selected, and then means nothing."""
    if session.active is not None:
        session.set_tau(tau)


def auto_tau(session: EditSession) -> None:
    """The network's own choice again."""
    session.set_tau(None)


def stop(session: EditSession, name: str) -> None:
    """Jump to the part, object or group that holds the selection's first point."""
    where = session.selections[_active(session)].where
    mask = session.scene.stops(where.y, where.x)[STOPS.index(name)]
    session.set_tau(mask.seed.tau)


class Brush(NamedTuple):
    """The values of the controls that paint.

    Attributes:
        color: as the color picker sends it, or any color text.
        mode, strength, amount: as in `recolor`.
        tile: file of the pattern; None is the one that the selection has.
        scale: photo pixels per pixel of it.
    """

    color: str
    mode: str
    strength: float
    amount: float
    tile: str | None
    scale: float


def paint(session: EditSession, *values: Any, drag: str = "") -> None:
    """Recolor the active selection; its gates and protection of highlights stay.

    Args:
        session: whose active selection it is.
        values: the fields of a Brush. The picker's version of a color that the selection has in
            words leaves the words alone.
        drag: as in `EditSession.set_style`.
    """
    brush, own = Brush(*values), session.selections[_active(session)]
    color, pattern = hex_color(brush.color), own.pattern
    if own.color is not None and to_hex(parse_color(own.color)) == color:
        color = own.color
    if brush.mode == PATTERN_MODE and brush.tile is not None:
        tile = load_photo(brush.tile, max_megapixels=MAX_TILE)
        pattern = Pattern.of(tile.rgb, brush.scale)
    if brush.mode == PATTERN_MODE and pattern is None and not drag:
        raise ParameterError("there is no pattern yet; drop a picture to print first")
    _restyle(
        session, drag, color=color, mode=brush.mode, strength=brush.strength, pattern=pattern,
        amount=brush.amount if brush.mode in AMOUNTS else None,
    )  # fmt: skip


def repaint(session: EditSession, *values: Any, drag: str) -> None:
    """A control of the brush moved: a selection that was painted follows it."""
    if session.active is None:
        return
    own = session.selections[session.active]
    if own.painted or own.color is not None:
        paint(session, *values, drag=drag)


def set_mode(session: EditSession, *values: Any) -> None:
    """The mode changed: an amount of another mode means nothing in this one."""
    repaint(session, *Brush(*values)._replace(amount=0.0), drag="mode")


def name_color(session: EditSession, words: str, *values: Any) -> None:
    """Paint in a color given as text; what sRGB cannot hold of it is said by `measured.notes`."""
    brush = Brush(*values)._replace(color=words)
    targets = brush.mode in TARGET_MODES
    paint(session, *(brush if targets else brush._replace(mode=TARGET_MODES[0])))


def set_option(session: EditSession, value: Any, *, name: str) -> None:
    """A field of the active selection's style that is worth keeping without a color too."""
    if session.active is not None:
        _restyle(session, name, **{name: value})


def gate(session: EditSession, kind: str, color: str, tolerance: float, *, drag: str = "") -> None:
    """Paint only what is near a color, or all but that; `kind` is one of GATES.

    A gate that is switched on to keep a color begins with the one that was clicked to select.
    """
    if session.active is None:
        return
    selection = session.selections[session.active]
    gates, where = selection.gates, selection.where
    if kind == "only" and not gates:
        color = _color_at(session, where.y, where.x)
    soft = gates[0].softness if gates else ColorGate.softness
    made = ColorGate(hex_color(color), tolerance, soft, exclude=kind == "except")
    _restyle(session, drag, gates=() if kind == "off" else (made,))


def sample(session: EditSession, y: float, x: float) -> None:
    """The photo's color at a point becomes the active selection's gate's."""
    gates, color = session.selections[_active(session)].gates, _color_at(session, y, x)
    made = replace(gates[0], color=color) if gates else ColorGate(color, exclude=True)
    _restyle(session, "", gates=(made,))


def _color_at(session: EditSession, y: float, x: float) -> str:
    """Median color of 5 x 5 pixels of the photo; ParameterError outside it."""
    session.scene.cell_at(y, x)
    row, column = round(y), round(x)
    around = session.photo.rgb[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
    return to_hex(np.median(around.reshape(-1, 3), axis=0).astype(np.uint8))


def uncolor(session: EditSession) -> None:
    """Give the active selection its own color back; its gates and options stay."""
    plain = {"color": None, "mode": TARGET_MODES[0], "amount": None, "pattern": None}
    _restyle(session, "", **plain)


def look(session: EditSession, quality: str, *, segmenter: Segmenter) -> None:
    """Analyse the photo again, faster or better (a key of QUALITIES); every edit stays."""
    config = segmenter.config.with_quality(quality)
    if config != session.scene.config:
        session.see(segmenter.analyze(session.photo, config=config))


def apply(session: EditSession, path: str, *, segmenter: Segmenter | None = None) -> None:
    """Replace all selections by those of a recipe file.

    Args:
        session: whose selections they are.
        path: of the file.
        segmenter: analyses the photo as the recipe asks, where that is one of QUALITIES: a file may
            not cost more than the page's own controls.

    Raises:
        RecipeError: it is no recipe, does not fit, or selects nothing; nothing is changed.
    """
    recipe = _read_recipe(path)
    recipe.check_photo(session.photo)
    recipe.check_weights(session.scene.weights)
    scene, config = session.scene, recipe.scene
    if segmenter is not None and config != scene.config and config.quality is not None:
        scene = segmenter.analyze(session.photo, config=config)
    session.apply(recipe, scene)


def _read_recipe(path: str) -> Recipe:
    """An uploaded recipe; errors name the upload, not the server's folder."""
    try:
        return load_recipe(path)
    except RecipeError as error:
        raise RecipeError(str(error).replace(str(Path(path)), Path(path).name)) from None


def _active(session: EditSession) -> int:
    if session.active is None:
        raise ParameterError("nothing is selected; click an object first")
    return session.active


def _restyle(session: EditSession, drag: str, **changes: Any) -> None:
    """Change fields of the active selection's style; the same again is no step."""
    own = session.selections[_active(session)].style
    new = replace(own, **changes)
    if new != own:
        session.set_style(new, drag=drag)


def hex_color(text: str) -> str:
    """What `gr.ColorPicker` sends, "#rrggbb" or "rgba(r, g, b, a)" with fractions, as "#rrggbb".

    >>> hex_color("rgba(200.4, 16, 46, 1)")
    '#c8102e'
    """
    found = re.fullmatch(r"rgba?\(([\d.]+),\s*([\d.]+),\s*([\d.]+).*\)", text.strip())
    if not found:
        return text.strip()
    values = (min(255, round(float(v))) for v in found.groups())
    return "#" + "".join(f"{v:02x}" for v in values)
