"""What a browser needs once to show the mask under the pointer by itself, without asking again.

The embedding in 8 bits, the photo's region tree, and for each superpixel what the IoU head says of
a click in the middle of it. From these a browser computes, for the cell (y, x) under the pointer,

    d2(q) = scale^2 |e_q - e_p|^2 + edge_weight * ln(1 + 2 exp(highest gap between q and p))
    m     = the 4-connected part of { q : d2(q) <= ln(2 / tau - 1) } that holds p

with tau that of p's superpixel: arithmetic of `Scene.distances2` and `Scene.mask_at`.

So that is the object that a click means on the page (`shown_meaning`), here and there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from dmlseg_core.edit import EditSession
from dmlseg_core.model import Meant, describe_point
from dmlseg_core.scene import Mask, Scene
from dmlseg_core.stage.pack import pack

SHOWN = 24
"""At most this many proposals are listed and outlined: more would be noise."""
LEAST_SCORE = 0.2
"""Proposals that the network believes in less are not shown."""
_LEVELS = 127
_DIMENSIONS = 32
"""Principal axes that are sent: they hold 99.99 % of an embedding's variance."""
_POINTS = 320
"""At most so many regions are asked for their tau: superpixels that hardly differ share one."""
_AT_ONCE = 32


def shown_proposals(session: EditSession) -> list[Mask]:
    """The proposals that the page lists, best first."""
    return [m for m in session.proposals if m.score >= LEAST_SCORE][:SHOWN]


def hover_fields(session: EditSession) -> bytes:
    """The buffer of `pack` described in docs/stage.md."""
    scene = session.scene
    vectors, scale = coded(scene)
    cells, gaps = _superpixels(scene)
    whole, part = _click_taus(scene)
    header = {
        **_geometry(scene),
        "scale": scale,
        "edge_weight": scene.edge_weight if scene.regions is not None else 0.0,
        "connected": scene.config.connected,
        "N": len(gaps) + 1,
    }
    return pack(header, {
        "embedding": vectors, "cells": cells, "gaps": gaps.astype(np.float32),
        "tau_whole": whole, "tau_part": part,
        "proposals": _label_map(shown_proposals(session), scene),
    })  # fmt: skip


def _geometry(scene: Scene) -> dict[str, Any]:
    h, w = scene.frame.grid_size
    return {
        "h": h, "w": w, "D": min(_DIMENSIONS, scene.embedding.shape[0]),
        "H": scene.frame.photo_size[0], "W": scene.frame.photo_size[1],
        "input": list(scene.frame.input_size), "stride": scene.frame.stride,
    }  # fmt: skip


def coded(scene: Scene) -> tuple[NDArray[np.int8], float]:
    """(h, w, D) int8 embedding and the factor that makes vectors of it: distances survive.

    The mean is taken out, which no distance sees; of more than _DIMENSIONS axes the principal ones
    are kept.
    """
    d, h, w = scene.embedding.shape
    rows = scene.embedding.permute(1, 2, 0).reshape(-1, d)
    rows = rows - rows.mean(0)
    if d > _DIMENSIONS:
        _, axes = torch.linalg.eigh(rows.T @ rows)  # ascending
        rows = rows @ axes[:, -_DIMENSIONS:]
    scale = max(float(rows.abs().max()) / _LEVELS, 1e-9)
    levels = (rows / scale).round().to(torch.int8)
    return levels.reshape(h, w, -1).numpy(), scale


def shown_meaning(scene: Scene) -> Callable[[float, float], Meant]:
    """What a photo pixel means to a page: the object is what it shows there before a click."""
    cells, whole = _superpixels(scene)[0], _click_taus(scene)[0]

    @cache
    def meant(y: float, x: float) -> Meant:
        return scene.meant_by(y, x, float(whole[cells[scene.cell_at(y, x)]]))

    return meant


def _superpixels(scene: Scene) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """(h, w) superpixel of each cell, and the gaps between them; without a tree there is one."""
    if (tree := scene.regions) is None:  # no edges: the formula then adds nothing
        return np.zeros(scene.frame.grid_size, np.uint16), np.zeros(0, np.float32)
    return tree.cells.astype(np.uint16), tree.gaps


def _click_taus(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`click_taus` of a scene's superpixels, made once."""
    if scene not in _taus:
        _taus[scene] = click_taus(scene, *_superpixels(scene))
    return _taus[scene]


_taus: WeakKeyDictionary[Scene, tuple[NDArray[np.float32], NDArray[np.float32]]] = (
    WeakKeyDictionary()
)


def click_taus(
    scene: Scene, cells: NDArray[np.uint16], gaps: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """tau of the thing and of the part that a click in the middle of each superpixel means.

    Args:
        scene: with or without an IoU head.
        cells: (h, w) superpixel of each cell.
        gaps: (N - 1,) of the region tree; superpixels with the smallest gaps between them are
            asked together.

    Returns:
        (N,) float32 each.
    """
    limit = np.sort(gaps)[-_POINTS] if len(gaps) > _POINTS else -np.inf
    region = np.concatenate([[0], np.cumsum(gaps >= limit)])  # of each superpixel
    numbers, places = _middles(region[cells])
    if scene.iou_head is None:
        found = np.array([scene.best_tau(*scene.frame.point_of(*p)) for p in places])
        pairs = np.stack([found, found], 1)
    else:
        pairs = scene.iou_head.taus_of(_described(scene, places, scene.iou_head.radii))
    # a region without a cell of its own is never asked about: any value will do
    whole, part = (np.full(region[-1] + 1, pairs[:, k].mean(), np.float32) for k in (0, 1))
    whole[numbers], part[numbers] = pairs[:, 0], np.maximum(pairs[:, 0], pairs[:, 1])
    return whole[region], part[region]


def _described(
    scene: Scene, places: list[tuple[int, int]], radii: Sequence[float]
) -> NDArray[np.float32]:
    """Features of many points, so many at a time that their distances are a few megabytes."""
    probs = scene.class_probs.numpy().astype(
        np.float64
    )  # as `bincount` adds: cast once, not N times
    made = []
    for first in range(0, len(places), _AT_ONCE):
        cells = places[first : first + _AT_ONCE]
        for d2, cell in zip(scene.distances2(*cells), cells, strict=True):
            made.append(describe_point(d2, probs, *cell, radii))
    return np.stack(made)


def _middles(cells: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[tuple[int, int]]]:
    """Regions that hold a cell, and of each the cell nearest to its centroid."""
    flat = cells.ravel()
    y, x = np.divmod(np.arange(flat.size), cells.shape[1])
    size = np.maximum(np.bincount(flat), 1)
    off = (y - (np.bincount(flat, y) / size)[flat]) ** 2
    off += (x - (np.bincount(flat, x) / size)[flat]) ** 2
    order = np.lexsort((off, flat))
    numbers, first = np.unique(flat[order], return_index=True)
    return numbers, [(int(y[k]), int(x[k])) for k in order[first]]


def _label_map(masks: Sequence[Mask], scene: Scene) -> NDArray[np.uint8]:
    labels = np.zeros(scene.frame.grid_size, np.uint8)
    for k, mask in enumerate(masks, 1):
        labels[mask.grid] = k
    return labels
