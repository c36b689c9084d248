"""What happens on each event of the page: find the user's session, change it, show it again."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.errors import DmlsegError, ParameterError
from dmlseg_core.export import FORMATS, save_mask, save_photo
from dmlseg_core.images import Source, load_photo
from dmlseg_core.refine import refine_alpha
from dmlseg_core.segmenter import Segmenter
from dmlseg_core.session import EditSession, SessionStore
from dmlseg_core.ui.draw import draw, shown_masks
from dmlseg_core.ui.text import class_label, language_of, say

View: TypeAlias = tuple[Any, ...]
"""One update for each of `Page.outputs`: canvas, objects, tau, color, status, undo, redo."""

_KEPT_PICTURES = 4
"""Pictures of a session that stay on disk: the browser may still be loading the last ones."""


def _told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A user's mistake becomes a message on the page, without a traceback."""

    @wraps(handler)
    def run(*args: Any) -> Any:
        try:
            return handler(*args)
        except DmlsegError as error:
            raise gr.Error(str(error), print_exception=False, duration=8) from None

    return run


class Handlers:
    """Handlers of one running app; everything that belongs to a user lies in the store.

    Args:
        segmenter: shared by all users.
        store: sessions by the page's session hash.
        folder: scratch folder; a subfolder for each session, removed when its tab closes.
        max_megapixels: larger photos are refused.
    """

    def __init__(
        self, segmenter: Segmenter, store: SessionStore, folder: Path, max_megapixels: float
    ) -> None:
        self.segmenter, self.store, self.folder = segmenter, store, folder
        self.max_megapixels = max_megapixels
        self._numbers = count()

    @_told
    def open(self, source: Source | None, request: gr.Request) -> View:
        """Analyse a photo and start a session with it."""
        language = language_of(request.headers)
        if source is None:
            return self._nothing(say(language, "start"))
        photo = load_photo(source, max_megapixels=self.max_megapixels)
        session = self.store.put(_key(request), photo, self.segmenter.analyze(photo))
        for note in photo.notes:
            gr.Info(note, duration=6)
        return self._view(session, request, outlines=True)

    def edit(self, change: Callable[..., None]) -> Callable[..., View]:
        """A handler that calls `change(session, *values)` and shows what came of it.

        Its last two arguments are the outlines switch and the request.
        """

        @_told
        def run(*args: Any) -> View:
            *values, outlines, request = args
            session = self.store.get(_key(request))
            if session is None:
                return self._nothing(say(language_of(request.headers), "gone"))
            with session.lock:
                change(session, *values)
                return self._view(session, request, outlines=outlines)

        return run

    @_told
    def click(self, kind: str, outlines: bool, event: gr.SelectData, request: gr.Request) -> View:
        """A click on the picture selects, adds or subtracts."""

        def change(session: EditSession) -> None:
            y, x = _photo_point(session, event.index)
            if kind == "new":
                session.select(y, x)
            else:
                session.extend(y, x, subtract=kind == "subtract")

        return self.edit(change)(outlines, request)

    @_told
    def compare(self, request: gr.Request) -> tuple[str, str] | None:
        """Before and after, for the slider."""
        session = self.store.get(_key(request))
        if session is None:
            return None
        with session.lock:
            after = session.render()
        return self._picture(request, session.preview), self._picture(request, after)

    @_told
    def save(self, suffix: str, request: gr.Request) -> str | None:
        """Recolor at full size and write the file."""
        session = self._required(request)
        with session.lock:
            name = session.photo.path or Path("photo.png")
            ending = suffix or name.suffix.lower()
            ending = ending if ending in FORMATS else ".png"
            path = self._scratch(request) / f"{name.stem}-recolored{ending}"
            return str(save_photo(session.render(full=True), path, session.photo))

    @_told
    def save_mask(self, request: gr.Request) -> str | None:
        """The active selection's soft mask at full size, as a gray PNG."""
        session = self._required(request)
        with session.lock:
            mask = session.mask_of(session.active) if session.active is not None else None
            if mask is None:
                raise ParameterError("nothing is selected; click an object first")
            alpha = refine_alpha(mask.to_level(), session.photo.rgb)
            stem = (session.photo.path or Path("photo")).stem
            return str(save_mask(alpha, self._scratch(request) / f"{stem}-mask.png"))

    def close(self, request: gr.Request) -> None:
        """The tab was closed: forget the session and its files."""
        self.store.drop(_key(request))
        shutil.rmtree(self.folder / _key(request), ignore_errors=True)

    def _required(self, request: gr.Request) -> EditSession:
        session = self.store.get(_key(request))
        if session is None:
            raise ParameterError(say(language_of(request.headers), "gone"))
        return session

    def _view(self, session: EditSession, request: gr.Request, *, outlines: bool) -> View:
        language = language_of(request.headers)
        picture = session.render()
        shown = draw(session, picture) if outlines else picture
        tau, color = gr.skip(), gr.skip()
        if session.active is not None:
            selection = session.selections[session.active]
            where = selection.where
            tau = gr.update(value=where.tau or session.scene.best_tau(where.y, where.x))
            color = gr.skip() if selection.color is None else gr.update(value=selection.color)
        return (
            self._picture(request, shown),
            _listed(session, language),
            tau,
            color,
            _status(session, language),
            gr.update(interactive=session.can_undo),
            gr.update(interactive=session.can_redo),
        )

    def _nothing(self, message: str) -> View:
        off = gr.update(interactive=False)
        return None, gr.update(choices=[], value=None), gr.skip(), gr.skip(), message, off, off

    def _scratch(self, request: gr.Request) -> Path:
        folder = self.folder / _key(request)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _picture(self, request: gr.Request, rgb: NDArray[np.uint8]) -> str:
        """A lossless file of what is shown: a lossy one would look like color bleed of ours."""
        folder = self._scratch(request)
        path = folder / f"view-{next(self._numbers):06d}.png"
        Image.fromarray(rgb).save(path, compress_level=1)
        for old in sorted(folder.glob("view-*.png"))[:-_KEPT_PICTURES]:
            old.unlink(missing_ok=True)
        return str(path)


def _key(request: gr.Request) -> str:
    return re.sub(r"\W", "", request.session_hash or "") or "nobody"


def _photo_point(session: EditSession, index: Any) -> tuple[float, float]:
    """Photo (y, x) of a pixel (x, y) of the shown picture."""
    height, width = session.preview.shape[:2]
    y = (float(index[1]) + 0.5) * session.photo.height / height - 0.5
    x = (float(index[0]) + 0.5) * session.photo.width / width - 0.5
    return y, x


def _listed(session: EditSession, language: str) -> Any:
    """The list of instances: class and score; its swatches come from the style sheet."""
    masks = shown_masks(session)
    choices = [
        (f"{k}  {class_label(language, m.class_name)}  {m.score:.0%}", k)
        for k, m in enumerate(masks, 1)
    ]
    active = session.mask_of(session.active) if session.active is not None else None
    value = next((k for k, m in enumerate(masks, 1) if m is active), None)
    return gr.update(choices=choices, value=value)


def _status(session: EditSession, language: str) -> str:
    """One or two sentences: what is selected, how well its color was hit."""
    photo = session.photo
    size = say(language, "size", width=photo.width, height=photo.height)
    if session.active is None:
        key = "click" if shown_masks(session) else "no_objects"
        return f"{say(language, key)} {size}"
    mask = session.mask_of(session.active)
    if mask is None:
        return say(language, "covered")
    name = class_label(language, mask.class_name)
    text = say(language, "selected", name=name, score=mask.score, tau=mask.seed.tau)
    if made := session.measured:
        asked = session.selections[session.active].color
        text += " " + say(
            language, "measured", before=made.anchor, after=made.result_anchor,
            asked=asked, delta_e=made.delta_e,
        )  # fmt: skip
    return text
