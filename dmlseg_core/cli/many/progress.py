"""Progress of many photos on stderr: how fast, how long yet, how many failed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

from dmlseg_core.errors import one_line

if TYPE_CHECKING:
    from dmlseg_core.folder import PhotoRow

_TOLD = 20
"""Failures that are told one by one; failures.csv tells of all."""


class Progress:
    """A bar where stderr is a terminal; failures are told either way.

    Args:
        photos: how many there are; None: nobody knows.
        quiet: no bar.
    """

    def __init__(self, photos: int | None, *, quiet: bool = False) -> None:
        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self.shown = console.is_terminal and not quiet
        self.bar = Bar(
            BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
            TextColumn("{task.fields[failed]}", style="red"),
            console=console, disable=not self.shown,
        )  # fmt: skip
        self.task = self.bar.add_task("photos", total=photos, failed="")
        self.failed = 0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def show(self, row: PhotoRow, *, fresh: bool) -> None:
        """One photo more; of those that were done before nothing is told."""
        if fresh and row.error is not None:
            self.failed += 1
            if self.failed <= _TOLD:
                self._say(one_line(f"dmlseg: {row.error}"))
            elif self.failed == _TOLD + 1:
                self._say("dmlseg: more photos fail; from here on they are only counted")
        if self.shown:
            failed = f"{self.failed} failed" if self.failed else ""
            self.bar.update(self.task, advance=1, failed=failed)

    def _say(self, line: str) -> None:
        if self.shown:  # above the bar
            self.bar.console.print(line)
        else:
            print(line, file=sys.stderr)


class _Rate(ProgressColumn):
    """Photos a second, worked out when the bar is drawn: the last thousand are looked at for it."""

    def render(self, task: Task) -> Text:
        """The rate, "" where it is not known yet."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} photos/s" if speed else "")
