"""How much of each material lies at a pixel: labels, and mixtures along the borders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.paint.materials.labels import labels_in
from dmlseg_core.paint.materials.mixtures import mixed_along, reach_in

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.intp]
Places: TypeAlias = NDArray[np.intp]
Pixels: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Members:
    """Which material a pixel is of.

    Attributes:
        labels: (h, w) uint8, of a box; in the whole of it.
        places: (N,) flat indices of mixed pixels.
        others: (N,) uint8, the second material there.
        parts: (N,) float32 in [0, 1], how much of them is the first.
    """

    labels: Bytes
    places: Places
    others: Bytes
    parts: Floats

    @classmethod
    def of(
        cls, rgb: Pixels, alpha: Floats, votes: Floats, centers: Floats, materials: Labels
    ) -> Members:
        """Label the pixels of a box.

        Args:
            rgb: (h, w, 3) uint8 or uint16.
            alpha: (h, w), the object.
            votes: (K, h', w') each material's share about a place of the smaller picture.
            centers: (n, 3) features of colors.
            materials: (n,) whose they are.
        """
        labels = labels_in(rgb, alpha, votes, centers, materials)
        return cls(labels, *mixed_along(rgb, alpha, labels, len(votes), reach_in(alpha.shape)))

    def share(self, wanted: NDArray[np.bool_]) -> Floats:
        """(h, w) float32 in [0, 1]: how much of each pixel is of the materials that are True."""
        table = np.zeros(256, np.float32)
        table[: wanted.size] = wanted
        share = np.asarray(cv2.LUT(self.labels, table), np.float32).reshape(self.labels.shape)
        own, other = wanted[self.labels.reshape(-1)[self.places]], wanted[self.others]
        share.reshape(-1)[self.places] = own * self.parts + other * (1 - self.parts)
        return share
