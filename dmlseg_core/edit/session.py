"""An `EditSession`: what one user did to one photo, as data, with undo and redo.

Edits are a tuple of `Selection`s, in the order made. Everything shown is derived from them and the
scene, so undo is going back to an earlier tuple and nothing can get out of step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from threading import RLock
from typing import overload

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import TARGET_MODES, TAU
from dmlseg_core.edit.choose import recipe_of, wheres_of
from dmlseg_core.edit.history import History, Step
from dmlseg_core.edit.recipe import Recipe
from dmlseg_core.edit.render import Painted, Pixels, Selection, ground, paint, shrunk_photo
from dmlseg_core.edit.style import Style
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Recolored
from dmlseg_core.photo import Photo, shown, to_8_bits
from dmlseg_core.scene import Box, Mask, Override, Proposals, Scene, Stroke

PREVIEW_SIDE = 1024
"""Long side of the picture that is shown while editing; files are always of full size."""


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
        self._history = History()
        self._proposals: tuple[tuple[Override, ...], Proposals] | None = None
        self._last: Recolored | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held by photo, preview and scene."""
        own = 0 if self.preview is self.photo.rgb else self.preview.nbytes
        return self.scene.nbytes + self.photo.nbytes + own

    def see(self, scene: Scene) -> None:
        """Go on with another analysis of the photo: every edit stays, and so does the history.

        Raises:
            ParameterError: it is a scene of another photo.
        """
        if scene.photo_digest != self.scene.photo_digest:
            raise ParameterError("the scene is of another photo; analyze this session's photo")
        self.scene, self._proposals = scene, None

    @cached_property
    def preview(self) -> NDArray[np.uint8]:
        """The photo at PREVIEW_SIDE at most: (h', w', 3) uint8."""
        return shrunk_photo(self.photo, PREVIEW_SIDE)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The instances that the user chose, in order."""
        return self._history.now.selections

    @property
    def active(self) -> int | None:
        """Index of the selection that tau, color and further points go to."""
        return self._history.now.active

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
            ParameterError: the point lies outside the photo, or where it is transparent.
        """
        cell = self.scene.cell_at(y, x)
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
        self.scene.cell_at(y, x)
        if self.active is None and subtract:
            raise ParameterError("nothing is selected that could be cut; select an object first")
        if self.active is None:
            return self.select(y, x)
        where = self.selections[self.active].where
        if subtract:
            return self._point_at(replace(where, subtract=(*where.subtract, (y, x))))
        return self._point_at(replace(where, add=(*where.add, (y, x))))

    def brush(self, stroke: Stroke) -> None:
        """Paint on the active selection, or take away from it."""
        where = self._active_selection()[1].where
        for point in stroke.points:
            self.scene.frame.cell_of(*point)
        self._point_at(replace(where, strokes=(*where.strokes, stroke)))

    def set_box(self, box: Box | None) -> None:
        """(top, left, bottom, right) that the active selection must not leave; None = all."""
        self._point_at(replace(self._active_selection()[1].where, box=box))

    def set_tau(self, tau: float | None) -> None:
        """Threshold of the active selection; None = the network's choice."""
        checked = None if tau is None else TAU.check(tau)
        self._point_at(replace(self._active_selection()[1].where, tau=checked), "tau")

    def set_color(
        self, color: str | None, *, mode: str | None = None, strength: float | None = None
    ) -> None:
        """Color of the active selection; None takes the color away.

        Raises:
            ParameterError: nothing is selected, or a value that `recolor` does not take.
        """
        k, selection = self._active_selection()
        if mode is not None and mode not in TARGET_MODES:
            raise ParameterError(f"mode must be one of {TARGET_MODES}; got {mode!r}")
        takes_one = color is None or selection.mode in TARGET_MODES
        mode = mode or (selection.mode if takes_one else TARGET_MODES[0])
        strength = selection.strength if strength is None else strength
        self._change(k, replace(selection, color=color, mode=mode, strength=strength), "color")

    def set_style(self, style: Style, *, drag: str = "color") -> None:
        """Everything about how the active selection is to look: mode, amount, gates, pattern, ...

        Args:
            style: the whole of it.
            drag: calls in a row with the same word are one undo step; "" is a step of its own.

        Raises:
            ParameterError: nothing is selected.
        """
        k, selection = self._active_selection()
        self._change(k, selection.styled(style), drag)

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
        return self._history.at > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return self._history.at + 1 < len(self._history.steps)

    def undo(self) -> None:
        """Take the last step back; nothing happens where there is none."""
        self._history.move(-1)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._history.move(1)

    @property
    def measured(self) -> Recolored | None:
        """The active selection as `render` last made it: Delta-E, color before and after."""
        return self._last

    @overload
    def render(self) -> NDArray[np.uint8]: ...

    @overload
    def render(self, *, full: bool) -> Pixels: ...

    def render(self, *, full: bool = False) -> Pixels:
        """The photo with every styled selection recolored: (H, W, 3) sRGB.

        Args:
            full: at the photo's own size and depth: uint16 where the file had 16 bits (see
                `Photo.working_pixels`), for `save_photo`; else uint8 at the size of `preview`. The
                same code makes both.

        Raises:
            ParameterError: a gate that leaves nothing of its selection.
        """
        pixels = self.photo.working_pixels() if full else self.preview
        self._last = None
        for painted in self.paint(full=full, pixels=pixels):
            pixels = painted.made.rgb
            if painted.index == self.active:
                self._last = painted.made
        return pixels if full else ground(self.photo, to_8_bits(pixels), checkered=True)

    def paint(self, *, full: bool = True, pixels: Pixels | None = None) -> Iterator[Painted]:
        """The styled selections, recolored one after the other; what `render` and layers are of.

        Args:
            full: as in `render`.
            pixels: what `render` starts from, where it is at hand.
        """
        guide = shown(self.photo) if full else ground(self.photo, self.preview)
        if pixels is None:
            pixels = self.photo.working_pixels() if full else self.preview
        styled = ((k, s) for k, s in enumerate(self.selections) if s.painted)
        masked = ((k, s, mask) for k, s in styled if (mask := self.mask_of(k)) is not None)
        return paint(masked, pixels, guide)

    def to_recipe(self, by: str = "point") -> Recipe:
        """The styled selections as a recipe.

        Args:
            by: "point": these very selections, on this photo only; "class", "rank" or "likeness":
                proposals like them, on any photo (see `recipe_choose.recipe_of`).

        Raises:
            ParameterError: another `by`, or "rank" for what is not among the automatic proposals.
        """
        chosen = [(s.where, s.style, self.mask_of(k)) for k, s in enumerate(self.selections)]
        return recipe_of(self.photo, self.scene, [c for c in chosen if c[1].painted], by)

    def apply(self, recipe: Recipe, scene: Scene | None = None) -> int:
        """Replace all selections by a recipe's, as one undo step; returns how many there are.

        Args:
            recipe: see `to_recipe`.
            scene: the photo analysed as the recipe asks, to go on with; None: as it already is.

        Raises:
            RecipeError: it is bound to another photo, was made with other weights or another scene
                config, or selects nothing; nothing is changed.
        """
        scene = self.scene if scene is None else scene
        found = wheres_of(recipe, self.photo, scene)
        made = tuple(Selection(where).styled(style) for where, style in found)
        self.see(scene)
        self._push(made, None)
        return len(made)

    def _active_selection(self) -> tuple[int, Selection]:
        if self.active is None:
            raise ParameterError("nothing is selected; click an object first")
        return self.active, self.selections[self.active]

    def _point_at(self, where: Override, tag: str = "") -> None:
        """Change what the active selection selects; its style stays."""
        k, selection = self._active_selection()
        self._change(k, replace(selection, where=where), tag)

    def _append(self, selection: Selection) -> None:
        self._push((*self.selections, selection), len(self.selections))

    def _change(self, k: int, selection: Selection, tag: str = "") -> None:
        kept = self.selections
        self._push((*kept[:k], selection, *kept[k + 1 :]), k, f"{tag}{k}" if tag else "")

    def _push(self, selections: tuple[Selection, ...], active: int | None, tag: str = "") -> None:
        self._history.push(Step(selections, active, tag))
