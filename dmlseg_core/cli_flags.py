"""Flags that several commands share, and the parsers of their values."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dmlseg_core.config import MAX_MEGAPIXELS, TAU, Range, SceneConfig
from dmlseg_core.errors import ParameterError

if TYPE_CHECKING:  # torch: only when a command runs
    from dmlseg_core.segmenter import Segmenter

OK, FAILED, USAGE, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes; FAILED: the one photo (or run) failed, SOME_FAILED: some of many photos did."""


def in_range(legal: Range) -> Callable[[str], float]:
    """An argparse type that takes what the range takes."""

    def parse(text: str) -> float:
        try:
            return legal.check(float(text))
        except ParameterError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        except ValueError:
            message = f"{legal.name} must be a number in {legal}; got {text!r}"
            raise argparse.ArgumentTypeError(message) from None

    return parse


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
    """--weights, --max-megapixels, --tau, --connected."""
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    parser.add_argument(
        "--max-megapixels",
        type=in_range(MAX_MEGAPIXELS),
        default=100.0,
        metavar="N",
        help=f"refuse larger photos; in {MAX_MEGAPIXELS} (default: %(default)g)",
    )
    parser.add_argument(
        "--tau",
        type=in_range(TAU),
        metavar="T",
        help=f"similarity threshold in {TAU}; higher = smaller masks (default: chosen per object)",
    )
    parser.add_argument(
        "--connected", action=argparse.BooleanOptionalAction, default=SceneConfig().connected,
        help="keep only the piece around each point (default: %(default)s)",
    )  # fmt: skip


def load_segmenter(args: argparse.Namespace, config: SceneConfig | None = None) -> Segmenter:
    """The segmenter that the flags ask for; `config` in place of what they say of the scene."""
    from dmlseg_core.segmenter import Segmenter

    return Segmenter.load(args.weights, config=config or SceneConfig(connected=args.connected))


def weights_digest(path: Path | None) -> str:
    """sha256 of the weights file that the flags mean: it names what made a result."""
    from dmlseg_core.weights import DEFAULT_WEIGHTS

    with Path(path or DEFAULT_WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
