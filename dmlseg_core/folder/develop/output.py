"""What a batch writes for one photo: a label map, an overlay to look at, COCO annotations."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.edit import Alphas, SoftMask
from dmlseg_core.photo import box_of, coco_rle, image_bytes, write_bytes

Labels = NDArray[np.int32]


class AnyMask(SoftMask, Protocol):
    """What a batch needs of a `Mask`."""

    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def seed(self) -> Any: ...  # noqa: D102


def label_photo(masks: Sequence[AnyMask], alphas: Alphas) -> Labels:
    """Label map at photo resolution: 0 = background, k = masks[k - 1].

    Masks are disjoint on the grid, but the photo's edges that they end on may cross: the better one
    (earlier in `masks`) keeps the pixel. One mask at a time is held at photo resolution.

    Args:
        masks: best first.
        alphas: of masks on the photo; they remember what was refined here, for who paints it.

    Returns:
        (H, W) int32.
    """
    labels = np.zeros(alphas.guide.shape[:2], np.int32)
    for k, mask in enumerate(masks, 1):
        patch = alphas.of(mask)
        part = labels[patch.box]
        part[(part == 0) & (patch.values >= np.float32(0.5))] = k
    return labels


def annotate(labels: Labels, masks: Sequence[AnyMask]) -> list[dict[str, Any]]:
    """COCO annotations of a label map; a mask that lost all its pixels gets none.

    `instance` is the value in the label map; `score` is the mask's own, whatever its class.
    """
    rows = []
    for k, mask in enumerate(masks, 1):
        where = labels == k
        if not where.any():
            continue
        rows.append(
            {
                "instance": k,
                "category_id": int(mask.seed.class_id),
                "score": round(float(mask.score), 6),
                "tau": float(mask.seed.tau),
                "bbox": box_of(where),
                "area": int(where.sum()),
                "iscrowd": 0,
                "segmentation": coco_rle(where),
            }
        )
    return rows


def save_overlay(rgb: NDArray[np.uint8], labels: Labels, path: Path) -> None:
    """JPEG of the photo with each instance tinted, its edge drawn in full color.

    Raises:
        ExportError: it cannot be written.
    """
    colors = palette(int(labels.max(initial=0)))
    edge = np.zeros(labels.shape, np.bool_)
    edge[1:] |= labels[1:] != labels[:-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    half = colors // 2
    half[0] = 0
    tinted = np.right_shift(rgb, (labels > 0).view(np.uint8)[..., None])
    for y, row in enumerate(labels):  # of all at once it takes three photos
        tinted[y] += half.take(row, axis=0)
    tinted[edge] = colors[labels[edge]]
    # encoded in memory: Pillow may leave a torn file on a full disk without a word
    write_bytes(image_bytes(Image.fromarray(tinted), "JPEG", quality=90), path)


def palette(count: int) -> NDArray[np.uint8]:
    """(count + 1, 3) uint8, row 0 white: golden-angle hues, so that neighbors differ."""
    hues = (k * 0.61803 % 1 for k in range(count))
    rows = [(1.0, 1.0, 1.0), *(colorsys.hsv_to_rgb(h, 0.8, 1.0) for h in hues)]
    return (np.array(rows) * 255).astype(np.uint8)
