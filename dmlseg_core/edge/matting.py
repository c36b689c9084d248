"""Hair and fur: closed-form matting where the photo says that there is some, and nowhere else.

It is solved with the object at most `_LONG` pixels long; the photo's own pixels then read the
local color lines of that solution. So time does not grow with the photo, and strands are as sharp
as the photo shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edge.alpha import check_photo, mask_box
from dmlseg_core.edge.guided import GuidedFit, Pixels, resized
from dmlseg_core.edge.hair import hairy
from dmlseg_core.edge.laplacian import MattingLaplacian
from dmlseg_core.errors import ParameterError

Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]

_LONG = 480
"""Pixels along the object's long side at which hair is looked for and solved."""
_HAIR = 25
"""An object's long side over how far its hair may reach from the mask's edge."""
_INTO = 5.0
"""How far inside the mask's edge the ground may show between strands, in solved pixels."""
_WINDOW = 14
"""An object's long side over the standard deviation of a neighborhood that is hair or not."""
_REGULAR = 1e-4
"""Closed-form matting's epsilon: variance of a 3 x 3 window that counts as flat."""
_PRIOR = 0.06
"""Pull towards the given alpha: 1e-4, as with a drawn trimap, paints the ground; see docs."""
_STEPS = 20
"""Steps of conjugate gradients."""
_LEAST = 1.5 / 255
"""Alpha closer than this to 0 or 1 is no hair but rounding."""
_STRIP = 1 << 18


def matte_alpha(alpha: NDArray[Any], rgb: Pixels, *, radius: int | None = None) -> Floats:
    """Find hair and fur about a mask's edge.

    Where the photo's edge is crisp alpha stays as it is, bit for bit, and so it does beyond
    `radius` outside the mask and a few pixels inside it.

    Args:
        alpha: (H, W) float in [0, 1] or bool, as of `refine_alpha`; its 0.5 contour is the edge.
        rgb: (H, W, 3) uint8 or uint16 sRGB photo.
        radius: how far hair may reach from the edge, in photo pixels; None is `hair_reach`.

    Returns:
        (H, W) float32 alpha in [0, 1].

    Raises:
        ParameterError: sizes differ, NaN, alpha outside [0, 1], a radius < 1.
    """
    check_photo(alpha, rgb, "alpha")
    result = np.array(alpha, np.float32)
    if not (result.min() >= 0 and result.max() <= 1):
        raise ParameterError(f"alpha must lie in [0, 1]; got {result.min()} to {result.max()}")
    if radius is not None and radius < 1:
        raise ParameterError(f"radius must be >= 1; got {radius}")
    hard = result >= np.float32(0.5)
    reach = radius or hair_reach(alpha)
    box = mask_box(hard, margin=2 * reach + 8)
    if box is not None and not hard.all():
        _matte(result[box], rgb[box], reach)
    return result


def hair_reach(alpha: NDArray[Any]) -> int:
    """How far hair may reach: a 25th of the object's long side, at least 4 pixels."""
    return max(4, round(_long_side(np.asarray(alpha >= 0.5)) / _HAIR))


def _long_side(hard: Bools) -> int:
    box = mask_box(hard, margin=0)
    return 0 if box is None else max(int(side.stop - side.start) for side in box)


@dataclass(frozen=True, eq=False)
class _Zone:
    """An object made small: colors in 0..1, alpha, and distances from its edge on both sides."""

    colors: Floats
    alpha: Floats
    inside: Floats
    outside: Floats

    @classmethod
    def of(cls, alpha: Floats, rgb: Pixels, step: float) -> _Zone:
        size = tuple(max(1, round(side / step)) for side in alpha.shape[::-1])
        small = resized(rgb, (size[0], size[1]), cv2.INTER_AREA)
        colors = small * np.float32(1 / np.iinfo(rgb.dtype).max)
        shares = resized(alpha, (size[0], size[1]), cv2.INTER_AREA)
        hard = (shares >= np.float32(0.5)).view(np.uint8)
        away = (cv2.distanceTransform(side, cv2.DIST_L2, 5) for side in (hard, 1 - hard))
        return cls(colors, shares, *(np.asarray(part, np.float32) for part in away))

    def free(self, reach: float, window: float) -> Bools:
        """Where alpha is to be found."""
        near = (self.inside <= _INTO) & (self.outside <= reach)
        return near & hairy(self.colors, self.inside, self.outside, window)


def _matte(alpha: Floats, rgb: Pixels, reach: int) -> None:
    """Replace alpha, in place, where there is hair."""
    long = _long_side(alpha >= np.float32(0.5))
    step = max(1.0, long / _LONG)
    zone = _Zone.of(alpha, rgb, step)
    if zone.inside.max() == 0 or zone.outside.max() == 0:
        return
    free = zone.free(reach / step, long / step / _WINDOW)
    box = mask_box(free, margin=8)
    if box is None:
        return
    solved = zone.alpha.copy()
    solved[box] = _solved(zone.colors[box], zone.alpha[box], free[box])
    if step == 1:
        alpha[free] = solved[free]
    else:
        _enlarge(alpha, rgb, zone.colors, solved, free)


def _solved(colors: Floats, alpha: Floats, free: Bools) -> Floats:
    laplacian = MattingLaplacian(colors, _REGULAR)
    weight = np.full(alpha.shape, _PRIOR)
    found = laplacian.solve(alpha.astype(np.float64), weight, free, _STEPS).clip(0, 1)
    found[found < _LEAST], found[found > 1 - _LEAST] = 0, 1
    return found.astype(np.float32)


def _enlarge(alpha: Floats, rgb: Pixels, colors: Floats, solved: Floats, free: Bools) -> None:
    """Read the solution's local lines in color at the photo's own pixels, in place."""
    fit = GuidedFit.between(solved, colors, alpha.shape, radius=1, eps=1e-5)
    wide = resized(free.view(np.uint8), alpha.shape[::-1], cv2.INTER_NEAREST)
    places = np.flatnonzero(wide)
    for first in range(0, places.size, _STRIP):
        rows, columns = np.divmod(places[first : first + _STRIP], alpha.shape[1])
        found = fit.at(rgb, rows, columns).clip(0, 1)
        found[found < _LEAST], found[found > 1 - _LEAST] = 0, 1
        alpha[rows, columns] = found
