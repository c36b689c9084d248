"""Sample photos: those inside scikit-image's package, so that nothing is downloaded."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import skimage.data

from dmlseg_core.photo import Photo, load_photo
from dmlseg_core.stage import sample_thumbnail

_FILES = ("coffee.png", "astronaut.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg")


def sample_photos() -> list[Path]:
    """The samples that this scikit-image carries, the one shown at the start first."""
    folder = Path(skimage.data.__file__).parent
    return [folder / name for name in _FILES if (folder / name).is_file()]


def sample_list() -> list[dict[str, object]]:
    """What the page lists: id, name, and where the small picture is, from /stage/ on."""
    return [
        {"id": path.stem, "name": path.stem, "thumb": f"sample/{path.stem}"}
        for path in sample_photos()
    ]


def sample_of(name: str) -> Path | None:
    """The file of a sample's id."""
    return next((path for path in sample_photos() if path.stem == name), None)


@cache
def sample_photo(path: Path) -> Photo:
    """A sample, decoded once for all who open it."""
    return load_photo(path.read_bytes())


@cache
def sample_thumb(path: Path) -> bytes:
    """JPEG of a sample, small."""
    return sample_thumbnail(sample_photo(path).rgb)
