"""What of an object are different things whatever their colors: skin beside a coat as brown.

An embedding of the photo tells them: vectors lie near each other within a thing, far apart across
its border. It is coarse: it says which colors may be one material, pixels are told by color.
Skin and hair are told by name: who recolors a coat wants neither in its color. So is a car's
bodywork: one paint, though the network takes its panels for things, and not that of panes.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import PEOPLE
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.materials.clusters import largest_of, nearness_of

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.intp]
Box: TypeAlias = tuple[slice, slice]

TOLD = 2 + len(PEOPLE)
"""Rows of `told_of`: nothing of that kind, PEOPLE, bodywork."""
ONE_THING = 0.3
"""Mean squared distance in the embedding up to which two sets of pixels are of one thing."""
_MOST = 12
_SAMPLE = 4000
_ROUNDS = 5
_FAR = 0.2
"""Squared distance of vectors that need no second cluster: a similarity of .85."""
_RARE = 0.97
"""The farthest vector is the one at this quantile of distance: beyond it is the object's rim."""


class Things(NamedTuple):
    """Clusters of the embedding.

    Attributes:
        labels: (N,) uint8, of the pixels inside.
        apart: (K, K) float32, squared distances of their means.
    """

    labels: Bytes
    apart: Floats


def check_embedding(embedding: NDArray[np.float32] | None) -> None:
    """ParameterError unless it is None or (D, h, w) finite floats."""
    if embedding is None:
        return
    good = embedding.ndim == 3 and embedding.size and np.issubdtype(embedding.dtype, np.floating)
    if not (good and np.isfinite(embedding).all()):
        raise ParameterError(
            f"embedding must be (D, h, w) finite floats; got {embedding.shape} {embedding.dtype}"
        )


def check_people(people: NDArray[np.float32] | None) -> None:
    """ParameterError unless it is None or a map in [0, 1] for each of PEOPLE."""
    if people is None:
        return
    shaped = people.ndim == 3 and len(people) == len(PEOPLE) and people.size
    if not (shaped and people.min() >= 0 and people.max() <= 1):
        raise ParameterError(
            f"people must be ({len(PEOPLE)}, h, w) probabilities of {' and '.join(PEOPLE)} in "
            f"[0, 1]; got {people.shape} {people.dtype}"
        )


def check_bodywork(bodywork: NDArray[np.float32] | None) -> None:
    """ParameterError unless it is None or a map in [0, 1]."""
    if bodywork is None:
        return
    shaped = bodywork.ndim == 2 and bodywork.size
    if not (shaped and bodywork.min() >= 0 and bodywork.max() <= 1):
        raise ParameterError(
            "bodywork must be (h, w) probabilities in [0, 1]; "
            f"got {bodywork.shape} {bodywork.dtype}"
        )


def things_of(embedding: Floats, size: tuple[int, ...], box: Box, inside: Mask) -> Things:
    """Tell the things of an object apart.

    Args:
        embedding: (D, h, w), as a picture of the whole photo made small.
        size: (H, W) of the photo.
        box: of the photo, where the object lies.
        inside: (m, n) bool, of the box made small.
    """
    down, across = _places(embedding.shape[1:], size, box, inside.shape)
    rows, columns = np.nonzero(inside)
    step = max(1, rows.size // _SAMPLE)
    cells = [
        np.clip(np.rint(at[places[::step]]), 0, few - 1).astype(np.intp)
        for at, places, few in zip(
            (down, across), (rows, columns), embedding.shape[1:], strict=True
        )
    ]
    means = _means(np.ascontiguousarray(embedding[:, cells[0], cells[1]].T))
    if len(means) == 1:
        return Things(np.zeros(rows.size, np.uint8), np.zeros((1, 1), np.float32))
    near = nearness_of(embedding.reshape(len(embedding), -1), means)
    planes = _read(near.reshape(-1, *embedding.shape[1:]), down, across)
    labels = largest_of(planes)[0]
    return Things(labels[inside], ((means[:, None] - means) ** 2).sum(axis=2))


def told_of(
    people: Floats | None, bodywork: Floats | None, size: tuple[int, ...], box: Box, inside: Mask
) -> Floats | None:
    """(TOLD, N) probabilities of the pixels inside: nothing that is told, PEOPLE, bodywork.

    Args:
        people: (K, h, w) in [0, 1], as a picture of the whole photo made small; None: nobody.
        bodywork: (h, w) in [0, 1], likewise; None: no cars.
        size, box, inside: as of `things_of`.

    Returns:
        None where there is neither.
    """
    if people is None and bodywork is None:
        return None
    found = np.zeros((TOLD, int(inside.sum())), np.float32)
    for maps, rows in ((people, found[1:-1]), (_stacked(bodywork), found[-1:])):
        if maps is not None:
            rows[:] = _read(maps, *_places(maps.shape[1:], size, box, inside.shape))[:, inside]
    found[-1] *= 1 - found[1:-1].sum(axis=0)
    found[0] = 1 - found[1:].sum(axis=0)
    return found


def _stacked(plane: Floats | None) -> Floats | None:
    return None if plane is None else plane[None]


def _places(
    grid: tuple[int, ...], size: tuple[int, ...], box: Box, small: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of a grid over the whole photo at which the pixels of a small box lie."""
    down, across = (
        (s.start + (np.arange(n) + 0.5) * ((s.stop - s.start) / n)) * (few / side) - 0.5
        for s, n, few, side in zip(box, small, grid, size[:2], strict=True)
    )
    return down, across


def _read(planes: Floats, down: NDArray[np.float64], across: NDArray[np.float64]) -> Floats:
    """(K, h, w) at such places, linear between cells: (K, m, n)."""
    x, y = (np.asarray(v, np.float32) for v in np.meshgrid(across, down))
    read = [
        cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane in planes
    ]
    return np.stack(read).astype(np.float32, copy=False)


def _means(vectors: Floats) -> Floats:
    """(K, D) means of clusters of (N, D) vectors, 1 <= K <= _MOST; as `clusters.clusters_of`."""
    # along contiguous rows, in a fraction of the time
    means = [np.median(np.ascontiguousarray(vectors.T), axis=1)]
    away = ((vectors - means[0]) ** 2).sum(axis=1)
    rank = int(_RARE * (away.size - 1))
    while len(means) < _MOST:
        at = np.argpartition(away, rank)[rank]
        if away[at] < _FAR:
            break
        means.append(vectors[at])
        away = np.minimum(away, ((vectors - means[-1]) ** 2).sum(axis=1))
    found = np.array(means, np.float32)
    for _ in range(_ROUNDS if len(found) > 1 else 0):
        nearest = largest_of(nearness_of(vectors.T, found))[0]
        for k in np.unique(nearest):
            found[k] = vectors[nearest == k].mean(axis=0)
    return found
