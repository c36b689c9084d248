"""The page: Gradio's frame around one component, the stage."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from dmlseg_core.api import Service
from dmlseg_core.package_data import data_folder
from dmlseg_core.ui.programs import offer

HOST = '<div class="stage-host"></div>'
"""The whole template: what changes is drawn by the stage's own modules, so nothing re-renders."""


_LOOK = 0.02
"""Seconds between two looks of Gradio's queue for work: its own 1 ms takes 7 % of a core."""


def stage_files() -> Path:
    """Where the stage's modules and style sheets lie."""
    return data_folder("assets") / "stage"


def stage_component(base: str = "") -> gr.HTML:
    """A photo, a hand and its colors.

    No subclass: Gradio writes a stub file beside the module of each one when it is imported.

    Args:
        base: where the app's routes begin, relative to the page; "" is beside it.
    """
    return gr.HTML(
        html_template=HOST, js_on_load=(stage_files() / "load.js").read_text("utf-8"),
        apply_default_css=False, padding=False, elem_id="stage", base=base,
    )  # fmt: skip


def build(service: Service | None = None) -> gr.Blocks:
    """The page of a running app; with a service, its calls are functions of `gradio_client`."""
    made = gr.Blocks(title="dmlseg", fill_width=True, fill_height=True, analytics_enabled=False)
    with made:
        stage_component()
        if service is not None:
            offer(made, service)
    made._queue.sleep_when_free = made._queue.progress_update_sleep_when_free = _LOOK
    return made


CSS = """
.gradio-container, .gradio-container main, .gradio-container .contain { padding: 0 !important;
  margin: 0 !important; max-width: none !important; }
#stage, #stage > div { padding: 0; border: 0; margin: 0; }
footer { display: none !important; }
"""
"""All that Gradio's frame needs; the stage's own styles are in its shadow root."""
