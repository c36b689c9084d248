"""What the page says of a session: the list of instances, the line under the photo."""

from __future__ import annotations

from typing import Any

import gradio as gr

from dmlseg_core.config import AMOUNTS, PATTERN_MODE
from dmlseg_core.edit import EditSession, Style
from dmlseg_core.paint import Recolored
from dmlseg_core.ui.draw import shown_masks
from dmlseg_core.ui.sentences import told
from dmlseg_core.ui.text import class_label, say


def listed(session: EditSession, language: str) -> Any:
    """The list of instances: class and score; its swatches come from the style sheet."""
    masks = shown_masks(session)
    choices = [
        (f"{k}  {class_label(language, m.class_name)}  {m.score:.0%}", k)
        for k, m in enumerate(masks, 1)
    ]
    active = session.mask_of(session.active) if session.active is not None else None
    value = next((k for k, m in enumerate(masks, 1) if m is active), None)
    return gr.update(choices=choices, value=value)


def status(session: EditSession, language: str) -> str:
    """What is selected, how well its color was hit, what could not be done as asked."""
    photo = session.photo
    size = say(language, "size", width=photo.width, height=photo.height)
    if session.active is None:
        key = "click" if shown_masks(session) else "no_objects"
        return f"{say(language, key)} {size}"
    mask = session.mask_of(session.active)
    if mask is None:
        return say(language, "covered")
    name = class_label(language, mask.class_name)
    text = [say(language, "selected", name=name, score=mask.score, tau=mask.seed.tau)]
    if made := session.measured:
        text += [_measured(made, session.selections[session.active], language)]
        text += [told(language, note) for note in made.notes]
    return " ".join(text)


def _measured(made: Recolored, style: Style, language: str) -> str:
    """The color before and after, and what was asked for."""
    values = {"before": made.anchor, "after": made.result_anchor, "delta_e": made.delta_e}
    if style.mode == PATTERN_MODE:
        return say(language, "changed", how=say(language, "pattern"), **values)
    if style.mode in AMOUNTS:
        unit = "°" if style.mode == "hue_shift" else ""
        how = f"{say(language, style.mode)} {style.amount:+g}{unit}"
        return say(language, "changed", how=how, **values)
    return say(language, "measured", asked=style.color, **values)
