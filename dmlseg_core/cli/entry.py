"""The command line: `dmlseg segment | recolor | batch | merge | app | mcp | train | eval | ...`.

Exit codes: 0 all went well, 1 the one photo (or run) failed, 2 wrong usage, 3 some of many photos
failed or a color misses --max-delta-e, 130 interrupted. Errors are one sentence on stderr.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from dmlseg_core.cli.app import add_command as add_app
from dmlseg_core.cli.flags import FAILED, INTERRUPTED, USAGE, version
from dmlseg_core.cli.others import add_commands as add_other_commands
from dmlseg_core.cli.segment import add_commands as add_photo_commands
from dmlseg_core.cli.training import add_commands as add_train_commands
from dmlseg_core.cli.training import run_train
from dmlseg_core.errors import DmlsegError, ExportError, ImageError, TrainingError, one_line
from dmlseg_core.model import without_tracing
from dmlseg_core.shell import HINTS, MANUAL, Parser, install_completion, shell_file


def build_parser(train: argparse.ArgumentParser | None = None) -> argparse.ArgumentParser:
    """Every command with its flags; nothing heavy is imported for it.

    Args:
        train: the parser of `train`, which is made where that command is: for who describes all
            flags, as completions and the manual page do.
    """
    parser = Parser(prog="dmlseg", description="Click anything in a photo and recolor it.")
    parser.add_argument("--version", action="version", version=f"dmlseg {version()}")
    _add_options(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_photo_commands(commands)
    add_app(commands)
    parents: list[Any] = [train] if train else []
    words = "train the network, or go on with a run"
    commands.add_parser(_TRAIN, help=words, add_help=False, parents=parents)
    add_train_commands(commands)
    add_other_commands(commands)
    return parser


class _Print(argparse.Action):
    """An option that prints what `tell` gives and ends the program, as --version does."""

    def __init__(self, *words: Any, tell: Callable[[Any], str], **more: Any) -> None:
        super().__init__(*words, **more)
        self.tell = tell

    def __call__(self, parser: argparse.ArgumentParser, _: Any, value: Any, *__: Any) -> None:
        """Print, end."""
        print(self.tell(value))
        parser.exit()


def _add_options(parser: argparse.ArgumentParser) -> None:
    """--install-completion and --man."""
    parser.add_argument(
        "--install-completion", action=_Print, tell=install_completion, nargs="?",
        choices=tuple(HINTS), dest=argparse.SUPPRESS, metavar="SHELL",
        help="write the completion of bash, zsh or fish (usual: $SHELL) where it looks for it",
    )  # fmt: skip
    parser.add_argument(
        "--man", action=_Print, tell=lambda _: shell_file(MANUAL).decode(), nargs=0,
        dest=argparse.SUPPRESS, help="print the manual page; to read it: dmlseg --man | man -l -",
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (argparse exits by itself with 0 or 2)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None and words[:1] and words[0] not in _PROGRAMS:
        _our_sentences_only()
    if argv is None and words[:1] and words[0] in _OF_PHOTOS:
        without_tracing()
        signal.signal(signal.SIGTERM, _stop)
    _write_any_name()
    try:
        code = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk behind it is told here, not after all is over
        return code
    except DmlsegError as error:
        _complain(str(error))
        return FAILED if isinstance(error, ImageError | ExportError | TrainingError) else USAGE
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # `dmlseg ... | head`: nobody listens any more
        _forget_stdout()
        return FAILED
    except PermissionError as error:
        _complain(f"{error.filename or 'the output'}: {error.strerror or error}")
        return FAILED
    except OSError as error:
        if error.filename is not None:  # a file's error has a sentence of its own: this is a bug
            raise
        _complain(f"the output cannot be written: {error.strerror or error}")
        _forget_stdout()
        return FAILED


def _stop(*_: object) -> NoReturn:
    """As Ctrl+C: tables are written and workers end, when a service manager asks for it too."""
    raise KeyboardInterrupt


def _run(words: list[str]) -> int:
    if words[:1] == [_TRAIN]:
        return run_train(words[1:])
    args = build_parser().parse_args(words)
    return int(args.run(args))


def _our_sentences_only() -> None:
    """What C libraries write to descriptor 2 goes nowhere: ours goes on to where it led.

    libtiff, libpng and x265 print there what they think of a file; what has to be said of it is
    said in one sentence.
    """
    if sys.stderr is None:
        return
    try:
        own = os.dup(2)
    except OSError:  # it was closed
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(own, "w", encoding=sys.stderr.encoding, buffering=1)


def _write_any_name() -> None:
    """A file's name may hold what the terminal's encoding does not: it is escaped, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None without a console, another thing in tests
            stream.reconfigure(errors="backslashreplace")


def _complain(sentence: str) -> None:
    print(f"dmlseg: {one_line(sentence)}", file=sys.stderr)


def _forget_stdout() -> None:
    """What is left of the output goes nowhere: Python would try again, and complain, on exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


_TRAIN = "train"
"""It is only listed here: its flags are parsed where they are defined, which takes torch."""
_PROGRAMS = ("app", _TRAIN)
"""Commands that run for long: what libraries write to their log is kept."""
_OF_PHOTOS = ("segment", "recolor", "batch")
"""Commands that end with their photos: torch is imported for them alone."""
