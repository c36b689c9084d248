"""Hair: closed-form matting (Levin, Lischinski, Weiss 2008) by PyMatting, tile by tile.

Two things make it fit here. It runs in linear light, where a mixed pixel really is the sum of its
parts: on known answers that halves the error against sRGB values. And it runs on tiles that meet
the edge only; a tile takes its solved neighbors' pixels as known, so there are no seams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import decode_table
from dmlseg_core.edge.alpha import Box, check_photo, mask_box
from dmlseg_core.edge.guided import Pixels
from dmlseg_core.errors import MissingExtraError, ParameterError

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Solver: TypeAlias = Callable[[Doubles, Doubles, NDArray[np.bool_]], Doubles]

_TILE, _CONTEXT = 160, 24
"""Pixels along a tile, and how far around it the photo is looked at as well."""
_HAIR = 12
"""An object's long side over how far its hair may reach from the mask's edge."""
_REGULAR = 1e-6
"""Closed-form matting's epsilon: variance of a 3 x 3 window that counts as flat."""
_PRIOR = 1e-4
"""Pull towards the given alpha. It only decides where the photo does not, for instance in a tile
that meets no sure background."""
_LEAST = 1.5 / 255
"""Alpha closer than this to 0 or 1 is no hair but rounding."""


def matte_alpha(alpha: NDArray[Any], rgb: Pixels, *, radius: int | None = None) -> Floats:
    """Find hair and fur about a mask's edge.

    The trimap is automatic: within `radius` of the edge all is open, beyond it the mask holds.
    Memory is bounded by the tile, time by the length of the edge times the radius.

    Args:
        alpha: (H, W) float in [0, 1] or bool, as of `refine_alpha`; its 0.5 contour is the edge.
        rgb: (H, W, 3) uint8 or uint16 sRGB photo.
        radius: how far hair may reach from the edge, in photo pixels; None is `hair_reach`.

    Returns:
        (H, W) float32 alpha in [0, 1]; beyond `radius` as given.

    Raises:
        ParameterError: sizes differ, NaN, alpha outside [0, 1], a radius < 1.
        MissingExtraError: PyMatting is not installed.
    """
    check_photo(alpha, rgb, "alpha")
    result = np.array(alpha, np.float32)
    if not (result.min() >= 0 and result.max() <= 1):
        raise ParameterError(f"alpha must lie in [0, 1]; got {result.min()} to {result.max()}")
    if radius is not None and radius < 1:
        raise ParameterError(f"radius must be >= 1; got {radius}")
    hard = np.asarray(alpha >= 0.5)
    box = mask_box(hard, margin=0)
    if box is None or hard.all():
        return result
    reach, solve = radius or hair_reach(alpha), _solver()
    for core in _tiles(box, reach, hard.shape):
        _matte_tile(result, hard, rgb, core, reach=reach, solve=solve)
    return result


def hair_reach(alpha: NDArray[Any]) -> int:
    """How far hair may reach: a twelfth of the object's long side, at least 4 pixels."""
    box = mask_box(np.asarray(alpha >= 0.5), margin=0)
    if box is None:
        return 4
    longest = max(int(side.stop - side.start) for side in box)
    return max(4, round(longest / _HAIR))


def _tiles(box: Box, reach: int, size: tuple[int, ...]) -> Iterator[Box]:
    """Tiles over the object and its reach, row by row."""
    (top, bottom), (left, right) = (
        (max(0, side.start - reach), min(side.stop + reach, length))
        for side, length in zip(box, size, strict=True)
    )
    for y in range(top, bottom, _TILE):
        for x in range(left, right, _TILE):
            yield slice(y, min(y + _TILE, bottom)), slice(x, min(x + _TILE, right))


def _grown(box: Box, margin: int, size: tuple[int, ...]) -> Box:
    """The box with a margin, inside the photo, as two slices."""
    rows, columns = (
        slice(max(0, side.start - margin), min(side.stop + margin, length))
        for side, length in zip(box, size, strict=True)
    )
    return rows, columns


def _inner(box: Box, outer: Box) -> Box:
    """Where `box` lies within a crop to `outer`."""
    rows, columns = (
        slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, outer, strict=True)
    )
    return rows, columns


def _matte_tile(
    result: Floats, hard: NDArray[np.bool_], rgb: Pixels, core: Box, *, reach: int, solve: Solver
) -> None:
    """Solve one tile, in place; tiles above it and to its left are solved already."""
    crop = _grown(core, _CONTEXT, hard.shape)
    free = _near_edge(hard, crop, reach)
    rows, columns = inner = _inner(core, crop)
    free[: rows.start] = False
    free[: rows.stop, : columns.start] = False
    near = result[crop]
    if not free[inner].any() or near.min() == near.max():  # what is all alike stays so
        return
    linear = decode_table(rgb.dtype)[rgb[crop]].astype(np.float64)
    solved = solve(linear, near.astype(np.float64), free)
    solved[solved < _LEAST], solved[solved > 1 - _LEAST] = 0, 1
    result[core] = np.where(free, solved, near)[inner]


def _near_edge(hard: NDArray[np.bool_], crop: Box, reach: int) -> NDArray[np.bool_]:
    """The pixels of a crop at most `reach` from the mask's edge."""
    around = _grown(crop, reach + 1, hard.shape)
    inside = hard[around].astype(np.uint8)
    here = _inner(crop, around)
    if inside.min() == inside.max():
        return np.zeros(inside[here].shape, np.bool_)
    away = [
        cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_5)[here]
        for side in (inside, 1 - inside)
    ]
    return np.asarray(np.maximum(*away) <= reach)


def _solver() -> Solver:
    """Closed-form matting of one tile: (linear photo, alpha, which pixels to solve) -> alpha."""
    try:  # here, because PyMatting takes seconds to load: it compiles
        from pymatting import cf_laplacian, ichol  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(
            "hair-grade matting needs PyMatting, which is not installed; "
            "run pip install PyMatting, or leave matting off"
        ) from None
    from scipy.sparse import eye_array  # noqa: PLC0415
    from scipy.sparse.linalg import LinearOperator, cg  # noqa: PLC0415

    def solve(linear: Doubles, alpha: Doubles, free: NDArray[np.bool_]) -> Doubles:
        unknown, values = free.ravel(), alpha.ravel()
        rows = cf_laplacian(linear, epsilon=_REGULAR, is_known=~unknown)[unknown]
        system = rows[:, unknown] + _PRIOR * eye_array(int(np.count_nonzero(unknown)), format="csr")
        right = _PRIOR * values[unknown] - rows[:, ~unknown] @ values[~unknown]
        # Without a shift the factorization fails on flat tiles, and says so on stdout.
        factor = ichol(system.tocsc(), shifts=(2e-3, 1e-2, 5e-2, 0.5))
        inverse = LinearOperator(system.shape, matvec=factor, dtype=np.float64)
        found = values.copy()
        # scipy's solver: PyMatting's divides by zero where the start is the answer already.
        found[unknown], _ = cg(
            system, right, x0=values[unknown], M=inverse, rtol=1e-5, atol=1e-8, maxiter=2000
        )
        return found.clip(0, 1).reshape(alpha.shape)

    return solve
