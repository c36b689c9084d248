"""`dmlseg segment` and `dmlseg recolor`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.cli_flags import (
    FAILED,
    INTERRUPTED,
    OK,
    SOME_FAILED,
    add_model_flags,
    in_range,
    load_segmenter,
    point,
    weights_digest,
)
from dmlseg_core.config import AMOUNTS, MODES, PROTECT_HIGHLIGHTS, STRENGTH
from dmlseg_core.errors import ExportError, ImageError, ParameterError

if TYPE_CHECKING:  # loaded only when a command runs: --help stays fast
    from dmlseg_core.batch import BatchReport
    from dmlseg_core.images import Photo
    from dmlseg_core.recolor import Recolored

Commands = Any  # argparse names the type of add_subparsers() only privately


def add_commands(commands: Commands) -> None:
    """Add both commands to the parser."""
    segment = commands.add_parser(
        "segment",
        help="find every object of photos or whole folders",
        description="Writes labels/, overlays/, instances.json (COCO) and failures.csv; "
        "run it again to go on where it stopped.",
    )
    segment.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="photo or folder")
    segment.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    segment.add_argument("--quiet", action="store_true", help="no progress bar")
    add_model_flags(segment)
    segment.set_defaults(run=run_segment)

    recolor = commands.add_parser("recolor", help="give one object of a photo another color")
    recolor.add_argument("photo", type=Path, metavar="PHOTO")
    where = recolor.add_mutually_exclusive_group(required=True)
    where.add_argument("--at", type=point, metavar="X,Y", help="a pixel of the object")
    where.add_argument("--mask", type=Path, help="gray image of the photo's size, white = recolor")
    recolor.add_argument(
        "--color",
        action="append",
        metavar="COLOR",
        help="'#c8102e' or a CSS name; repeat for more variants",
    )
    recolor.add_argument(
        "--mode",
        choices=MODES,
        default="match",
        help="match hits the color, tint keeps lightness, the others take --amount "
        "(default: %(default)s)",
    )
    ranges = ", ".join(f"{mode} in {legal}" for mode, legal in AMOUNTS.items())
    recolor.add_argument("--amount", type=float, metavar="N", help=f"instead of --color: {ranges}")
    recolor.add_argument(
        "--strength", type=in_range(STRENGTH), default=1.0, help=f"in {STRENGTH} (default: 1)"
    )
    recolor.add_argument(
        "--protect-highlights",
        type=in_range(PROTECT_HIGHLIGHTS),
        default=1.0,
        metavar="N",
        help=f"in {PROTECT_HIGHLIGHTS}; 1 leaves highlights the color of the light, 0 paints them "
        "(default: 1)",
    )
    recolor.add_argument("-o", "--out", type=Path, required=True, metavar="FILE")
    recolor.add_argument(
        "--json", action="store_true", help="print one JSON object per color, one a line"
    )
    add_model_flags(recolor)
    recolor.set_defaults(run=run_recolor)


def run_segment(args: argparse.Namespace) -> int:
    """Segment photos and folders; see `batch.segment_folder`."""
    from dmlseg_core.batch import segment_folder
    from dmlseg_core.batch_inputs import find_jobs

    find_jobs(args.paths, args.out)  # wrong paths are told before torch is loaded
    segmenter = load_segmenter(args)
    report = segment_folder(
        args.paths,
        args.out,
        segmenter,
        options={} if args.tau is None else {"tau": args.tau},
        max_megapixels=args.max_megapixels,
        settings={"weights": weights_digest(args.weights), "connected": args.connected},
        progress=not args.quiet,
    )
    return _tell(report, args.out)


def _tell(report: BatchReport, out: Path) -> int:
    if report.interrupted:
        print("dmlseg: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    failed = len(report.failures)
    print(f"{report.done} segmented, {report.skipped} done before, {failed} failed: {out}")
    if not failed:
        return OK
    return FAILED if failed + report.done + report.skipped == 1 else SOME_FAILED


def run_recolor(args: argparse.Namespace) -> int:
    """Recolor one object of one photo in one color or more."""
    from dmlseg_core.export import save_photo
    from dmlseg_core.images import load_photo
    from dmlseg_core.recolor import recolor_many

    colors, options = _asked(args)
    outs = output_paths(args.out, colors)
    _refuse_inputs(outs, [args.photo, args.mask])
    photo = load_photo(args.photo, max_megapixels=args.max_megapixels)
    alpha, found = _alpha_at(photo, args) if args.mask is None else (_read_mask(photo, args), {})
    targets: list[str | None] = [*colors] or [None]
    results = recolor_many(photo.rgb, alpha, targets, **options)
    for color, result, out in zip(targets, results, outs, strict=True):
        save_photo(result.rgb, out, photo)
        if args.json:
            row = _row(color, out, result)
            print(json.dumps({**row, "photo": str(args.photo), **found, "notes": photo.notes}))
        else:
            what = color or f"{args.mode} {args.amount:g}"
            print(f"{out}: {what}, off by Delta-E {result.delta_e:.2f}")
    return OK


def _asked(args: argparse.Namespace) -> tuple[list[str], dict[str, Any]]:
    """Target colors, checked, and the options of `recolor`: before anything heavy is loaded."""
    from dmlseg_core.colorspace import parse_color

    options = {
        "mode": args.mode,
        "strength": args.strength,
        "protect_highlights": args.protect_highlights,
    }
    if args.mode in AMOUNTS:
        if args.amount is None or args.color:
            raise ParameterError(f"--mode {args.mode} takes --amount, and no --color")
        return [], {**options, "amount": AMOUNTS[args.mode].check(args.amount)}
    if args.amount is not None or not args.color:
        raise ParameterError(f"--mode {args.mode} takes --color, and no --amount")
    for color in args.color:
        parse_color(color)
    return args.color, options


def output_paths(out: Path, colors: list[str]) -> list[Path]:
    """One file per color: `out` itself; with several colors `out` with each color's name.

    >>> [p.name for p in output_paths(Path("sofa.png"), ["#c8102e", "navy"])]
    ['sofa-c8102e.png', 'sofa-navy.png']
    """
    if len(colors) <= 1:
        return [out]
    names = ["".join(c for c in color.lower() if c.isalnum()) for color in colors]
    if len(set(names)) < len(names):
        raise ParameterError(f"each --color may be given once; got {', '.join(colors)}")
    return [out.with_name(f"{out.stem}-{name}{out.suffix}") for name in names]


def _refuse_inputs(outs: list[Path], inputs: list[Path | None]) -> None:
    taken = {path.resolve() for path in inputs if path is not None}
    if clash := [out for out in outs if out.resolve() in taken]:
        raise ExportError(f"{clash[0]} is an input and is never overwritten; choose another -o")


def _alpha_at(photo: Photo, args: argparse.Namespace) -> tuple[NDArray[Any], dict[str, Any]]:
    """Soft mask of the object at a point, and what was found there."""
    from dmlseg_core.refine import refine_alpha

    y, x = args.at
    if not (0 <= y < photo.height and 0 <= x < photo.width):
        raise ParameterError(
            f"--at must lie in the photo of {photo.width} x {photo.height} pixels; got {x},{y}"
        )
    mask = load_segmenter(args).analyze(photo).mask_at(y, x, args.tau)
    alpha = refine_alpha(mask.to_level(), photo.rgb)
    return alpha, {"class": mask.class_name, "score": mask.score, "tau": mask.seed.tau}


def _read_mask(photo: Photo, args: argparse.Namespace) -> NDArray[np.float32]:
    """A gray image as alpha, white = 1, in 16 bits where the file has them."""
    from dmlseg_core.images import load_photo

    mask = load_photo(args.mask, max_megapixels=args.max_megapixels)
    if mask.size != photo.size:
        raise ImageError(
            f"the mask {args.mask} is {mask.width} x {mask.height} pixels, the photo "
            f"{photo.width} x {photo.height}; they must be of one size"
        )
    stored = mask.rgb if mask.deep is None else mask.deep
    white = np.iinfo(stored.dtype).max
    if int(np.ptp(stored, axis=2).max()) > 0.05 * white:  # a little is a JPEG's rounding
        raise ImageError(f"the mask {args.mask} is colored; give a gray image, white = recolor")
    return stored[..., 0].astype(np.float32) / np.float32(white)


def _row(color: str | None, out: Path, result: Recolored) -> dict[str, Any]:
    return {
        "color": color,
        "out": str(out),
        "delta_e": round(float(result.delta_e), 4),
        "anchor": result.anchor,
        "result_anchor": result.result_anchor,
    }
