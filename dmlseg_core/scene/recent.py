"""The distance maps that a scene keeps, so that moving tau is one comparison."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

REMEMBERED = 24
"""Clicked points whose distance maps a scene keeps: a tau move is then one comparison."""


class Recent:
    """The last few distance maps; safe to share between threads."""

    def __init__(self) -> None:
        self._maps: OrderedDict[object, tuple[NDArray[np.float32], NDArray[np.float32]]]
        self._maps, self._lock = OrderedDict(), Lock()

    def get(self, key: object) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """What was put under `key`, if it is still kept; it becomes the youngest."""
        with self._lock:
            if key in self._maps:
                self._maps.move_to_end(key)
            return self._maps.get(key)

    def put(self, key: object, maps: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
        """Keep two maps under `key`; the oldest ones go."""
        with self._lock:
            self._maps[key] = maps
            while len(self._maps) > REMEMBERED:
                self._maps.popitem(last=False)
