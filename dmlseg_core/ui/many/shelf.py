"""Many photos of one user: a folder of theirs, and what a batch makes of it, both bounded.

A run is the batch engine's own (`folder.prepare`), so what lies in the folder at the end is what
`dmlseg batch` writes. Its photos wait their turn for the network among those of the page.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from threading import Event, RLock, Thread
from typing import Any

from dmlseg_core.config import SceneConfig
from dmlseg_core.edit import Recipe
from dmlseg_core.errors import DmlsegError, ParameterError
from dmlseg_core.folder import SUFFIXES, Batch, PhotoRow, prepare
from dmlseg_core.photo import Photo
from dmlseg_core.scene import Scene
from dmlseg_core.stage import MEGABYTE, Analyst

MOST_PHOTOS = 500
MOST_BYTES = 1024 * MEGABYTE
"""Of the photos of one user; what is made of them is about as large again."""
ALL_BYTES = 4096 * MEGABYTE
"""Of all users together; the longest unused is thrown away."""
_RESULTS = ("recolored", "report", "cutouts")
_TABLES = ("report.html", "run.json", "instances.json", "instances.csv", "instances.parquet",
           "failures.csv")  # fmt: skip


@dataclass(frozen=True)
class InTurn:
    """The app's network, for a batch: one photo at a time, among those of the page."""

    analyst: Analyst
    config: SceneConfig

    @property
    def weights(self) -> str:
        """sha256 of its file."""
        return str(getattr(self.analyst.segmenter, "weights", ""))

    @property
    def network(self) -> Any:
        """As `Segmenter.network`."""
        return getattr(self.analyst.segmenter, "network", None)

    def analyze(self, photo: Photo) -> Scene:
        """The scene of a photo, when its turn has come."""
        return self.analyst.scene(photo, self.config)


@dataclass(eq=False)
class Shelf:
    """The photos of one user.

    Attributes:
        root: its folder; photos lie in `root/in`, results in `root/out`.
        names: of its photos, in the order in which they came.
        rows: what is known of each of them.
        recipe: what the last run was asked for; None: objects were found.
        by_hand: names of photos that were finished on the stage; runs leave them alone.
        nbytes: of its photos.
        version: grows with every change.
        running: whether a run goes on.
        error: what ended the last run before its end, in one sentence.
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
    lock: Any = field(default_factory=RLock)
    _stop: Event = field(default_factory=Event)

    @property
    def out(self) -> Path:
        """Where results lie."""
        return self.root / "out"

    def path(self, name: str) -> Path:
        """Of a photo.

        Raises:
            KeyError: there is none of this name.
        """
        if name not in self.names:
            raise KeyError(name)
        return self.root / "in" / name

    def add(self, name: str, data: bytes) -> str:
        """A photo; one of the same name is replaced. Returns its name here.

        Raises:
            ParameterError: there are too many, or no such name can be.
        """
        plain = _plain(name)
        if Path(plain).suffix.lower() not in SUFFIXES:
            raise ParameterError(f"{plain} is no photo; give a JPEG, PNG, WebP, TIFF, AVIF or HEIC")
        with self.lock:
            old = self.path(plain).stat().st_size if plain in self.names else None
            if old is None and len(self.names) >= MOST_PHOTOS:
                raise ParameterError(f"at most {MOST_PHOTOS} photos at a time; start another set")
            grown = self.nbytes + len(data) - (old or 0)
            if grown > MOST_BYTES:
                limit = MOST_BYTES // MEGABYTE
                raise ParameterError(f"at most {limit} MB of photos at a time; start another set")
            path = self.root / "in" / plain
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise ParameterError(
                    f"this is no name for a photo: {plain!r:.60}; another one is called as its "
                    "folder is"
                ) from None
            if old is None:
                self.names.append(plain)
            self.rows.pop(plain, None)
            self.by_hand.discard(plain)
            self.nbytes = grown
            self.version += 1
        return plain

    def start(self, batch: Batch, recipe: Recipe | None) -> None:
        """Do a batch of these photos in a thread of its own."""
        with self.lock:
            self.running, self.error, self.recipe = True, None, recipe
            for job in batch.jobs:
                self.rows.pop(self.name_of(job.source), None)
            self._stop.clear()
            self.version += 1
        Thread(target=self._run, args=(batch,), name="many", daemon=True).start()

    def batch(self, segmenter: InTurn, recipe: Recipe | None, only: str | None = None) -> Batch:
        """What is to be done: all photos but those finished by hand, or only one.

        Raises:
            RecipeError: it was made with other weights. ParameterError: there is no photo.
        """
        made = prepare([self.root / "in"], self.out, recipe=recipe, segmenter=segmenter)
        named = ((job, self.name_of(job.source)) for job in made.jobs)
        wanted = (j for j, name in named if (name == only if only else name not in self.by_hand))
        return replace(made, jobs=tuple(wanted))

    def name_of(self, source: Path | str) -> str:
        """The name here of a photo that a batch read."""
        return Path(source).relative_to(self.root / "in").as_posix()

    def stop(self) -> None:
        """End a run after the photo that it is at; what is done stays."""
        self._stop.set()

    def keep(self, batch: Batch, name: str) -> None:
        """Do one photo as it was done by hand; waits."""
        with closing(batch.results()) as results:
            for result in results:
                self._take(result.row)
        with self.lock:
            self.by_hand.add(name)
            self.version += 1

    def _run(self, batch: Batch) -> None:
        error: DmlsegError | None = None
        try:
            with closing(batch.results()) as results:
                for result in results:
                    self._take(result.row)
                    if self._stop.is_set():
                        break
        except DmlsegError as told:
            error = told
        finally:
            with self.lock:
                self.running, self.error = False, error
                self.version += 1

    def _take(self, row: PhotoRow) -> None:
        with self.lock:
            self.rows[self.name_of(row.source)] = row
            self.version += 1

    def files(self) -> Iterator[tuple[Path, str]]:
        """The results, and their names in a ZIP."""
        for folder in _RESULTS:
            for path in sorted((self.out / folder).rglob("*")):
                if path.is_file():
                    yield path, path.relative_to(self.out).as_posix()
        for name in _TABLES:
            if (self.out / name).is_file():
                yield self.out / name, name

    def zipped(self) -> Path:
        """A ZIP file of the results, for the caller to remove."""
        for old in self.root.glob("*.zip"):  # of a download that was broken off
            old.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.root, suffix=".zip", delete=False) as file:
            with zipfile.ZipFile(file, "w") as archive:  # stored: photos are compressed already
                for path, name in self.files():
                    archive.write(path, name)
            return Path(file.name)

    def held(self) -> int:
        """Bytes on the disk: photos, results, and a ZIP that is being fetched."""
        found = [path for path in self.root.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in found if path.exists())

    def close(self) -> None:
        """Throw everything away."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)


class Shelves:
    """The shelves of a running app, by the token of their user's desk."""

    def __init__(self, limit: int = ALL_BYTES) -> None:
        self.limit = limit
        self._shelves: OrderedDict[str, Shelf] = OrderedDict()
        self._lock = RLock()

    def get(self, token: str, *, make: bool = False) -> Shelf | None:
        """The shelf of a token; it becomes the newest."""
        with self._lock:
            if make and token not in self._shelves:
                self._shelves[token] = Shelf()
            if token in self._shelves:
                self._shelves.move_to_end(token)
            return self._shelves.get(token)

    def trim(self) -> None:
        """Throw the longest unused away, down to the limit; the newest stays."""
        with self._lock:
            total = sum(shelf.held() for shelf in self._shelves.values())
            while total > self.limit and len(self._shelves) > 1:
                _, old = self._shelves.popitem(last=False)
                total -= old.held()
                old.close()

    def drop(self, token: str) -> None:
        """Throw one away."""
        with self._lock:
            if (shelf := self._shelves.pop(token, None)) is not None:
                shelf.close()

    def close(self) -> None:
        """Throw all of them away."""
        for token in list(self._shelves):
            self.drop(token)


def _plain(name: str) -> str:
    """A relative path without anything that leads out of its folder.

    Raises:
        ParameterError: nothing is left of it.
    """
    parts = [p for p in PurePosixPath(name.replace("\\", "/")).parts if p not in ("/", "..", ".")]
    plain = "/".join("".join(c for c in part if c.isprintable())[-100:] for part in parts[-4:])
    if not plain.strip("/. ") or len(plain.encode()) > 255:
        raise ParameterError(f"this is no name for a photo: {name!r:.60}")
    return plain
