"""The controls that say how the active selection is to look, and what they show of a style."""

from __future__ import annotations

from typing import Any

import gradio as gr

from dmlseg_core.color import parse_color, to_hex
from dmlseg_core.config import (
    AMOUNTS,
    GATE_TOLERANCE,
    MODES,
    PATTERN_MODE,
    PATTERN_SCALE,
    PROTECT_HIGHLIGHTS,
    STRENGTH,
    TARGET_MODES,
)
from dmlseg_core.edit import Style
from dmlseg_core.paint import ColorGate
from dmlseg_core.ui.actions import GATES
from dmlseg_core.ui.text import say, translations

i18n = gr.I18n(**translations())
_COLOR, _GATE_COLOR = "#c8102e", "#ffffff"
CLICKS: tuple[str, ...] = ("new", "add", "subtract", "sample")
"""What a click on the photo may do; the last one only where a gate is on."""
_WIDE_SCALE = 4.0
"""Right end of the pattern's slider; a recipe with a larger scale moves it."""


class StylePanel:
    """Controls as attributes, in the order in which they stand on the page."""

    def __init__(self) -> None:
        with gr.Row(elem_id="style"):
            with gr.Column(min_width=150):
                self.color = gr.ColorPicker(_COLOR, label=i18n("color"), elem_id="color")
                self.amount = gr.Slider(
                    -1, 1, value=0, label=i18n("amount"), elem_id="amount", visible=False,
                    buttons=[],
                )  # fmt: skip
                self.tile = gr.Image(
                    label=i18n("tile"), type="filepath", sources=["upload"], image_mode=None,
                    format="png", height=130,
                    elem_id="tile", elem_classes="drop", visible=False, buttons=[],
                )  # fmt: skip
            with gr.Column(min_width=150):
                self.mode = gr.Dropdown(
                    [(i18n(m), m) for m in MODES], value=MODES[0], label=i18n("mode"),
                    elem_id="mode", filterable=False,
                )  # fmt: skip
                self.scale = gr.Slider(
                    PATTERN_SCALE.low, _WIDE_SCALE, value=1, step=0.01, label=i18n("scale"),
                    elem_id="scale", visible=False, buttons=[],
                )  # fmt: skip
        self.strength = gr.Slider(
            STRENGTH.low, STRENGTH.high, value=1.0, step=0.01, label=i18n("strength"),
            elem_id="strength", buttons=[],
        )  # fmt: skip

    def build_more(self) -> None:
        """What is seldom needed, folded away."""
        with gr.Accordion(i18n("more"), open=False, elem_id="more"):
            self.gate = gr.Radio(
                [(i18n(f"gate_{kind}"), kind) for kind in GATES], value=GATES[0],
                label=i18n("gate"), elem_id="gate",
            )  # fmt: skip
            with gr.Row(visible=False, elem_id="gate-row") as self.gate_row:
                self.gate_color = gr.ColorPicker(
                    _GATE_COLOR, label=i18n("gate_color"), min_width=110, elem_id="gate-color"
                )
                self.tolerance = gr.Slider(
                    GATE_TOLERANCE.low, GATE_TOLERANCE.high, value=ColorGate.tolerance, step=0.01,
                    label=i18n("tolerance"), min_width=150, elem_id="tolerance", buttons=[],
                )  # fmt: skip
            self.protect = gr.Slider(
                PROTECT_HIGHLIGHTS.low, PROTECT_HIGHLIGHTS.high, value=1.0, step=0.01,
                label=i18n("protect"), elem_id="protect", buttons=[],
            )  # fmt: skip
            self.matting = gr.Checkbox(False, label=i18n("matting"), elem_id="matting")
            self.named = gr.Textbox(
                label=i18n("named"), placeholder=i18n("named_hint"), elem_id="named", max_lines=1
            )

    @property
    def brush(self) -> list[Any]:
        """What `actions.paint` takes."""
        return [self.color, self.mode, self.strength, self.amount, self.tile, self.scale]

    @property
    def by_mode(self) -> list[Any]:
        """What `for_mode` updates."""
        return [self.color, self.amount, self.tile, self.scale]

    @property
    def outputs(self) -> list[Any]:
        """What `shown` updates."""
        gate = [self.gate, self.gate_row, self.gate_color, self.tolerance]
        return [*self.by_mode, self.mode, self.strength, *gate, self.protect, self.matting]


def for_mode(language: str, mode: str) -> tuple[Any, ...]:
    """Updates of `StylePanel.by_mode`: only what the mode takes is seen; amounts begin at 0."""
    amount: dict[str, Any] = {"visible": mode in AMOUNTS}
    if legal := AMOUNTS.get(mode):
        amount |= {
            "minimum": legal.low, "maximum": legal.high, "value": 0,
            "step": 1 if legal.high > 10 else 0.01, "label": say(language, f"amount_of_{mode}"),
        }  # fmt: skip
    printed = gr.update(visible=mode == PATTERN_MODE)
    return gr.update(visible=mode in TARGET_MODES), gr.update(**amount), printed, printed


def for_gate(language: str, gate: str, kind: str) -> tuple[Any, Any]:
    """Updates of the gate's row and of what a click does: with a gate it may pick its color."""
    on = gate != GATES[0]
    kinds = CLICKS if on else CLICKS[:-1]
    choices = [(say(language, k), k) for k in kinds]
    return gr.update(visible=on), gr.update(
        choices=choices, value=kind if kind in kinds else kinds[0]
    )


def shown(language: str, style: Style | None, tile: str | None) -> tuple[Any, ...]:
    """Updates of `StylePanel.outputs` for the active selection.

    Args:
        language: of labels.
        style: the selection's; None where nothing is selected, and everything stays.
        tile: file of its pattern.
    """
    if style is None:
        return (gr.skip(),) * 12
    gate = style.gates[0] if style.gates else None
    kind = GATES[0] if gate is None else "except" if gate.exclude else "only"
    return (
        *(_painted(language, style, tile) if style.painted else (gr.skip(),) * 6),
        gr.update(value=kind),
        gr.update(visible=gate is not None),
        gr.skip() if gate is None else gr.update(value=to_hex(parse_color(gate.color))),
        gr.skip() if gate is None else gr.update(value=gate.tolerance),
        gr.update(value=style.protect_highlights),
        gr.update(value=style.matting),
    )


def _painted(language: str, style: Style, tile: str | None) -> tuple[Any, ...]:
    """Updates of `by_mode`, mode and strength: an unpainted selection leaves the brush alone."""
    color, amount, picture, scale = for_mode(language, style.mode)
    if style.color is not None:
        color["value"] = to_hex(parse_color(style.color))
    if style.amount is not None:
        amount["value"] = style.amount
    if style.pattern is not None:
        wide = max(_WIDE_SCALE, style.pattern.scale)
        picture = {**picture, "value": tile}
        scale = {**scale, "value": style.pattern.scale, "maximum": wide}
    return (
        color,
        amount,
        picture,
        scale,
        gr.update(value=style.mode),
        gr.update(value=style.strength),
    )
