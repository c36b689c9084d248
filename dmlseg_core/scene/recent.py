"""What a scene remembers of the points clicked last, so that moving tau is one comparison."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Maps: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(h, w) squared distances to a point, and the logarithm of similarity to it."""
T = TypeVar("T")
REMEMBERED = 24
"""Clicked points that a scene remembers."""


class Recent(Generic[T]):
    """The last few of something; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: object) -> T | None:
        """What was put under `key`, if it is still kept; it becomes the youngest."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: object, value: T) -> T:
        """Keep a value under `key`, and return it; the oldest ones go."""
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return value
