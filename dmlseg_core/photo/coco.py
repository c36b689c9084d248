"""COCO's way of writing masks: run lengths as text, annotation records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def coco_instances(
    masks: Sequence[NDArray[np.bool_]],
    category_ids: Sequence[int],
    scores: Sequence[float],
    *,
    image_id: int = 1,
    first_id: int = 1,
) -> list[dict[str, Any]]:
    """COCO annotation records of one photo's (H, W) masks; bbox is [x, y, width, height]."""
    if not len(masks) == len(category_ids) == len(scores):
        raise ExportError(
            "each mask needs one category and one score; "
            f"got {len(masks)} masks, {len(category_ids)} categories, {len(scores)} scores"
        )
    return [
        {
            "id": first_id + place,
            "image_id": image_id,
            "category_id": int(category),
            "segmentation": coco_rle(mask),
            "area": int(mask.sum()),
            "bbox": box_of(mask),
            "iscrowd": 0,
            "score": float(score),
        }
        for place, (mask, category, score) in enumerate(
            zip(masks, category_ids, scores, strict=True)
        )
    ]
