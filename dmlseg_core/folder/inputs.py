"""A photo that a batch reads, and the output name that it gets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dmlseg_core.errors import ImageError
from dmlseg_core.photo import FORMATS, Photo, load_photo

_READ_ALONE = ".bmp .gif .j2k .jp2 .pbm .pgm .pnm .ppm"
SUFFIXES: frozenset[str] = frozenset((*FORMATS, *_READ_ALONE.split()))
"""Files of a folder that are taken for photos; a file named by itself is always tried."""
_RAW = ".3fr .arw .cr2 .cr3 .crw .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw"
_MORE = ".rw2 .rwl .sr2 .srf .srw .x3f .exr .hdr .jxl .jxr .psb .psd .xcf"
LEFT_OUT: frozenset[str] = frozenset((*_RAW.split(), *_MORE.split()))
"""Pictures that people keep beside photos, raw files above all: of a folder they are counted."""
OUTPUTS: dict[str, str] = {"labels": ".png", "overlays": ".jpg"}
"""Folders of results, and what their files add to a photo's output name."""


@dataclass(frozen=True)
class Job:
    """One photo.

    Attributes:
        source: the file; text: a URL.
        name: its output name, "/"-separated and suffix included: "trip/cat.jpg".
        fault: why it is no photo, where that is known before it is opened.
    """

    source: Path | str
    name: str
    fault: str | None = None

    def stamp(self) -> list[int] | None:
        """[size, mtime_ns] of the file, None where it is missing; it changes with the photo."""
        try:
            status = Path(self.source).stat()
        except (OSError, ValueError):
            return None
        return [status.st_size, status.st_mtime_ns]

    def digest(self) -> str:
        """sha256 of the file's bytes, "" where it cannot be read."""
        try:
            with Path(self.source).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError):
            return ""

    def read(self, max_megapixels: float) -> tuple[Photo, Callable[[], str]]:
        """The photo, and what gives sha256 of its file's bytes.

        Raises:
            ImageError: it is none, or cannot be read.
        """
        if self.fault is not None:
            raise ImageError(self.fault)
        return load_photo(self.source, max_megapixels=max_megapixels), self.digest

    def results(self, kinds: Sequence[str]) -> list[str]:
        """Paths of its label map and overlay below the output folder, as far as asked for."""
        return [f"{kind}/{self.name}{end}" for kind, end in OUTPUTS.items() if kind in kinds]


def tag_of(source: Path | str) -> str:
    """What tells a photo's results from those of another of its name."""
    return "~" + hashlib.sha256(os.fsencode(source)).hexdigest()[:6]
