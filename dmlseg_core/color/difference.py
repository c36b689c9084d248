"""How different two colors look: CIEDE2000."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def delta_e_2000(rgb: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """CIEDE2000 between two sRGB arrays (..., 3), uint8 or float 0..1 (D65, scikit-image)."""
    # Imported here: skimage.color pulls scipy in, which a mere look-up of a color must not.
    from skimage.color import deltaE_ciede2000, rgb2lab  # noqa: PLC0415

    first, second = rgb2lab(np.asarray(rgb)), rgb2lab(np.asarray(other))
    difference = deltaE_ciede2000(first, second)  # type: ignore[no-untyped-call]
    return np.asarray(difference, np.float64)
