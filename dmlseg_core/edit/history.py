"""Undo and redo: states of an edit, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from dmlseg_core.edit.render import Selection


@dataclass(frozen=True)
class Step:
    """One state of the edit; `tag` joins the steps of one dragged slider into one undo."""

    selections: tuple[Selection, ...] = ()
    active: int | None = None
    tag: str = ""


@dataclass
class History:
    """The states so far, and which of them is shown."""

    steps: list[Step] = field(default_factory=lambda: [Step()])
    at: int = 0

    @property
    def now(self) -> Step:
        """The state that is shown."""
        return self.steps[self.at]

    def push(self, step: Step) -> None:
        """Go on from here; what was taken back before is forgotten."""
        del self.steps[self.at + 1 :]
        if step.tag and self.now.tag == step.tag and self.at > 0:
            self.steps.pop()  # one drag of a slider is one step
        self.steps.append(step)
        self.at = len(self.steps) - 1

    def move(self, by: int) -> None:
        """Back (-1) or forward (+1); nothing happens at either end."""
        self.at = min(max(0, self.at + by), len(self.steps) - 1)
