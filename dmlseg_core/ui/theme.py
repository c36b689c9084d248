"""The page's style sheet, colors and fonts."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from dmlseg_core.ui.draw import SHOWN, swatch


def css() -> str:
    """The style sheet, with the swatches of the list of objects."""
    sheet = Path(__file__).with_name("page.css").read_text("utf-8")
    rules = (
        f"#objects label:nth-of-type({k}) {{ --swatch: rgb{swatch(k)}; }}"
        for k in range(1, SHOWN + 1)
    )
    return sheet + "\n".join(rules) + "\n"


def theme() -> gr.themes.Base:
    """System fonts: a web font would need the network."""
    fonts = ["system-ui", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "sans-serif"]
    return gr.themes.Default(
        primary_hue="indigo",
        neutral_hue="slate",
        spacing_size="sm",
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    )
