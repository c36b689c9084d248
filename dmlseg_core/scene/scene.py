"""A `Scene` is what one forward pass saw; everything after it is arithmetic on it.

Points are photo coordinates (y, x); grids are the network's (h, w) cells. Nothing here runs the
network, and nothing is changed: two users may read one scene at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dmlseg_core.config import TAU, SceneConfig
from dmlseg_core.model import DataSheet, IoUHead, Meant, log_similarity, radius2, squares
from dmlseg_core.scene.adjacency import Pieces
from dmlseg_core.scene.clicks import corrected
from dmlseg_core.scene.frame import Frame, check_visible
from dmlseg_core.scene.masks import connected_part, level_of, seed_distances2, stop_taus, with_sign
from dmlseg_core.scene.proposals import Mask, Override, Point, Proposals, make_proposals
from dmlseg_core.scene.recent import REMEMBERED, Maps, Recent
from dmlseg_core.scene.regions import RegionTree, region_tree
from dmlseg_core.scene.seeds import (
    Seed,
    click_tau,
    cover,
    describe,
    nearest_seed,
    pick_seeds,
    pixel_matrix,
    seediness,
)
from dmlseg_core.scene.strokes import Box, Stroke, brushed, within


@dataclass(frozen=True, eq=False)
class Scene:
    """What the network says of one photo.

    Attributes:
        frame: where the grid lies on the photo.
        embedding: (D, h, w) float32, one vector per cell.
        class_probs: (T, C+1, h, w) float32 in [0, 1], index 0 = background.
        taus: the T thresholds of the mask-classification head.
        classes: the C foreground class names.
        config: how proposals are made.
        photo_digest: `Photo.digest` of the analysed photo.
        weights: sha256 of the weights file that made it; "" where it is not known.
        sheet: constants that were fitted to those weights.
        iou_head: says which tau is meant by a click; None: the mask-class head does (`click_tau`).
        image: (h, w, 3) uint8, the photo made small (`adjacency.shrink`), which regions are
            made of; None: there are none, and masks are the embedding's alone.
        visible: (H, W) bool, the photo's pixels that are not wholly transparent; None: all are. The
            others can be neither pointed at nor part of a mask.
    """

    frame: Frame
    embedding: Tensor = field(repr=False)
    class_probs: Tensor = field(repr=False)
    taus: tuple[float, ...]
    classes: tuple[str, ...]
    config: SceneConfig
    photo_digest: str = ""
    weights: str = ""
    sheet: DataSheet = field(default=DataSheet(), repr=False)
    iou_head: IoUHead | None = field(default=None, repr=False)
    image: NDArray[np.uint8] | None = field(default=None, repr=False)
    visible: NDArray[np.bool_] | None = field(default=None, repr=False)
    _recent: Recent[Maps] = field(default_factory=Recent, init=False, repr=False)
    _meant: Recent[Meant] = field(default_factory=Recent, init=False, repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes held by the tensors and, at most, by the remembered distance maps and squares."""
        cells = self.embedding.shape[1] * self.embedding.shape[2]
        arrays = (self.embedding, self.class_probs, self.visible)
        held = sum(a.nbytes for a in arrays if a is not None) + (REMEMBERED * 8 + 4) * cells
        if self.image is None:
            return held
        pixels = self.image.shape[0] * self.image.shape[1]
        return int(held + self.image.nbytes + 4 * (2 * pixels + cells))  # the image, and its tree

    @cached_property
    def regions(self) -> RegionTree | None:
        """The whole photo as nested regions, walls, floors and skies among them.

        Grown when it is first asked for, by a click at the latest, unless `Segmenter.analyze` did
        so: a tenth of a second, once.
        """
        if self.image is None:
            return None
        pieces = Pieces.of(self.image)
        return region_tree(self.embedding.numpy(), self.frame, pieces, self.sheet)

    @property
    def seediness(self) -> NDArray[np.float32]:
        """S_p, (h, w) float32 in [0, 1]: how good a seed each cell would be."""
        return np.asarray(seediness(self.class_probs).numpy())

    def propose(
        self,
        *,
        overrides: Sequence[Override] = (),
        tau: float | None = None,
        budget: int | None = None,
        alpha: float | None = None,
        seediness_floor: float | None = None,
        connected: bool | None = None,
    ) -> Proposals:
        """Every instance of the photo, best first and disjoint; a user's own come before the rest.

        An override replaces the proposals whose mask holds its point. The greedy picks are made
        anew with the user's seeds first, and contested pixels are resolved again.

        Args:
            overrides: instances that the user pointed at.
            tau: one threshold for every automatic seed; None = the head's best for each.
            budget, alpha, seediness_floor, connected: in place of the config's.

        Raises:
            ParameterError: a value outside its range, or a point outside the photo.
        """
        given: dict[str, Any] = {"budget": budget, "alpha": alpha, "connected": connected}
        given["seediness_floor"] = seediness_floor
        config = replace(self.config, **{k: v for k, v in given.items() if v is not None})
        fixed = [self.cell_at(o.y, o.x) for o in overrides]
        found = pick_seeds(
            self.embedding, self.class_probs, self.taus, budget=config.budget,
            alpha=config.alpha, floor=config.seediness_floor, fixed=fixed,
        )  # fmt: skip
        automatic = found[len(dict.fromkeys(fixed)) :]
        if tau is not None:
            TAU.check(tau)
            automatic = tuple(
                describe(self.class_probs, self.taus, s.y, s.x, tau) for s in automatic
            )
        automatic = tuple(sorted(automatic, key=lambda seed: -seed.score))  # stable: ties as picked
        asked = [self._ask(o, connected) for o in overrides]
        return make_proposals(
            self.embedding, automatic, asked, classes=self.classes, frame=self.frame, config=config,
            visible=self.visible,
        )  # fmt: skip

    def mask_at(
        self,
        y: float,
        x: float,
        tau: float | None = None,
        *,
        add: Sequence[Point] = (),
        subtract: Sequence[Point] = (),
        box: Box | None = None,
        strokes: Sequence[Stroke] = (),
        connected: bool | None = None,
    ) -> Mask:
        """m(p, tau) of the clicked point's own vector; proposals are never read.

        Further points correct it: what looks like an added one joins, what looks like a subtracted
        one leaves, most of all around them (`clicks.corrected`).

        Args:
            y, x: the clicked photo pixel.
            tau: threshold in (0, 1); None = `best_tau`.
            add, subtract: further photo pixels (y, x).
            box: (top, left, bottom, right) that the mask must not leave.
            strokes: brush strokes, applied last and in order.
            connected: keep only what is connected to a positive point; None = the config's choice.

        Raises:
            ParameterError: a point outside the photo, or tau outside (0, 1).
        """
        where = Override(y, x, tau, tuple(add), tuple(subtract), box, tuple(strokes))
        return self._ask(where, connected)[0]

    def answer(self, where: Override) -> Mask:
        """`mask_at` of a stored instance."""
        return self._ask(where, where.connected)[0]

    def _ask(self, o: Override, connected: bool | None) -> tuple[Mask, NDArray[np.float32]]:
        """`mask_at`, and the (h, w) squared distances to the nearest positive point."""
        cells = [self.cell_at(*positive) for positive in ((o.y, o.x), *o.add)]
        cuts = [self.frame.cell_of(*negative) for negative in o.subtract]
        seed = self._seed(cells[0], o.tau)
        near, log_sigma = self._distances(cells[0])
        inside, level = near <= radius2(seed.tau), level_of(log_sigma, seed.tau)
        limit, under = -math.log(seed.tau), None
        if o.given is not None:
            level = limit * o.given.level(self.frame)
            inside = level >= 0
        if further := [self._distances(c)[0] for c in (*cells[1:], *cuts)]:
            signs = [1] * len(cells) + [-1] * len(cuts)
            maps = [near, *further]
            places = [self.frame.place_of(*p) for p in ((o.y, o.x), *o.add, *o.subtract)]
            level = limit * corrected(level / limit, maps, places, signs, self.sheet)
            inside = level >= 0
            near = np.minimum.reduce([near, *further[: len(o.add)]])
        if o.box is not None or o.strokes:
            under = level
            if o.box is not None:
                under = within(level, limit, self.frame, o.box)
            level = brushed(under, limit, self.frame, o.strokes)
            inside = level >= 0
            cells += [self.frame.cell_of(*s.points[0]) for s in o.strokes if not s.subtract]
        if self.config.connected if connected is None else connected:
            inside = connected_part(inside, cells)
        name = self.classes[seed.class_id - 1]
        level = with_sign(level, inside)
        about = seed, name, seed.score, self.frame, self.visible, o.strokes, under
        given, at = None if further else o.given, (o.y, o.x) if o.pointed else None
        return Mask(inside, level, *about, given, at, (*o.add, *o.subtract)), near

    def cell_at(self, y: float, x: float) -> tuple[int, int]:
        """The cell of a pixel that can be pointed at.

        Raises:
            ParameterError: the pixel lies outside the photo, or the photo is transparent there.
        """
        cell = self.frame.cell_of(y, x)
        check_visible(self.visible, y, x)
        return cell

    def best_tau(self, y: float, x: float) -> float:
        """The threshold of the thing that a click on a photo pixel means."""
        return self._seed(self.cell_at(y, x), None).tau

    def meant_by(self, y: float, x: float, tau: float | None = None) -> Meant:
        """Thresholds that a point may mean, from part to group, about an object of `tau` if given.

        The IoU head says which tau is the object and which a part; without one, and for the group,
        tau lies at a plateau of the point's area(tau) curve (`masks.stop_taus`).
        """
        cell = self.cell_at(y, x)
        meant = self._meant_by(cell)
        whole = meant.object if tau is None else TAU.check(tau)
        part, object_, group = stop_taus(self._distances(cell)[1], whole)
        if self.iou_head is None:
            return Meant(object_, part, part, part, group).around(object_ if tau is None else whole)
        return meant._replace(group=group).around(whole)

    def stops(self, y: float, x: float) -> tuple[Mask, Mask, Mask]:
        """Masks of a point as part, object and group (`meant_by`)."""
        meant = self.meant_by(y, x)
        part, object_ = self.mask_at(y, x, meant.part), self.mask_at(y, x, meant.object)
        return part, object_, self.mask_at(y, x, meant.group)

    def partition(self, tau: float) -> NDArray[np.int32]:
        """Regions of the embedding alone, (h, w) int32 from 0 on: most seedy first, seeds are taken
        until every cell is within `tau` of one; a cell goes to its nearest seed (ties: earlier).
        """
        points = cover(self.embedding, seediness(self.class_probs), TAU.check(tau))
        return np.asarray(nearest_seed(self.embedding, points).numpy())

    def distances2(self, *cells: tuple[int, int]) -> NDArray[np.float32]:
        """Squared distances of all cells to N cells (y, x), the photo's edges added: (N, h, w)."""
        d2: NDArray[np.float32] = seed_distances2(
            self.embedding, cells, known=self._squares
        ).numpy()
        if (edges := self.regions if self.edge_weight else None) is not None:
            for k, cell in enumerate(cells):
                d2[k] += np.float32(self.edge_weight) * edges.distances2(*cell)
        return d2

    @cached_property
    def _squares(self) -> Tensor:
        """(h * w,) squared lengths of the cells' vectors: every click needs all of them."""
        return squares(pixel_matrix(self.embedding))

    @property
    def edge_weight(self) -> float:
        """Weight of the regions' distances in a click's: the config's, or the data sheet's."""
        asked = self.config.edge_weight
        return self.sheet.edge_weight if asked is None else asked

    def _seed(self, cell: tuple[int, int], tau: float | None) -> Seed:
        tau = self._meant_by(cell).object if tau is None else TAU.check(tau)
        return describe(self.class_probs, self.taus, *cell, tau)

    def _meant_by(self, cell: tuple[int, int]) -> Meant:
        """`meant_by` without plateaus, remembered: every click asks for it."""
        if (meant := self._meant.get(cell)) is not None:
            return meant
        if self.iou_head is None:
            return Meant(*[click_tau(self.class_probs, self.taus, *cell)] * 5)
        d2, probs = self._distances(cell)[0], self.class_probs.numpy()
        return self._meant.put(cell, self.iou_head.meant_by(d2, probs, *cell))

    def _distances(self, cell: tuple[int, int]) -> Maps:
        """`distances2` and their log similarity, remembered."""
        if (maps := self._recent.get(cell)) is None:
            d2 = self.distances2(cell)[0]
            maps = self._recent.put(cell, (d2, log_similarity(torch.from_numpy(d2)).numpy()))
        return maps
