"""Choosing instances: clicks, boxes, strokes and the list, as states of a history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, cached_property
from itertools import count
from typing import Any

from dmlseg_core.config import DIAL, TAU
from dmlseg_core.edit.history import History, Step
from dmlseg_core.edit.limits import MAX_EDITS
from dmlseg_core.edit.selection import Selection
from dmlseg_core.errors import ParameterError
from dmlseg_core.model import Meant
from dmlseg_core.scene import Mask, Override, Proposals, Scene, Stroke

_SPARE_MASKS = 64
"""Masks that are remembered beside one for each selection: a page asks for all of them."""
STOPS: tuple[str, ...] = ("part", "object", "group")
"""Names of what `Scene.stops` gives, and of its taus in `Scene.meant_by`."""
NOTHING = "nothing is selected; click an object first"


class Choosing:
    """Selections of a scene, the active one among them, and how they came about.

    Args:
        scene: what the network saw of a photo.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._history = History()
        self._ids = count(1)
        self._masks: OrderedDict[Override, Mask] = OrderedDict()
        self.says: Callable[[float, float], Meant] = cache(scene.meant_by)
        """What a photo pixel may mean. A page that shows it before the click says it in its way."""
        self.connected: bool | None = None
        """Whether new selections keep only what is connected to a point; None: as the scene."""

    def see(self, scene: Scene) -> None:
        """Go on with another analysis of the photo: every edit stays, and so does the history.

        Raises:
            ParameterError: it is a scene of another photo.
        """
        if scene.photo_digest != self.scene.photo_digest:
            raise ParameterError("the scene is of another photo; analyze this session's photo")
        if scene is not self.scene:
            self.scene, self.says = scene, cache(scene.meant_by)
        self._masks.clear()
        self.__dict__.pop("proposals", None)

    @property
    def history(self) -> History:
        """Every state so far."""
        return self._history

    def resume(self, history: History) -> None:
        """Go on where an earlier session of the same photo was left."""
        self._history = history
        ids = (s.id for step in history.steps for s in step.selections)
        self._ids = count(max(ids, default=0) + 1)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The instances that the user chose; a later one lies over the earlier ones."""
        return self._history.now.selections

    @property
    def active(self) -> int | None:
        """Index of the selection that tau, color and further points go to."""
        return self._history.now.active

    @cached_property
    def proposals(self) -> Proposals:
        """What the scene proposes by itself, best first."""
        return self.scene.propose()

    def mask_of(self, k: int) -> Mask:
        """The mask of selection k, whatever lies over it."""
        return self.mask(self.selections[k].where)

    def mask(self, where: Override) -> Mask:
        """The scene's answer, remembered."""
        if where not in self._masks:
            self._masks[where] = self.scene.answer(where)
        self._masks.move_to_end(where)
        while len(self._masks) > _SPARE_MASKS + len(self.selections):
            self._masks.popitem(last=False)
        return self._masks[where]

    def meant_by(self, k: int) -> Meant:
        """Thresholds that selection k's first point may mean."""
        where = self.selections[k].where
        return self.says(where.y, where.x)

    def at(self, y: float, x: float) -> int | None:
        """Index of the topmost visible selection that holds a photo pixel.

        Raises:
            ParameterError: the point lies outside the photo.
        """
        cell = self.scene.frame.cell_of(y, x)
        last = range(len(self.selections) - 1, -1, -1)
        held = (k for k in last if self.selections[k].visible and self.mask_of(k).grid[cell])
        return next(held, None)

    def select(self, y: float, x: float, tau: float | None = None, *, new: bool = False) -> None:
        """Choose what lies at a point: the selection that holds it, or a new one.

        Args:
            y, x: the clicked photo pixel.
            tau: of a new selection; None = the network's choice.
            new: a new selection even where there is one already.

        Raises:
            ParameterError: the point lies outside the photo, or where it is transparent.
        """
        self.scene.cell_at(y, x)
        k = None if new else self.at(y, x)
        if k is not None:
            return self.activate(k)
        checked = None if tau is None else TAU.check(tau)
        return self.start(Override(y, x, checked, connected=self.connected))

    def choose(self, mask: Mask) -> None:
        """Make an instance of `proposals` the active selection, with its own seed and tau."""
        cell = mask.seed.y, mask.seed.x
        for k, selection in enumerate(self.selections):
            if self.scene.frame.cell_of(selection.where.y, selection.where.x) == cell:
                return self.activate(k)
        return self.start(mask.where)

    def activate(self, k: int | None) -> None:
        """Make selection k the active one, or none; nothing else changes."""
        self._history.activate(k)

    def extend(self, y: float, x: float, *, subtract: bool = False) -> None:
        """Add what lies at a point to the active selection, or take it away."""
        self.scene.cell_at(y, x)
        if self.active is None and subtract:
            raise ParameterError("nothing is selected that could be cut; select an object first")
        if self.active is None:
            return self.select(y, x)
        where = self.selections[self.active].where
        if subtract:
            return self.point_at(replace(where, subtract=(*where.subtract, (y, x))), "subtract")
        return self.point_at(replace(where, add=(*where.add, (y, x))), "add")

    def brush(self, stroke: Stroke) -> None:
        """Paint on the active selection, or take away from it; with none active, begin one."""
        for point in stroke.points:
            self.scene.frame.cell_of(*point)
        if self.active is None and stroke.subtract:
            raise ParameterError("nothing is selected that could be cut; select an object first")
        if self.active is None:
            return self.start(Override(*stroke.points[0], DIAL[1], strokes=(stroke,)), "brush")
        where = self.selections[self.active].where
        name = "erase" if stroke.subtract else "brush"
        return self.point_at(replace(where, strokes=(*where.strokes, stroke)), name)

    def set_tau(self, tau: float | None, *, drag: str = "tau") -> None:
        """Threshold of the active selection; None = the network's choice.

        Args:
            tau: in (0, 1).
            drag: calls in a row with the same word are one undo step; "" is a step of its own.
        """
        checked = None if tau is None else TAU.check(tau)
        self.point_at(replace(self.selections[self.required()].where, tau=checked), "tau", drag)

    def set_connected(self, on: bool | None) -> None:
        """Whether the active selection, and new ones, keep only what is connected to a point."""
        self.connected = on
        if self.active is not None:
            where = self.selections[self.active].where
            self.point_at(replace(where, connected=on), "connected")

    @property
    def keeps_connected(self) -> bool:
        """What the active selection keeps to, else what new ones will."""
        own = None if self.active is None else self.selections[self.active].where.connected
        asked = self.connected if own is None else own
        return self.scene.config.connected if asked is None else asked

    def set_fields(self, k: int, *, label: str, **values: Any) -> None:
        """Change name, visible or locked of selection k."""
        self._change(k, replace(self.selections[k], **values), label=label, force=True)

    def reorder(self, order: Sequence[int]) -> None:
        """Lay the selections over one another in another order: their present indices, the lowest
        first.

        Raises:
            ParameterError: not each of them once.
        """
        if sorted(order) != list(range(len(self.selections))):
            raise ParameterError(f"an order names each selection once; got {list(order)}")
        active = None if self.active is None else list(order).index(self.active)
        self._push(tuple(self.selections[k] for k in order), active, label="reorder")

    def remove(self) -> None:
        """Forget the active selection."""
        k = self.required()
        if self.selections[k].locked:
            raise ParameterError(LOCKED)
        rest = self.selections[:k] + self.selections[k + 1 :]
        self._push(rest, None, label="remove", about=self.selections[k].id)

    def clear(self) -> None:
        """Forget every selection (one undo step)."""
        self._push((), None, label="clear")

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.at > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return self._history.at + 1 < len(self._history.steps)

    def undo(self) -> None:
        """Take the last step back; nothing happens where there is none."""
        self._history.go(self._history.at - 1)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._history.go(self._history.at + 1)

    def required(self) -> int:
        """Index of the active selection; ParameterError where there is none."""
        if self.active is None:
            raise ParameterError(NOTHING)
        return self.active

    def start(self, where: Override, label: str = "select", name: str = "") -> None:
        """A new selection, which becomes the active one.

        Raises:
            ParameterError: a point lies outside the photo.
        """
        self.mask(where)
        made = Selection(where, id=next(self._ids), name=name)
        self._push((*self.selections, made), len(self.selections), label=label, about=made.id)

    def extend_list(self, more: Sequence[Selection], below: int, label: str) -> None:
        """Further selections beside selection `below`, as one step; the active one stays."""
        about = self.selections[below].id
        made = tuple(replace(s, id=next(self._ids)) for s in more)
        if made:
            self._push((*self.selections, *made), self.active, label=label, about=about)

    def point_at(self, where: Override, label: str, tag: str = "") -> None:
        """Change what the active selection selects; its style stays.

        Raises:
            ParameterError: nothing is selected, it is locked, or a point lies outside the photo.
        """
        k = self.required()
        self.mask(where)  # a point outside the photo is told before anything changes
        self._change(k, replace(self.selections[k], where=where), tag, label=label)

    def _change(
        self, k: int, made: Selection, tag: str = "", *, label: str, force: bool = False
    ) -> None:
        kept = self.selections
        if kept[k].locked and not force:
            raise ParameterError(LOCKED)
        if made == kept[k]:
            return
        tag = f"{tag}{kept[k].id}" if tag else ""
        active = self.active if force else k
        self._push((*kept[:k], made, *kept[k + 1 :]), active, tag, label=label, about=made.id)

    def _push(
        self,
        selections: tuple[Selection, ...],
        active: int | None,
        tag: str = "",
        *,
        label: str,
        about: int = 0,
    ) -> None:
        if len(selections) > MAX_EDITS:
            raise ParameterError(FULL)
        self._history.push(Step(selections, active, tag, label, about))


FULL = f"a photo takes at most {MAX_EDITS} selections; remove one first"
LOCKED = "the selection is locked; unlock it first"
