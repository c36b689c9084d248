"""The page: which controls there are and which handler each one calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from dmlseg_core.config import STRENGTH
from dmlseg_core.export import FORMATS
from dmlseg_core.ui import actions
from dmlseg_core.ui.draw import SHOWN, swatch
from dmlseg_core.ui.handlers import Handlers
from dmlseg_core.ui.samples import sample_photos
from dmlseg_core.ui.text import translations

TAU_STEP = 0.01
_THUMBNAIL = (240, 180)
_NEWEST: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden"}
_EACH: dict[str, Any] = {"trigger_mode": "multiple", "show_progress": "hidden"}
_PRESS_HIDDEN = "() => document.querySelector('#hidden-download a, #hidden-download')?.click()"

i18n = gr.I18n(**translations())


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


def build(handlers: Handlers) -> gr.Blocks:
    """The page of one running app."""
    demo = gr.Blocks(title="dmlseg", delete_cache=(3600, 7200))
    with demo:
        _Page(handlers).wire(demo)
    return demo


class _Page:
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
        with gr.Tabs():
            with gr.Tab(i18n("edit")):
                self.canvas = gr.Image(
                    label=i18n("photo"), show_label=False, type="filepath", interactive=False,
                    elem_id="canvas", buttons=["fullscreen"], height=600,
                )  # fmt: skip
            with gr.Tab(i18n("compare")) as self.compare_tab:
                self.slider = gr.ImageSlider(
                    label="", show_label=False, type="filepath", interactive=False, height=600,
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
            label=i18n("drop"), show_label=False, type="filepath", height=120,
            file_types=["image", ".heic", ".heif", ".avif", ".tif", ".tiff"], elem_id="upload",
        )  # fmt: skip
        self.kind = gr.Radio(
            [(i18n(k), k) for k in ("new", "add", "subtract")], value="new",
            label=i18n("click_does"), elem_id="kind",
        )  # fmt: skip
        self.objects = gr.Radio([], label=i18n("objects"), elem_id="objects")
        self.tau = gr.Slider(
            0.05, 0.95, value=0.5, step=TAU_STEP, label=i18n("tau"), elem_id="tau", buttons=[]
        )
        with gr.Row():
            self.stops = {
                name: gr.Button(i18n(name), size="sm", min_width=60) for name in actions.STOPS
            }
            self.auto = gr.Button(i18n("auto_tau"), size="sm", min_width=90)
        with gr.Row():
            self.color = gr.ColorPicker("#c8102e", label=i18n("color"), min_width=110)
            self.strength = gr.Slider(
                STRENGTH.low, STRENGTH.high, value=1.0, step=0.01, label=i18n("strength"),
                min_width=150, buttons=[],
            )  # fmt: skip
        self.mode = gr.Radio(
            [(i18n("match"), "match"), (i18n("tint"), "tint")], value="match",
            label=i18n("mode"), show_label=False, elem_id="mode",
        )  # fmt: skip
        with gr.Row():
            self.paint = gr.Button(i18n("paint"), variant="primary", elem_id="paint", min_width=90)
            self.uncolor = gr.Button(i18n("uncolor"), min_width=90)
            self.remove = gr.Button(i18n("deselect"), min_width=90)
        with gr.Row():
            self.format = gr.Dropdown(
                [(i18n("as_source"), ""), *((s[1:].upper(), s) for s in _formats())], value="",
                label=i18n("format"), min_width=120,
            )  # fmt: skip
            with gr.Column(min_width=180):
                self.save = gr.Button(i18n("save"), variant="primary", elem_id="save")
                self.save_mask = gr.Button(i18n("save_mask"), size="sm", elem_id="save-mask")
        # a download button serves only what it already holds: the visible ones fill this one
        self.file = gr.DownloadButton("-", elem_id="hidden-download")

    @property
    def outputs(self) -> list[Any]:
        """What `handlers.View` updates."""
        return [
            self.canvas, self.objects, self.tau, self.color, self.status, self.undo, self.redo,
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
        paint = [self.color, self.mode, self.strength]
        self._edits(self.paint.click, actions.paint, paint)
        for moved in (self.color.input, self.strength.input, self.mode.input):
            self._edits(moved, actions.repaint, paint, **_NEWEST)
        self._edits(self.outlines.input, actions.nothing, **_NEWEST)
        for button, change in (
            (self.auto, actions.auto_tau), (self.uncolor, actions.uncolor),
            (self.remove, lambda session: session.remove()),
            (self.undo, lambda session: session.undo()),
            (self.redo, lambda session: session.redo()),
        ):  # fmt: skip
            self._edits(button.click, change)
        self.compare_tab.select(h.compare, None, self.slider, api_visibility="private")
        self._download(self.save, h.save, [self.format])
        self._download(self.save_mask, h.save_mask, None)
        demo.unload(h.close)

    def _opening(self, demo: gr.Blocks) -> None:
        samples = sample_photos()
        network: dict[str, Any] = {"concurrency_id": "network", "api_visibility": "private"}

        def sample(request: gr.Request, event: gr.SelectData) -> Any:
            return self.handlers.open(samples[event.index], request)

        def first(request: gr.Request) -> Any:
            return self.handlers.open(samples[0] if samples else None, request)

        def dropped(path: str, request: gr.Request) -> Any:
            return self.handlers.open(path, request)

        self.upload.upload(dropped, self.upload, self.outputs, **network)
        self.samples.select(sample, None, self.outputs, **network)
        demo.load(first, None, self.outputs, **network)

    def _edits(
        self, event: Any, change: Callable[..., None], inputs: list[Any] | None = None, **how: Any
    ) -> None:
        run = self.handlers.edit(change)
        values = [*(inputs or []), self.outlines]

        # Gradio counts a handler's parameters and looks for the request's annotation
        def none(a: Any, request: gr.Request) -> Any:
            return run(a, request)

        def one(a: Any, b: Any, request: gr.Request) -> Any:
            return run(a, b, request)

        def three(a: Any, b: Any, c: Any, d: Any, request: gr.Request) -> Any:
            return run(a, b, c, d, request)

        handler = {1: none, 2: one, 4: three}[len(values)]
        event(handler, values, self.outputs, api_visibility="private", **{**_EACH, **how})

    def _download(self, button: gr.Button, handler: Callable[..., Any], inputs: Any) -> None:
        made = button.click(handler, inputs, self.file, api_visibility="private")
        made.success(None, None, None, js=_PRESS_HIDDEN)


def _formats() -> list[str]:
    """One suffix for each format that can be written."""
    return list({kind: suffix for suffix, kind in reversed(FORMATS.items())}.values())[::-1]


def _thumbnail(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.draft("RGB", _THUMBNAIL)
        small = image.convert("RGB")
    small.thumbnail(_THUMBNAIL)
    return np.asarray(small)
