"""What is drawn over the photo: outlines with numbers, the active selection, its points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edit import EditSession, Selection
from dmlseg_core.folder import palette
from dmlseg_core.scene import Mask

Bytes: TypeAlias = NDArray[np.uint8]
Color: TypeAlias = tuple[int, int, int]
Cell: TypeAlias = tuple[int, int]

WHITE, DARK, GREEN, RED = (255, 255, 255), (24, 24, 27), (34, 197, 94), (239, 68, 68)
SHOWN = 24
"""At most this many instances are listed and outlined: more would be noise."""
LEAST_SCORE = 0.2
"""Automatic proposals that the network believes in less are neither listed nor outlined."""


def shown_masks(session: EditSession) -> list[Mask]:
    """The user's own masks and the best automatic ones, numbered as on the page from 1 on."""
    own = {session.scene.frame.cell_of(s.where.y, s.where.x) for s in session.selections}
    return [m for m in session.proposals if (m.seed.y, m.seed.x) in own or m.score >= LEAST_SCORE][
        :SHOWN
    ]


def swatch(number: int) -> Color:
    """Outline color of instance `number` (from 1 on)."""
    r, g, b = palette(number)[number]
    return int(r), int(g), int(b)


def draw(session: EditSession, picture: Bytes) -> Bytes:
    """`picture` (a render at preview size) with outlines, numbers and the active one's points."""
    canvas, size = picture.copy(), (picture.shape[0], picture.shape[1])
    masks = shown_masks(session)
    active = session.mask_of(session.active) if session.active is not None else None
    thin = max(1, round(max(size) / 700))
    for number, mask in enumerate(masks, 1):
        if mask is not active:
            _outline(canvas, _contours(mask, size), swatch(number), thin)
    for number, mask in enumerate(masks, 1):
        if mask is active:
            _outline(canvas, _contours(mask, size), swatch(number), 2 * thin)
    for number, mask in enumerate(masks, 1):
        _number(canvas, _at(session, mask.frame.point_of(mask.seed.y, mask.seed.x), size), number)
    if session.active is not None:
        _points(canvas, session, session.selections[session.active])
    return canvas


def _contours(mask: Mask, size: tuple[int, int]) -> Sequence[NDArray[np.int32]]:
    inside = (mask.to_level(size) >= 0).astype(np.uint8)
    # the frame around the picture closes contours that run along its border
    found, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return found  # type: ignore[return-value]


def _outline(
    canvas: Bytes, contours: Sequence[NDArray[np.int32]], color: Color, thick: int
) -> None:
    """A colored line on a dark rim: it shows on any background."""
    cv2.drawContours(canvas, contours, -1, DARK, thick + 2, cv2.LINE_AA)
    cv2.drawContours(canvas, contours, -1, color, thick, cv2.LINE_AA)


def _at(session: EditSession, point: tuple[float, float], size: tuple[int, ...]) -> Cell:
    """(x, y) on the picture of a photo coordinate (y, x), as OpenCV wants it."""
    y, x = (
        min(round((value + 0.5) * side / full - 0.5), side - 1)
        for value, side, full in zip(point, size, session.photo.size, strict=True)
    )
    return x, y


def _number(canvas: Bytes, at: Cell, number: int) -> None:
    """A round badge with the instance's number at its seed."""
    scale = max(canvas.shape) / 1400
    radius = max(8, round(14 * scale))
    x = min(max(at[0], radius + 1), canvas.shape[1] - radius - 2)
    y = min(max(at[1], radius + 1), canvas.shape[0] - radius - 2)
    cv2.circle(canvas, (x, y), radius + 1, DARK, -1, cv2.LINE_AA)
    cv2.circle(canvas, (x, y), radius, swatch(number), -1, cv2.LINE_AA)
    face, size = cv2.FONT_HERSHEY_SIMPLEX, max(0.36, 0.52 * scale)
    (width, height), _ = cv2.getTextSize(str(number), face, size, 1)
    cv2.putText(
        canvas, str(number), (x - width // 2, y + height // 2), face, size, DARK, 1, cv2.LINE_AA
    )


def _points(canvas: Bytes, session: EditSession, selection: Selection) -> None:
    """The clicks of a selection: added ones green with +, taken away red with -."""
    arm = max(3, round(max(canvas.shape) / 200))
    for points, color, kind in (
        (selection.where.add, GREEN, "+"),
        (selection.where.subtract, RED, "-"),
    ):
        for point in points:
            x, y = _at(session, point, canvas.shape[:2])
            cv2.circle(canvas, (x, y), 2 * arm, DARK, -1, cv2.LINE_AA)
            cv2.circle(canvas, (x, y), 2 * arm - 1, color, -1, cv2.LINE_AA)
            cv2.line(canvas, (x - arm, y), (x + arm, y), WHITE, 2)
            if kind == "+":
                cv2.line(canvas, (x, y - arm), (x, y + arm), WHITE, 2)
