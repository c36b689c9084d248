"""A mask that somebody else made: another program's, a hand's, this one's of another day."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

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

    @cached_property
    def alpha(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]; ParameterError where the bytes are no picture."""
        try:
            gray = load_photo(self.png).rgb[..., 0]
        except ImageError as error:
            raise ParameterError(f"the mask is no usable picture: {error}") from None
        return np.asarray(gray.astype(np.float32) / 255)

    def on(self, size: tuple[int, ...]) -> NDArray[np.float32]:
        """(h, w) float32, on a copy of the photo of another size."""
        if self.alpha.shape == size[:2]:
            return self.alpha.copy()
        smaller = size[0] < self.alpha.shape[0]
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(self.alpha, size[1::-1], interpolation=how), np.float32)

    def level(self, frame: Frame) -> NDArray[np.float32]:
        """(h, w) on the network's grid, in [-1, 1]: 0 where alpha is a half.

        Raises:
            ParameterError: it is of another size than the photo.
        """
        if self.alpha.shape != frame.photo_size:
            (height, width), (h, w) = self.alpha.shape, frame.photo_size
            raise ParameterError(
                f"the mask is {width} x {height} pixels, the photo {w} x {h}; "
                "they must be of one size"
            )
        cell = max(1, round(frame.stride * frame.photo_size[0] / frame.input_size[0]))
        mean = cv2.blur(self.alpha, (cell, cell), borderType=cv2.BORDER_REPLICATE)
        return np.asarray(2 * mean[np.ix_(*frame.centres())] - 1, np.float32)
