"""Which object `dmlseg recolor` means: at a point, or given as a mask."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import ImageError, ParameterError
from dmlseg_core.photo import Photo, load_photo

if TYPE_CHECKING:  # torch: only with --at
    from dmlseg_core.edit import Recipe, Style
    from dmlseg_core.scene import Segmenter


@dataclass(frozen=True, eq=False)
class Found:
    """What lies at a point: (H, W) alpha, what it is, and the recipe that selects it again."""

    alpha: NDArray[np.float32]
    about: dict[str, Any]
    recipe: Recipe | None


def selected(args: argparse.Namespace, photo: Photo, segmenter: Segmenter, style: Style) -> Found:
    """The object at --at.

    Raises:
        ParameterError: the point lies outside the photo.
    """
    y, x = args.at
    if not (0 <= y < photo.height and 0 <= x < photo.width):
        raise ParameterError(
            f"--at must lie in the photo of {photo.width} x {photo.height} pixels; got {x},{y}"
        )
    scene = segmenter.analyze(photo)
    mask = scene.mask_at(y, x, args.tau)
    alpha = mask.to_alpha(photo.rgb, matting=style.matting)
    about = {"class": mask.class_name, "score": mask.score, "tau": mask.seed.tau}
    recipe = None
    if args.save_recipe is not None:
        from dmlseg_core.edit import Selection, recipe_of
        from dmlseg_core.scene import Override

        chosen = [(Selection(Override(y, x, args.tau)).styled(style), mask)]
        recipe = recipe_of(photo, scene, chosen, args.recipe_by or "point")
    return Found(alpha, about, recipe)


def read_mask(path: Path, photo: Photo, max_megapixels: float) -> NDArray[np.float32]:
    """A gray image as (H, W) alpha, white = 1, in 16 bits where the file has them.

    Raises:
        ImageError: no image, another size than the photo's, or a colored one.
    """
    mask = load_photo(path, max_megapixels=max_megapixels)
    if mask.size != photo.size:
        raise ImageError(
            f"the mask {path} is {mask.width} x {mask.height} pixels, the photo "
            f"{photo.width} x {photo.height}; they must be of one size"
        )
    stored = mask.rgb if mask.deep is None else mask.deep
    white = np.iinfo(stored.dtype).max
    if int(np.ptp(stored, axis=2).max()) > 0.05 * white:  # a little is a JPEG's rounding
        raise ImageError(f"the mask {path} is colored; give a gray image, white = recolor")
    return stored[..., 0].astype(np.float32) / np.float32(white)
