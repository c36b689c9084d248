"""Masks as answers, and the list of them that a photo is proposed as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dmlseg_core.config import SceneConfig
from dmlseg_core.edge import matte_alpha, refine_alpha
from dmlseg_core.errors import ParameterError
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.given import Given
from dmlseg_core.scene.masks import (
    connected_part,
    grow_masks,
    levels,
    resolve_overlap,
    seed_distances2,
    with_sign,
)
from dmlseg_core.scene.seeds import Seed
from dmlseg_core.scene.strokes import Box, Stroke, check_box, stroked, without_strokes

_OUTSIDE = np.float32(-1)
"""Level of transparent pixels at most: a similarity e times below the threshold."""

Point = tuple[float, float]
"""(y, x) of a photo pixel."""
MOST_POINTS, MOST_STROKES, MOST_PAINTED = 200, 500, 4000
"""Further points, strokes, points along strokes of one selection: about a second of work each."""


@dataclass(frozen=True)
class Override:
    """An instance that the user pointed at, in photo coordinates.

    Attributes:
        y, x: the clicked pixel.
        tau: similarity threshold; None = the head's best.
        add, subtract: further points: what belongs to it, and what does not.
        box: (top, left, bottom, right) that its mask must not leave; holds the clicked pixel.
        strokes: brush strokes over it.
        connected: keep only what is connected to a positive point; None = the config's choice.
        given: a mask to begin with, instead of what the point selects.
        pointed: whether somebody chose the pixel itself; False: it is where an instance was found.

    Raises:
        ParameterError: a box without an inside, or one that does not hold the click; more than
            MOST_POINTS points, MOST_STROKES strokes or MOST_PAINTED points along them.
    """

    y: float
    x: float
    tau: float | None = None
    add: tuple[Point, ...] = ()
    subtract: tuple[Point, ...] = ()
    box: Box | None = None
    strokes: tuple[Stroke, ...] = ()
    connected: bool | None = None
    given: Given | None = None
    pointed: bool = True

    def __post_init__(self) -> None:
        if self.box is not None:
            check_box(self.box, self.y, self.x)
        points, painted = (
            len(self.add) + len(self.subtract),
            sum(len(s.points) for s in self.strokes),
        )
        for found, most, name in (
            (points, MOST_POINTS, "points"),
            (len(self.strokes), MOST_STROKES, "strokes"),
            (painted, MOST_PAINTED, "points along its strokes"),
        ):
            if found > most:
                raise ParameterError(f"a selection holds at most {most} {name}; got {found}")


@dataclass(frozen=True, eq=False)
class Mask:
    """One instance at grid resolution.

    Attributes:
        grid: (h, w) bool.
        level: (h, w) float32, >= 0 exactly inside; its zero contour is the sub-cell edge.
        seed: the cell it was grown from, with its tau.
        class_name: what it most likely is.
        score: probability that it is an instance of that class.
        frame: where the grid lies on the photo.
        strokes: what a hand painted on it: on the photo it is exact to the pixel, and soft.
        under: (h, w) `level` without them.
        given: the soft mask that it is, where it was not grown.
        visible: (H, W) bool of the photo's pixels that are not wholly transparent; None: all are.
            The others belong to no mask, at whatever size it is asked for.
        at: (y, x), the pixel of the photo that was pointed at; None: nobody did.
        further: (y, x) of the clicks after it, those that take away among them.
    """

    grid: NDArray[np.bool_] = field(repr=False)
    level: NDArray[np.float32] = field(repr=False)
    seed: Seed
    class_name: str
    score: float
    frame: Frame = field(repr=False)
    visible: NDArray[np.bool_] | None = field(default=None, repr=False)
    strokes: tuple[Stroke, ...] = field(default=(), repr=False)
    under: NDArray[np.float32] | None = field(default=None, repr=False)
    given: Given | None = field(default=None, repr=False)
    at: Point | None = None
    further: tuple[Point, ...] = ()

    @property
    def where(self) -> Override:
        """What selects an instance at its seed again."""
        point = self.frame.point_of(self.seed.y, self.seed.x)
        return Override(*point, self.seed.tau, pointed=self.at is not None)

    def place_on(self, size: tuple[int, ...]) -> Point | None:
        """`at` on a copy of the photo of (H', W')."""
        return None if self.at is None else self._placed(self.at, size)

    def _placed(self, point: Point, size: tuple[int, ...]) -> Point:
        height, width = self.frame.photo_size
        return point[0] * size[0] / height, point[1] * size[1] / width

    def brushed_on(self, rgb: NDArray[Any], *, matting: bool = False) -> NDArray[np.float32] | None:
        """What a hand painted in, on the photo or a copy of it; None: nothing.

        Args:
            rgb, matting: as of `to_alpha`.

        Returns:
            (2, H', W') in [0, 1]: how much of a pixel a brush covers, and which share of `to_alpha`
            there is without brushes.
        """
        if all(stroke.subtract for stroke in self.strokes):
            return None
        before = replace(self, level=self._bare, strokes=()).to_alpha(rgb, matting=matting)
        cover, after = (
            stroked(a, self.strokes, self.frame.photo_size) for a in (np.zeros_like(before), before)
        )
        return np.stack([cover, np.minimum(before / np.maximum(after, 1e-6), 1)])

    def to_level(self, size: tuple[int, ...] | None = None) -> NDArray[np.float32]:
        """(H, W) float32: `level` upsampled to the photo, or to a copy of it of `size`."""
        level = self._upsampled(self.frame.photo_size if size is None else size)
        hidden = self._hidden(level.shape)
        if hidden is not None:
            level[hidden] = np.minimum(level[hidden], _OUTSIDE)
        return level

    def _upsampled(self, size: tuple[int, ...]) -> NDArray[np.float32]:
        return replace(self.frame, photo_size=(size[0], size[1])).to_photo(self.level)

    def _hidden(self, size: tuple[int, ...]) -> NDArray[np.bool_] | None:
        """(H', W') bool: the transparent pixels of a copy of the photo."""
        if self.visible is None:
            return None
        seen = self.visible.view(np.uint8)
        if seen.shape != size:
            seen = np.asarray(cv2.resize(seen, size[1::-1], interpolation=cv2.INTER_NEAREST))
        return np.asarray(seen == 0)

    def to_alpha(self, rgb: NDArray[Any], *, matting: bool = False) -> NDArray[np.float32]:
        """Soft alpha on the photo, or on a copy of it of any size.

        Args:
            rgb: (H', W', 3) uint8 sRGB, the photo that the edge is refined on.
            matting: find hair and fur about the edge as well.

        Returns:
            (H', W') float32 in [0, 1].
        """
        alpha = self._edge(rgb) if self.given is None else self.given.on(rgb.shape)
        alpha = matte_alpha(alpha, rgb) if matting else alpha
        alpha = stroked(alpha, self.strokes, self.frame.photo_size)
        hidden = self._hidden(alpha.shape)
        if hidden is not None:
            alpha[hidden] = 0
        return alpha

    def _edge(self, rgb: NDArray[Any]) -> NDArray[np.float32]:
        """The level's edge on the photo, without the strokes."""
        level = replace(self, level=self._bare)._upsampled(rgb.shape[:2])
        clicked = self.further if self.at is None else (self.at, *self.further)
        points = [self._placed(point, rgb.shape) for point in clicked]
        return refine_alpha(level, rgb, cells=max(self.frame.grid_size), points=points)

    @property
    def _bare(self) -> NDArray[np.float32]:
        """`level` without the strokes."""
        if not self.strokes or self.under is None:
            return self.level
        return without_strokes(self.level, self.under, self.frame, self.strokes)

    def to_photo(self, rgb: NDArray[Any] | None = None) -> NDArray[np.bool_]:
        """(H, W) bool at photo resolution.

        Args:
            rgb: (H, W, 3) uint8 sRGB: the edge is where `to_alpha` paints it; None: where the
                upsampled level has it.
        """
        return (self.to_level() >= 0) if rgb is None else (self.to_alpha(rgb) >= np.float32(0.5))


class Proposals(Sequence[Mask]):
    """Disjoint masks of one photo: the user's own first, then best first.

    Attributes:
        labels: (h, w) int32, 0 = background, k = mask number k - 1.
    """

    def __init__(self, masks: Sequence[Mask], frame: Frame) -> None:
        self._masks, self._frame = tuple(masks), frame
        self.labels: NDArray[np.int32] = np.zeros(frame.grid_size, np.int32)
        for k, mask in enumerate(self._masks, 1):
            self.labels[mask.grid] = k

    def __len__(self) -> int:
        return len(self._masks)

    def __getitem__(self, k):  # type: ignore[no-untyped-def]
        return self._masks[k]

    def __iter__(self) -> Iterator[Mask]:
        return iter(self._masks)

    def instance_at(self, y: float, x: float) -> Mask | None:
        """The mask that holds a photo pixel, or None; ParameterError outside the photo."""
        k = int(self.labels[self._frame.cell_of(y, x)])
        return self._masks[k - 1] if k else None


def make_proposals(
    embedding: Tensor,
    seeds: Sequence[Seed],
    asked: Sequence[tuple[Mask, NDArray[np.float32]]],
    *,
    classes: Sequence[str],
    frame: Frame,
    config: SceneConfig,
    visible: NDArray[np.bool_] | None = None,
) -> Proposals:
    """Grow the automatic seeds, set the user's masks before them, and make all disjoint.

    Args:
        embedding: (D, h, w) float32.
        seeds: automatic seeds, best first.
        asked: the user's own masks, each with its (h, w) squared distances to the nearest of its
            positive points. They compete with one another only: automatic masks leave them their
            pixels, and those that hold the seed of one of them are dropped.
        classes: C foreground class names.
        frame: where the grid lies.
        config: overlap, connected.
        visible: (H, W) bool, for the masks.
    """
    chosen = [*(mask.seed for mask, _ in asked), *seeds]
    if not chosen:
        return Proposals((), frame)
    cells, taus = [(s.y, s.x) for s in chosen], [s.tau for s in chosen]
    d2 = seed_distances2(embedding, cells).numpy()
    masks = grow_masks(d2, taus)
    if config.connected:
        for k, cell in enumerate(cells):
            masks[k] = connected_part(masks[k], [cell])
    for k, (mask, near) in enumerate(asked):
        masks[k], d2[k] = mask.grid, near
        masks[len(asked) :][masks[len(asked) :, mask.seed.y, mask.seed.x]] = False
    _give_way(masks, len(asked), config.overlap)
    resolution = resolve_overlap(d2, masks, overlap=config.overlap, asked=len(asked))
    made = []
    for k, grown in zip(resolution.kept, levels(d2, taus, resolution), strict=True):
        own = resolution.owner == k
        # a user's points and cuts, not the first seed's vector alone, shape the edge
        level = asked[k][0].level if k < len(asked) else grown
        name = classes[chosen[k].class_id - 1]
        level = with_sign(level, own)
        made.append(Mask(own, level, chosen[k], name, chosen[k].score, frame, visible))
    return Proposals(made, frame)


def _give_way(masks: NDArray[np.bool_], asked: int, overlap: float) -> None:
    """Take the first `asked` masks (N, h, w) out of the rest, in place; duplicates become empty."""
    if not asked:
        return
    taken, rest = masks[:asked].any(axis=0), masks[asked:]
    lost = (rest & taken).sum(axis=(1, 2)) > overlap * rest.sum(axis=(1, 2))
    rest &= ~taken
    rest[lost] = False
