"""How selections become pixels.

Each selection is measured and painted on the photo as it was, never on what another one left. A
later selection lies over the earlier ones: what it paints of a pixel is taken from theirs, so that
every pixel is painted once and the sum is made in linear light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import encode_srgb, srgb_to_linear
from dmlseg_core.edit.alphas import Alphas, Patch
from dmlseg_core.edit.selection import Selection
from dmlseg_core.paint import Recolored, Subject
from dmlseg_core.photo import Photo, over
from dmlseg_core.scene import Mask, Scene

if TYPE_CHECKING:
    from torch import Tensor

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Floats: TypeAlias = NDArray[np.float32]
T = TypeVar("T")
Level = TypeVar("Level", np.uint8, np.float32)
Item: TypeAlias = tuple[int, Selection, Mask]
"""Number, selection and mask; lists of them are in the order in which they lie over one another."""

KEPT = 8
"""Paintings of single selections that an easel remembers."""
_SPILL = 16
"""Pixels beyond its alpha that a painting may change: bounce, chroma stored at half resolution."""


@dataclass(frozen=True, eq=False)
class Painted:
    """Selection number `index` as it was recolored: its mask and alpha, the photo after it and all
    before it.
    """

    index: int
    selection: Selection
    mask: Mask
    alpha: Floats
    made: Recolored


_PERSON, _CAR, _SEEN, _LIKELY = "person", "car", 0.3, 0.5
"""The classes whose parts skin and hair, and bodywork, are; their probability from which on parts
are believed, as leaves and fur look like hair; the parts' own that one must have to be looked for.
"""
_ABOUT = np.ones((25, 25), np.uint8)
"""Cells about one of a car that may be its too: a wing by itself is seldom called a car."""


class Sight(TypedDict, total=False):
    """What a scene knows that tells an object's materials apart: arguments of `paint.Subject.of`,
    each over the whole photo, as a picture of it made small.

    Attributes:
        embedding: (D, h, w) float32.
        people: (2, h, w) float32 in [0, 1], how probably a pixel is a person's skin, hair; None
            where nobody's are seen, or the weights' data sheet does not say.
        bodywork: (h, w) float32 in [0, 1], how probably one is a car's panel; None likewise.
    """

    embedding: Floats
    people: Floats | None
    bodywork: Floats | None


def sight_of(scene: Scene) -> Sight:
    """That of a scene."""
    seen = scene.embedding, 1 + scene.config.flip
    person, car = (_there(scene, name) for name in (_PERSON, _CAR))
    about = np.asarray(cv2.dilate(car, _ABOUT), np.float32)
    return Sight(
        embedding=scene.frame.spread(scene.embedding.numpy()),
        people=_believed(scene, scene.sheet.people(*seen), person),
        bodywork=_believed(scene, scene.sheet.panels(*seen), about),
    )


def _there(scene: Scene, name: str) -> Floats:
    """(h, w) 0 or 1, where the class head sees a class; nowhere where it does not know it."""
    if name not in scene.classes:
        return np.zeros(scene.frame.grid_size, np.float32)
    probs = scene.class_probs[:, 1 + scene.classes.index(name)].numpy()
    return np.asarray(probs.max(axis=0) > _SEEN, np.float32)


def _believed(scene: Scene, parts: Tensor | None, there: Floats) -> Floats | None:
    """Probabilities (..., h, w) of parts where their class is seen; None where there are none."""
    if parts is None or not ((found := parts.numpy() * there) > _LIKELY).any():
        return None
    return scene.frame.spread(found)


class Easel:
    """Paints selections of one photo at one size.

    Args:
        pixels: (H, W, 3) uint8 or uint16 sRGB.
        guide: (H, W, 3) uint8, the photo that edges are refined on.
        keep: how many paintings are remembered; 0 for files, which are made once.
        scene: of the photo; it helps to tell materials apart.
        alphas: of masks on the guide, where some are known already.
        measured: how many objects are remembered as measured, where anything is.
    """

    def __init__(
        self,
        pixels: Pixels,
        guide: NDArray[np.uint8],
        keep: int = KEPT,
        scene: Scene | None = None,
        *,
        alphas: Alphas | None = None,
        measured: int = 2,
    ) -> None:
        self.pixels, self._keep, self._scene, self._measured = pixels, keep, scene, measured
        self._alphas = Alphas(guide) if alphas is None else alphas
        self._known: dict[Any, Any] = {}  # the youngest last

    @property
    def nbytes(self) -> int:
        """Bytes of what is remembered; other threads may ask while more is."""
        known = list(self._known.values())
        parts = [v[2].rgb.nbytes for v in known if isinstance(v, tuple)]
        subjects = [v.nbytes for v in known if isinstance(v, Subject)]
        return sum((self._alphas.nbytes, *parts, *subjects))

    def alpha(self, selection: Selection, mask: Mask) -> Patch:
        """The selection's soft mask, whatever lies over it."""
        return self._alphas.of(mask, matting=selection.matting)

    def subject(self, items: Sequence[Item], k: int) -> Subject | None:
        """The object of the item at place k of the list, measured; None where nothing is left."""
        patch, key = self._share(items, k), ("subject", *self._key(items, k))
        if not patch.values.any():
            return None

        def measured() -> Subject:
            gates = items[k][1].gates or None
            alpha = patch.full(self.pixels.shape)
            _, selection, mask = items[k]
            at = mask.place_on(self.pixels.shape)
            brushed = mask.brushed_on(self._alphas.guide, matting=selection.matting)
            return Subject.of(self.pixels, alpha, gate=gates, at=at, brushed=brushed, **self._sight)

        return self._remembered(key, measured, most=self._measured)

    @cached_property
    def _sight(self) -> Sight:
        """The scene's, the same for all of its objects."""
        return {} if self._scene is None else sight_of(self._scene)

    def paint(self, items: Sequence[Item]) -> Iterator[Painted]:
        """Recolor items one after the other, the lowest first.

        Raises:
            ParameterError: a gate that leaves nothing of its selection.
        """
        result = self.pixels
        for k, (index, selection, mask) in enumerate(items):
            if (found := self.painting(items, k)) is not None:
                alpha, box, made = found
                result = self._over(result, made.rgb, box)
                full = alpha.full(self.pixels.shape)
                yield Painted(index, selection, mask, full, replace(made, rgb=result))

    def known(self, items: Sequence[Item], k: int) -> Recolored | None:
        """How well the item at place k hit its color, if that has been painted already; its pixels
        are those of a box around it.
        """
        found = self._known.get(("painted", items[k][1].style, *self._key(items, k)))
        return None if found is None else found[2]

    def painting(
        self, items: Sequence[Item], k: int
    ) -> tuple[Patch, tuple[slice, slice], Recolored] | None:
        """Alpha of an item, a box that holds every pixel it changes, and what it becomes there."""

        def painted() -> tuple[Patch, tuple[slice, slice], Recolored] | None:
            if (subject := self.subject(items, k)) is None:
                return None
            alpha, made = self._share(items, k), subject.recolor(items[k][1].look())
            box = tuple(slice(max(0, s.start - _SPILL), s.stop + _SPILL) for s in alpha.box)
            part = made.rgb[box]
            return alpha, (box[0], box[1]), replace(made, rgb=part.copy() if self._keep else part)

        return self._remembered(("painted", items[k][1].style, *self._key(items, k)), painted)

    def _over(self, below: Pixels, part: Pixels, box: tuple[slice, slice]) -> Pixels:
        """`below` with a painted box on it: where both changed a pixel, the changes add up in
        linear light.
        """
        result = below.copy()
        base, old = self.pixels[box], below[box]
        changed = (part != base).any(axis=2)
        twice = changed & (old != base).any(axis=2)
        changed &= ~twice
        result[box][changed] = part[changed]
        if twice.any():
            first, second, total = (srgb_to_linear(a[twice]) for a in (base, part, old))
            result[box][twice] = encode_srgb(total + second - first, below.dtype)
        return result

    def _share(self, items: Sequence[Item], k: int) -> Patch:
        """Alpha of an item without what later ones paint of it."""
        patch = self.alpha(*items[k][1:])
        for _, selection, mask in items[k + 1 :]:
            over = self.alpha(selection, mask)
            if selection.gates and patch.without(over) is not patch:
                over = self._gated(selection, mask, over)
            patch = patch.without(over)
        return patch

    def _gated(self, selection: Selection, mask: Mask, patch: Patch) -> Patch:
        def share() -> Patch:
            alpha = patch.full(self.pixels.shape)
            subject = Subject.of(self.pixels, alpha, gate=selection.gates or None)
            return Patch(patch.top, patch.left, subject.share[patch.box])

        return self._alphas.remembered(mask, (selection.gates, selection.matting), share)

    def _key(self, items: Sequence[Item], k: int) -> tuple[Any, ...]:
        """What the painting of an item depends on beside its own style."""
        _, own, mask = items[k]
        over = tuple((m, s.gates, s.matting) for _, s, m in items[k + 1 :])
        return mask, own.gates, own.matting, over

    def _remembered(self, key: tuple[Any, ...], make: Callable[[], T], most: int = 0) -> T:
        """What `make` gives, made once. Keys hold masks themselves: an id may come again."""
        if not self._keep:
            return make()
        made: T = self._known.pop(key) if key in self._known else make()
        self._known[key] = made
        kind = [old for old in self._known if old[0] == key[0]]
        for old in kind[: -(most or self._keep)]:
            del self._known[old]
        return made


def shrunk(rgb: NDArray[Level], side: int) -> NDArray[Level]:
    """(h', w', ...) with a long side of `side`; pictures that are not larger are returned."""
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = [max(1, round(n * scale)) for n in rgb.shape[1::-1]]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), rgb.dtype)


def shrunk_photo(photo: Photo, side: int) -> NDArray[np.uint8]:
    """`rgb` shrunk, pixels counting as much as they show: hidden colors stay out of edges."""
    if photo.alpha is None or max(photo.size) <= side:
        return shrunk(photo.rgb, side)
    weight = photo.alpha.astype(np.float32)
    shares = shrunk(weight, side)[..., None]
    mixed = shrunk(photo.rgb * weight[..., None], side)
    return np.rint(mixed / np.maximum(shares, 1e-3)).clip(0, 255).astype(np.uint8)


def ground(photo: Photo, rgb: NDArray[np.uint8], *, checkered: bool = False) -> NDArray[np.uint8]:
    """A copy of a photo of any size over the ground of `shown`, where the photo is transparent."""
    if photo.alpha is None:
        return rgb
    size = (rgb.shape[1], rgb.shape[0])
    alpha = np.asarray(cv2.resize(photo.alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
    return over(rgb, alpha, checkered=checkered)
