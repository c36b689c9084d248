"""The page: which controls there are and which handler each one calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from dmlseg_core.config import DIAL, QUALITIES
from dmlseg_core.photo import FORMATS
from dmlseg_core.ui import actions
from dmlseg_core.ui.files import KINDS
from dmlseg_core.ui.handlers import Handlers
from dmlseg_core.ui.panel import CLICKS, StylePanel, for_gate, for_mode, i18n
from dmlseg_core.ui.samples import sample_photos
from dmlseg_core.ui.text import language_of

TAU_STEP = 0.01
_THUMBNAIL = (240, 180)
_CANVAS = 528
_NEWEST: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden"}
_EACH: dict[str, Any] = {"trigger_mode": "multiple", "show_progress": "hidden"}
_LAYOUT: dict[str, Any] = {
    "queue": False, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip
"""Of listeners that only show and hide controls."""
_NETWORK: dict[str, Any] = {"concurrency_id": "network"}
"""Of listeners that analyse a photo: one at a time, whoever asks."""
_PRESS_HIDDEN = "() => document.querySelector('#hidden-download a, #hidden-download')?.click()"


def build(handlers: Handlers) -> gr.Blocks:
    """The page of one running app."""
    demo = gr.Blocks(title="dmlseg", delete_cache=(3600, 7200))
    with demo:
        Page(handlers).wire(demo)
    return demo


class Page:
    """Controls as attributes, in the order in which they stand on the page."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        with gr.Row(elem_id="brand"):
            gr.HTML("<h1>dmlseg</h1>", padding=False)
            gr.Markdown(i18n("title"))
        with gr.Row():
            with gr.Column(scale=7, min_width=420):
                self._picture()
            with gr.Column(scale=4, min_width=340):
                self._controls()

    def _picture(self) -> None:
        with gr.Row(elem_id="bar"):
            self.undo = gr.Button(
                i18n("undo"), size="sm", interactive=False, elem_id="undo", min_width=70, scale=0
            )
            self.redo = gr.Button(
                i18n("redo"), size="sm", interactive=False, elem_id="redo", min_width=70, scale=0
            )
            self.outlines = gr.Checkbox(True, label=i18n("outlines"), container=False, min_width=90)
            self.quality = gr.Dropdown(
                [(i18n(f"quality_{name}"), name) for name in QUALITIES], container=False,
                value=self.handlers.segmenter.config.quality, label=i18n("quality"),
                elem_id="quality", filterable=False, min_width=190, scale=0,
            )  # fmt: skip
        with gr.Tabs():
            with gr.Tab(i18n("edit")):
                self.canvas = gr.Image(
                    label=i18n("photo"), show_label=False, type="filepath", interactive=False,
                    elem_id="canvas", buttons=["fullscreen"], height=_CANVAS,
                )  # fmt: skip
            with gr.Tab(i18n("compare")) as self.compare_tab:
                self.slider = gr.ImageSlider(
                    label="", show_label=False, type="filepath", interactive=False, height=_CANVAS,
                    elem_id="compare", buttons=["fullscreen"],
                )  # fmt: skip
        self.status = gr.Markdown(elem_id="status")
        samples = sample_photos()
        self.samples = gr.Gallery(
            [_thumbnail(p) for p in samples], label=i18n("samples"), show_label=False,
            columns=len(samples) or 1, allow_preview=False,
            height=130, elem_id="samples", buttons=[], interactive=False,
        )  # fmt: skip

    def _controls(self) -> None:
        self.upload = gr.File(
            label=i18n("drop"), type="filepath", height=64, elem_classes="drop",
            file_types=["image", ".heic", ".heif", ".avif", ".tif", ".tiff"], elem_id="upload",
        )  # fmt: skip
        self.kind = gr.Radio(
            [(i18n(k), k) for k in CLICKS[:-1]], value=CLICKS[0], label=i18n("click_does"),
            elem_id="kind",
        )  # fmt: skip
        self.objects = gr.Radio([], label=i18n("objects"), elem_id="objects")
        self.tau = gr.Slider(
            *DIAL, value=0.5, step=TAU_STEP, label=i18n("tau"), elem_id="tau", buttons=[]
        )
        with gr.Row():
            self.stops = {
                name: gr.Button(i18n(name), size="sm", min_width=60) for name in actions.STOPS
            }
            self.auto = gr.Button(i18n("auto_tau"), size="sm", min_width=90)
        self.style = StylePanel()
        with gr.Row():
            self.paint = gr.Button(i18n("paint"), variant="primary", elem_id="paint", min_width=90)
            self.uncolor = gr.Button(i18n("uncolor"), elem_id="uncolor", min_width=90)
            self.remove = gr.Button(i18n("deselect"), elem_id="deselect", min_width=90)
        self.style.build_more()
        self._files()

    def _files(self) -> None:
        with gr.Row(elem_id="files"):
            self.what = gr.Dropdown(
                [(i18n(f"what_{kind}"), kind) for kind in KINDS], value="photo",
                label=i18n("what"), elem_id="what", filterable=False, min_width=150,
            )  # fmt: skip
            self.format = gr.Dropdown(
                [(i18n("as_source"), ""), *((s[1:].upper(), s) for s in _formats())], value="",
                label=i18n("format"), elem_id="format", filterable=False, min_width=120,
            )  # fmt: skip
        self.save = gr.Button(i18n("save"), elem_id="save")
        with gr.Accordion(i18n("apply"), open=False, elem_id="apply"):
            self.recipe = gr.File(
                label=i18n("recipe"), type="filepath", height=64, file_types=[".json"],
                elem_id="recipe", elem_classes="drop",
            )  # fmt: skip
        # a download button serves only what it already holds: the visible one fills this one
        self.file = gr.DownloadButton("-", elem_id="hidden-download")

    @property
    def outputs(self) -> list[Any]:
        """What `handlers.View` updates."""
        return [
            self.canvas, self.objects, self.tau, self.status, self.undo, self.redo,
            self.quality, *self.style.outputs,
        ]  # fmt: skip

    def wire(self, demo: gr.Blocks) -> None:
        """Connect every control to its handler."""
        h = self.handlers
        self._opening(demo)
        self.canvas.select(
            h.click, [self.kind, self.outlines], self.outputs, api_visibility="private", **_EACH
        )
        self._edits(self.objects.input, actions.choose, [self.objects], **_EACH)
        self._edits(self.tau.input, actions.set_tau, [self.tau], **_NEWEST)
        for name, button in self.stops.items():
            self._edits(button.click, partial(actions.stop, name=name))
        self._edits(self.outlines.input, actions.nothing, **_NEWEST)
        look = partial(actions.look, segmenter=h.segmenter)
        self._edits(self.quality.input, look, [self.quality], **{**_NEWEST, **_NETWORK})
        for button, change in (
            (self.auto, actions.auto_tau), (self.uncolor, actions.uncolor),
            (self.remove, lambda session: session.remove()),
            (self.undo, lambda session: session.undo()),
            (self.redo, lambda session: session.redo()),
        ):  # fmt: skip
            self._edits(button.click, change)
        self._styling()
        self.compare_tab.select(h.compare, None, self.slider, api_visibility="private")
        apply = partial(actions.apply, segmenter=h.segmenter)
        self._edits(self.recipe.upload, apply, [self.recipe], **_NETWORK)
        self.what.input(
            lambda what: gr.update(visible=what == "photo"), self.what, self.format, **_LAYOUT
        )
        made = self.save.click(
            h.save, [self.what, self.format], self.file, api_visibility="private"
        )
        made.success(None, None, None, js=_PRESS_HIDDEN)
        demo.unload(h.close)

    def _styling(self) -> None:
        style = self.style
        self._edits(self.paint.click, actions.paint, style.brush)
        self._edits(style.named.submit, actions.name_color, [style.named, *style.brush])
        for name, moved in (
            ("color", style.color.input), ("strength", style.strength.input),
            ("amount", style.amount.input), ("tile", style.tile.upload),
            ("scale", style.scale.input),
        ):  # fmt: skip
            self._edits(moved, partial(actions.repaint, drag=name), style.brush, **_NEWEST)
        gate = [style.gate, style.gate_color, style.tolerance]
        for name, moved in (
            ("", style.gate.input), ("gate", style.gate_color.input),
            ("tolerance", style.tolerance.input),
        ):  # fmt: skip
            self._edits(moved, partial(actions.gate, drag=name), gate, **_NEWEST)
        for name, option in (("protect_highlights", style.protect), ("matting", style.matting)):
            set_it = partial(actions.set_option, name=name)
            self._edits(option.input, set_it, [option], **_NEWEST)

        def mode_shown(mode: str, request: gr.Request) -> Any:
            return for_mode(language_of(request.headers), mode)

        def gate_shown(gate: str, kind: str, request: gr.Request) -> Any:
            return for_gate(language_of(request.headers), gate, kind)

        # one after the other: a late answer would set a slider back that was already moved
        chosen = style.mode.input(mode_shown, style.mode, style.by_mode, **_LAYOUT)
        self._edits(chosen.then, actions.set_mode, style.brush, **_NEWEST)
        style.gate.change(
            gate_shown, [style.gate, self.kind], [style.gate_row, self.kind], **_LAYOUT
        )

    def _opening(self, demo: gr.Blocks) -> None:
        h, samples = self.handlers, sample_photos()
        network: dict[str, Any] = {**_NETWORK, "api_visibility": "private"}

        def sample(quality: str, request: gr.Request, event: gr.SelectData) -> Any:
            return h.open(samples[event.index], quality, request)

        def first(quality: str, request: gr.Request) -> Any:
            return h.open(samples[0] if samples else None, quality, request)

        def dropped(path: str, quality: str, request: gr.Request) -> Any:
            return h.open(path, quality, request)

        self.upload.upload(dropped, [self.upload, self.quality], self.outputs, **network)
        self.samples.select(sample, self.quality, self.outputs, **network)
        demo.load(first, self.quality, self.outputs, **network)

    def _edits(
        self, event: Any, change: Callable[..., None], inputs: list[Any] | None = None, **how: Any
    ) -> None:
        run = self.handlers.edit(change)
        values = [*(inputs or []), self.outlines]

        def handler(given: dict[Any, Any], request: gr.Request) -> Any:
            return run(*(given[control] for control in values), request)

        # a set of inputs arrives as one dict: handlers of any number of values look alike
        event(handler, set(values), self.outputs, api_visibility="private", **{**_EACH, **how})


def _formats() -> list[str]:
    """One suffix for each format that can be written."""
    return list({kind: suffix for suffix, kind in reversed(FORMATS.items())}.values())[::-1]


def _thumbnail(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.draft("RGB", _THUMBNAIL)
        small = image.convert("RGB")
    small.thumbnail(_THUMBNAIL)
    return np.asarray(small)
