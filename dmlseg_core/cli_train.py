"""`dmlseg train` and `dmlseg eval`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dmlseg_core.errors import ExportError, MissingExtraError, ParameterError

Commands = Any  # argparse names the type of add_subparsers() only privately


def add_commands(commands: Commands) -> None:
    """Add `eval` to the parser; `train` defines its own flags."""
    score = commands.add_parser("eval", help="measure weights on labelled photos")
    score.add_argument(
        "--data", nargs="+", type=Path, required=True, metavar="SET",
        help="folders in PASCAL VOC layout, or COCO annotation files (NAME.json)",
    )  # fmt: skip
    score.add_argument("--split", help="list of the sets (default: val; with --sweep: train)")
    score.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    score.add_argument("--json", type=Path, required=True, metavar="FILE", help="where to write")
    score.add_argument("--quick", action="store_true", help="one click an object, no jitter")
    score.add_argument("--limit", type=int, metavar="N", help="at most N photos a set")
    score.add_argument("--rivals", action="store_true", help="scikit-image's partitions as well")
    score.add_argument(
        "--sweep", nargs="*", metavar="AXIS", help="ablations: all, or alpha taus long_side budget"
    )
    score.set_defaults(run=run_eval)


def run_eval(args: argparse.Namespace) -> int:
    """Evaluate or sweep, write the JSON, and print it."""
    if args.limit is not None and args.limit < 1:
        raise ParameterError(f"--limit must be 1 or more; got {args.limit}")
    if not args.json.parent.is_dir():  # told now, not after an hour of work
        raise ExportError(f"{args.json.parent} is no folder: cannot write {args.json}")
    result = _sweep(args) if args.sweep is not None else _evaluate(args)
    text = json.dumps(result, indent=2)
    from dmlseg_core.export import write_bytes

    write_bytes(f"{text}\n".encode(), args.json)
    print(result.get("markdown") or text)
    return 0


def _evaluate(args: argparse.Namespace) -> dict[str, Any]:
    from dmlseg_core.train.evaluate import evaluate_folders

    return evaluate_folders(
        args.data,
        split=args.split or "val",
        weights=args.weights,
        quick=args.quick,
        limit=args.limit,
        rivals=args.rivals,
    )


def _sweep(args: argparse.Namespace) -> dict[str, Any]:
    from dmlseg_core.train.sweep import sweep_folders

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
        from dmlseg_core.train.command import main as train
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dmlseg_core"):
            raise
        raise MissingExtraError(
            f"training needs {error.name}: pip install 'dmlseg-core[train]'"
        ) from None
    return int(train(list(words)) or 0)
