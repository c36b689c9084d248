"""An `EditSession`: what one user did to one photo, as data, with undo and redo.

Edits are a tuple of `Selection`s, in the order in which they lie over one another. Everything shown
is derived from them and the scene, so undo is going back to an earlier tuple and nothing can get
out of step. Which instance an edit means, by place or id, is up to `Choosing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from threading import RLock
from typing import overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import TARGET_MODES
from dmlseg_core.edit.choose import edits_of, recipe_of
from dmlseg_core.edit.choosing import Choosing
from dmlseg_core.edit.history import History
from dmlseg_core.edit.recipe import Edit, Recipe
from dmlseg_core.edit.render import Easel, Item, Painted, Pixels, ground, shrunk_photo
from dmlseg_core.edit.selection import Selection
from dmlseg_core.edit.style import Style
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Recolored
from dmlseg_core.photo import Photo, shown, to_8_bits
from dmlseg_core.scene import Mask, Override, Scene

PREVIEW_SIDE = 1280
"""Long side of the picture that is shown while editing; files are always of full size."""
_PER_CELL = 5
"""Bytes of a mask for each cell of the grid."""


class EditSession(Choosing):
    """Edits of one photo. Coordinates are photo pixels (y, x).

    Args:
        photo: as loaded.
        scene: what the network saw of it.
    """

    def __init__(self, photo: Photo, scene: Scene) -> None:
        super().__init__(scene)
        self.photo = photo
        self.lock = RLock()
        """Held by whoever makes several calls that belong together."""

    @property
    def nbytes(self) -> int:
        """Bytes held by photo, preview, scene, history, remembered masks and paintings."""
        own = 0 if self.preview is self.photo.rgb else self.preview.nbytes
        masks = len(self._masks) * _PER_CELL * self.scene.class_probs[0, 0].numel()
        made = self.easel.nbytes + self.history.nbytes + masks
        return self.scene.nbytes + self.photo.nbytes + own + made

    def snapshot(self) -> EditSession:
        """The edits as they are now, for work that takes long while they go on."""
        made = EditSession(self.photo, self.scene)
        made.resume(History([self.history.now]))
        for name in ("preview", "proposals"):
            if name in self.__dict__:
                made.__dict__[name] = self.__dict__[name]
        return made

    @cached_property
    def preview(self) -> NDArray[np.uint8]:
        """The photo at PREVIEW_SIDE at most: (h', w', 3) uint8."""
        return shrunk_photo(self.photo, PREVIEW_SIDE)

    @cached_property
    def easel(self) -> Easel:
        """Paints the preview, and remembers what it painted."""
        return Easel(self.preview, ground(self.photo, self.preview), scene=self.scene)

    def see(self, scene: Scene) -> None:
        """As of `Choosing`; what was painted by the other scene's masks is forgotten."""
        super().see(scene)
        self.__dict__.pop("easel", None)

    def median_color(self, mask: Mask) -> NDArray[np.uint8]:
        """(3,) uint8, the median of the preview under a mask; remembered while the mask lives."""
        found = self._medians.get(mask)
        if found is None:
            found = self._medians[mask] = self._median(mask)
        return found

    @cached_property
    def _medians(self) -> WeakKeyDictionary[Mask, NDArray[np.uint8]]:
        """A page asks for the colors of all proposals after every edit."""
        return WeakKeyDictionary()

    def _median(self, mask: Mask) -> NDArray[np.uint8]:
        small = np.ascontiguousarray(self.preview[::4, ::4])
        inside = mask.to_level(small.shape[:2]) >= 0
        pixels = small[inside] if inside.any() else small.reshape(-1, 3)
        return np.asarray(np.median(pixels, axis=0), np.uint8)

    def set_color(
        self, color: str | None, *, mode: str | None = None, strength: float | None = None
    ) -> None:
        """Color of the active selection; None takes the color away.

        Raises:
            ParameterError: nothing is selected, or a value that `recolor` does not take.
        """
        own = self.selections[self.required()]
        if mode is not None and mode not in TARGET_MODES:
            raise ParameterError(f"mode must be one of {TARGET_MODES}; got {mode!r}")
        takes_one = color is None or own.mode in TARGET_MODES
        mode = mode or (own.mode if takes_one else TARGET_MODES[0])
        strength = own.strength if strength is None else strength
        self.set_style(replace(own.style, color=color, mode=mode, strength=strength))

    def set_style(self, style: Style, *, drag: str = "color") -> None:
        """Everything about how the active selection is to look: mode, amount, gates, pattern, ...

        Args:
            style: the whole of it.
            drag: calls in a row with the same word are one undo step; "" is a step of its own.

        Raises:
            ParameterError: nothing is selected, or the selection is locked.
        """
        k = self.required()
        self._change(k, self.selections[k].styled(style), drag, label="style")

    @property
    def measured(self) -> Recolored | None:
        """How the active selection comes out in the preview: Delta-E, color before and after."""
        items = self.items()
        at = next((k for k, item in enumerate(items) if item[0] == self.active), None)
        found = None if at is None else self.easel.painting(items, at)
        return None if found is None else found[2]

    @overload
    def render(self) -> NDArray[np.uint8]: ...

    @overload
    def render(self, *, full: bool) -> Pixels: ...

    def render(self, *, full: bool = False) -> Pixels:
        """The photo with every styled selection recolored: (H, W, 3) sRGB.

        The preview lies over squares where the photo is transparent, as it is looked at.

        Args:
            full: at the photo's own size and depth: uint16 where the file had 16 bits (see
                `Photo.working_pixels`), for `save_photo`; else uint8 at the size of `preview`. The
                same code makes both.

        Raises:
            ParameterError: a gate that leaves nothing of its selection.
        """
        easel = self.full_easel() if full else self.easel
        pixels = easel.pixels
        for painted in easel.paint(self.items()):
            pixels = painted.made.rgb
        return pixels if full else ground(self.photo, to_8_bits(pixels), checkered=True)

    def paint(self, *, full: bool = True) -> Iterator[Painted]:
        """The styled selections, recolored one after the other; what `render` and layers are of.

        Args:
            full: as in `render`.
        """
        return (self.full_easel() if full else self.easel).paint(self.items())

    def items(self, instead: Mapping[int, Selection] | None = None) -> list[Item]:
        """What is painted: number, selection and mask of each, the lowest first.

        Args:
            instead: selections by number, in place of the session's own, whether shown or not.
        """
        other = instead or {}
        every = ((k, other.get(k, s)) for k, s in enumerate(self.selections))
        return [(k, s, self.mask_of(k)) for k, s in every if s.shown or k in other]

    def full_easel(self, keep: int = 0) -> Easel:
        """Paints the photo at its own size and depth; `keep` as of `Easel`."""
        return Easel(self.photo.working_pixels(), shown(self.photo), keep, self.scene)

    def to_recipe(self, by: str = "point") -> Recipe:
        """The styled selections as a recipe.

        Args:
            by: "point": these very selections, on this photo only; "class", "rank" or "likeness":
                proposals like them, on any photo (see `choose.recipe_of`).

        Raises:
            ParameterError: another `by`, or "rank" for what is not among the automatic proposals.
        """
        chosen = [(s, self.mask_of(k)) for k, s in enumerate(self.selections) if s.shown]
        return recipe_of(self.photo, self.scene, chosen, by)

    def go_on(self, history: History) -> None:
        """Where nothing was done yet, another session's history; else its present state, as a step
        of this one: nothing is lost.
        """
        if len(self.history.steps) == 1:
            return self.resume(history)
        found = tuple(replace(s, id=next(self._ids)) for s in history.now.selections)
        return self._push(found, history.now.active, label="recipe")

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
        found = edits_of(recipe, self.photo, scene)
        self.see(scene)
        self._push(tuple(self._new(edit) for edit in found), None, label="recipe")
        return len(found)

    def _new(self, edit: Edit) -> Selection:
        assert isinstance(edit.where, Override)
        made = Selection(edit.where, id=next(self._ids), name=edit.name)
        return replace(made, visible=edit.visible, locked=edit.locked).styled(edit.style)
