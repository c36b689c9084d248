"""Soft alpha without a halo: a mask's edge snaps to the photo, in the edge band only.

Away from the band alpha is 0 or 1. Colors along the edge: `edge.foreground`; hair: `edge.matting`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edge.band import FINE, Pyramid, halved, moved, soften
from dmlseg_core.edge.contour import band_radius
from dmlseg_core.edge.guided import GuidedFit, Pixels, Places, resized, sample
from dmlseg_core.edge.slim import Point, keep_slim
from dmlseg_core.edge.tiles import Box
from dmlseg_core.errors import ParameterError

Floats: TypeAlias = NDArray[np.float32]

CELLS = 112
"""Grid cells along a photo's long side at the default analysis size; see `refine_alpha`."""
_BAND_CELLS = 2.0
"""Half width of the edge band in grid cells: how far a network's edge may be off."""
_BAND_SHARE = 0.25
"""At most this share of the largest disc's radius: a band as wide as a part would swallow it."""
_TRUST = 4
"""Power of the fit's trust where a share map already tells the edge to a fraction of a cell."""
_STRIP = 256
"""Rows of one piece of work: indices and floats of the band stay small whatever the photo."""
_SEARCHED = 1 << 20
"""Pixels of one search."""


def refine_alpha(
    field: NDArray[Any],
    rgb: Pixels,
    *,
    edge: float = 0.0,
    cells: int = CELLS,
    radius: int | None = None,
    eps: float = 1e-3,
    gain: float = 1.0,
    points: Sequence[Point] = (),
) -> Floats:
    """Snap a mask's edge to the photo: a guided filter (He, Sun, Tang 2013) in the edge band.

    A level tells only about where the edge is: passes look for it in the photo, each for what the
    last one found, until it is decided; then alpha is made as wide as the photo's own edge. A bool
    mask may be exact: how far its contour is from the photo's edge is measured first. A share map
    (`edge` in the open interval (0, 1)) is more: it says what part of each grid cell is the object.
    Its 0 and 1 are kept, the blur of that averaging is undone, and the photo decides as far as it
    explains it.

    Args:
        field: (H, W) bool mask, or float whose contour `edge` is the mask's edge (inside is
            `field >= edge`), upsampled to the photo.
        rgb: (H, W, 3) uint8 or uint16 sRGB photo, the guide.
        edge: 0 for a similarity level, 0.5 for a share in [0, 1]; ignored for bool.
        cells: grid cells along the photo's long side, `max(frame.grid_size)`.
        radius: half width of the band in photo pixels; None is `default_radius`.
        eps: variance of the guide (0..1 units) below which a window counts as flat.
        gain: contrast about 0.5 after the filter; more makes harder edges.
        points: (y, x) pixels that somebody said belong to the mask, or do not: about them the mask
            stands, whatever the photo looks like. Not read with a share map.

    Returns:
        (H, W) float32 alpha in [0, 1]; exactly 0 or 1 outside the band.

    Raises:
        ParameterError: sizes differ, a value is NaN, or a parameter is out of range.
    """
    inside = _inside(field, rgb, edge)
    _check_options(cells, radius, eps, gain)
    drawn = field.dtype == np.bool_
    shared = not drawn and 0 < edge < 1
    if not shared:
        del field  # of a large photo as much memory as alpha
    alpha = inside.astype(np.float32)
    if radius is None:
        radius = default_radius(inside, cells)
        radius = band_radius(inside, rgb, radius) if drawn else radius
    box = mask_box(inside, margin=4 * radius)
    if box is None or inside[box].all():
        return alpha
    if shared:
        step = max(1, round(max(inside.shape) / cells))
        share = np.asarray(field[box], np.float32) + np.float32(0.5 - edge)
        _refine_share(alpha[box], share, rgb[box], step=step, eps=eps, gain=gain)
        return alpha
    part = inside[box]
    if not (drawn and radius <= FINE):
        part, radius = moved(part, Pyramid(rgb[box]), radius, eps)
    soften(alpha[box], part, rgb[box], radius=radius, eps=eps / 10, gain=gain)
    cell, (top, left) = max(1.0, max(inside.shape) / cells), (side.start for side in box)
    sure = [(y - top, x - left) for y, x in points if _lies_in(y, x, box)]
    keep_slim(alpha[box], inside[box], cell=cell, points=sure)
    return alpha


def _lies_in(y: float, x: float, box: Box) -> bool:
    return all(side.start <= at < side.stop for at, side in zip((y, x), box, strict=True))


def default_radius(inside: NDArray[np.bool_], cells: int = CELLS) -> int:
    """Half width of the edge band of an (H, W) mask, in pixels, at least 2.

    Two grid cells; less where the mask is slim everywhere: a quarter of its largest disc's radius.
    """
    cell = max(1.0, max(inside.shape) / cells)
    height, width = (max(1, round(side / cell)) for side in inside.shape)
    mask = inside.view(np.uint8) * np.uint8(255)
    while min(mask.shape) > 1 and max(mask.shape) >= 8 * cells:
        mask = halved(mask)  # in a fraction of the time of one step by a broken number
    small = (resized(mask, (width, height), cv2.INTER_AREA) >= 128).view(np.uint8)
    deepest = float(cv2.distanceTransform(small, cv2.DIST_L2, 5).max())  # in cells
    return max(2, int(0.5 + cell * min(_BAND_CELLS, _BAND_SHARE * deepest)))


def check_photo(field: NDArray[Any], rgb: NDArray[Any], name: str = "the mask") -> None:
    """A (H, W, 3) uint8 or uint16 photo and a field (H, W) without NaN, or a ParameterError."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype not in (np.uint8, np.uint16):
        raise ParameterError(f"rgb must be (H, W, 3) uint8 or uint16; got {rgb.shape} {rgb.dtype}")
    if field.shape != rgb.shape[:2]:
        raise ParameterError(
            f"{name} must have the photo's size {rgb.shape[:2]}; got {field.shape}"
        )
    if field.dtype != np.bool_ and not np.issubdtype(field.dtype, np.floating):
        raise ParameterError(f"{name} must be bool or float; got {field.dtype}")
    if field.size == 0:
        raise ParameterError(f"a photo has at least one pixel; got {rgb.shape}")
    if np.isnan(field.min()):  # min passes NaN on, and needs no copy
        raise ParameterError(f"{name} holds NaN; give finite numbers")


def mask_box(mask: NDArray[np.bool_], margin: int) -> Box | None:
    """Rows and columns that hold every True, with a margin; None where there is none."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return None
    return (
        slice(max(0, top - margin), top + height + margin),
        slice(max(0, left - margin), left + width + margin),
    )


def sampled(share: NDArray[Any], least: float, most: int) -> Places:
    """Flat indices of every n-th pixel of (H, W) `share` that is at least that: `most` to twice as
    many, or all of them. A list of all would take more memory than the photo.
    """
    flat, strips = share.reshape(-1), range(0, share.size, _SEARCHED)
    step = max(1, sum(np.count_nonzero(flat[k : k + _SEARCHED] >= least) for k in strips) // most)
    parts, passed = [], 0
    for k in strips:
        found = np.flatnonzero(flat[k : k + _SEARCHED] >= least)
        parts.append(found[-passed % step :: step] + k)
        passed += found.size
    return np.concatenate(parts)


def _inside(field: NDArray[Any], rgb: Pixels, edge: float) -> NDArray[np.bool_]:
    check_photo(field, rgb)
    if field.dtype == np.bool_:
        return field
    if 0 < edge < 1 and not (field.min() >= 0 and field.max() <= 1):
        raise ParameterError(
            f"a share (edge {edge}) must lie in [0, 1]; got {field.min()} to {field.max()}; "
            "for a level give edge=0"
        )
    inside: NDArray[np.bool_] = field >= edge
    return inside


def _check_options(cells: int, radius: int | None, eps: float, gain: float) -> None:
    if cells < 1 or (radius is not None and radius < 1) or not eps > 0 or not gain >= 1:
        raise ParameterError(
            "cells and radius must be >= 1, eps > 0, gain >= 1; "
            f"got {cells}, {radius}, {eps}, {gain}"
        )


def _refine_share(
    alpha: Floats, share: Floats, rgb: Pixels, *, step: int, eps: float, gain: float
) -> None:
    """Replace alpha, in place, where a share says neither 0 nor 1."""
    # The share is the object's outline blurred over a cell, by averaging and by interpolation.
    # Van Cittert's first step undoes most of that: add what another blur would take away.
    blurred = cv2.blur(share, (2 * step + 1,) * 2, borderType=cv2.BORDER_REFLECT)
    sharp = np.clip(2 * share - blurred, 0.0, 1.0).astype(np.float32, copy=False)
    fit = GuidedFit.of(sharp, rgb, step, eps=eps, step=step)
    for rows, columns in _places((share > 0) & (share < 1)):
        own = sharp[rows, columns]
        trust = sample(fit.trust, fit.size, rows, columns) ** _TRUST
        soft = own + trust * (fit.at(rgb, rows, columns) - own)
        alpha[rows, columns] = np.clip((soft - 0.5) * gain + 0.5, 0.0, 1.0)


def _places(band: NDArray[np.bool_]) -> Iterator[tuple[Places, Places]]:
    """Rows and columns of the band's pixels, some rows of the photo at a time."""
    for top in range(0, len(band), _STRIP):
        rows, columns = np.divmod(np.flatnonzero(band[top : top + _STRIP]), band.shape[1])
        yield rows + top, columns
