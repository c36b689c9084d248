"""What the tools do, without the protocol: figures and a small picture for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dmlseg_core.api import (
    NOTHING,
    Kept,
    Painted,
    chosen,
    object_figures,
    painted_figures,
    photo_figures,
)
from dmlseg_core.api import style_of as api_style
from dmlseg_core.edit import EditSession, select_alike
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder import AnySegmenter
from dmlseg_core.mcp.picture import numbered, small
from dmlseg_core.mcp.root import Root
from dmlseg_core.photo import load_photo, losses, save_photo, suffix_of
from dmlseg_core.stage import MEGABYTE, shown_proposals

_KEPT = 512 * MEGABYTE


@dataclass(frozen=True)
class Reply:
    """What a tool answers: values that JSON can hold, and a JPEG to look at."""

    figures: dict[str, Any]
    picture: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Aim:
    """An object of a photo and the style it is to have, as an assistant says it.

    Attributes:
        photo: path below the root.
        x, y: a pixel of the object, or
        number: its number in `find_objects`.
        tau: threshold of the mask; None: chosen.
        color, mode, amount, materials: as of `dmlseg recolor`.
    """

    photo: str
    x: float | None = None
    y: float | None = None
    number: int | None = None
    tau: float | None = None
    color: str | None = None
    mode: str = "match"
    amount: float | None = None
    materials: str = "body"

    @property
    def asked(self) -> Painted:
        """Checked as the API checks it."""
        values = {
            "x": self.x, "y": self.y, "object": self.number, "tau": self.tau, "color": self.color,
            "mode": self.mode, "amount": self.amount, "materials": self.materials,
        }  # fmt: skip
        given = {name: value for name, value in values.items() if value is not None}
        return Painted.of(given, strict=True)


@dataclass(eq=False)
class Tools:
    """The tools on one folder.

    Attributes:
        root: the folder.
        load: gives the segmenter, when the first photo is asked for.
        max_megapixels: larger photos are refused.
    """

    root: Root
    load: Callable[[], AnySegmenter]
    max_megapixels: float = 100.0
    _kept: Kept = field(default_factory=lambda: Kept(_KEPT), init=False)
    _ids: dict[tuple[Path, int, int], str] = field(default_factory=dict, init=False)

    @cached_property
    def segmenter(self) -> AnySegmenter:
        """The network."""
        return self.load()

    def find_objects(self, photo: str) -> Reply:
        """Every object of a photo, numbered in the picture."""
        _, session = self._opened(photo)
        masks = shown_proposals(session)
        objects = [
            {"number": k, **object_figures(session, mask)} for k, mask in enumerate(masks, 1)
        ]
        figures = {"photo": photo, **photo_figures(session.photo), "objects": objects}
        return Reply(figures, numbered(session, masks))

    def recolor_object(self, aim: Aim, out: str | None, *, dry_run: bool) -> Reply:
        """One object in another style."""
        path, session = self._opened(aim.photo)
        self._select(session, aim)
        return self._done(path, session, aim, out, dry_run=dry_run)

    def recolor_all_like(self, aim: Aim, out: str | None, *, dry_run: bool) -> Reply:
        """An object and all of the same photo that are like it."""
        path, session = self._opened(aim.photo)
        select_alike(session, self._select(session, aim))
        return self._done(path, session, aim, out, dry_run=dry_run)

    def _opened(self, photo: str) -> tuple[Path, EditSession]:
        """The path, and a session of one's own; what has not changed is not analysed again."""
        path = self.root.reading(photo)
        status = path.stat()
        key = path, status.st_mtime_ns, status.st_size
        kept = self._kept.get(self._ids.get(key, ""))
        if kept is None:
            loaded = load_photo(path, max_megapixels=self.max_megapixels)
            kept = EditSession(loaded, self.segmenter.analyze(loaded))
            _ = kept.preview, kept.proposals
            self._ids = {**dict(list(self._ids.items())[-100:]), key: self._kept.put(kept)}
        return path, kept.snapshot()

    def _select(self, session: EditSession, aim: Aim) -> int:
        asked = aim.asked
        style = api_style(asked)
        if not style.painted:
            raise ParameterError("give a color, or a mode that takes an amount and the amount")
        chosen(session, asked, self.max_megapixels)
        session.set_style(style)
        return session.required()

    def _done(
        self, path: Path, session: EditSession, aim: Aim, out: str | None, *, dry_run: bool
    ) -> Reply:
        target = self.root.writing(out or self._beside(path, session, aim))
        notes = losses(session.photo, target)  # a format that is not written is told here
        painted = list(session.paint(full=not dry_run))
        if not painted:
            raise ParameterError(NOTHING)
        if not dry_run:
            with self.root.claimed(target):
                save_photo(painted[-1].made.rgb, target, session.photo)
        figures = {
            "dry_run": dry_run,
            "file": self.root.name(target),
            "objects": [painted_figures(session, p) for p in painted],
            "notes": [*session.photo.notes, *notes],
        }
        if dry_run:
            figures["next"] = "nothing was written; call again with dry_run false to write the file"
        return Reply(figures, small(painted[-1].made.rgb))

    def _beside(self, path: Path, session: EditSession, aim: Aim) -> str:
        """A name that says what was done, in the photo's folder."""
        word = "".join(c for c in str(aim.color or aim.mode).lower() if c.isalnum())
        return self.root.name(path.with_name(f"{path.stem}-{word}{suffix_of(session.photo)}"))
