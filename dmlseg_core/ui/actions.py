"""Edits that the page's controls stand for, as functions of a session and the controls' values."""

from __future__ import annotations

import re

from dmlseg_core.errors import ParameterError
from dmlseg_core.session import EditSession
from dmlseg_core.ui.draw import shown_masks

STOPS: tuple[str, ...] = ("part", "object", "group")


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
    if session.active is None:
        raise ParameterError("nothing is selected; click an object first")
    where = session.selections[session.active].where
    mask = session.scene.stops(where.y, where.x)[STOPS.index(name)]
    session.set_tau(mask.seed.tau)


def paint(session: EditSession, color: str, mode: str, strength: float) -> None:
    """Recolor the active selection."""
    session.set_color(hex_color(color), mode=mode, strength=strength)


def repaint(session: EditSession, color: str, mode: str, strength: float) -> None:
    """A control moved: a selection that has a color follows it."""
    if session.active is not None and session.selections[session.active].color is not None:
        paint(session, color, mode, strength)


def uncolor(session: EditSession) -> None:
    """Give the active selection its own color back."""
    session.set_color(None)


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
