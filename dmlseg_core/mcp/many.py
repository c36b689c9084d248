"""The tool `batch`: one rule on many photos below the root."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from PIL.Image import Image

from dmlseg_core.edit import Style
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder import AnySegmenter, Batch, PhotoRow, make_plan, prepare
from dmlseg_core.folder.rules import Find, Like, Rule, Rules, ways_of_colors
from dmlseg_core.mcp.picture import cell_of, sheet
from dmlseg_core.mcp.root import Root
from dmlseg_core.mcp.tools import Reply

_SHOWN = 4
"""Photos of the picture."""
_LISTED = 20
"""Failures and worst objects that are listed; all of them stand in the tables."""
_OUTPUTS = ("labels", "overlays", "recolored")
Tell = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Many:
    """What an assistant asks of many photos.

    Attributes:
        photos: photos and folders below the root.
        out: folder for the results, below the root, outside of the photos' folders.
        colors: one file of each photo for each.
        classes: only objects of these.
        like_photo, like_x, like_y: only objects like that at a pixel of a reference photo.
        threshold: least likeness, in (0, 1).
        like_colors: least share of the reference's colors that they have too, in [0, 1]; 0: any.
        largest: only so many of a photo, the largest ones.
        mode: match or tint.
        max_delta_e: objects farther off their color are told as failed.
    """

    photos: Sequence[str]
    out: str
    colors: Sequence[str]
    classes: Sequence[str] = ()
    like_photo: str | None = None
    like_x: float | None = None
    like_y: float | None = None
    threshold: float = 0.8
    like_colors: float = 0.0
    largest: int | None = None
    mode: str = "match"
    max_delta_e: float | None = None


def run_batch(
    root: Root, segmenter: AnySegmenter, most: float, asked: Many, tell: Tell, *, dry_run: bool
) -> Reply:
    """Plan a batch, or do it.

    Args:
        root: where all paths lie.
        segmenter: the network.
        most: megapixels of a photo.
        asked: see there.
        tell: called with photos done and photos in all.
        dry_run: look, count and show a few; write nothing.

    Raises:
        DmlsegError: it cannot begin; nothing was written.
    """
    made = _prepared(root, segmenter, most, asked)
    return _planned(root, made, tell) if dry_run else _done(root, made, tell)


def _prepared(root: Root, segmenter: AnySegmenter, most: float, asked: Many) -> Batch:
    if not asked.photos or not asked.colors:
        raise ParameterError("give photos (or folders of them) and colors")
    find = Find(classes=tuple(asked.classes), like=_like(root, asked), largest=asked.largest)
    ways = ways_of_colors(list(asked.colors), Style(mode=asked.mode))
    inputs = [root.reading(text) for text in asked.photos]
    made = prepare(
        inputs, root.filling(asked.out), rules=Rules((Rule(find, ways),)), segmenter=segmenter,
        outputs=_OUTPUTS, max_delta_e=asked.max_delta_e, max_megapixels=most, workers=1,
    )  # fmt: skip
    # a link in a folder may lead out of it
    jobs = tuple(job for job in made.jobs if root.holds(Path(job.source)))
    if not jobs:
        raise ParameterError("there is no photo in these folders")
    return replace(made, jobs=jobs)


def _like(root: Root, asked: Many) -> Like | None:
    if asked.like_photo is None:
        if asked.like_x is not None or asked.like_y is not None or asked.like_colors:
            raise ParameterError("like_x, like_y and like_colors are of a like_photo; give it")
        return None
    if (asked.like_x is None) != (asked.like_y is None):
        raise ParameterError("like_x and like_y go together")
    at = None
    if asked.like_x is not None and asked.like_y is not None:
        at = int(asked.like_y), int(asked.like_x)
    return Like(root.reading(asked.like_photo), at, asked.threshold, asked.like_colors)


def _planned(root: Root, made: Batch, tell: Tell) -> Reply:
    total, seen, cells = len(made.jobs), [0], list[Image]()

    def count(_: PhotoRow) -> None:
        seen[0] += 1
        tell(seen[0], total)

    def show(row: PhotoRow, folder: Path) -> None:
        if len(cells) < _SHOWN:
            cells.extend(_cells([row], folder))

    plan = make_plan(made, tell=count, show=show).to_json()
    plan["failed"] = [root.without(reason) for _, reason in plan["failed"][:_LISTED]]
    figures = {
        "dry_run": True, "out": root.name(made.work.out), **plan,
        "next": "nothing was written; call again with dry_run false to do it",
    }  # fmt: skip
    return Reply(figures, sheet(cells) if cells else None)


def _done(root: Root, made: Batch, tell: Tell) -> Reply:
    out, rows = made.work.out, []
    with closing(made.results()) as results:  # closed at once where `tell` says to stop
        for result in results:
            rows.append(replace(result.row, annotations=()))  # run lengths are not asked for here
            tell(len(rows), len(made.jobs))
    objects = [one for row in rows for one in row.instances if one.delta_e is not None]
    worst = sorted(objects, key=lambda one: -(one.delta_e or 0.0))[:_LISTED]
    figures: dict[str, Any] = {
        "dry_run": False, "out": root.name(out), "report": root.name(out / "report.html"),
        "photos": len(rows), "done": sum(row.status == "done" for row in rows),
        "nothing_found": sum(row.status == "empty" for row in rows),
        "failed": [root.without(str(r.error)) for r in rows if r.error is not None][:_LISTED],
        "objects": len(objects),
        "delta_e_median": round(median(float(o.delta_e or 0) for o in objects), 3) if objects
        else None,
        "worst": [
            {"photo": one.photo, "class_name": one.class_name, "color": one.swatch,
             "delta_e": round(float(one.delta_e or 0), 3), "passed": one.passed}
            for one in worst
        ],
    }  # fmt: skip
    cells = _cells(rows, out)
    return Reply(figures, sheet(cells) if cells else None)


def _cells(rows: Iterable[PhotoRow], out: Path) -> list[Image]:
    """The first recolored file of a few photos, small."""
    files = (row.files["recolored"][0] for row in rows if row.files.get("recolored"))
    return [cell_of(out / name) for name in islice(files, _SHOWN)]
