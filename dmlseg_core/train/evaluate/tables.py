"""The report's tables, in Markdown, from the JSON of `dmlseg eval`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dmlseg_core.train.evaluate.sets import PART_FIGURES, Result

_HEAD = ("set", "photos", "objects", "mAP^r@.5 [95 %]", "@.7", "AP@.5, any class [95 %]",
         "IoU, 1 click [95 %]", "3 clicks", "5 clicks", "1 click, jittered", "NoC@85", "NoC@90",
         "pass, ms")  # fmt: skip
_HEAD_MORE = ("set", "best stop: part", "whole", "default tau: part", "whole", "best offered: part",
              "whole", "boundary F, ODS / OIS", "covering, ODS / OIS")  # fmt: skip


def scores_table(result: Result) -> str:
    """Clicks and instances of each set, and what was too small to be clicked."""
    rows = []
    for name, figures in result["sets"].items():
        named, blind = figures["map_r"] or {}, figures["map_r_agnostic"] or {}
        named_ci, blind_ci = figures["map_r_ci"] or {}, figures["map_r_agnostic_ci"] or {}
        clicks, hasty = figures["iou_after_clicks"], figures["iou_after_clicks_jitter"] or {}
        rows.append((
            name, figures["photos"], figures["objects"],
            cell(named.get("0.5"), named_ci.get("0.5")), cell(named.get("0.7")),
            cell(blind.get("0.5"), blind_ci.get("0.5")),
            cell(clicks["1"], figures["iou_after_clicks_ci"]["1"]), cell(clicks["3"]),
            cell(clicks["5"]), cell(hasty.get("1")), cell(figures["noc85"], digits=1),
            cell(figures["noc90"], digits=1),
            cell(1000 * figures["seconds_per_pass"], digits=0),
        ))  # fmt: skip
    small = ", ".join(
        f"{f['objects_left_out']} of {name}"
        for name, f in result["sets"].items()
        if f["objects_left_out"]
    )
    note = f"\n\nUnder 100 pixels, so not clicked: {small}." if small else ""
    return markdown_table(_HEAD, rows) + note


def more_scores_table(result: Result) -> str:
    """Parts and regions of the sets that have them; empty where none has."""
    rows = []
    for name, figures in result["sets"].items():
        if figures["iou_part"] is None and figures["covering"] is None:
            continue
        pairs = [figures["boundary_f"] or {}, figures["covering"] or {}]
        both = [" / ".join(cell(p[k]) for k in ("ods", "ois")) if p else "-" for p in pairs]
        rows.append((name, *(cell(figures.get(k)) for k in PART_FIGURES), *both))
    return markdown_table(_HEAD_MORE, rows) if rows else ""


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under a head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def cell(value: float | None, interval: Sequence[float] | None = None, digits: int = 3) -> str:
    """A figure as a table shows it: "0.651 [0.603, 0.697]", or "-" where there is none.

    >>> cell(0.651, (0.603, 0.697)), cell(0.651, (float("nan"),) * 2, digits=2), cell(None)
    ('0.651 [0.603, 0.697]', '0.65', '-')
    """
    if value is None:
        return "-"
    ends = ", ".join(f"{end:.{digits}f}" for end in interval or () if not math.isnan(end))
    return f"{value:.{digits}f}" + (f" [{ends}]" if ends else "")
