"""Flags that several commands share, and the parsers of their values."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from dmlseg_core.config import (
    DEFAULT_QUALITY,
    LONG_SIDE,
    MAX_MEGAPIXELS,
    QUALITIES,
    TAU,
    Range,
    SceneConfig,
)
from dmlseg_core.errors import ParameterError

if TYPE_CHECKING:  # torch: only when a command runs
    from dmlseg_core.scene import Segmenter

DISTRIBUTION = "dmlseg-core"
PORT = Range("port", 0, 65535)
OK, FAILED, USAGE, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes; FAILED: the one photo (or run) failed, SOME_FAILED: some of many photos did, or a
color misses --max-delta-e.
"""


def in_range(legal: Range, *, whole: bool = False) -> Callable[[str], float]:
    """An argparse type that takes what the range takes; `whole`: and is an int."""

    def parse(text: str) -> float:
        try:
            number = int(text) if whole else float(text)
            legal.check(number)
            return number
        except ParameterError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        except ValueError:
            kind = "whole number" if whole else "number"
            message = f"{legal.name} must be a {kind} in {legal}; got {text!r}"
            raise argparse.ArgumentTypeError(message) from None

    return parse


def folder(text: str) -> Path:
    """An output folder; an empty text, as of a variable that is not set, would mean this one."""
    if not text:
        raise argparse.ArgumentTypeError("name a folder; got ''")
    if "://" in text:
        raise argparse.ArgumentTypeError(
            f"results go into a folder, mounted ones too, not to a URL; got {text!r}"
        )
    return Path(text)


def point(text: str) -> tuple[int, int]:
    """ "X,Y", as image viewers show it, to (y, x).

    >>> point("120,45")
    (45, 120)
    """
    try:
        x, y = (int(part) for part in text.split(","))
    except ValueError:
        message = f"a point is X,Y in whole pixels, such as 120,45; got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return y, x


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """--weights, --max-megapixels, --quality, --long-side, --tau, --connected."""
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    parser.add_argument(
        "--max-megapixels",
        type=in_range(MAX_MEGAPIXELS),
        default=100.0,
        metavar="N",
        help=f"refuse larger photos; in {MAX_MEGAPIXELS} (default: %(default)g)",
    )
    add_quality_flag(parser)
    parser.add_argument(
        "--long-side", type=in_range(LONG_SIDE, whole=True), metavar="N",
        help=f"analyse at this size, whatever the quality; in {LONG_SIDE}",
    )  # fmt: skip
    parser.add_argument(
        "--tau",
        type=in_range(TAU),
        metavar="T",
        help=f"similarity threshold in {TAU}; higher = smaller masks (default: chosen per object)",
    )
    parser.add_argument(
        "--connected", action="either",
        help="keep only the piece around each point (default: yes)",
    )  # fmt: skip


def add_quality_flag(parser: argparse.ArgumentParser) -> None:
    """--quality."""
    sides = ", ".join(f"{name} {values['long_side']}" for name, values in QUALITIES.items())
    parser.add_argument(
        "--quality", choices=tuple(QUALITIES),
        help=f"long side of the analysed photo: {sides} pixels, the last one mirrored too "
        f"(default: {DEFAULT_QUALITY})",
    )  # fmt: skip


def add_cache_flag(parser: argparse.ArgumentParser) -> None:
    """--no-cache, of what opens photos that were open before."""
    parser.add_argument(
        "--no-cache", action="store_true",
        help="neither keep what the network saw of a photo on the disk nor look for it there "
        "(DMLSEG_CACHE=off does the same; DMLSEG_CACHE=DIR names the place)",
    )  # fmt: skip


def scene_config(args: argparse.Namespace, base: SceneConfig | None = None) -> SceneConfig:
    """How the flags ask for photos to be analysed: a long side wins over the quality's.

    Args:
        args: --quality, --long-side, --connected.
        base: what holds where nothing is said; by default the usual quality.
    """
    asked = {name: getattr(args, name) for name in ("connected", "long_side")}
    config = SceneConfig().with_quality(DEFAULT_QUALITY) if base is None else base
    config = config if args.quality is None else config.with_quality(args.quality)
    return replace(config, **{name: value for name, value in asked.items() if value is not None})


def check_made_with(args: argparse.Namespace, config: SceneConfig) -> None:
    """ParameterError where flags ask for photos to be analysed in another way than a recipe's
    `config`, which decides; the same way may be said again.
    """
    names = ("quality", "long_side", "connected")
    if scene_config(args, config) != config:
        said = [f"--{n.replace('_', '-')}" for n in names if getattr(args, n) is not None]
        raise ParameterError(
            f"{' and '.join(said)} does not go with this --recipe, which was made with long side "
            f"{config.long_side}, flip {config.flip}, connected {config.connected}; leave it out"
        )


def load_segmenter(args: argparse.Namespace, config: SceneConfig | None = None) -> Segmenter:
    """The segmenter that the flags ask for; `config` in place of what they say of the scene.

    Commands with --no-cache keep scenes: a photo is recolored again and again, but segmented once.
    """
    from dmlseg_core.scene import SceneStore, Segmenter

    store = None if getattr(args, "no_cache", True) else SceneStore.usual()
    return Segmenter.load(args.weights, config=config or scene_config(args), store=store)


def version() -> str:
    """Version of the installed package; "(checkout)" where it runs from a clone."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "(checkout)"


def weights_digest(path: Path | None) -> str:
    """sha256 of the weights file that the flags mean: it names what made a result."""
    from dmlseg_core.model import DEFAULT_WEIGHTS

    with Path(path or DEFAULT_WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_companions(args: argparse.Namespace, companions: Mapping[str, Sequence[str]]) -> None:
    """ParameterError where an argument is given that says nothing without one of its companions."""
    for name, others in companions.items():
        given = getattr(args, name) is not None  # 0 is something
        if given and not any(getattr(args, other) for other in others):
            flag, *of = (f"--{each.replace('_', '-')}" for each in (name, *others))
            raise ParameterError(f"{flag} goes with {' or '.join(of)}")
