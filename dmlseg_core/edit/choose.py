"""Recipes and a scene: selections as a recipe, and what a recipe selects on a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from dmlseg_core.config import RECIPE_KINDS
from dmlseg_core.edit.recipe import Choice, Edit, PhotoName, Recipe, Where
from dmlseg_core.edit.selection import Selection
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.model import distances2, similarity
from dmlseg_core.photo import Photo
from dmlseg_core.scene import Mask, Override, Scene


def recipe_of(
    photo: Photo, scene: Scene, chosen: Sequence[tuple[Selection, Mask]], by: str
) -> Recipe:
    """A recipe of selections.

    Args:
        photo, scene: what they were made on.
        chosen: selections and their masks, in order.
        by: "point": the very selections, bound to the photo. "class": all proposals of the same
            class. "rank": the proposal of the same place in the list. "likeness": all proposals as
            similar to the selection's seed as its tau asks for.

    Raises:
        ParameterError: another `by`; by rank, a selection that no automatic proposal holds.
    """
    if by not in RECIPE_KINDS:
        raise ParameterError(f"a recipe selects by one of {RECIPE_KINDS}; got {by!r}")
    edits = [
        Edit(s.where, s.style, s.name, s.visible, s.locked)
        if by == "point"
        else Edit(_generalised(scene, mask, by), s.style)
        for s, mask in chosen
    ]
    named = PhotoName(photo.digest, photo.size) if by == "point" else None
    return Recipe(scene.weights, scene.config, tuple(edits), named)


def _generalised(scene: Scene, mask: Mask, by: str) -> Choice:
    seed = mask.seed
    if by == "class":
        return Choice(mask.class_name)
    if by == "likeness":
        vector = scene.embedding[:, seed.y, seed.x].tolist()
        return Choice(like=tuple(vector), threshold=seed.tau)
    held = [k for k, m in enumerate(scene.propose(), 1) if m.grid[seed.y, seed.x]]
    if not held:
        raise ParameterError(
            "the selection is none of the automatic proposals, so it has no rank; make the recipe "
            "by point, class or likeness"
        )
    return Choice(rank=held[0])


def edits_of(recipe: Recipe, photo: Photo, scene: Scene) -> list[Edit]:
    """What a recipe selects on a photo, each by point, in order; an instance goes to the first edit
    that takes it.

    Raises:
        RecipeError: it is bound to another photo, or was made with other weights or another scene
            config; a point outside the photo; nothing is selected.
    """
    return [edit for _, edit in _numbered(recipe, photo, scene)]


def _numbered(recipe: Recipe, photo: Photo, scene: Scene) -> list[tuple[int, Edit]]:
    """Beside each the number of the recipe's edit that it is of, 1 = the first."""
    check_fits(recipe, photo, scene)
    found: list[tuple[int, Edit]] = []
    taken: set[Override] = set()
    proposals = [] if all(isinstance(e.where, Override) for e in recipe.edits) else scene.propose()
    for number, edit in enumerate(recipe.edits, 1):
        for where in _wheres(edit.where, scene, proposals):
            if where not in taken:
                taken.add(where)
                found.append((number, replace(edit, where=where)))
    if not found:
        raise RecipeError("the recipe selects nothing on this photo; nothing was changed")
    return found


def chosen_by(recipe: Recipe, photo: Photo, scene: Scene) -> list[tuple[int, Selection, Mask]]:
    """A recipe's selections on a photo and their masks, the lowest first: what `EditSession.apply`
    makes, for a photo that nobody edits. Before each, the number of the edit that selects it.

    Raises:
        RecipeError: see `edits_of`.
    """
    return [
        (
            k,
            Selection(e.where, name=e.name, visible=e.visible).styled(e.style),
            scene.answer(e.where),
        )
        for k, e in _numbered(recipe, photo, scene)
        if isinstance(e.where, Override)
    ]


def check_fits(recipe: Recipe, photo: Photo, scene: Scene) -> None:
    """RecipeError where a recipe is another photo's, other weights' or another scene config's, or a
    point of it lies outside the photo.
    """
    recipe.check_photo(photo)
    recipe.check_weights(scene.weights)
    recipe.check_config(scene.config)
    for edit in recipe.edits:
        if isinstance(edit.where, Override):
            _check_points(edit.where, scene)


def _check_points(where: Override, scene: Scene) -> None:
    painted = [p for stroke in where.strokes for p in stroke.points]
    points = ((where.y, where.x), *where.add, *where.subtract, *painted)
    try:
        for point in points:
            scene.frame.cell_of(*point)
    except ParameterError as error:
        raise RecipeError(f"the recipe does not fit the photo: {error}") from None


def _wheres(where: Where, scene: Scene, proposals: Sequence[Mask]) -> list[Override]:
    if isinstance(where, Override):
        return [where]
    masks = [m for m in proposals if where.class_name in (None, m.class_name)]
    if where.class_name is not None and where.class_name not in scene.classes:
        raise RecipeError(f"the weights know no class {where.class_name!r}: {scene.classes}")
    if where.like is not None:
        masks = _alike(masks, where.like, where.threshold, scene)
    if where.rank is not None:
        masks = masks[where.rank - 1 : where.rank]
    return [mask.where for mask in masks]


def _alike(
    masks: Sequence[Mask], like: tuple[float, ...], threshold: float, scene: Scene
) -> list[Mask]:
    """The masks whose seeds have a similar embedding vector."""
    size = scene.embedding.shape[0]
    if len(like) != size:
        raise RecipeError(f"the recipe's vector has {len(like)} numbers, the weights give {size}")
    if not masks:
        return []
    seeds = torch.stack([scene.embedding[:, m.seed.y, m.seed.x] for m in masks])
    near = similarity(distances2(torch.tensor([like]), seeds))[0] >= threshold
    return [m for m, kept in zip(masks, near.tolist(), strict=True) if kept]
