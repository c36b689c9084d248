"""What a hand means that does not point at one thing: a second click, a box, "all like this"."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import delta_e_2000
from dmlseg_core.edit.session import EditSession
from dmlseg_core.errors import ParameterError
from dmlseg_core.measure import mask_iou
from dmlseg_core.model import distances2, radius2
from dmlseg_core.scene import Box, Given, Mask, Override, Point

SAME = 0.9
"""IoU from which on two outlines of one point are no choice."""
_PROBES = 3
"""Points a side that are tried in a box."""
_APART = 0.8
"""What pieces that do not touch one another count beside one that is whole."""
_ALIKE_COLOR = 18.0
"""CIEDE2000 between two things' median colors up to which they count as alike."""
_ALIKE_SIZE = 6.0


def outlines(session: EditSession, y: float, x: float) -> list[Mask]:
    """The different masks of a point among part, object and group: the object first, then what
    further clicks on the same point step to.
    """
    meant = session.says(y, x)
    found: list[Mask] = []
    for tau in (meant.object, meant.part, meant.group):
        mask = session.scene.mask_at(y, x, tau)
        if all(mask_iou(mask.grid, other.grid) < SAME for other in found):
            found.append(mask)
    return found


def step(session: EditSession, y: float, x: float) -> None:
    """A second click: the object becomes the part under the pointer, then the group, then again
    the object. On nothing it selects the part.
    """
    k = session.at(y, x)
    choices = outlines(session, y, x)
    smallest = choices[1 % len(choices)]
    if k is None:
        return session.select(y, x, smallest.seed.tau, new=True)
    session.activate(k)
    where, cell = session.selections[k].where, session.scene.frame.cell_of(y, x)
    at, chosen = 0, smallest
    if session.scene.frame.cell_of(where.y, where.x) == cell:
        own = session.mask_of(k).grid
        at = int(np.argmax([mask_iou(own, mask.grid) for mask in choices]))
        chosen = choices[(at + 1) % len(choices)]
    made = Override(y, x, chosen.seed.tau, connected=where.connected)
    return session.point_at(made, "step")


def stop(session: EditSession, name: str) -> None:
    """Set the active selection's tau to that of its part, object or group."""
    session.set_tau(getattr(session.meant_by(session.required()), name), drag="")


def choose_in_box(session: EditSession, box: Box, mode: str) -> None:
    """Select what fills a box; add it to the active selection, or take it away.

    Some points of the box are asked for parts, object and group; the mask whose own bounding box is
    most like the given one is meant. It may be in pieces, such as two shoes.

    Args:
        session: whose selection it is.
        box: (top, left, bottom, right) in photo pixels; what lies outside the photo is cut off.
        mode: "new" and "auto" select, "add" and "subtract" correct.

    Raises:
        ParameterError: the box lies beside the photo, or where it is transparent.
    """
    height, width = session.photo.size
    box = (max(0.0, box[0]), max(0.0, box[1]), min(height - 1.0, box[2]), min(width - 1.0, box[3]))
    if box[0] > box[2] or box[1] > box[3]:
        raise ParameterError("the box lies beside the photo; draw it on the photo")
    _, (y, x), tau, connected = max(_in_box(session, box), key=lambda row: row[0])
    if mode in ("add", "subtract") and session.active is not None:
        return session.extend(y, x, subtract=mode == "subtract")
    made = Override(y, x, tau, box=box, connected=connected, pointed=False)
    return session.start(made, "box")


def _in_box(session: EditSession, box: Box) -> list[tuple[float, Point, float, bool | None]]:
    """How well each candidate fits a box; its point, tau, and whether it is connected."""
    scene, found = session.scene, []
    top, left, bottom, right = box
    shares = (np.arange(_PROBES) + 0.5) / _PROBES
    for y, x in product(top + shares * (bottom - top), left + shares * (right - left)):
        if scene.visible is not None and not scene.visible[round(y), round(x)]:
            continue
        for tau in sorted(set(scene.meant_by(y, x))):
            mask = scene.mask_at(y, x, tau, connected=False)
            for fit, connected in _fits(session, mask, box):
                found.append((fit, (float(y), float(x)), mask.seed.tau, connected))
    if not found:
        raise ParameterError("the photo is transparent in this box; choose a visible part")
    return found


def _fits(session: EditSession, mask: Mask, box: Box) -> list[tuple[float, bool | None]]:
    """How well the piece of a mask that holds its seed fits a box, and all pieces that lie in it
    for the most part: IoU of their bounding box with the given one.
    """
    cell_of = session.scene.frame.cell_of
    (top, left), (bottom, right) = cell_of(*box[:2]), cell_of(*box[2:])
    wanted = top, left, bottom + 1, right + 1
    grid = mask.grid.view(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(grid, connectivity=4)
    held = np.bincount(pieces[top : bottom + 1, left : right + 1].ravel(), minlength=count)
    inside = np.flatnonzero(2 * held > stats[:, cv2.CC_STAT_AREA])
    own, every = stats[[pieces[mask.seed.y, mask.seed.x]]], stats[inside[inside > 0]]
    whole = _box_iou(_around(own), wanted)
    apart = _box_iou(_around(every), wanted) if len(every) else 0.0
    asked, usual = session.connected, session.scene.config.connected
    if asked or not (usual if asked is None else asked):
        return [(whole if asked else apart, asked)]
    return [(whole, None), (_APART * apart, False)]


def _around(stats: NDArray[Any]) -> Box:
    """The bounding box of pieces, of their left, top, width and height."""
    left, top, wide, high = stats.T[:4]
    return top.min(), left.min(), (top + high).max(), (left + wide).max()


def _box_iou(a: Box, b: Box) -> float:
    def area(box: Box) -> float:
        return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])

    both = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    return both / max(area(a) + area(b) - both, 1e-9)


def select_alike(session: EditSession, k: int) -> None:
    """Select every proposal that is like selection k, in its style, as one step.

    Alike is: of the same class where the network knows one; else of a similar color and size, and
    not further away in embedding space than what the widest tau takes in. What a selection holds
    already is left out.
    """
    own, mask = session.selections[k], session.mask_of(k)
    held = np.logical_or.reduce([session.mask_of(i).grid for i in range(len(session.selections))])
    made = [
        replace(own, id=0, name="", where=m.where)
        for m in session.proposals
        if not held[m.seed.y, m.seed.x] and _alike(session, mask, m)
    ]
    session.extend_list(made, k, "like")


def _alike(session: EditSession, mask: Mask, other: Mask) -> bool:
    if mask.class_name != session.scene.classes[-1]:
        return mask.class_name == other.class_name
    ratio = mask.grid.sum() / max(other.grid.sum(), 1)
    if not 1 / _ALIKE_SIZE < ratio < _ALIKE_SIZE:
        return False
    vectors = session.scene.embedding[:, [mask.seed.y, other.seed.y], [mask.seed.x, other.seed.x]]
    if float(distances2(vectors.T[:1], vectors.T[1:])) > radius2(1e-3):
        return False
    colors = [session.median_color(m) for m in (mask, other)]
    return float(delta_e_2000(*colors)) < _ALIKE_COLOR


def choose_given(session: EditSession, given: Given, name: str) -> None:
    """A new selection of a mask made elsewhere, whole or in pieces.

    Raises:
        ParameterError: the mask is empty, or of another size than the photo.
    """
    level = given.level(session.scene.frame)
    if not (given.alpha >= 0.5).any():
        raise ParameterError("the mask is empty: nothing in it is white")
    y, x = np.unravel_index(int(level.argmax()), level.shape)
    point = session.scene.frame.point_of(int(y), int(x))
    session.start(Override(*point, connected=False, given=given, pointed=False), "mask", name)
