"""`dmlseg train`: start a run, go on with one, and export what it has learned."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor
from torch.utils.data import Subset

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import ExportError, MissingExtraError, ParameterError, TrainingError
from dmlseg_core.train.augment import Augment, AugmentConfig
from dmlseg_core.train.checkpoint import NAME as CHECKPOINT
from dmlseg_core.train.coco import CocoFolder
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.dataset import VOCFolder
from dmlseg_core.train.duplicates import NAME as HASHES
from dmlseg_core.train.duplicates import refuse_duplicates
from dmlseg_core.train.loop import LOG, Run
from dmlseg_core.train.plot import plot_log
from dmlseg_core.train.pretrained import download_resnet101, read_pretrained
from dmlseg_core.train.sets import open_set, photos_of, set_name
from dmlseg_core.train.stream import is_held_out
from dmlseg_core.weights import save_weights

DONORS = ("voc", "duts", "things", "scenes")
"""Sets whose objects are pasted, where they are among the data: their masks are clean cut-outs."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence, as the other commands have it."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Flags of `dmlseg train`."""
    parser = _Parser(
        prog="dmlseg train",
        description="Train the network, or go on with the run in --run. Ctrl-C or kill lose at "
        "most --save-every steps; the same command continues.",
    )
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="SET[:SHARE]", type=_weighted_set,
        help="folders in PASCAL VOC layout or COCO annotation files (NAME.json, its photos beside "
        "it or in ../images), with their sampling weights (default 1)",
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
        "--set", nargs="+", default=[], metavar="NAME=VALUE", dest="values",
        help="hyper-parameters: " + ", ".join(sorted(_types())),
    )  # fmt: skip
    parser.add_argument("--until", type=int, metavar="STEP", help="stop there; resumable")
    parser.add_argument("--workers", type=int, default=1, help="data-loading processes")
    parser.add_argument("--save-every", type=int, default=100, metavar="STEPS")
    parser.add_argument(
        "--skip-duplicate-check", action="store_true",
        help="do not compare training photos with the sets' own val lists",
    )  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="FILE", help="NAME.safetensors to write")
    return parser


def main(words: Sequence[str]) -> int:
    """Run `dmlseg train`; 0 when the run reached its end (or --until)."""
    parser = build_parser()
    args = parser.parse_args(words)
    config = TrainConfig.from_dict(parse_values(args.values))
    paths = [path for path, _ in args.data]
    names = [set_name(path) for path in paths]
    _check(args, names)
    sets = [trained_photos(open_set(path)) for path in paths]
    if not args.skip_duplicate_check:
        train, val = ([p for s in paths for p in photos_of(s, split)] for split in ("train", "val"))
        refuse_duplicates(train, val, args.run / HASHES)
    donors = [s for s, name in zip(sets, names, strict=True) if name in DONORS]
    run = Run(
        args.run,
        sets,
        [share for _, share in args.data],
        config,
        Augment(AugmentConfig(crop=config.crop), donors),
        init=_pretrained(args, config),
        workers=args.workers,
        save_every=args.save_every,
    )
    if run.step == 0 and args.init is None and not args.download:
        print("dmlseg: the backbone starts from random weights; --init names a pretrained one")
    network = run.train(args.until)
    _plot(args.run)
    if args.export is not None:
        save_weights(
            network, args.export, step=run.step, sets=dict(zip(names, run.shares, strict=True))
        )
        print(f"{args.export}: step {run.step}")
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
    return None if args.init is None else read_pretrained(args.init)


def _check(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Say now what would else be found out after hours of training."""
    for name, low in (("until", 1), ("workers", 0), ("save_every", 1)):
        value = getattr(args, name)
        if value is not None and value < low:
            flag = name.replace("_", "-")
            raise ParameterError(f"--{flag} must be {low} or more; got {value}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ParameterError(f"two sets are named {twice[0]!r}: shares are filed by name")
    if args.export is not None and args.export.suffix != ".safetensors":
        raise ExportError(f"--export takes NAME.safetensors; got {args.export}")
    if args.export is not None and not args.export.parent.is_dir():
        raise ExportError(f"{args.export.parent} is no folder: cannot write {args.export}")


def trained_photos(samples: VOCFolder | CocoFolder) -> Any:
    """A train list without the photos that are held out to choose constants on."""
    kept = [i for i, name in enumerate(samples.names) if not is_held_out(name)]
    if not kept:
        raise TrainingError(f"{samples.root}: every listed photo is held out; give a longer list")
    listed: Any = samples
    return Subset(listed, kept)


def parse_values(words: Sequence[str]) -> dict[str, Any]:
    """Hyper-parameters of the command line, typed as in `TrainConfig` and `NetworkConfig`.

    Raises:
        ParameterError: no NAME=VALUE, an unknown name, or a value of another type.

    >>> parse_values(["steps=100", "lr=1e-4", "frozen="])
    {'steps': 100, 'lr': 0.0001, 'frozen': ()}
    >>> parse_values(["network.scales=0.5,1"])
    {'network': {'scales': (0.5, 1.0)}}
    """
    types = _types()
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in types:
            raise ParameterError(
                f"--set takes NAME=VALUE with NAME in {sorted(types)}; got {word!r}"
            )
        try:
            value = _PARSERS[types[name]](text)
        except ValueError:
            raise ParameterError(f"{name} must be {types[name]}; got {text!r}") from None
        group, dot, field = name.partition(".")
        if dot:
            values.setdefault(group, {})[field] = value
        else:
            values[name] = value
    return values


def _words(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "tuple[str, ...]": _words,
    "tuple[float, ...]": lambda text: tuple(float(part) for part in _words(text)),
}
"""How one word is read, by the type that a config declares."""


def _types() -> dict[str, str]:
    """Hyper-parameters that one word can set, and the types they have."""
    own = {f.name: str(f.type) for f in fields(TrainConfig)}
    network = {f"network.{f.name}": str(f.type) for f in fields(NetworkConfig)}
    return {name: kind for name, kind in (own | network).items() if kind in _PARSERS}


def _weighted_set(word: str) -> tuple[Path, float]:
    """ "SET" or "SET:SHARE"."""
    path, colon, share = word.rpartition(":")
    if not colon:
        return Path(word), 1.0
    try:
        value = float(share)
    except ValueError:
        return Path(word), 1.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"a sampling weight must be > 0; got {word!r}")
    return Path(path), value
