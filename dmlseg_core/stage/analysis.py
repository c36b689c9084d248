"""Photos become sessions, one at a time, beside whatever else the server does."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dmlseg_core.config import SceneConfig
from dmlseg_core.edit import EditSession
from dmlseg_core.errors import DmlsegError
from dmlseg_core.photo import Photo
from dmlseg_core.scene import Scene, Segmenter
from dmlseg_core.stage.desks import Desk, Desks, Work
from dmlseg_core.stage.hover import hover_fields, shown_meaning


class Analyst:
    """Runs the network for all desks in one thread.

    Args:
        segmenter: shared by all.
        desks: trimmed when one of them has grown.
    """

    def __init__(self, segmenter: Segmenter, desks: Desks) -> None:
        self.segmenter, self.desks = segmenter, desks
        self._pool = ThreadPoolExecutor(1, "analysis")
        self._ready: dict[tuple[str, SceneConfig], tuple[Scene, bytes]] = {}

    def ready(self, photo: Photo) -> Future[None]:
        """Analyse a photo before anybody opens it, and keep what comes of it: the first sample."""
        return self._pool.submit(self._make_ready, photo)

    def _make_ready(self, photo: Photo) -> None:
        config = self.segmenter.config
        scene = self.segmenter.analyze(photo, config=config, regions=True)
        self._ready[photo.digest, config] = scene, hover_fields(EditSession(photo, scene))

    def submit(self, desk: Desk, work: Work, quality: str | None = None) -> Future[None]:
        """Analyse a photo on a desk; a session that is there already goes on with the new scene.

        Args:
            desk: where the photo lies, or lay: nothing is done where others had it put away.
            work: the photo.
            quality: one of QUALITIES; None is the app's own.

        Raises:
            ParameterError: no such quality.
        """
        config = self.segmenter.config
        config = config if quality is None else config.with_quality(quality)
        if desk.work is work and (work.session is None or work.session.scene.config != config):
            desk.phase, work.hover = "queued", None
        return self._pool.submit(self._run, desk, work, config)

    def scene(self, photo: Photo, config: SceneConfig) -> Scene:
        """A photo analysed in the same thread as all others; waits for its turn."""
        return self._pool.submit(self.segmenter.analyze, photo, config=config).result()

    def close(self) -> None:
        """Finish what is running, forget what waits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, desk: Desk, work: Work, config: SceneConfig) -> None:
        if desk.work is not work:  # another photo came meanwhile
            return
        try:
            self._analyze(desk, work, config)
        except DmlsegError as error:
            self._tell(desk, work, "failed", error)
        except Exception as error:
            self._tell(desk, work, "failed", error)
            raise
        self.desks.trim()

    def _analyze(self, desk: Desk, work: Work, config: SceneConfig) -> None:
        session = work.session
        scene, hover = self._ready.get((work.photo.digest, config), (None, None))
        if session is None or session.scene.config != config:
            self._tell(desk, work, "network")
            scene = scene or self.segmenter.analyze(work.photo, config=config, regions=True)
            if session is None:
                session = EditSession(work.photo, scene)
                _ = session.preview, session.proposals
                desk.begin(work, session)
            else:
                with session.lock:
                    session.see(scene)
            desk.version += 1
        if work.hover is None:
            self._tell(desk, work, "regions")
            work.hover = hover or hover_fields(session)
            session.says = shown_meaning(session.scene)
        self._tell(desk, work, "ready")

    def _tell(self, desk: Desk, work: Work, phase: str, error: Exception | None = None) -> None:
        if desk.work is work:
            desk.phase, desk.error = phase, error


@dataclass(frozen=True)
class InTurn:
    """The app's network where a batch or an assistant wants a `Segmenter`: one photo at a time,
    among those of the page.

    Attributes:
        analyst: runs it.
        config: how photos are analysed.
    """

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
