"""The main colors of a photo, and the materials of an object."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import linear_to_srgb, oklab_to_linear, srgb_to_oklab, to_hex
from dmlseg_core.edit import EditSession, sight_of
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Subject
from dmlseg_core.scene import Mask

MOST = 16
_PIXELS = 20_000
_SAME = 0.03
"""Distance in OKLab below which two colors are one to the eye."""


def main_colors(session: EditSession, count: int) -> list[dict[str, Any]]:
    """Colors of a photo with their share of its pixels, the largest first: k-means in OKLab.

    Args:
        session: its preview is looked at, where the photo is not transparent.
        count: at most so many; colors that look the same are one.

    Raises:
        ParameterError: `count` out of range.
    """
    _check(count)
    pixels = _visible(session)
    lab = srgb_to_oklab(pixels[:: -(-len(pixels) // _PIXELS)]).astype(np.float32)
    centers, sizes = _clusters(lab, min(count, len(lab)))
    return [
        {"hex": to_hex(np.clip(linear_to_srgb(oklab_to_linear(c)), 0, 1)), "share": round(s, 4)}
        for c, s in sorted(zip(centers, sizes, strict=True), key=lambda pair: -pair[1])
    ]


def materials_of(
    session: EditSession, mask: Mask, count: int, *, matting: bool = False
) -> list[dict[str, Any]]:
    """The materials of an object, its body first, as `recolor` tells them apart.

    Args:
        session: its preview is looked at.
        mask: of the object.
        count: at most so many.
        matting: as of `Mask.to_alpha`.

    Raises:
        ParameterError: `count` out of range, or nothing is inside.
    """
    _check(count)
    rgb = session.preview
    alpha = mask.to_alpha(rgb, matting=matting)
    at, brushed = mask.place_on(rgb.shape), mask.brushed_on(rgb, matting=matting)
    subject = Subject.of(rgb, alpha, at=at, brushed=brushed, **sight_of(session.scene))
    found = subject.palette.materials
    return [
        {"hex": one.color, "share": round(one.share, 4), **({"kind": one.kind} if one.kind else {})}
        for one in found[:count]
    ]


def _check(count: int) -> None:
    if not 1 <= count <= MOST:
        raise ParameterError(f"count must lie in 1..{MOST}; got {count:.4g}")


def _visible(session: EditSession) -> NDArray[np.uint8]:
    """(N, 3) uint8, all of the preview that can be seen; all of it where nothing can."""
    rgb = session.preview
    if session.photo.visible is None or not session.photo.visible.any():
        return rgb.reshape(-1, 3)
    seen = session.photo.visible.view(np.uint8)
    return rgb[cv2.resize(seen, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0]


def _clusters(
    lab: NDArray[np.float32], count: int
) -> tuple[list[NDArray[np.float32]], list[float]]:
    """Centers and shares; near ones are merged. The same pixels give the same answer."""
    cv2.setRNGSeed(0)
    ends = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-4)
    start = np.empty(0, np.int32)
    _, labels, centers = cv2.kmeans(lab, count, start, ends, 2, cv2.KMEANS_PP_CENTERS)
    sizes = np.bincount(labels.ravel(), minlength=count) / len(lab)
    found: list[NDArray[np.float32]] = []
    shares: list[float] = []
    for k in np.argsort(-sizes):
        far = [float(np.linalg.norm(center - centers[k])) for center in found]
        near = next((i for i, distance in enumerate(far) if distance < _SAME), None)
        if near is None:
            found.append(np.asarray(centers[k], np.float32))
            shares.append(float(sizes[k]))
        else:
            shares[near] += float(sizes[k])
    return found, shares
