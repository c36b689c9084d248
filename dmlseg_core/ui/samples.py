"""Sample photos: those inside scikit-image's package, so that nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import skimage.data

_FILES = ("coffee.png", "astronaut.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg")


def sample_photos() -> list[Path]:
    """The samples that this scikit-image carries, the one shown at the start first."""
    folder = Path(skimage.data.__file__).parent
    return [folder / name for name in _FILES if (folder / name).is_file()]
