"""What a run over many photos came to: one line for people, lines of JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dmlseg_core.cli.flags import FAILED, OK, SOME_FAILED
from dmlseg_core.errors import one_line

if TYPE_CHECKING:
    from dmlseg_core.folder import PhotoRow
    from dmlseg_core.folder.rules import Rules


def tell_left_out(inputs: Sequence[str | Path]) -> None:
    """A line for people where folders hold pictures that are not read."""
    from dmlseg_core.folder import left_out

    if sentence := left_out(inputs):
        print(one_line(f"dmlseg: {sentence}"), file=sys.stderr)


_TOLD = 5
"""Rules without an object that are told of."""


@dataclass
class Tally:
    """What a run came to, for people and as an exit code."""

    as_json: bool = False
    rules: Rules | None = None
    done: int = 0
    before: int = 0
    empty: int = 0
    failed: int = 0
    missed: int = 0
    files: int = 0
    took: set[str] = field(default_factory=set)

    def add(self, row: PhotoRow, *, fresh: bool) -> None:
        """Count a photo; told at once where programs read."""
        self.before += not fresh
        self.done += fresh and row.error is None
        self.failed += row.error is not None
        self.empty += row.status == "empty"
        self.missed += sum(one.passed is False for one in row.instances)
        self.files += len(row.files.get("recolored", ()))
        self.took.update(one.rule for one in row.instances if one.rule)
        if self.as_json:
            plain = {k: v for k, v in row.to_json().items() if k != "annotations"}
            print(json.dumps({**plain, "fresh": fresh}), flush=True)

    def idle(self) -> list[str]:
        """Rules that recolored nothing of all photos: a name may be wrong, or one before it be
        wider than was meant.
        """
        if self.rules is None or not self.done + self.before:
            return []
        names = [self.rules.name_of(k) for k, r in enumerate(self.rules.rules) if r.ways]
        return [name for name in names if name not in self.took]

    def told(self, out: Path) -> int:
        """One line, and the exit code."""
        parts = [f"{self.done} done", f"{self.before} done before", f"{self.failed} failed"]
        parts += [f"{self.empty} with nothing to recolor"] * bool(self.empty)
        parts += [f"{self.files} recolored files"] * bool(self.files)
        parts += [f"{self.missed} objects off by more than --max-delta-e"] * bool(self.missed)
        parts += [f"rule {name} took nothing" for name in self.idle()[:_TOLD]]
        parts[2] += " (failures.csv says why)" * bool(self.failed)
        print(one_line(f"{', '.join(parts)}: {out}"), file=sys.stderr if self.as_json else None)
        if self.failed:
            return FAILED if self.failed + self.done + self.before == 1 else SOME_FAILED
        return SOME_FAILED if self.missed else OK
