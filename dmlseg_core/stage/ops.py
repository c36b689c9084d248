"""Edits as a browser sends them: the word `op` and its values, done to a session."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from dmlseg_core.config import GLOSS, MATERIALS, TARGET_MODES
from dmlseg_core.edit import (
    MAX_GATES,
    MAX_TARGETS,
    STOPS,
    EditSession,
    Style,
    choose_in_box,
    select_alike,
    step,
    stop,
)
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import ColorGate, Target
from dmlseg_core.scene import Stroke
from dmlseg_core.stage.asked import Asked
from dmlseg_core.stage.hover import shown_proposals

MODES: tuple[str, ...] = ("auto", "add", "subtract", "new", "part")
"""What a click may do."""
_WORDS = {"gloss": tuple(GLOSS), "materials": MATERIALS}
"""Fields of a style that are one of some words."""
_STEPS = 6
"""Points of a stroke that are kept, for each radius of its length."""
_RUNAWAY = 0.4
"""A click that would select more of the photo than this lets go of what is active instead."""


def edit(session: EditSession, values: Any) -> None:
    """Do one edit.

    Args:
        session: locked by the caller.
        values: a JSON object with `op` and what belongs to it; coordinates are photo pixels.

    Raises:
        ParameterError: a value that is missing or out of range; nothing is changed then.
    """
    asked = Asked(values)
    OPS[asked.choice("op", tuple(OPS))](session, asked)


def _click(session: EditSession, asked: Asked) -> None:
    y, x, mode = asked.number("y"), asked.number("x"), asked.choice("mode", MODES, "auto")
    tau = asked.number("tau") if asked.has("tau") else None
    held = None if mode == "new" else session.at(y, x)
    if mode in ("add", "subtract"):
        session.extend(y, x, subtract=mode == "subtract")
    elif held is not None and _only_meant(session, held, mode):
        session.activate(held)
    elif held is not None or mode == "part":
        step(session, y, x)
    else:
        _select(session, y, x, tau, holds_back=mode == "auto")


def _only_meant(session: EditSession, held: int, mode: str) -> bool:
    """Whether a click on selection `held` changes nothing of it: another one was active, or work on
    it would be lost.
    """
    other = mode == "auto" and held != session.active
    return other or session.selections[held].finished


def _select(session: EditSession, y: float, x: float, tau: float | None, holds_back: bool) -> None:
    """A new selection; a click beside the active one on what fills the photo lets go first."""
    if holds_back and session.active is not None:
        mask = session.scene.mask_at(y, x, tau)
        if mask.grid.mean() > _RUNAWAY:
            return session.activate(None)
    return session.select(y, x, tau, new=True)


def _box(session: EditSession, asked: Asked) -> None:
    (left, right), (top, bottom) = (
        sorted((asked.number(f"{axis}0"), asked.number(f"{axis}1"))) for axis in "xy"
    )
    mode = asked.choice("mode", MODES[:-1], "new")
    choose_in_box(session, (top, left, bottom, right), mode)


def _stroke(session: EditSession, asked: Asked) -> None:
    radius, soft = asked.number("radius"), asked.number("soft", 0.0)
    height, width = session.photo.size
    inside: list[tuple[float, float]] = []
    for y, x in asked.points("points"):
        # a hand that leaves the photo goes on along its rim
        point = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
        if not inside or math.dist(point, inside[-1]) > radius / _STEPS:
            inside.append(point)
    erase = asked.choice("mode", ("add", "erase"), "add") == "erase"
    session.brush(Stroke(tuple(inside), radius, erase, soft))


def _tau(session: EditSession, asked: Asked) -> None:
    session.activate(_index(session, asked))
    tau = asked.number("tau") if asked.has("tau") else None
    session.set_tau(tau, drag=_drag("tau", asked))


def _stop(session: EditSession, asked: Asked) -> None:
    session.activate(_index(session, asked))
    stop(session, asked.choice("which", STOPS))


def _activate(session: EditSession, asked: Asked) -> None:
    session.activate(_index(session, asked) if asked.has("id") else None)


def _style(session: EditSession, asked: Asked) -> None:
    k = _index(session, asked)
    style = restyled(session.selections[k].style, asked.inner("style"))
    session.activate(k)
    session.set_style(style, drag=_drag("style", asked))


def restyled(style: Style, asked: Asked) -> Style:
    """A style with the given fields changed.

    A mode that takes no color keeps it for later; a color given in such a mode asks for one that
    takes it.

    Raises:
        ParameterError: an unknown field, or a value out of range.
    """
    known = {f.name for f in fields(Style)} - {"pattern"}
    if unknown := sorted(set(asked.values) - known):  # a picture goes to pattern/ID
        raise ParameterError(f"a style has no field {unknown[0]!r:.40}")
    made: dict[str, Any] = {}
    if "color" in asked.values:
        made["color"] = asked.text("color") if asked.has("color") else None
    if asked.has("mode"):
        made["mode"] = asked.text("mode")
    elif made.get("color") and style.mode not in TARGET_MODES:
        made["mode"] = TARGET_MODES[0]
    for name in ("strength", "protect_highlights"):
        if asked.has(name):
            made[name] = asked.number(name)
    if "amount" in asked.values:
        made["amount"] = asked.number("amount") if asked.has("amount") else None
    elif "mode" in made and made["mode"] != style.mode:
        made["amount"] = None  # degrees mean nothing to lightness
    if asked.has("matting"):
        made["matting"] = asked.flag("matting")
    if asked.has("gates"):
        made["gates"] = tuple(_gate(Asked(item)) for item in asked.items("gates", MAX_GATES))
    made |= {name: asked.choice(name, some) for name, some in _WORDS.items() if asked.has(name)}
    if asked.has("targets"):
        made["targets"] = tuple(
            _target(Asked(item)) for item in asked.items("targets", MAX_TARGETS)
        )
    return replace(style, **made)


def _target(asked: Asked) -> Target:
    return asked.text("color"), asked.text("target") if asked.has("target") else None


def _gate(asked: Asked) -> ColorGate:
    return ColorGate(
        asked.text("color"),
        asked.number("tolerance", ColorGate.tolerance),
        asked.number("softness", ColorGate.softness),
        exclude=asked.flag("exclude", False),
    )


def _rename(session: EditSession, asked: Asked) -> None:
    name = " ".join(asked.text("name").split())
    session.set_fields(_index(session, asked), label="rename", name=name)


def _reorder(session: EditSession, asked: Asked) -> None:
    ids = [s.id for s in session.selections]
    wanted = asked.items("ids")
    if sorted(map(repr, wanted)) != sorted(map(repr, ids)):  # "1" is no id
        raise ParameterError("an order names each selection once")
    session.reorder([ids.index(one) for one in wanted])


def _remove(session: EditSession, asked: Asked) -> None:
    session.activate(_index(session, asked))
    session.remove()


def _choose(session: EditSession, asked: Asked) -> None:
    shown, number = shown_proposals(session), asked.whole("proposal")
    if not 1 <= number <= len(shown):
        raise ParameterError(f"there is no proposal {number}; there are {len(shown)}")
    session.choose(shown[number - 1])


OPS: dict[str, Callable[[EditSession, Asked], object]] = {
    "click": _click,
    "box": _box,
    "stroke": _stroke,
    "tau": _tau,
    "stop": _stop,
    "activate": _activate,
    "style": _style,
    "rename": _rename,
    "reorder": _reorder,
    "visible": lambda s, a: s.set_fields(_index(s, a), label="visible", visible=a.flag("on")),
    "lock": lambda s, a: s.set_fields(_index(s, a), label="lock", locked=a.flag("on")),
    "remove": _remove,
    "like": lambda s, a: select_alike(s, _index(s, a)),
    "choose": _choose,
    "undo": lambda s, _: s.undo(),
    "redo": lambda s, _: s.redo(),
    "goto": lambda s, a: s.history.go(a.whole("step")),
    "clear": lambda s, _: s.clear(),
    "connected": lambda s, a: s.set_connected(a.flag("on")),
}
"""Every edit but `quality`, which is the analyst's."""


def _index(session: EditSession, asked: Asked) -> int:
    """Place of the selection with the given id; the active one where none is given."""
    if not asked.has("id"):
        return session.required()
    wanted = asked.whole("id")
    found = [k for k, s in enumerate(session.selections) if s.id == wanted]
    if not found:
        raise ParameterError(f"there is no selection {wanted}; it was removed")
    return found[0]


def _drag(what: str, asked: Asked) -> str:
    """A tag of all moves of one drag; a change without one is a step of its own."""
    drag = asked.text("drag", "") if asked.has("drag") else ""
    return f"{what} {drag} " if drag else ""
