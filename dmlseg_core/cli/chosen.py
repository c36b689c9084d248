"""Which object `dmlseg recolor` means: at a point, or given as a mask."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import ImageError, ParameterError
from dmlseg_core.photo import Photo, load_photo, shown

_BLACK = 0.05
"""A mask that is nowhere brighter is taken for a mistake."""

if TYPE_CHECKING:  # torch: only with --at
    from dmlseg_core.edit import Recipe, Sight, Style
    from dmlseg_core.scene import Segmenter


@dataclass(frozen=True, eq=False)
class Found:
    """What lies at a point: (H, W) alpha, what it is, the recipe that selects it again; and what
    the scene knows of materials.
    """

    alpha: NDArray[np.float32]
    about: dict[str, Any]
    recipe: Recipe | None
    sight: Sight


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
    from dmlseg_core.edit import sight_of

    scene = segmenter.analyze(photo, regions=True)
    mask = scene.mask_at(y, x, args.tau)
    alpha = mask.to_alpha(shown(photo), matting=style.matting)
    about = {"class": mask.class_name, "score": mask.score, "tau": mask.seed.tau}
    recipe = None
    if args.save_recipe is not None:
        from dmlseg_core.edit import Selection, recipe_of
        from dmlseg_core.scene import Override

        chosen = [(Selection(Override(y, x, args.tau)).styled(style), mask)]
        recipe = recipe_of(photo, scene, chosen, args.recipe_by or "point")
    return Found(alpha, about, recipe, sight_of(scene))


def read_mask(path: Path, photo: Photo, max_megapixels: float) -> NDArray[np.float32]:
    """A mask file as (H, W) alpha, white = 1, in 16 bits where the file has them.

    Stored values count, without a profile or gamma. Also taken: 0 and 1 instead of black and white
    (and 0 and 255 in 16 bits), one color on black, an image whose transparency is the mask. The
    photo's transparent pixels belong to no mask.

    Raises:
        ImageError: no image, another size than the photo's, or several colors.
        ParameterError: nothing is selected: black, nearly black, or white on transparent pixels.
    """
    mask = load_photo(path, max_megapixels=max_megapixels, managed=False)
    _check_mask_size(path, mask, photo)
    share = _levels(path, mask)
    if photo.visible is not None:
        share[~photo.visible] = 0
        if not share.any():
            raise ParameterError(f"the mask {path} is white only where the photo is transparent")
    return share


def _check_mask_size(path: Path, mask: Photo, photo: Photo) -> None:
    if mask.size == photo.size:
        return
    turned = mask.size == photo.size[::-1]
    hint = "; one of them is turned: masks are for the photo as displayed" if turned else ""
    raise ImageError(
        f"the mask {path} is {mask.width} x {mask.height} pixels, the photo "
        f"{photo.width} x {photo.height}; they must be of one size{hint}"
    )


def _levels(path: Path, mask: Photo) -> NDArray[np.float32]:
    """(H, W) in [0, 1] of what the file shows as its mask."""
    stored = mask.rgb if mask.deep is None else mask.deep
    white = np.iinfo(stored.dtype).max
    gray: NDArray[Any] = stored[..., 0]
    colored = int(np.ptp(stored, axis=2).max()) > 0.05 * white  # a little is a JPEG's rounding
    if mask.alpha is not None and not (mask.alpha == 255).all():
        drawn = gray[mask.alpha > 0] / white
        both = bool(drawn.size) and drawn.min() < _BLACK and drawn.max() > 1 - _BLACK
        share = mask.alpha / np.float32(255)
        gray = (share * (gray if both and not colored else white)).astype(stored.dtype)
    elif colored:
        gray = _one_color(path, stored)
    top = int(gray.max())
    if top < white and top in (1, 255) and ((gray == 0) | (gray == top)).all():
        white = top
    if top <= _BLACK * white:
        raise ParameterError(
            f"the mask {path} is {'empty, all black' if top == 0 else 'nearly black'}: its "
            f"brightest level is {top} of {white}; give one that is white where to recolor"
        )
    return gray.astype(np.float32) / np.float32(white)


def _one_color(path: Path, stored: NDArray[Any]) -> NDArray[Any]:
    """Black and white of an image of black and one color, as label images are."""
    inside = stored.any(axis=2)
    colors = stored[inside]
    if inside.all() or (colors != colors[0]).any():
        raise ImageError(
            f"the mask {path} is colored; give a gray image, white = recolor, or one color on black"
        )
    return np.where(inside, np.iinfo(stored.dtype).max, 0).astype(stored.dtype)
