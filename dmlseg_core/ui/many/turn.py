"""The app's network, for a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dmlseg_core.config import SceneConfig
from dmlseg_core.photo import Photo
from dmlseg_core.scene import Scene
from dmlseg_core.stage import Analyst


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
