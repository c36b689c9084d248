"""Undo and redo: states of an edit, in order; and what of them a browser keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from dmlseg_core.edit.fields import Fields
from dmlseg_core.edit.limits import MAX_EDITS
from dmlseg_core.edit.recipe import Edit
from dmlseg_core.edit.selection import Selection
from dmlseg_core.errors import RecipeError
from dmlseg_core.scene import Override

_MOST, _MOST_BYTES = 1000, 1 << 27
"""Steps that can be undone; bytes of the masks and patterns of users in them."""
_KEPT, _KEPT_BYTES = 200, 1 << 19
"""Steps, and bytes of them, that a browser keeps beside the state that is shown."""
_PLACE = 12
"""Bytes of text that name a selection in a step."""


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
        if step.tag and self.steps and step.selections == self.steps[-1].selections:
            self.steps[-1] = replace(self.steps[-1], active=step.active)  # it ends where it began
        else:
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


def kept(history: History) -> tuple[list[Edit], dict[str, Any]]:
    """The state that is shown, and as many before and after it as MAX_EDITS edits tell.

    Returns:
        What was selected in them, each once; and the steps as JSON values, which name it by place.
    """
    part, steps = _Part(), history.steps
    part.takes(history.now, always=True)
    low = high = history.at
    while low > 0 and high - low + 1 < _KEPT and part.takes(steps[low - 1]):
        low -= 1
    while high + 1 < min(len(steps), low + _KEPT) and part.takes(steps[high + 1]):
        high += 1
    edits = [Edit(s.where, s.style, s.name, s.visible, s.locked) for s in part.selections]
    return edits, {"at": history.at - low, "steps": [part.values(s) for s in steps[low : high + 1]]}


class _Part:
    """What of a history fits into a browser's store; steps share what they have in common."""

    def __init__(self) -> None:
        self.selections: list[Selection] = []
        self.places: dict[int, int] = {}
        self.left = _KEPT_BYTES

    def takes(self, step: Step, *, always: bool = False) -> bool:
        new = [s for s in step.selections if id(s) not in self.places]
        cost = sum(_written(s) for s in new) + _PLACE * len(step.selections)
        room = cost <= self.left and len(self.selections) + len(new) <= MAX_EDITS
        if room or always:
            self.places |= {id(s): k for k, s in enumerate(new, len(self.selections))}
            self.selections += new
            self.left -= 0 if always else cost
        return room or always

    def values(self, step: Step) -> dict[str, Any]:
        of = [[self.places[id(s)], s.id] for s in step.selections]
        return {"label": step.label, "about": step.about, "active": step.active, "of": of}


def _written(selection: Selection) -> int:
    """About how many bytes of text a selection is: its files, the points of its strokes."""
    files = (f for f in (selection.where.given, selection.pattern) if f is not None)
    points = sum(len(stroke.points) for stroke in selection.where.strokes)
    return sum(4 * len(f.png) // 3 for f in files) + 20 * points


def read_history(values: object, edits: Sequence[Edit]) -> History:
    """What `kept` told; RecipeError where it did not tell this."""
    with Fields(values if isinstance(values, dict) else {}, "history") as field:
        at = field.take("at", int)
        steps = field.each("steps", dict, lambda v, where: _step(v, where, edits), most=_KEPT)
    if not 0 <= at < len(steps):
        raise RecipeError(f"history.at must be one of its {len(steps)} steps; got {at}")
    return History(list(steps), at)


def _step(values: dict[str, Any], where: str, edits: Sequence[Edit]) -> Step:
    with Fields(values, where) as field:
        label, about = field.take("label", str), field.take("about", int)
        active = field.take("active", (int, type(None)))
        found = field.each("of", list, lambda v, place: _selection(v, place, edits), most=MAX_EDITS)
    if active is not None and not 0 <= active < len(found):
        raise RecipeError(f"{where}.active must be one of its selections; got {active}")
    if len({s.id for s in found}) < len(found):
        raise RecipeError(f"{where}.of must name each selection once")
    return Step(found, active, label=label, about=about)


def _selection(values: list[Any], where: str, edits: Sequence[Edit]) -> Selection:
    place, number = values if len(values) == 2 else (None, None)
    if type(place) is type(number) is int and 0 <= place < len(edits):
        edit = edits[place]
        if isinstance(edit.where, Override):
            made = Selection(edit.where, number, edit.name, edit.visible, edit.locked)
            return made.styled(edit.style)
    raise RecipeError(f"{where} must be [place of an edit by point, id]; got {values!r:.40}")
