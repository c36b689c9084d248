"""COCO's way of writing masks: run lengths as text, annotation records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.masks import box_of


def coco_rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's compressed run-length encoding of (H, W) bool: {"size": [H, W], "counts": text}."""
    return {"size": [int(n) for n in mask.shape], "counts": rle_counts(mask)}


def rle_counts(mask: NDArray[np.bool_]) -> str:
    """COCO's compressed run lengths of (H, W) bool, column by column, background first.

    The text is pycocotools' (rleToString in maskApi.c of github.com/cocodataset/cocoapi).
    """
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    if flat.size and flat[0]:
        runs.insert(0, 0)
    # from the fourth run on, the format stores the difference to the run two before
    steps = runs[:3] + [a - b for a, b in zip(runs[3:], runs[1:], strict=False)]
    return "".join(map(_digits, steps))


def _digits(number: int) -> str:
    """One signed number, 5 bits a character, lowest first; bit 6 says that more follow."""
    text = ""
    while True:
        low = number & 31
        number >>= 5
        more = number != (-1 if low & 16 else 0)
        text += chr(48 + low + (32 if more else 0))
        if not more:
            return text


def mask_of_rle(rle: dict[str, Any]) -> NDArray[np.bool_]:
    """(H, W) bool of `coco_rle`."""
    runs: list[int] = []
    number = shift = 0
    for letter in rle["counts"].encode("ascii"):
        digit = letter - 48
        number |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        number -= (1 << shift) if digit & 16 else 0
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(rle["size"], order="F")


def coco_polygons(mask: NDArray[np.bool_]) -> list[list[float]]:
    """COCO's polygons of (H, W) bool: [x, y, x, y, ...] along the edges of its pixels.

    A pixel (y, x) covers x .. x + 1, as COCO counts. One polygon for each piece; a hole is joined
    to it by a cut of no width, so that filling by the even-odd rule leaves it open.
    """
    left, top, width, height = box_of(mask)
    part = mask[top : top + height, left : left + width]
    # Corners of pixels have even places here, centers odd ones: contours run along the edges.
    fine = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    for y, x in np.ndindex(3, 3):
        fine[y : y + 2 * height : 2, x : x + 2 * width : 2] |= part.view(np.uint8)
    found, tree = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [np.asarray(ring, np.int32)[:, 0] for ring in found]
    outer = [k for k in range(len(rings)) if tree[0, k, 3] < 0]
    return [(_with_holes(rings, tree[0], k) / 2 + (left, top)).ravel().tolist() for k in outer]


def _with_holes(rings: list[NDArray[np.int32]], tree: NDArray[Any], k: int) -> NDArray[np.int32]:
    """Ring k with the rings of its holes; `tree`: next, previous, first child, parent of each."""
    ring, hole = rings[k], tree[k, 2]
    while hole >= 0:
        ring, hole = _joined(ring, rings[hole]), tree[hole, 0]
    return ring


def _joined(ring: NDArray[np.int32], hole: NDArray[np.int32]) -> NDArray[np.int32]:
    """The ring, from its point nearest to the hole once around that, and on."""
    gaps = (ring[:, None].astype(np.int64) - hole[None]) ** 2
    k, j = divmod(int(gaps.sum(axis=2).argmin()), len(hole))
    return np.concatenate([ring[: k + 1], hole[j:], hole[: j + 1], ring[k:]])


def coco_instances(
    masks: Sequence[NDArray[np.bool_]],
    category_ids: Sequence[int],
    scores: Sequence[float],
    *,
    image_id: int = 1,
) -> list[dict[str, Any]]:
    """COCO annotation records of one photo's (H, W) masks; bbox is [x, y, width, height]."""
    if not len(masks) == len(category_ids) == len(scores):
        raise ExportError(
            "each mask needs one category and one score; "
            f"got {len(masks)} masks, {len(category_ids)} categories, {len(scores)} scores"
        )
    return [
        {
            "id": place,
            "image_id": image_id,
            "category_id": int(category),
            "segmentation": coco_rle(mask),
            "area": int(mask.sum()),
            "bbox": box_of(mask),
            "iscrowd": 0,
            "score": float(score),
        }
        for place, (mask, category, score) in enumerate(
            zip(masks, category_ids, scores, strict=True), 1
        )
    ]
