"""`dmlseg segment`, and where `recolor`, `batch` and `merge` are added."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmlseg_core.cli.flags import (
    FAILED,
    INTERRUPTED,
    OK,
    SOME_FAILED,
    add_model_flags,
    folder,
    load_segmenter,
    scene_config,
    weights_digest,
)
from dmlseg_core.cli.many.batch import add_command as add_batch
from dmlseg_core.cli.many.merge import add_command as add_merge
from dmlseg_core.cli.many.tally import tell_left_out
from dmlseg_core.cli.recolor import add_command as add_recolor
from dmlseg_core.errors import one_line

if TYPE_CHECKING:  # loaded only when a command runs: --help stays fast
    from dmlseg_core.folder import BatchReport

Commands = Any  # argparse names the type of add_subparsers() only privately


def add_commands(commands: Commands) -> None:
    """Add segment, recolor, batch and merge to the parser."""
    segment = commands.add_parser(
        "segment",
        help="find every object of photos or whole folders",
        description="Writes labels/, overlays/, instances.json (COCO) and failures.csv; "
        "run it again to go on where it stopped.",
    )
    segment.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="photo or folder")
    segment.add_argument("-o", "--out", type=folder, required=True, metavar="DIR")
    segment.add_argument(
        "--polygons", action="store_true",
        help="instances.json holds polygons instead of run lengths, as converters to YOLO need",
    )  # fmt: skip
    segment.add_argument("--quiet", action="store_true", help="no progress bar")
    add_model_flags(segment)
    segment.set_defaults(run=run_segment)
    add_recolor(commands)
    add_batch(commands)
    add_merge(commands)


def run_segment(args: argparse.Namespace) -> int:
    """Segment photos and folders; see `folder.segment_folder`."""
    from dmlseg_core.folder import find_jobs, segment_folder

    find_jobs(args.paths, args.out)  # wrong paths are told before torch is loaded
    segmenter = load_segmenter(args)
    report = segment_folder(
        args.paths,
        args.out,
        segmenter,
        options={} if args.tau is None else {"tau": args.tau},
        max_megapixels=args.max_megapixels,
        settings={
            "weights": weights_digest(args.weights),
            "scene": scene_config(args).to_dict(),
        },
        polygons=args.polygons,
        progress=not args.quiet,
    )
    tell_left_out(args.paths)
    return _tell(report, args.out)


def _tell(report: BatchReport, out: Path) -> int:
    if report.interrupted:
        print("dmlseg: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    failed = len(report.failures)
    told = f"{report.done} segmented, {report.skipped} done before, {failed} failed: {out}"
    print(one_line(told))
    if not failed:
        return OK
    return FAILED if failed + report.done + report.skipped == 1 else SOME_FAILED
