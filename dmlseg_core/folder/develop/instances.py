"""Rows of a photo's objects: what they are, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import decode_table, linear_to_srgb, to_hex
from dmlseg_core.folder.develop.chosen import Chosen
from dmlseg_core.folder.develop.output import Labels
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.rows import InstanceRow, readable_path
from dmlseg_core.folder.work import Work
from dmlseg_core.photo import Photo, box_of

if TYPE_CHECKING:  # torch
    from dmlseg_core.folder.develop.painting import Print
    from dmlseg_core.paint import Recolored

_BAND = 256
"""Rows that are counted at once: their places are numbers of 64 bits."""


def instance_rows(
    job: Job, photo: Photo, chosen: Chosen, prints: Sequence[Print], work: Work
) -> tuple[InstanceRow, ...]:
    """A row for each object and color; objects without a visible pixel have none.

    Args:
        prints: what was painted of the colorways, in their order; none where nothing was.
    """
    found: list[InstanceRow] = []
    colors = mean_colors(photo.rgb, chosen.labels, len(chosen.masks))
    for k, mask in enumerate(chosen.masks):
        where = chosen.labels == k + 1
        if not where.any():
            continue
        x, y, width, height = box_of(where)
        plain = InstanceRow(
            photo=readable_path(job.name), instance=k + 1,
            class_name=getattr(mask, "class_name", "object"), score=round(float(mask.score), 6),
            tau=float(mask.seed.tau), area=int(where.sum()), box=(x, y, width, height),
            mean_color=colors[k],
            likeness=round(chosen.likeness[k], 4) if chosen.likeness else None,
        )  # fmt: skip
        found += [*_colored(plain, k, chosen, prints, work)] or [plain]
    return tuple(found)


def _colored(
    plain: InstanceRow, k: int, chosen: Chosen, prints: Sequence[Print], work: Work
) -> Iterator[InstanceRow]:
    taker = chosen.takers[k]
    for number, colorway in enumerate(chosen.colorways):
        if taker is None or taker not in colorway.ways or k not in chosen.order:
            continue
        way = colorway.ways[taker]
        one = prints[number] if number < len(prints) else None
        made = None if one is None else one.made.get(k)
        written = [] if one is None else one.files.get("recolored", [])
        told = replace(
            plain, rule=chosen.names[taker], swatch=way.name, target=way.target,
            output=written[0] if written else None,
        )  # fmt: skip
        yield told if made is None else _measured(told, made, work.max_delta_e)


def _measured(row: InstanceRow, made: Recolored, most: float | None) -> InstanceRow:
    """With how well the color was met; a pattern has none to meet."""
    report = made.report
    if report is None:
        return row
    return replace(
        row, delta_e=round(report.median, 4), delta_e_p95=round(report.p95, 4),
        within_2=round(report.within_2, 4),
        passed=None if most is None else made.within(most),
    )  # fmt: skip


def mean_colors(rgb: NDArray[np.uint8], labels: Labels, count: int) -> list[str]:
    """'#rrggbb' of each object, the mean of its pixels in linear light.

    Levels are counted first, so that the sum does not depend on the order of the pixels.
    """
    counted = np.zeros((3, (count + 1) * 256), np.int64)
    for top in range(0, len(labels), _BAND):
        place = labels[top : top + _BAND].astype(np.int64) * 256
        for channel in range(3):
            at = place + rgb[top : top + _BAND, :, channel]
            counted[channel] += np.bincount(at.reshape(-1), minlength=counted.shape[1])
    levels = counted.reshape(3, count + 1, 256)[:, 1:]
    sums = levels @ decode_table(np.uint8).astype(np.float64)
    means = (sums / np.maximum(levels.sum(axis=2), 1)).T
    return [to_hex(linear_to_srgb(row)) for row in means]
