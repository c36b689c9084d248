"""What the contact sheet shows of one photo."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from dmlseg_core.folder.report.summary import total_seconds, worst
from dmlseg_core.folder.rows import InstanceRow, PhotoRow

_IN_BROWSERS = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".avif"}
"""Formats that browsers show; of others the report has the small picture alone."""


@dataclass(frozen=True)
class Picture:
    """Addresses as HTML needs them, "" where there is none: the small picture and the file."""

    thumb: str
    full: str


@dataclass(frozen=True)
class Variant(Picture):
    """A recolored file: what it is called, its color, its worst object."""

    name: str
    color: str
    file: str
    delta_e: float | None
    over: bool


@dataclass(frozen=True)
class Card:
    """One photo of the sheet."""

    row: PhotoRow
    out: Path

    @property
    def photo(self) -> str:
        """Its path."""
        return self.row.photo

    @property
    def folder(self) -> str:
        """The path's part that is muted."""
        return self.photo[: -len(self.file)] if self.file else ""

    @property
    def file(self) -> str:
        """The path's last part."""
        return PurePosixPath(self.photo).name

    @property
    def worst(self) -> float:
        """The largest Delta-E of its objects, -1 without one."""
        return worst(self.row)

    @property
    def seconds(self) -> float:
        """Time that it took."""
        return total_seconds(self.row)

    @property
    def over(self) -> bool:
        """Whether an object missed the limit."""
        return any(r.passed is False for r in self.row.instances)

    @property
    def state(self) -> str:
        """What "show" filters by."""
        return "over" if self.over else self.row.status

    @property
    def find(self) -> str:
        """What a search looks into."""
        words = {w for r in self.row.instances for w in (r.class_name, r.swatch, r.rule) if w}
        return " ".join([self.photo, *sorted(words)]).lower()

    @cached_property
    def before(self) -> Picture:
        """The photo; where no small picture was made, its file has to do."""
        full = self._source()
        return Picture(next(iter(self._thumbs), full), full)

    @property
    def overlay(self) -> str:
        """The photo with its objects tinted, which is shown where nothing is recolored."""
        return next(map(_url, self.row.files.get("overlays", ())), "")

    @cached_property
    def variants(self) -> list[Variant]:
        """The recolored files, the one with the worst object first."""
        files = self.row.files.get("recolored", ())
        thumbs = [*self._thumbs[1:], *[""] * len(files)]
        found = [self._variant(*pair) for pair in zip(files, thumbs, strict=False)]
        return sorted(found, key=lambda v: -1.0 if v.delta_e is None else v.delta_e, reverse=True)

    @property
    def _thumbs(self) -> list[str]:
        return [_url(path) for path in self.row.files.get("thumbs", ())]

    def _variant(self, file: str, thumb: str) -> Variant:
        rows = [r for r in self.row.instances if r.output == file]
        known = [r.delta_e for r in rows if r.delta_e is not None]
        full = _url(file) if _shows(file) else ""
        colors = {r.target: None for r in rows if r.target}
        names = {r.swatch or r.target: None for r in rows if r.swatch or r.target}
        return Variant(
            thumb or full, full, " + ".join(map(str, names)), next(iter(colors), ""), file,
            max(known, default=None), any(r.passed is False for r in rows),
        )  # fmt: skip

    def _source(self) -> str:
        """The photo's own file as seen from the report, so that both can be moved together."""
        source = self.row.source
        if "://" in source or not _shows(source):
            return ""
        try:
            return _url(os.path.relpath(source, self.out).replace(os.sep, "/"))
        except ValueError:  # another drive
            return Path(source).as_uri()

    def area(self, row: InstanceRow) -> str:
        """An object's share of the photo, in percent."""
        pixels = self.row.width * self.row.height
        return f"{row.area / pixels:.1%}" if pixels else ""


def _shows(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _IN_BROWSERS


def _url(path: str) -> str:
    # a name may hold ":" or "//", which would make it the address of something else
    return "./" + quote(os.fsencode(path))
