"""Many photos of one user: a folder of theirs, and what a batch makes of it, both bounded.

A run is the batch engine's own (`folder.prepare`), so what lies in the folder at the end is what
`dmlseg batch` writes. Its photos wait their turn for the network among those of the page.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any

from dmlseg_core.edit import Recipe
from dmlseg_core.errors import DmlsegError, ParameterError
from dmlseg_core.folder import SUFFIXES, Batch, PhotoRow, Threads, cores, prepare
from dmlseg_core.photo import Photo, load_photo, write_bytes
from dmlseg_core.stage import MEGABYTE, InTurn
from dmlseg_core.ui.answers import RefusedError, below
from dmlseg_core.ui.many.archive import zip_parts

MOST_PHOTOS = 500
MOST_BYTES = 1024 * MEGABYTE
"""Of the photos of one user; what is made of them is about as large again."""
_AT_ONCE, _PIXELS = 2, 40_000_000
"""Photos in hand, and their pixels together: two of 20 megapixels, or a larger one alone."""
_RESULTS = ("recolored", "report", "cutouts")
_TABLES = ("report.html", "run.json", "instances.json", "instances.csv", "instances.parquet",
           "failures.csv")  # fmt: skip


@dataclass(eq=False)
class Shelf:
    """The photos of one user.

    Attributes:
        root: its folder; photos lie in `root/in`, results in `out`, which titles the report.
        names: of its photos, in the order in which they came.
        rows: what is known of each of them.
        recipe: what the last run was asked for; None: objects were found.
        by_hand: names of photos that were finished on the stage; runs leave them alone.
        nbytes: of its photos.
        version: grows with every change.
        running: whether a run goes on, or a photo is being kept.
        error: what ended the last run before its end, in one sentence.
        used: when it was asked about last, by the monotonic clock.
    """

    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="many-")))
    names: list[str] = field(default_factory=list)
    rows: dict[str, PhotoRow] = field(default_factory=dict)
    recipe: Recipe | None = None
    by_hand: set[str] = field(default_factory=set)
    nbytes: int = 0
    version: int = 0
    running: bool = False
    error: DmlsegError | None = None
    used: float = field(default_factory=time.monotonic)
    lock: Any = field(default_factory=RLock)
    _stop: Event = field(default_factory=Event)
    _closed: bool = False
    _doing: set[str] = field(default_factory=set)
    """Photos that are worked on as they lie here: a row of one that was replaced is of no use."""

    @property
    def out(self) -> Path:
        """Where results lie."""
        return self.root / "dmlseg-photos"

    def path(self, name: str) -> Path:
        """Of a photo.

        Raises:
            KeyError: there is none of this name.
        """
        if name not in self.names:
            raise KeyError(name)
        return self.root / "in" / name

    def load(self, name: str, most: float) -> Photo:
        """A photo, decoded.

        Args:
            name: of one that is here.
            most: megapixels of a photo.

        Raises:
            KeyError: there is none of this name. ImageError: it cannot be read.
        """
        with self._nameless():
            return load_photo(self.path(name), max_megapixels=most)

    def add(self, name: str, data: bytes) -> str:
        """A photo; another one of the same name is replaced. Returns its name here.

        Raises:
            ParameterError: there are too many, or no such name can be. ExportError: it cannot be
            written. RefusedError: the set was thrown away.
        """
        plain = below(name)
        if Path(plain).suffix.lower() not in SUFFIXES:
            raise ParameterError(f"{plain} is no photo; give a JPEG, PNG, WebP, TIFF, AVIF or HEIC")
        with self.lock, self._nameless():
            self._check_open()
            new, path = plain not in self.names, self.root / "in" / plain
            old = 0 if new or not path.is_file() else path.stat().st_size
            if old and old == len(data) and path.read_bytes() == data:
                return plain  # its folder was dropped again: what was done to it stays
            if new and len(self.names) >= MOST_PHOTOS:
                raise ParameterError(f"at most {MOST_PHOTOS} photos at a time; start another set")
            grown = self.nbytes + len(data) - old
            if grown > MOST_BYTES:
                limit = MOST_BYTES // MEGABYTE
                raise ParameterError(f"at most {limit} MB of photos at a time; start another set")
            self._write(plain, data)
            if new:
                self.names.append(plain)
            self.rows.pop(plain, None)
            self.by_hand.discard(plain)
            self._doing.discard(plain)
            self.nbytes = grown
            self.version += 1
        return plain

    def _write(self, plain: str, data: bytes) -> None:
        path = self.root / "in" / plain
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            clash = path.is_dir()
        except (FileExistsError, NotADirectoryError):
            clash = True
        if clash:
            raise ParameterError(
                f"this is no name for a photo: {plain!r:.60}; another one is called as its "
                "folder is"
            )
        write_bytes(data, path)

    def start(self, batch: Batch, recipe: Recipe | None) -> None:
        """Do a batch of these photos in a thread of its own.

        Raises:
            RefusedError: another one goes on, or the set was thrown away.
        """
        with self.lock:
            self._begin(batch)
            self.recipe = recipe
            for name in self._doing:
                self.rows.pop(name, None)
        Thread(target=self._run, args=(batch,), name="many", daemon=True).start()

    def _begin(self, batch: Batch) -> None:
        with self.lock:  # looked at and taken at once: two may ask at the same time
            self._check_open()
            if self.running:
                raise RefusedError(409, "many_busy")
            self.running, self.error = True, None
            self._doing = {self.name_of(job.source) for job in batch.jobs}
            self._stop.clear()
            self.version += 1

    def _end(self, error: DmlsegError | None = None) -> None:
        with self.lock:
            self.running, self.error = False, error
            self._doing.clear()
            self.version += 1
            closed = self._closed
        if closed:  # it may have written after everything was thrown away
            shutil.rmtree(self.root, ignore_errors=True)

    def _check_open(self) -> None:
        if self._closed:
            raise RefusedError(404, "many_none")

    def batch(
        self, segmenter: InTurn, recipe: Recipe | None, most: float, only: str | None = None
    ) -> Batch:
        """What is to be done: all photos but those finished by hand, or only one.

        Args:
            segmenter: the network.
            recipe: what is done; None: objects are found.
            most: megapixels of a photo.
            only: name of the one.

        Raises:
            RecipeError: it was made with other weights. ParameterError: there is no photo.
        """
        if not self.names:
            raise ParameterError("there is no photo in this set; add one first")
        with self._nameless():
            made = prepare(
                [self.root / "in"], self.out, recipe=recipe, segmenter=segmenter,
                max_megapixels=most,
            )  # fmt: skip
        named = ((job, self.name_of(job.source)) for job in made.jobs)
        wanted = (j for j, name in named if (name == only if only else name not in self.by_hand))
        runner = Threads(min(_AT_ONCE, cores()), _PIXELS)
        # what is shown is what a download holds: nothing of an earlier recipe stays
        return replace(made, jobs=tuple(wanted), runner=runner, tidy=True)

    def name_of(self, source: Path | str) -> str:
        """The name here of a photo that a batch read."""
        return Path(source).relative_to(self.root / "in").as_posix()

    def stop(self) -> None:
        """End a run after the photo that it is at; what is done stays."""
        self._stop.set()

    def keep(self, batch: Batch) -> None:
        """Do one photo as it was done by hand; waits.

        Raises:
            RefusedError: a run goes on. ExportError: the result cannot be written.
        """
        self._begin(batch)
        try:
            self._take_all(batch)
            with self.lock:
                self.by_hand |= self._doing
        finally:
            self._end()

    def _run(self, batch: Batch) -> None:
        error: DmlsegError | None = None
        try:
            self._take_all(batch)
        except DmlsegError as told:
            error = told
        finally:
            self._end(error)

    def _take_all(self, batch: Batch) -> None:
        with self._nameless(), closing(batch.results()) as results:
            for result in results:
                self._take(result.row)
                if self._stop.is_set():
                    break

    def _take(self, row: PhotoRow) -> None:
        with self.lock:
            if (name := self.name_of(row.source)) in self._doing:
                # run lengths: nobody asks for them here
                self.rows[name] = replace(row, annotations=())
                self.version += 1

    @contextmanager
    def _nameless(self) -> Iterator[None]:
        """What goes wrong in it is told without the server's folders."""
        try:
            yield
        except DmlsegError as error:
            raise type(error)(self.without(str(error))) from None

    def without(self, sentence: str) -> str:
        """A sentence in which photos and results have the names that their user knows."""
        for folder in (self.root / "in", self.out):
            sentence = sentence.replace(f"{folder}/", "")
        return sentence.replace(str(self.root), "the server's folder")

    def files(self) -> Iterator[tuple[Path, str]]:
        """The results, and their names in a ZIP; an overlay where the report shows one."""
        for folder in _RESULTS:
            for path in sorted((self.out / folder).rglob("*")):
                if path.is_file():
                    yield path, path.relative_to(self.out).as_posix()
        with self.lock:
            plain = [r for r in self.rows.values() if not r.files.get("recolored")]
        for name in (*(path for r in plain for path in r.files.get("overlays", ())), *_TABLES):
            if (self.out / name).is_file():
                yield self.out / name, name

    def zipped(self) -> Iterator[bytes]:
        """A ZIP file of the results, part by part: nothing of it lies on the disk."""
        return zip_parts(self.files(), (self.root / "in", self.out))

    def held(self) -> int:
        """Bytes on the disk: photos and results."""
        found = [path for path in self.root.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in found if path.exists())

    def close(self) -> None:
        """Throw everything away; what still works on it stops after its photo."""
        with self.lock:
            self._closed = True
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
