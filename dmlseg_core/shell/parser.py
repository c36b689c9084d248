"""How the words of every command are read: one sentence for each mistake, and nothing that was
typed is dropped without one.
"""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from dmlseg_core.errors import did_you_mean, one_line

_USAGE = 2


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence, without the usage in front of it; of a flag
    or a command that does not exist it tells which one was meant.

    A flag that takes one value may be given once; argparse would take the last one and forget the
    others. Those of several (`action="append"`, or `"extend"` with `nargs`) add up, and
    `action="either"` is a flag with its opposite, --no-FLAG.
    """

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.given: dict[str, str] = {}
        for name in (None, "store"):
            self.register("action", name, _Once)
        self.register("action", "either", _Either)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but what is not known is an error of the command that got it."""
        self.given = {}
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            known = re.findall(r"(?<![\w-])--?\w[\w-]*", self.format_help())
            near = did_you_mean(rest[0].partition("=")[0], known)
            self.error(f"unrecognized arguments: {' '.join(rest)}{near}")
        return found, rest

    def error(self, message: str) -> NoReturn:
        """Print one sentence and exit with code 2."""
        odd = re.match(r"argument .*: invalid choice: '(.*?)' \(choose from (.*)\)$", message)
        if odd is not None:
            message += did_you_mean(odd[1], odd[2].replace("'", "").split(", "))
        self.exit(_USAGE, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


def _refuse_twice(parser: Any, action: argparse.Action, flag: str | None) -> None:
    """ArgumentError where a flag that says one thing was given before."""
    if flag is None:  # not a flag but a word in its place
        return
    if action.dest in parser.given:
        before = parser.given[action.dest]
        named = "given twice" if flag == before else f"{before} was given too"
        raise argparse.ArgumentError(action, f"{named}, and it is taken once")
    parser.given[action.dest] = flag


class _Once(argparse.Action):
    """Keeps a value, as argparse's own `store`, but not a second one in place of the first."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        _refuse_twice(parser, self, option)
        setattr(namespace, self.dest, values)


class _Either(argparse.BooleanOptionalAction):
    """--flag or --no-flag."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        _refuse_twice(parser, self, option)
        super().__call__(parser, namespace, values, option)
