"""An `EditSession`: what one user did to one photo, as data, with undo; a store bounded in bytes.

Edits are a tuple of `Selection`s, in the order made. Everything shown is derived from them and the
scene, so undo is going back to an earlier tuple and nothing can get out of step.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property
from threading import RLock

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.colorspace import parse_color
from dmlseg_core.config import STRENGTH, TARGET_MODES, TAU
from dmlseg_core.errors import ParameterError
from dmlseg_core.images import Photo
from dmlseg_core.preprocess import Frame
from dmlseg_core.proposals import Mask, Override, Point, Proposals
from dmlseg_core.recolor import Recolored, recolor
from dmlseg_core.refine import refine_alpha
from dmlseg_core.scene import Scene

PREVIEW_SIDE = 1024
"""Long side of the picture that is shown while editing; files are always of full size."""
MEGABYTE = 2**20


@dataclass(frozen=True)
class Selection:
    """One instance that the user chose.

    Attributes:
        where: its points and tau.
        color: target color text; None = not recolored.
        mode: a mode of `recolor` that takes a target.
        strength: 0 .. 1.
    """

    where: Override
    color: str | None = None
    mode: str = "match"
    strength: float = 1.0


@dataclass(frozen=True)
class _Step:
    """One state of the edit; `tag` joins the steps of one dragged slider into one undo."""

    selections: tuple[Selection, ...] = ()
    active: int | None = None
    tag: str = ""


class EditSession:
    """Edits of one photo. Coordinates are photo pixels (y, x).

    Args:
        photo: as loaded.
        scene: what the network saw of it.
    """

    def __init__(self, photo: Photo, scene: Scene) -> None:
        self.photo, self.scene = photo, scene
        self.lock = RLock()
        """Held by whoever makes several calls that belong together."""
        self._steps, self._at = [_Step()], 0
        self._proposals: tuple[tuple[Override, ...], Proposals] | None = None
        self._last: Recolored | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held by photo, preview and scene."""
        arrays = (
            self.photo.rgb, self.photo.alpha, self.photo.deep, self.photo.native, self.preview,
        )  # fmt: skip
        return self.scene.nbytes + sum(a.nbytes for a in arrays if a is not None)

    @cached_property
    def preview(self) -> NDArray[np.uint8]:
        """The photo at PREVIEW_SIDE at most: (h', w', 3) uint8."""
        scale = PREVIEW_SIDE / max(self.photo.size)
        if scale >= 1:
            return self.photo.rgb
        size = [max(1, round(n * scale)) for n in reversed(self.photo.size)]
        small = cv2.resize(self.photo.rgb, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The instances that the user chose, in order."""
        return self._steps[self._at].selections

    @property
    def active(self) -> int | None:
        """Index of the selection that tau, color and further points go to."""
        return self._steps[self._at].active

    @property
    def proposals(self) -> Proposals:
        """All instances: the user's own first, then the automatic ones."""
        overrides = tuple(s.where for s in self.selections)
        if self._proposals is None or self._proposals[0] != overrides:
            self._proposals = overrides, self.scene.propose(overrides=overrides)
        return self._proposals[1]

    def mask_of(self, k: int) -> Mask | None:
        """The mask of selection k; None where later selections took all of it."""
        where = self.selections[k].where
        cell = self.scene.frame.cell_of(where.y, where.x)
        own = (m for m in self.proposals if (m.seed.y, m.seed.x) == cell)
        return next(own, None)

    def select(self, y: float, x: float) -> None:
        """Choose what lies at a point: a seed of the user's own.

        A selection whose mask holds the point gets this point as its seed and keeps its color.

        Raises:
            ParameterError: the point lies outside the photo.
        """
        cell = self.scene.frame.cell_of(y, x)
        for k in range(len(self.selections)):
            mask = self.mask_of(k)
            if mask is not None and mask.grid[cell]:
                return self._change(k, replace(self.selections[k], where=Override(y, x)))
        return self._append(Selection(Override(y, x)))

    def choose(self, mask: Mask) -> None:
        """Make one of `proposals` the active selection, with its own seed and tau."""
        cell = mask.seed.y, mask.seed.x
        for k, selection in enumerate(self.selections):
            if self.scene.frame.cell_of(selection.where.y, selection.where.x) == cell:
                return self._push(self.selections, k, "active")
        point = self.scene.frame.point_of(*cell)
        return self._append(Selection(Override(*point, mask.seed.tau)))

    def extend(self, y: float, x: float, *, subtract: bool = False) -> None:
        """Add what lies at a point to the active selection, or take it away."""
        self.scene.frame.cell_of(y, x)
        if self.active is None:
            if subtract:
                raise ParameterError(
                    "nothing is selected that could be cut; select an object first"
                )
            return self.select(y, x)
        selection, point = self.selections[self.active], (y, x)
        where = selection.where
        grown: dict[str, tuple[Point, ...]] = (
            {"subtract": (*where.subtract, point)} if subtract else {"add": (*where.add, point)}
        )
        return self._change(self.active, replace(selection, where=replace(where, **grown)))  # type: ignore[arg-type]

    def set_tau(self, tau: float | None) -> None:
        """Threshold of the active selection; None = the network's choice."""
        checked = None if tau is None else TAU.check(tau)
        k, selection = self._active_selection()
        self._change(k, replace(selection, where=replace(selection.where, tau=checked)), "tau")

    def set_color(
        self, color: str | None, *, mode: str | None = None, strength: float | None = None
    ) -> None:
        """Color of the active selection; None takes the color away.

        Raises:
            ParameterError: nothing is selected, or a value that `recolor` does not take.
        """
        k, selection = self._active_selection()
        if color is not None:
            parse_color(color)
        if mode is not None and mode not in TARGET_MODES:
            raise ParameterError(f"mode must be one of {TARGET_MODES}; got {mode!r}")
        new = replace(
            selection,
            color=color,
            mode=selection.mode if mode is None else mode,
            strength=selection.strength if strength is None else STRENGTH.check(strength),
        )
        self._change(k, new, "color")

    def remove(self) -> None:
        """Forget the active selection; the proposals it replaced come back."""
        k, _ = self._active_selection()
        self._push(self.selections[:k] + self.selections[k + 1 :], None)

    def clear(self) -> None:
        """Forget every selection (one undo step)."""
        self._push((), None)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return self._at + 1 < len(self._steps)

    def undo(self) -> None:
        """Take the last step back; nothing happens where there is none."""
        self._at = max(0, self._at - 1)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._at = min(len(self._steps) - 1, self._at + 1)

    @property
    def measured(self) -> Recolored | None:
        """The active selection as `render` last made it: Delta-E, color before and after."""
        return self._last

    def render(self, *, full: bool = False) -> NDArray[np.uint8]:
        """The photo with every colored selection recolored: (H, W, 3) uint8.

        Args:
            full: at the photo's own size; else at that of `preview`. The same code makes both.
        """
        source = rgb = self.photo.rgb if full else self.preview
        self._last = None
        for k, selection in enumerate(self.selections):
            mask = self.mask_of(k) if selection.color is not None else None
            if mask is None:
                continue
            alpha = refine_alpha(level_at(mask, rgb.shape[:2]), source)
            if not alpha.any():
                continue
            made = recolor(
                rgb, alpha, selection.color, mode=selection.mode, strength=selection.strength
            )
            rgb = made.rgb
            if k == self.active:
                self._last = made
        return rgb

    def _active_selection(self) -> tuple[int, Selection]:
        if self.active is None:
            raise ParameterError("nothing is selected; click an object first")
        return self.active, self.selections[self.active]

    def _append(self, selection: Selection) -> None:
        self._push((*self.selections, selection), len(self.selections))

    def _change(self, k: int, selection: Selection, tag: str = "") -> None:
        kept = self.selections
        self._push((*kept[:k], selection, *kept[k + 1 :]), k, f"{tag}{k}" if tag else "")

    def _push(self, selections: tuple[Selection, ...], active: int | None, tag: str = "") -> None:
        del self._steps[self._at + 1 :]
        if tag and self._steps[-1].tag == tag and self._at > 0:
            self._steps.pop()  # one drag of a slider is one step
        self._steps.append(_Step(selections, active, tag))
        self._at = len(self._steps) - 1


def level_at(mask: Mask, size: tuple[int, ...]) -> NDArray[np.float32]:
    """A mask's level map for a copy of its photo scaled to (height, width)."""
    frame: Frame = replace(mask.frame, photo_size=(size[0], size[1]))
    return frame.to_photo(mask.level)


class SessionStore:
    """Sessions by key, at most `limit` bytes of them: the longest unused is forgotten first.

    The newest session always stays, even where it is larger than the limit alone.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = 256 * MEGABYTE) -> None:
        self.limit = limit
        self._sessions: OrderedDict[str, EditSession] = OrderedDict()
        self._lock = RLock()

    @property
    def nbytes(self) -> int:
        """Bytes held by all sessions."""
        with self._lock:
            return sum(s.nbytes for s in self._sessions.values())

    def put(self, key: str, photo: Photo, scene: Scene) -> EditSession:
        """Start a session; an earlier one of the same key is replaced."""
        session = EditSession(photo, scene)
        with self._lock:
            self._sessions.pop(key, None)
            self._sessions[key] = session
            while len(self._sessions) > 1 and self.nbytes > self.limit:
                self._sessions.popitem(last=False)
        return session

    def get(self, key: str) -> EditSession | None:
        """The session of a key, or None where it was never started or has been forgotten."""
        with self._lock:
            if key in self._sessions:
                self._sessions.move_to_end(key)
            return self._sessions.get(key)

    def drop(self, key: str) -> None:
        """Forget a session, if there is one."""
        with self._lock:
            self._sessions.pop(key, None)
