"""How well a recolored object came out, measured on the pixels that were written.

The yardstick is not the brush's own model, which would agree with itself: it is the color asked
for, in light of the strength that the photo shows at each pixel (luminance over that of the
object's usual color), as a camera would clip it. Gray patches, washed-out light, flat shadows and
lifted blacks all count. So do a lamp's color and a reflection, which are no faults: hence the
median, the 95th percentile and the share within 2 stand side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import delta_e_2000, linear_to_srgb, srgb_to_linear
from dmlseg_core.paint.materials import Material

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Places: TypeAlias = NDArray[np.intp]

_SAMPLE = 4000
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Of linear sRGB (IEC 61966-2-1)."""
_PART = 0.1
"""Of a color's largest channel: what another must be to matter."""
_MUCH, _STEPS = 0.6, 0.05
"""Shares from which on a note is due."""
_SMALL, _LARGE = 1, 6
"""Levels of 255: a step in the photo that nobody sees, one in the result that is a contour."""


@dataclass(frozen=True)
class Report:
    """Figures of a recolored object's pixels.

    Attributes:
        median: CIEDE2000 between a pixel and the color asked for in that pixel's light.
        p95: its 95th percentile.
        within_2: share of pixels where it is at most 2.
        clipped: share without shading, not so before: black, or at the largest level in each
            channel that matters in the color asked for.
        posterized: share of neighbors at most 1 level apart before and at least 6 after.
    """

    median: float
    p95: float
    within_2: float
    clipped: float
    posterized: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What of it a user must know, one sentence each."""
        notes = []
        if self.clipped >= _MUCH:
            notes.append(
                f"{self.clipped:.0%} of the object is as light as the color can be, without folds; "
                "a darker color keeps them"
            )
        if self.posterized >= _STEPS:
            notes.append(
                f"the color changes in visible steps at {self.posterized:.0%} of the object"
            )
        return tuple(notes)

    @classmethod
    def of(
        cls,
        before: Pixels,
        after: Pixels,
        share: Floats,
        places: Places,
        *,
        color: Floats,
        asked: Floats,
    ) -> Report:
        """Measure (H, W, 3) photos at flat indices `places`, all of the object.

        Args:
            before: the photo.
            after: its recolored version.
            share: (H, W), how much of each pixel is painted.
            places: (N,), N >= 1.
            color: (3,) linear light of the object's usual color before.
            asked: (3,) the same, asked for.
        """
        places = places[:: max(1, places.size // _SAMPLE)]
        old, new = (photo.reshape(-1, 3)[places] for photo in (before, after))
        strength = srgb_to_linear(old) @ _LUMINANCE / max(float(color @ _LUMINANCE), 1e-4)
        wanted = np.clip(strength[:, None] * asked, 0, 1)
        off = delta_e_2000(linear_to_srgb(wanted), _levels(new) / 255)
        parts = asked >= _PART * asked.max()
        ends = [_ends(photo, parts) for photo in (old, new)]
        return cls(
            median=float(np.median(off)),
            p95=float(np.percentile(off, 95)),
            within_2=float((off <= 2).mean()),
            clipped=float((ends[1] & ~ends[0]).mean()),
            posterized=_posterized(before, after, share, places),
        )


@dataclass(frozen=True, eq=False)
class Recolored:
    """A recolored photo and how well it hit.

    Attributes:
        rgb: (H, W, 3) sRGB, uint8 or uint16 as the photo was.
        delta_e: CIEDE2000 between the color asked for and `result_anchor`.
        anchor: '#rrggbb', the object's diffuse color before.
        result_anchor: '#rrggbb', the same estimate on the same pixels of `rgb`.
        noise_gain: the tone curve's steepest slope over 1-99 % of the object's lightness.
        report: what its pixels look like against what was asked; None for a pattern.
        notes: what could not be done as asked or was left as it is, one sentence each.
        palette: the object's materials, the body first; () where they were not told apart: a gate
            says what is painted, or it is painted as one (materials="all").
    """

    rgb: Pixels = field(repr=False)
    delta_e: float
    anchor: str
    result_anchor: str
    noise_gain: float
    report: Report | None = None
    notes: tuple[str, ...] = ()
    palette: tuple[Material, ...] = ()

    @property
    def told_delta_e(self) -> float:
        """The one figure that page, command line, API and tables tell: the median over the pixels,
        each in its own light, where they were looked at. That of the color alone is near 0 on
        almost every failure.
        """
        return self.delta_e if self.report is None else self.report.median

    def within(self, limit: float) -> bool:
        """Whether its color, and half of its pixels each in its light, are off by at most that."""
        return max(self.delta_e, self.told_delta_e) <= limit


def _levels(pixels: Pixels) -> Floats:
    scale = 257 if pixels.dtype == np.uint16 else 1
    return (pixels / scale).astype(np.float32)


def _ends(pixels: Pixels, parts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of (N, 3) pixels hold no shading in the channels `parts`."""
    high = pixels[:, parts].min(axis=1) == np.iinfo(pixels.dtype).max
    ends: NDArray[np.bool_] = high | ~pixels.any(axis=1)
    return ends


def _posterized(before: Pixels, after: Pixels, share: Floats, places: Places) -> float:
    """Share of pixels that differ from the next one in the row as `Report.posterized` says."""
    places = places[places % share.shape[1] < share.shape[1] - 1]
    sure = share.reshape(-1)
    places = places[sure[places + 1] >= sure[places]]
    if places.size == 0:
        return 0.0
    steps = [_step(photo.reshape(-1, 3), places, places + 1) for photo in (before, after)]
    return float(((steps[0] <= _SMALL) & (steps[1] >= _LARGE)).mean())


def _step(pixels: Pixels, places: Places, others: Places) -> NDArray[Any]:
    first, second = (_levels(pixels[at]) for at in (places, others))
    step: NDArray[Any] = np.abs(first - second).max(axis=1)
    return step
