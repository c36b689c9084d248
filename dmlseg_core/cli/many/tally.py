"""What a run over many photos came to: one line for people, lines of JSON for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dmlseg_core.cli.flags import FAILED, OK, SOME_FAILED
from dmlseg_core.errors import one_line

if TYPE_CHECKING:
    from dmlseg_core.folder import PhotoRow


@dataclass
class Tally:
    """What a run came to, for people and as an exit code."""

    as_json: bool = False
    done: int = 0
    before: int = 0
    empty: int = 0
    failed: int = 0
    missed: int = 0
    files: int = 0

    def add(self, row: PhotoRow, *, fresh: bool) -> None:
        """Count a photo; told at once where programs read."""
        self.before += not fresh
        self.done += fresh and row.error is None
        self.failed += row.error is not None
        self.empty += row.status == "empty"
        self.missed += sum(one.passed is False for one in row.instances)
        self.files += len(row.files.get("recolored", ()))
        if self.as_json:
            plain = {k: v for k, v in row.to_json().items() if k != "annotations"}
            print(json.dumps({**plain, "fresh": fresh}), flush=True)

    def told(self, out: Path) -> int:
        """One line, and the exit code."""
        parts = [f"{self.done} done", f"{self.before} done before", f"{self.failed} failed"]
        parts += [f"{self.empty} with nothing to recolor"] * bool(self.empty)
        parts += [f"{self.files} recolored files"] * bool(self.files)
        parts += [f"{self.missed} objects off by more than --max-delta-e"] * bool(self.missed)
        parts[2] += " (failures.csv says why)" * bool(self.failed)
        print(one_line(f"{', '.join(parts)}: {out}"), file=sys.stderr if self.as_json else None)
        if self.failed:
            return FAILED if self.failed + self.done + self.before == 1 else SOME_FAILED
        return SOME_FAILED if self.missed else OK
