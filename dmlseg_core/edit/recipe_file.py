"""Recipes to JSON and back; the schema is written down in docs/files.md.

Reading is strict: an unknown or missing field, a wrong type or a newer version is a RecipeError
that names the place. In the file a point is [x, y], as image viewers show it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dmlseg_core.config import TAU, SceneConfig
from dmlseg_core.edit.fields import NUMBER, Fields, number
from dmlseg_core.edit.limits import (
    MAX_BYTES,
    MAX_EDITS,
    MAX_GATES,
    MAX_TARGETS,
    parsed,
    png_pixels,
    read_text,
)
from dmlseg_core.edit.recipe import Choice, Edit, PhotoName, Recipe, Where
from dmlseg_core.edit.style import Pattern, Style
from dmlseg_core.errors import RecipeError
from dmlseg_core.paint import ColorGate, Target
from dmlseg_core.photo import write_bytes
from dmlseg_core.scene import Box, Given, Override, Point, Stroke

FORMAT, VERSION = "dmlseg-recipe", 4
"""2 since 0.3: names, hidden and locked selections, soft strokes, `connected`; 3: materials,
gloss; 4: pointed. What needs none of these is written as version 1, which older programs read."""
_NEW = {2: ("name", "visible", "locked", "connected", "soft", "mask"), 3: ("materials", "gloss"),
        4: ("pointed",)}  # fmt: skip
_WHOLE = "all"
"""What of an object recipes without `materials` paint: those of older programs."""


def save_recipe(recipe: Recipe, path: str | Path) -> Path:
    """Write a recipe; ExportError where the folder cannot be written."""
    return write_bytes((to_json(recipe) + "\n").encode(), path)


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe.

    Raises:
        RecipeError: no file, no recipe, a newer version, or a value that is out of range.
    """
    text = read_text(path)
    try:
        return from_json(text)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def to_json(recipe: Recipe) -> str:
    """The text of a recipe file."""
    photo, edits = recipe.photo, [_edit(edit) for edit in recipe.edits]
    values = {
        "format": FORMAT,
        "version": _version(json.dumps(edits)),
        "weights": recipe.weights,
        "scene": recipe.scene.to_dict(),
        "photo": None if photo is None else {
            "digest": photo.digest, "width": photo.size[1], "height": photo.size[0],
        },
        "edits": edits,
    }  # fmt: skip
    return json.dumps(values, indent=2, allow_nan=False)


def _version(edits: str) -> int:
    needed = (v for v, names in _NEW.items() if any(f'"{name}":' in edits for name in names))
    return max(needed, default=1)


def _edit(edit: Edit) -> dict[str, Any]:
    """What is as usual among the newer fields is left out."""
    usual = {"name": "", "visible": True, "locked": False}
    given = {name: getattr(edit, name) for name in usual}
    new = {name: value for name, value in given.items() if value != usual[name]}
    select = _select(edit.where)
    if isinstance(edit.where, Override) and edit.where.pointed and edit.style.materials != _WHOLE:
        select["pointed"] = True
    return {"select": select, "style": _style(edit.style), **new}


def _select(where: Where) -> dict[str, Any]:
    if isinstance(where, Choice):
        return {
            "by": "proposals", "class": where.class_name, "rank": where.rank,
            "like": None if where.like is None else list(where.like),
            "threshold": where.threshold,
        }  # fmt: skip
    return {
        "by": "point", "at": [where.x, where.y], "tau": where.tau,
        "add": [[x, y] for y, x in where.add], "subtract": [[x, y] for y, x in where.subtract],
        "box": None if where.box is None else [where.box[k] for k in (1, 0, 3, 2)],
        "strokes": [_stroke(s) for s in where.strokes],
        **({} if where.connected is None else {"connected": where.connected}),
        **({} if where.given is None else {"mask": base64.b64encode(where.given.png).decode()}),
    }  # fmt: skip


def _stroke(stroke: Stroke) -> dict[str, Any]:
    points = [[x, y] for y, x in stroke.points]
    soft = {"soft": stroke.soft} if stroke.soft else {}
    return {"points": points, "radius": stroke.radius, "subtract": stroke.subtract, **soft}


def _style(style: Style) -> dict[str, Any]:
    pattern = style.pattern
    return {
        "color": style.color,
        "mode": style.mode,
        "strength": style.strength,
        "protect_highlights": style.protect_highlights,
        "amount": style.amount,
        "gates": [asdict(gate) for gate in style.gates],
        "pattern": None if pattern is None else {
            "png": base64.b64encode(pattern.png).decode(), "scale": pattern.scale,
        },
        "matting": style.matting,
        **({} if style.gloss == Style.gloss else {"gloss": style.gloss}),
        **({} if style.materials == _WHOLE and not style.targets else {
            "materials": style.materials,
            "targets": [{"color": color, "target": target} for color, target in style.targets],
        }),
    }  # fmt: skip


def from_json(text: str) -> Recipe:
    """The recipe of a file's text.

    Raises:
        RecipeError: see `load_recipe`.
    """
    values = parsed(text)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise RecipeError(f'this is no recipe: it must be an object with "format": "{FORMAT}"')
    version = values.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RecipeError(f"version must be a whole number from 1 on; got {version!r}")
    if version > VERSION:
        raise RecipeError(
            f"the recipe is of version {version}, newer than {VERSION}, the newest known here; "
            "update dmlseg"
        )
    with Fields(values, "recipe") as field:
        field.take("format", str), field.take("version", int)
        weights = field.take("weights", str)
        scene = field.made("scene", dict, _scene_of)
        photo = field.take("photo", (dict, type(None)), None)
        edits = field.each("edits", dict, _edit_of, most=MAX_EDITS)
    return Recipe(weights, scene, edits, None if photo is None else _photo_of(photo))


def _scene_of(values: dict[str, Any]) -> SceneConfig:
    with Fields(values, "recipe.scene") as field:
        if field.take("shift_steps", int, 0):  # files before 0.2.0 name it; all but 0 is gone
            raise RecipeError("recipe.scene.shift_steps must be 0: mean-shift steps are gone")
        usual = SceneConfig().to_dict()
        kinds: dict[str, Any] = {
            k: NUMBER if type(v) is float else type(v) for k, v in usual.items()
        }
        kinds["edge_weight"] = (*NUMBER, type(None))
        return SceneConfig(**{name: field.take(name, kinds[name], usual[name]) for name in usual})


def _photo_of(values: dict[str, Any]) -> PhotoName:
    with Fields(values, "recipe.photo") as field:
        size = field.take("height", int), field.take("width", int)
        return PhotoName(field.take("digest", str), size)


def _edit_of(values: dict[str, Any], where: str) -> Edit:
    with Fields(values, where) as field:
        select = field.made("select", dict, lambda v: _where_of(v, f"{where}.select"))
        style = field.made("style", dict, lambda v: _style_of(v, f"{where}.style"))
        flags = field.take("visible", bool, True), field.take("locked", bool, False)
        return Edit(select, style, field.take("name", str, ""), *flags)


def _where_of(values: dict[str, Any], where: str) -> Where:
    with Fields(values, where) as field:
        by = field.take("by", str)
        if by == "proposals":
            like = field.take("like", (list, type(None)), None)
            return Choice(
                field.take("class", (str, type(None)), None),
                None if like is None else tuple(number(v, f"{where}.like") for v in like),
                field.take("threshold", NUMBER, 0.5),
                field.take("rank", (int, type(None)), None),
            )
        if by != "point":
            raise RecipeError(f'{where}.by must be "point" or "proposals"; got {by!r:.40}')
        y, x = _point_of(field.take("at", list), f"{where}.at")
        tau = field.take("tau", (*NUMBER, type(None)), None)
        add, subtract = (field.each(name, list, _point_of, []) for name in ("add", "subtract"))
        box = field.take("box", (list, type(None)), None)
        return Override(
            y, x, None if tau is None else TAU.check(tau), add, subtract,
            None if box is None else _box_of(box, f"{where}.box"),
            field.each("strokes", dict, _stroke_of, []),
            field.take("connected", (bool, type(None)), None),
            _given_of(field, f"{where}.mask"),
            field.take("pointed", bool, False),
        )  # fmt: skip


def _box_of(values: list[Any], where: str) -> Box:
    if len(values) != 4:
        raise RecipeError(f"{where} must be [left, top, right, bottom]; got {values!r:.40}")
    left, top, right, bottom = (number(value, where) for value in values)
    return top, left, bottom, right


def _stroke_of(values: dict[str, Any], where: str) -> Stroke:
    with Fields(values, where) as field:
        return Stroke(
            field.each("points", list, _point_of),
            field.take("radius", NUMBER),
            field.take("subtract", bool, False),
            field.take("soft", NUMBER, 0.0),
        )


def _point_of(values: list[Any], where: str) -> Point:
    if len(values) != 2:
        raise RecipeError(f"{where} must be [x, y]; got {values!r:.40}")
    x, y = (number(value, where) for value in values)
    return y, x


def _style_of(values: dict[str, Any], where: str) -> Style:
    with Fields(values, where) as field:
        return Style(
            color=field.take("color", (str, type(None)), None),
            mode=field.take("mode", str, "match"),
            strength=field.take("strength", NUMBER, 1.0),
            protect_highlights=field.take("protect_highlights", NUMBER, 1.0),
            amount=field.take("amount", (*NUMBER, type(None)), None),
            gates=field.each("gates", dict, _gate_of, [], most=MAX_GATES),
            pattern=_pattern_of(field.take("pattern", (dict, type(None)), None), where),
            matting=field.take("matting", bool, False),
            gloss=field.take("gloss", str, Style.gloss),
            materials=field.take("materials", str, _WHOLE),
            targets=field.each("targets", dict, _target_of, [], most=MAX_TARGETS),
        )


def _target_of(values: dict[str, Any], where: str) -> Target:
    with Fields(values, where) as field:
        return field.take("color", str), field.take("target", (str, type(None)))


def _gate_of(values: dict[str, Any], where: str) -> ColorGate:
    with Fields(values, where) as field:
        return ColorGate(
            field.take("color", str),
            field.take("tolerance", NUMBER, ColorGate.tolerance),
            field.take("softness", NUMBER, ColorGate.softness),
            field.take("exclude", bool, False),
        )


def _pattern_of(values: dict[str, Any] | None, where: str) -> Pattern | None:
    if values is None:
        return None
    with Fields(values, f"{where}.pattern") as field:
        png = _png_of(field.take("png", str, longest=MAX_BYTES), f"{where}.pattern.png")
        return Pattern(png, field.take("scale", NUMBER, 1.0))


def _given_of(field: Fields, where: str) -> Given | None:
    text = field.take("mask", (str, type(None)), None, longest=MAX_BYTES)
    return None if text is None else Given(_png_of(text, where))


def _png_of(text: str, where: str) -> bytes:
    try:
        png = base64.b64decode(text, validate=True)
        png_pixels(png)
    except ValueError:  # binascii.Error is one
        raise RecipeError(f"{where} must be base64 of a PNG file") from None
    return png
