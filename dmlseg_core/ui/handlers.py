"""What happens on each event of the page: find the user's session, change it, show it again."""

from __future__ import annotations

import hashlib
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

from dmlseg_core.edit import EditSession, SessionStore, Style
from dmlseg_core.errors import DmlsegError, ParameterError
from dmlseg_core.photo import Source, load_photo, losses, write_bytes
from dmlseg_core.scene import Segmenter
from dmlseg_core.ui import actions, files, panel
from dmlseg_core.ui.draw import draw
from dmlseg_core.ui.sentences import told
from dmlseg_core.ui.status import listed, status
from dmlseg_core.ui.text import language_of, say

View: TypeAlias = tuple[Any, ...]
"""One update for each of `Page.outputs`: canvas, objects, tau, status, undo, redo, quality, ..."""

_KEPT_PICTURES = 4
"""Pictures of a session that stay on disk: the browser may still be loading the last ones."""


def _told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A user's mistake becomes a message on the page, without a traceback."""

    @wraps(handler)
    def run(*args: Any) -> Any:
        try:
            return handler(*args)
        except DmlsegError as error:
            request = args[-1]  # every handler's last argument
            sentence = told(language_of(request.headers), str(error))
            raise gr.Error(sentence, print_exception=False, duration=8) from None

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
    def open(self, source: Source | None, quality: str, request: gr.Request) -> View:
        """Analyse a photo and start a session with it; `quality` as in QUALITIES."""
        language = language_of(request.headers)
        if source is None:
            return self._nothing(say(language, "start"))
        photo = load_photo(source, max_megapixels=self.max_megapixels)
        config = self.segmenter.config.with_quality(quality)
        scene = self.segmenter.analyze(photo, config=config)
        _ = scene.regions  # grown while the user waits anyway: the first click should not
        session = self.store.put(_key(request), photo, scene)
        for note in photo.notes:
            gr.Info(told(language, note), duration=6)
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
                return self._changed(session, change, values, request, outlines)

        return run

    def _changed(
        self,
        session: EditSession,
        change: Callable[..., None],
        values: list[Any],
        request: gr.Request,
        outlines: bool,
    ) -> View:
        before, scene = session.selections, session.scene
        change(session, *values)
        try:
            view = self._view(session, request, outlines=outlines)
        except ParameterError:  # a gate that leaves nothing: it must not stand in the way
            if session.selections != before:
                session.undo()
            session.see(scene)
            raise
        if session.scene is not scene:
            self.store.trim()
        return view

    @_told
    def click(self, kind: str, outlines: bool, event: gr.SelectData, request: gr.Request) -> View:
        """A click on the picture selects, adds or subtracts."""

        def change(session: EditSession) -> None:
            y, x = _photo_point(session, event.index)
            if kind == "new":
                session.select(y, x)
            elif kind == "sample":
                actions.sample(session, y, x)
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
    def save(self, what: str, suffix: str, request: gr.Request) -> str:
        """Write a file at full size; `what` and `suffix` as in `files.write`."""
        session = self._required(request)
        language = language_of(request.headers)
        with session.lock:
            path = files.write(what, session, self._scratch(request), suffix, language)
            if what == "photo":
                for sentence in losses(session.photo, path):
                    gr.Info(told(language, sentence), duration=8)
        return str(path)

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
        tau, style, tile = gr.skip(), None, None
        if session.active is not None:
            selection = session.selections[session.active]
            where, style = selection.where, selection.style
            level = where.tau or session.scene.best_tau(where.y, where.x)
            tau = gr.update(value=round(level, 2))
            tile = self._tile(request, style)
        return (
            self._picture(request, shown),
            listed(session, language),
            tau,
            status(session, language),
            gr.update(interactive=session.can_undo),
            gr.update(interactive=session.can_redo),
            gr.update(value=session.scene.config.quality),
            *panel.shown(language, style, tile),
        )

    def _nothing(self, message: str) -> View:
        off, none = gr.update(interactive=False), gr.update(choices=[], value=None)
        panel_ = panel.shown("en", None, None)
        return None, none, gr.skip(), message, off, off, gr.skip(), *panel_

    def _tile(self, request: gr.Request, style: Style) -> str | None:
        """A file of the style's pattern, for the page to show."""
        if style.pattern is None:
            return None
        name = hashlib.sha256(style.pattern.png).hexdigest()[:16]
        path = self._scratch(request) / f"pattern-{name}.png"
        return str(path if path.exists() else write_bytes(style.pattern.png, path))

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
