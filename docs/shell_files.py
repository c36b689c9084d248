"""Make the files of assets/shell: completions of bash, zsh and fish, and the manual page.

    python docs/shell_files.py

From the parsers of all commands, that of `train` too.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

os.environ["SOURCE_DATE_EPOCH"] = "0"  # the page's date is left out: it would never be the same

import shtab
from argparse_manpage.manpage import Manpage

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from dmlseg_core.cli.entry import build_parser  # noqa: E402
from dmlseg_core.shell.completion import MANUAL  # noqa: E402
from dmlseg_core.train.command import build_parser as build_train_parser  # noqa: E402

SHELLS = ("bash", "zsh", "fish")
FOLDERS = ("DIR",)


def whole_parser() -> argparse.ArgumentParser:
    """Every command with its own flags."""
    return build_parser(build_train_parser())


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Of a parser and all its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from actions(inner)


def texts() -> dict[str, str]:
    """File name -> what it holds."""
    parser = whole_parser()
    for action in actions(parser):
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                inner.description = None  # a list of commands shows the few words of its help
        if action.type is Path or action.metavar in ("IN", "PATH", "PHOTO", *FOLDERS):
            folder = action.metavar in FOLDERS
            action.complete = shtab.DIRECTORY if folder else shtab.FILE  # type: ignore[attr-defined]
    made = {shell: shtab.complete(parser, shell) for shell in SHELLS}
    # to zsh, shtab's "(*)" is one argument after which there is no other
    made["zsh"] = re.sub(r'"\(\*\)::?', '"*:', made["zsh"])
    return {**made, MANUAL: manual(whole_parser())}


def manual(parser: argparse.ArgumentParser) -> str:
    """The manual page, roff."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    about = {
        "project_name": "dmlseg", "version": project["version"], "manual_section": "1",
        "manual_title": "dmlseg", "description": project["description"],
    }  # fmt: skip
    text = str(Manpage(parser, _data=about, format="pretty"))
    text = re.sub(r'"1970\\?-01\\?-01"', '""', text)
    # a line of text that begins with "." or "'" would be a request of roff, and not be shown
    return re.sub(r"^(?=\.(?![A-Z]{1,2}\b)|')", r"\\&", text, flags=re.MULTILINE)


def main() -> None:
    """Write the files."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    folder = ROOT / "assets" / "shell"
    folder.mkdir(exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text.rstrip() + "\n")
        print(folder / name)


if __name__ == "__main__":
    main()
