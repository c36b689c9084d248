"""Selections of a photo, and how they become pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edit.style import Style
from dmlseg_core.paint import Recolored, Subject
from dmlseg_core.photo import Photo, over
from dmlseg_core.scene import Mask, Override

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
T = TypeVar("T", np.uint8, np.float32)


@dataclass(frozen=True)
class Selection(Style):
    """One instance that the user chose, and how it is to look.

    Attributes:
        where: its points and tau.
    """

    where: Override

    def styled(self, style: Style) -> Selection:
        """The same instance in another style."""
        return Selection(self.where, **{f.name: getattr(style, f.name) for f in fields(Style)})

    @property
    def style(self) -> Style:
        """How it is to look, without where it is."""
        return Style(**{f.name: getattr(self, f.name) for f in fields(Style)})


@dataclass(frozen=True, eq=False)
class Painted:
    """Selection number `index` as it was recolored: its mask and alpha, the photo after it."""

    index: int
    selection: Selection
    mask: Mask
    alpha: NDArray[np.float32]
    made: Recolored


def paint(
    selections: Iterable[tuple[int, Selection, Mask]], pixels: Pixels, guide: NDArray[np.uint8]
) -> Iterator[Painted]:
    """Recolor selections one after the other.

    Args:
        selections: number, style and mask of each.
        pixels: (H, W, 3) uint8 or uint16 sRGB.
        guide: (H, W, 3) uint8, the photo that edges are refined on.
    """
    for k, selection, mask in selections:
        alpha = mask.to_alpha(guide, matting=selection.matting)
        if alpha.any():
            subject = Subject.of(pixels, alpha, gate=selection.gates or None)
            made = subject.recolor(selection.look())
            pixels = made.rgb
            yield Painted(k, selection, mask, alpha, made)


def shrunk(rgb: NDArray[T], side: int) -> NDArray[T]:
    """(h', w', ...) with a long side of `side`; pictures that are not larger are returned."""
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = [max(1, round(n * scale)) for n in rgb.shape[1::-1]]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), rgb.dtype)


def shrunk_photo(photo: Photo, side: int) -> NDArray[np.uint8]:
    """`rgb` shrunk, pixels counting as much as they show: hidden colors stay out of edges."""
    if photo.alpha is None or max(photo.size) <= side:
        return shrunk(photo.rgb, side)
    weight = photo.alpha.astype(np.float32)
    shares = shrunk(weight, side)[..., None]
    mixed = shrunk(photo.rgb * weight[..., None], side)
    return np.rint(mixed / np.maximum(shares, 1e-3)).clip(0, 255).astype(np.uint8)


def ground(photo: Photo, rgb: NDArray[np.uint8], *, checkered: bool = False) -> NDArray[np.uint8]:
    """A copy of a photo of any size over the ground of `shown`, where the photo is transparent."""
    if photo.alpha is None:
        return rgb
    size = (rgb.shape[1], rgb.shape[0])
    alpha = np.asarray(cv2.resize(photo.alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
    return over(rgb, alpha, checkered=checkered)
