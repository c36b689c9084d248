"""Which objects of one photo are painted, and how: of rules, or of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.edit import Alphas
from dmlseg_core.errors import RecipeError
from dmlseg_core.folder.develop.colors import colors_of, overlap
from dmlseg_core.folder.develop.output import AnyMask, Labels, label_photo
from dmlseg_core.folder.rules import Candidates, Colorway, Way, assign, colorways
from dmlseg_core.folder.work import Work
from dmlseg_core.photo import Photo, shown


@dataclass(frozen=True, eq=False)
class Chosen:
    """The objects of a photo, and what becomes of them.

    Attributes:
        masks: objects, the surest first; number k is k + 1 in the labels.
        labels: (H, W) int32, 0 = background.
        takers: what took each object: a rule's number, or an edit's of a recipe; None = nothing.
        names: of the takers.
        colorways: the recolored files; their ways go by taker.
        order: numbers of the painted objects, in the order in which they lie over one another.
        likeness: of each object to the reference that is most like it; () where there is none.
        note: why nothing was taken, or "".
    """

    masks: Sequence[Any]
    labels: Labels
    takers: Sequence[int | None] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    colorways: tuple[Colorway, ...] = ()
    order: tuple[int, ...] = ()
    likeness: Sequence[float] = ()
    note: str = ""


def choose(photo: Photo, scene: Any, work: Work, alphas: Alphas) -> Chosen:
    """What the work's rules or recipe take of a photo; `alphas`: of masks on it."""
    if work.recipe is not None:
        return _by_recipe(photo, scene, work, alphas)
    masks: Sequence[AnyMask] = list(scene.propose(**work.options))
    labels = label_photo(masks, alphas)
    if work.rules is None:
        return Chosen(masks, labels, [None] * len(masks))
    rules, found = work.rules, candidates(photo, masks, labels, scene, work)
    takers = assign(found, rules)
    taken = sorted({k for k in takers if k is not None})
    ways = {k: rules.rules[k].ways for k in taken if rules.rules[k].ways}
    return Chosen(
        masks, labels, takers, {k: rules.name_of(k) for k in taken},
        colorways(ways, rules.combine), tuple(k for k, t in enumerate(takers) if t in ways),
        [max(row) for row in zip(*found.similarities.values(), strict=True)],
        "" if taken else "no rule takes any of its objects",
    )  # fmt: skip


def candidates(
    photo: Photo, masks: Sequence[Any], labels: Labels, scene: Any, work: Work
) -> Candidates:
    """What rules look at."""
    seen = areas(labels, len(masks)) / max(1, labels.size)
    similar, overlaps = {}, {}
    if work.references:
        from dmlseg_core.folder.develop.likeness import similarities  # noqa: PLC0415 (torch)

        about = work.references.items()
        similar = {like: similarities(masks, scene, ref.vector) for like, ref in about}
        if any(like.colors for like in work.references):
            own = colors_of(shown(photo), labels, len(masks))
            overlaps = {like: [overlap(ref.colors, c) for c in own] for like, ref in about}
    return Candidates(
        [mask.class_name for mask in masks],
        [float(mask.score) for mask in masks],
        [float(share) for share in seen],
        similar,
        overlaps,
    )


def areas(labels: Labels, count: int) -> NDArray[np.int64]:
    """(count,) pixels of each object."""
    found = np.zeros(count + 1, np.int64)
    for row in labels:  # numbers of 64 bits of all of it would be large
        found += np.bincount(row, minlength=count + 1)
    return found[1:]


def _by_recipe(photo: Photo, scene: Any, work: Work, alphas: Alphas) -> Chosen:
    """The objects of a recipe as `recolor --recipe` selects them, and the photo's others."""
    from dmlseg_core.edit import chosen_by  # noqa: PLC0415 (torch)

    assert work.recipe is not None
    try:
        chosen = chosen_by(work.recipe, photo, scene)
    except RecipeError as error:  # another photo's points, or nothing like what it wants
        masks = list(scene.propose(**work.options))
        labels = label_photo(masks, alphas)
        return Chosen(masks, labels, [None] * len(masks), note=str(error))
    count = len(chosen)  # a later one lies over the earlier ones: number k is the k-th from above
    above = {count - 1 - k: one for k, one in enumerate(chosen)}
    own = [above[k][2] for k in range(count)]
    others = scene.propose(**work.options, overrides=[s.where for _, s, _ in chosen])
    cells = {(mask.seed.y, mask.seed.x) for mask in own}
    masks = [*own, *(m for m in others if (m.seed.y, m.seed.x) not in cells)]
    ways = {k: (Way(s.title, s.style),) for k, (_, s, _) in above.items() if s.shown}
    takers = [*range(count), *[None] * (len(masks) - count)]
    names = {k: s.name or str(number) for k, (number, s, _) in above.items()}
    return Chosen(masks, label_photo(masks, alphas), takers, names, colorways(ways), tuple(ways))
