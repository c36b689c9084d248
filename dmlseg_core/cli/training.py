"""`dmlseg train`, `average`, `rescale`, `calibrate` and `eval`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dmlseg_core.errors import ExportError, MissingExtraError, ParameterError

Commands = Any  # argparse names the type of add_subparsers() only privately


def add_commands(commands: Commands) -> None:
    """Add `eval`, `average`, `rescale` and `calibrate`; `train` defines its own flags."""
    _add_average(commands)
    _add_rescale(commands)
    _add_calibrate(commands)
    score = commands.add_parser("eval", help="measure weights on labelled photos")
    score.add_argument(
        "--data", nargs="+", action="extend", type=Path, required=True, metavar="SET",
        help="folders in PASCAL VOC layout, or COCO annotation files (NAME.json)",
    )  # fmt: skip
    score.add_argument("--split", help="list of the sets (default: val; with --sweep: train)")
    score.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    score.add_argument("--json", type=Path, required=True, metavar="FILE", help="where to write")
    score.add_argument("--quick", action="store_true", help="one click an object, no jitter")
    score.add_argument("--limit", type=int, metavar="N", help="at most N photos a set")
    score.add_argument("--rivals", action="store_true", help="scikit-image's partitions as well")
    score.add_argument(
        "--sweep", nargs="*", action="extend", metavar="AXIS",
        help="ablations: all, or alpha taus long_side budget",
    )  # fmt: skip
    score.add_argument(
        "--report", type=Path, metavar="DIR",
        help="a page with plots there as well: report.md, or with --sweep sweep.md "
        "(pip install '.[train]')",
    )  # fmt: skip
    score.set_defaults(run=run_eval)


def _add_calibrate(commands: Commands) -> None:
    parser = commands.add_parser(
        "calibrate", help="fit the head that says which tau a click means to trained weights"
    )
    parser.add_argument("weights", type=Path, metavar="FILE", help="NAME.safetensors, rewritten")
    parser.add_argument(
        "--data", nargs="+", action="extend", required=True, metavar="SET[:SHARE]",
        help="the training sets, as `dmlseg train` takes them",
    )  # fmt: skip
    parser.add_argument("--photos", type=int, metavar="N", help="photos a set (default: 500)")
    parser.set_defaults(run=run_calibrate)


def _add_average(commands: Commands) -> None:
    parser = commands.add_parser(
        "average", help="a run's weights averaged with those it began with; calibrate it next"
    )
    parser.add_argument("start", type=Path, metavar="START", help="what the run began with")
    parser.add_argument("tuned", type=Path, metavar="TUNED", help="what it exported")
    parser.add_argument(
        "--share", type=float, default=0.35, help="of TUNED, in [0, 1] (default: .35)"
    )
    parser.add_argument("--export", type=Path, required=True, metavar="FILE",
                        help="NAME.safetensors to write")  # fmt: skip
    parser.set_defaults(run=run_average)


def _add_rescale(commands: Commands) -> None:
    parser = commands.add_parser(
        "rescale", help="the same network with other taus for the same masks; calibrate it next"
    )
    parser.add_argument("weights", type=Path, metavar="FILE", help="NAME.safetensors")
    parser.add_argument(
        "--by", type=float, required=True, metavar="F", help="factor of squared distances"
    )
    parser.add_argument("--export", type=Path, required=True, metavar="FILE",
                        help="NAME.safetensors to write")  # fmt: skip
    parser.set_defaults(run=run_rescale)


def run_rescale(args: argparse.Namespace) -> int:
    """Write a weights file in another unit."""
    from dmlseg_core.train.fit import rescale

    entry = rescale(args.weights, args.by, args.export)
    taus = ", ".join(f"{tau:g}" for tau in entry["config"]["taus"])
    print(f"{args.export}: sha256 {entry['sha256']}; taus {taus}")
    return 0


def run_average(args: argparse.Namespace) -> int:
    """Write the average of two weights files."""
    from dmlseg_core.train.fit import average

    entry = average(args.start, args.tuned, args.share, args.export)
    print(f"{args.export}: sha256 {entry['sha256']}")
    return 0


def run_calibrate(args: argparse.Namespace) -> int:
    """Calibrate a weights file in place."""
    from dmlseg_core.train.data import weighted_set
    from dmlseg_core.train.fit import PHOTOS, calibrate

    photos = PHOTOS if args.photos is None else args.photos
    if photos < 1:
        raise ParameterError(f"--photos must be 1 or more; got {photos}")
    try:
        sets = [weighted_set(word) for word in args.data]
    except argparse.ArgumentTypeError as error:
        raise ParameterError(f"--data: {error}") from None
    entry = calibrate(args.weights, sets, photos=photos)
    print(f"{args.weights}: calibrated on {entry['calibration']['clicks']} clicks")
    return 0


def run_eval(args: argparse.Namespace) -> int:
    """Evaluate or sweep, write the JSON, and print it."""
    if args.limit is not None and args.limit < 1:
        raise ParameterError(f"--limit must be 1 or more; got {args.limit}")
    if not args.json.parent.is_dir():  # told now, not after an hour of work
        raise ExportError(f"{args.json.parent} is no folder: cannot write {args.json}")
    if args.report is not None:
        from dmlseg_core.train.evaluate import prepare

        prepare(args.report)
    scores: dict[str, Any] = {}
    result = _sweep(args) if args.sweep is not None else _evaluate(args, scores)
    text = json.dumps(result, indent=2)
    from dmlseg_core.photo import write_bytes

    write_bytes(f"{text}\n".encode(), args.json)
    if args.report is not None:  # after the figures: they are safe by now
        _report(args, result, scores)
    print(result.get("markdown") or text)
    return 0


def _report(args: argparse.Namespace, result: dict[str, Any], scores: dict[str, Any]) -> None:
    from dmlseg_core.train.evaluate import write_report, write_sweep_report

    if args.sweep is not None:
        write_sweep_report(args.report, result)
    else:
        write_report(args.report, result, scores)


def _evaluate(args: argparse.Namespace, scores: dict[str, Any]) -> dict[str, Any]:
    from dmlseg_core.train.evaluate import evaluate_folders

    return evaluate_folders(
        args.data,
        split=args.split or "val",
        weights=args.weights,
        quick=args.quick,
        limit=args.limit,
        rivals=args.rivals,
        scores=scores,
    )


def _sweep(args: argparse.Namespace) -> dict[str, Any]:
    from dmlseg_core.train.evaluate import sweep_folders

    limit = {} if args.limit is None else {"limit": args.limit}
    return sweep_folders(
        args.data,
        split=args.split or "train",
        weights=args.weights,
        axes=args.sweep or None,
        **limit,
    )


def run_train(words: Sequence[str]) -> int:
    """Hand the flags to the training package, which defines them."""
    try:
        from dmlseg_core.train import main as train
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dmlseg_core"):
            raise
        raise MissingExtraError(f"training needs {error.name}: pip install '.[train]'") from None
    return int(train(list(words)) or 0)
