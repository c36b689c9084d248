"""Progress of many photos on stderr: how fast, how long yet, how many failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from dmlseg_core.errors import one_line

if TYPE_CHECKING:
    from dmlseg_core.folder import PhotoRow


class Progress:
    """A bar where stderr is a terminal; failures are told either way.

    Args:
        photos: how many there are; None: nobody knows.
        quiet: no bar.
    """

    def __init__(self, photos: int | None, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self.bar = Bar(
            BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(), TextColumn("{task.fields[failed]}", style="red"),
            console=self.console, disable=quiet or not self.console.is_terminal,
        )  # fmt: skip
        self.task = self.bar.add_task("photos", total=photos, rate="", failed="")
        self.failed = 0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def show(self, row: PhotoRow, *, fresh: bool) -> None:
        """One photo more; those that were done before cost no time and count as begun with."""
        task = self.bar.tasks[0]
        if not fresh:
            self.bar.update(self.task, advance=1)
            return
        self.failed += row.error is not None
        speed = f"{task.speed:.1f} photos/s" if task.speed else ""
        told = f"{self.failed} failed" if self.failed else ""
        self.bar.update(self.task, advance=1, rate=speed, failed=told)
        if row.error is not None:
            self.console.print(one_line(f"dmlseg: {row.error}"))
