"""Recipes: edits as a versioned JSON file that replays to the same pixels (docs/files.md).

A selection by point belongs to one photo, named by its digest and size. A selection among the
proposals (by class, likeness or rank) applies to any photo. Both need the weights they were made
with, and the scene config: those decide what a point selects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from dmlseg_core.config import TAU, SceneConfig
from dmlseg_core.edit.style import Pattern, Style
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.photo import Photo
from dmlseg_core.scene import Override

__all__ = ["Choice", "Edit", "Pattern", "PhotoName", "Recipe", "Style"]


@dataclass(frozen=True)
class Choice:
    """Instances chosen among a photo's proposals; what is None does not matter.

    Attributes:
        class_name: of this class only.
        like: D numbers, an embedding vector: proposals whose seed is at least `threshold`
            similar to it.
        threshold: in (0, 1).
        rank: of those that are left, only this one, best first from 1 on.
    """

    class_name: str | None = None
    like: tuple[float, ...] | None = field(default=None, repr=False)
    threshold: float = 0.5
    rank: int | None = None

    def __post_init__(self) -> None:
        TAU.check(self.threshold)
        if self.rank is not None and self.rank < 1:
            raise ParameterError(f"rank counts from 1 on; got {self.rank}")
        if self.class_name is None and self.like is None and self.rank is None:
            raise ParameterError("a choice needs a class, a vector (like) or a rank")


Where: TypeAlias = Override | Choice


@dataclass(frozen=True)
class Edit:
    """One selection and its style.

    Attributes:
        where: what is selected.
        style: how it is to look.
        name, visible, locked: as of `Selection`; for one that selects by point.
    """

    where: Where
    style: Style
    name: str = ""
    visible: bool = True
    locked: bool = False


@dataclass(frozen=True)
class PhotoName:
    """A photo by `Photo.digest` and size (height, width)."""

    digest: str
    size: tuple[int, int]


@dataclass(frozen=True)
class Recipe:
    """Edits, and what they need to mean the same again.

    Attributes:
        weights: sha256 of the weights file.
        scene: how the photo was analysed.
        edits: in the order they are made.
        photo: whose points they are; None where no edit selects by point.

    Raises:
        RecipeError: points without a photo.
    """

    weights: str
    scene: SceneConfig
    edits: tuple[Edit, ...]
    photo: PhotoName | None = None

    def __post_init__(self) -> None:
        if self.photo is None and self.bound:
            raise RecipeError("a recipe that selects by point must name its photo")

    @property
    def bound(self) -> bool:
        """Whether it belongs to one photo."""
        return any(isinstance(edit.where, Override) for edit in self.edits)

    def check_photo(self, photo: Photo) -> None:
        """RecipeError where the points are those of another photo."""
        if self.photo is None or not self.bound:
            return
        if self.photo.size != photo.size:
            made, came = (f"{w} x {h}" for h, w in (self.photo.size, photo.size))
            raise RecipeError(
                f"the recipe's points belong to a photo of {made} pixels; this one has {came}"
            )
        if self.photo.digest != photo.digest:
            raise RecipeError(
                "the recipe's points belong to another photo of the same size "
                f"({self.photo.digest[:12]}..., this one is {photo.digest[:12]}...); a recipe that "
                "selects by class, rank or likeness applies to any photo"
            )

    def check_weights(self, digest: str) -> None:
        """RecipeError where it was made with other weights than those of sha256 `digest`."""
        if self.weights != digest:
            raise RecipeError(
                f"the recipe was made with weights {self.weights[:12] or 'unknown'}..., these are "
                f"{digest[:12] or 'unknown'}...; pass the file it was made with as --weights"
            )

    def check_config(self, config: SceneConfig) -> None:
        """RecipeError where a photo was analysed in another way; `precision` may differ where no
        edit selects by point.
        """
        wanted, used = self.scene.to_dict(), config.to_dict()
        skipped = () if self.bound else ("precision",)
        if odd := [k for k in wanted if wanted[k] != used[k] and k not in skipped]:
            told = ", ".join(f"{k} {wanted[k]} (not {used[k]})" for k in odd)
            raise RecipeError(f"the recipe needs the photo analysed with {told}; analyze it so")
