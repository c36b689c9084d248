"""`dmlseg train`: start a run, go on with one, and export what it has learned."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from dmlseg_core.errors import MissingExtraError, ParameterError
from dmlseg_core.model import check_export, save_weights
from dmlseg_core.shell import Parser
from dmlseg_core.train.chain import CHAINS, run_chain
from dmlseg_core.train.checkpoint import NAME as CHECKPOINT
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data import NAME as HASHES
from dmlseg_core.train.data import (
    Augment,
    open_set,
    photos_of,
    refuse_duplicates,
    trained_photos,
    weighted_set,
)
from dmlseg_core.train.evaluate import plot_log
from dmlseg_core.train.fit import PHOTOS, calibrate
from dmlseg_core.train.loop import LOG, Run
from dmlseg_core.train.plan import make_plan, value_types
from dmlseg_core.train.pretrained import download_resnet101, read_pretrained
from dmlseg_core.train.recipe import RECIPES


def build_parser() -> argparse.ArgumentParser:
    """Flags of `dmlseg train`."""
    parser = Parser(
        prog="dmlseg train",
        description="Train the network, or go on with the run in --run. Ctrl-C or kill lose at "
        "most --save-every steps; the same command continues.",
    )
    parser.add_argument(
        "--data", nargs="+", action="extend", required=True, metavar="SET[:SHARE]",
        type=weighted_set,
        help="folders in PASCAL VOC layout or COCO annotation files (NAME.json, its photos beside "
        "it or in ../images), with their sampling weights (default 1); with --recipe the one "
        "folder in which its sets lie",
    )  # fmt: skip
    known = "; ".join(f"{name} = {recipe}" for name, recipe in (RECIPES | CHAINS).items())
    parser.add_argument(
        "--recipe", choices=(*RECIPES, *CHAINS), metavar="NAME",
        help=f"shares, hyper-parameters and augmentation by name: {known}. --set still overrides",
    )  # fmt: skip
    parser.add_argument(
        "--fraction", type=float, metavar="F",
        help="rehearse the recipe on this fraction of its steps, the schedule shortened with it",
    )  # fmt: skip
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="checkpoint and log")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--init", type=Path, metavar="FILE", help="pretrained backbone to begin with"
    )
    start.add_argument(
        "--download", action="store_true",
        help="begin with torchvision's DeepLabV3-ResNet101 (needs network.backbone=resnet101)",
    )  # fmt: skip
    parser.add_argument(
        "--teacher", type=Path, metavar="FILE",
        help="DeepLab with its classifier, whose class names are kept (with distill above 0)",
    )  # fmt: skip
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", dest="values",
        help="hyper-parameters: " + ", ".join(sorted(value_types())),
    )  # fmt: skip
    parser.add_argument("--until", type=int, metavar="STEP", help="stop there; resumable")
    parser.add_argument("--workers", type=int, default=1, help="data-loading processes")
    parser.add_argument("--save-every", type=int, default=100, metavar="STEPS")
    parser.add_argument(
        "--skip-duplicate-check", action="store_true",
        help="do not compare training photos with the sets' own val lists",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", type=int, default=PHOTOS, metavar="N",
        help="fit what says which tau a click means on N photos a set of the exported weights "
        f"(default: {PHOTOS}; 0: not now)",
    )  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="FILE", help="NAME.safetensors to write")
    return parser


def main(words: Sequence[str]) -> int:
    """Run `dmlseg train`; 0 when the run reached its end (or --until)."""
    args = build_parser().parse_args(words)
    if args.recipe in CHAINS:
        _check(args)
        run_chain(CHAINS[args.recipe], args, main)
        return 0
    plan = make_plan(args)
    names = plan.names  # two of one name are refused now, not after hours
    _check(args)
    init = _pretrained(args, plan.config)
    sets = [trained_photos(open_set(path)) for path in plan.paths]
    if not args.skip_duplicate_check:
        train, val = ([p for s in plan.paths for p in photos_of(s, k)] for k in ("train", "val"))
        refuse_duplicates(train, val, args.run / HASHES)
    donors = [s for s, name in zip(sets, names, strict=True) if name in plan.donors]
    run = Run(
        args.run,
        sets,
        plan.shares,
        plan.config,
        Augment(plan.augment, donors),
        init=init,
        teacher=None if args.teacher is None else read_pretrained(args.teacher),
        workers=args.workers,
        save_every=args.save_every,
    )
    if run.step == 0 and args.init is None and not args.download:
        print("dmlseg: the backbone starts from random weights; --init names a pretrained one")
    network = run.train(args.until)
    if args.export is not None and run.accelerator.is_main_process:  # one writer, under torchrun
        save_weights(network, args.export, step=run.step, **plan.about())
        if args.calibrate:
            sets = list(zip(plan.paths, plan.shares, strict=True))
            calibrate(args.export, sets, photos=args.calibrate)
        print(f"{args.export}: step {run.step}")
    _plot(args.run)  # last: a picture must not stand between hours of work and its export
    return 0


def _plot(folder: Path) -> None:
    try:
        print(f"{plot_log(folder / LOG, folder / 'log.png')}: the run's curves")
    except MissingExtraError as error:  # a picture less is no reason to fail after hours
        print(f"dmlseg: {error}")


def _pretrained(args: argparse.Namespace, config: TrainConfig) -> dict[str, Tensor] | None:
    """Tensors that the flags name; none are needed where the run has a checkpoint already."""
    if (args.run / CHECKPOINT).exists():
        return None
    if args.download and config.network.backbone != "resnet101":
        raise ParameterError("--download is a ResNet-101: add --set network.backbone=resnet101")
    if args.download:
        return download_resnet101()
    if args.recipe is not None and args.init is None:
        raise ParameterError(
            f"recipe {args.recipe} begins with pretrained tensors: add "
            f"--init {RECIPES[args.recipe].start}, or weights that `dmlseg train` exported"
        )
    return None if args.init is None else read_pretrained(args.init)


def _check(args: argparse.Namespace) -> None:
    """Say now what would else be found out after hours of training."""
    for name, low in (("until", 1), ("workers", 0), ("save_every", 1), ("calibrate", 0)):
        value = getattr(args, name)
        if value is not None and value < low:
            flag = name.replace("_", "-")
            raise ParameterError(f"--{flag} must be {low} or more; got {value}")
    if args.export is not None:
        check_export(args.export)
