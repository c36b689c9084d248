"""A mask that somebody else made: another program's, a hand's, this one's of another day."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import ImageError, ParameterError
from dmlseg_core.photo import load_photo
from dmlseg_core.scene.frame import Frame


@dataclass(frozen=True)
class Given:
    """A soft mask of a whole photo.

    Attributes:
        png: bytes of a gray PNG file of the photo's size, white inside.
    """

    png: bytes = field(repr=False)

    @property
    def alpha(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]; ParameterError where the bytes are no picture."""
        return np.asarray(_gray(self.png).astype(np.float32) / 255)

    def on(self, size: tuple[int, ...]) -> NDArray[np.float32]:
        """(h, w) float32, on a copy of the photo of another size."""
        alpha = self.alpha
        if alpha.shape == size[:2]:
            return alpha
        how = cv2.INTER_AREA if size[0] < alpha.shape[0] else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(alpha, size[1::-1], interpolation=how), np.float32)

    def level(self, frame: Frame) -> NDArray[np.float32]:
        """(h, w) on the network's grid, in [-1, 1]: 0 where alpha is a half.

        Raises:
            ParameterError: it is of another size than the photo.
        """
        alpha = self.alpha
        if alpha.shape != frame.photo_size:
            (height, width), (h, w) = alpha.shape, frame.photo_size
            raise ParameterError(
                f"the mask is {width} x {height} pixels, the photo {w} x {h}; "
                "they must be of one size"
            )
        cell = max(1, round(frame.stride * frame.photo_size[0] / frame.input_size[0]))
        mean = cv2.blur(alpha, (cell, cell), borderType=cv2.BORDER_REPLICATE)
        return np.asarray(2 * mean[np.ix_(*frame.centres())] - 1, np.float32)


@lru_cache(2)
def _gray(png: bytes) -> NDArray[np.uint8]:
    """(H, W): only the last ones stay decoded, for edits and their history hold many."""
    try:
        return load_photo(png, plain=True).rgb[..., 0].copy()
    except ImageError as error:
        raise ParameterError(f"the mask is no usable picture: {error}") from None
