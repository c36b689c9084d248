"""Undo and redo: states of an edit, in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from dmlseg_core.edit.selection import Selection

_MOST, _MOST_BYTES = 1000, 1 << 27
"""Steps that can be undone; bytes of the masks and patterns of users in them."""


@dataclass(frozen=True)
class Step:
    """One state of the edit.

    Attributes:
        selections: in the order in which they lie over one another, the topmost last.
        active: index of the one that further edits go to.
        tag: joins the steps of one dragged slider into one undo; "" = a step of its own.
        label: what was done to get here, a word such as "select" or "color".
        about: id of the selection that it was done to; 0 = none.
    """

    selections: tuple[Selection, ...] = ()
    active: int | None = None
    tag: str = ""
    label: str = ""
    about: int = 0

    @cached_property
    def files(self) -> dict[int, int]:
        """Bytes of the masks and patterns that users brought, by identity: every edit asks for
        those of all steps.
        """
        brought = [f for s in self.selections for f in (s.where.given, s.pattern) if f is not None]
        return {id(file.png): len(file.png) for file in brought}


@dataclass
class History:
    """The states so far, and which of them is shown.

    They are bounded: the oldest go, the newest stays however large it is.

    Attributes:
        steps: in order.
        at: index of the one that is shown.
        nbytes: bytes of the masks and patterns that users brought.
    """

    steps: list[Step] = field(default_factory=lambda: [Step()])
    at: int = 0
    nbytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.nbytes = _held(self.steps)

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
        self.nbytes = _held(self.steps)
        while len(self.steps) > 1 and (len(self.steps) > _MOST or self.nbytes > _MOST_BYTES):
            del self.steps[: max(1, len(self.steps) // 10)]
            self.nbytes = _held(self.steps)
        self.at = len(self.steps) - 1

    def activate(self, active: int | None) -> None:
        """Another selection becomes the active one: nothing that would have to be undone."""
        if active != self.now.active:
            self.steps[self.at] = replace(self.now, active=active, tag="")

    def go(self, to: int) -> None:
        """To state number `to`, or the nearest there is."""
        self.at = min(max(0, to), len(self.steps) - 1)


def _held(steps: list[Step]) -> int:
    """Bytes of the files in all steps, each counted once."""
    return sum({key: size for step in steps for key, size in step.files.items()}.values())
