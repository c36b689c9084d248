"""Scores of one photo: everything `evaluate` needs of it, without keeping a mask.

The scorer reads a Scene through the small protocols below, so it is tested with fakes and also
scores other methods.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dmlseg_core.config import CLASSES
from dmlseg_core.measure import (
    MAX_CLICKS,
    MIN_OBJECT_PIXELS,
    VOID,
    BoolArray,
    ClickRun,
    FloatArray,
    IntArray,
    LevelScores,
    PhotoDetections,
    Point,
    Predictor,
    first_click,
    jittered_clicks,
    mask_iou,
    parts_of,
    score_levels,
    simulate,
)
from dmlseg_core.model import Meant

MAX_DETECTIONS = 100
AFTER = (1, 3, 5)
"""Numbers of clicks after which the IoU is reported."""
REGION_SHARE = 0.02
"""Smallest human region, as a share of the photo, that a click is scored against."""
LEVELS: tuple[float, ...] = tuple(float(t) for t in np.linspace(0.025, 0.975, 20).round(3))
"""Levels, and taus, of the 20 partitions that are compared with people's."""
Partitioner = Callable[[Any], Sequence[IntArray]]
"""Photo (H, W, 3) uint8 -> 20 partitions (H, W)."""


class AnyMask(Protocol):
    """What scoring needs of a `scene.Mask`."""

    @property
    def class_name(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    def to_photo(self, rgb: Any = None) -> Any: ...  # noqa: D102


class AnyScene(Protocol):
    """What scoring needs of a `scene.Scene`."""

    def propose(self) -> Iterable[AnyMask]: ...  # noqa: D102
    def mask_at(  # noqa: D102
        self, y: int, x: int, tau: float | None = None, *, add: Any = (), subtract: Any = ()
    ) -> AnyMask: ...
    def meant_by(self, y: int, x: int) -> Meant: ...  # noqa: D102
    def partition(self, tau: float) -> Any: ...  # noqa: D102
    @property
    def regions(self) -> Any: ...  # noqa: D102


class AnyRule(Protocol):
    """What scoring needs of a `train.data.SetRule`."""

    @property
    def background(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> bool: ...  # noqa: D102


class AnySample(Protocol):
    """What scoring needs of a `train.data.Sample`; see there for the arrays."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def image(self) -> Any: ...  # noqa: D102
    @property
    def partitions(self) -> Any: ...  # noqa: D102
    @property
    def instances(self) -> Any: ...  # noqa: D102
    @property
    def classes(self) -> Any: ...  # noqa: D102
    @property
    def unknown(self) -> Any: ...  # noqa: D102
    @property
    def rule(self) -> AnyRule: ...  # noqa: D102


@dataclass
class PhotoScores:
    """Figures of one photo; an array has one entry per object, part or region.

    Attributes:
        seconds: decoded array to proposals.
        pass_seconds: decoded array to scene, the network's pass: what comes before a first click.
        detections: None for a set of partitions.
        objects, left_out: objects in all, and those too small to be clicked.
        runs: clicks on each object, from the deepest pixel.
        shares: share of the photo's pixels that each clicked object covers; of regions, none.
        kinds: class id of each clicked object, 0 where it is not known; of regions, none.
        jitter: clicks on each object, from drawn pixels (five runs an object).
        parts: (P, 6) IoU with part, with whole: of the best stop, of the default mask, of the best
            of three that may be meant (two parts and the object).
        levels: partitions against people's, by name of the method ("ours", the rivals and, beside
            them, "embedding": what it says of the photo without the photo's edges).
        level_clicks: by name of a rival, (L, K) IoU of its region under click k at each level.
    """

    seconds: float = 0.0
    pass_seconds: float = 0.0
    detections: PhotoDetections | None = None
    objects: int = 0
    left_out: int = 0
    runs: list[ClickRun] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    jitter: list[ClickRun] = field(default_factory=list)
    parts: FloatArray = field(default_factory=lambda: np.zeros((0, 6)))
    levels: dict[str, LevelScores] = field(default_factory=dict)
    level_clicks: dict[str, FloatArray] = field(default_factory=dict)


def score_objects(
    sample: AnySample, scene: AnyScene, proposals: Iterable[AnyMask], *, quick: bool
) -> PhotoScores:
    """Score proposals, clicks and parts of a photo that has objects.

    Args:
        sample: the photo and its labels.
        scene: its analysis.
        proposals: the scene's, best first.
        quick: one click an object, no jitter.
    """
    scores = PhotoScores(detections=detect(sample, proposals))
    valid = np.asarray(sample.instances != VOID)
    predict = predictor(scene, sample.image)
    for number in np.unique(sample.instances[sample.instances > 0]):
        truth = sample.instances == number
        pixels = np.count_nonzero(truth)
        scores.objects += 1
        if pixels < MIN_OBJECT_PIXELS:
            scores.left_out += 1
            continue
        scores.shares.append(float(pixels / truth.size))
        scores.kinds.append(0 if sample.unknown[number] else int(sample.classes[number]))
        run, jitter = click(predict, truth, valid, key=f"{sample.name}/{number}", quick=quick)
        scores.runs.append(run)
        scores.jitter += jitter
    scores.parts = score_parts(sample, scene, valid)
    return scores


def detect(sample: AnySample, proposals: Iterable[AnyMask]) -> PhotoDetections:
    """The best 100 proposals at photo resolution against the objects."""
    best = sorted(proposals, key=lambda mask: -mask.score)[:MAX_DETECTIONS]
    return PhotoDetections.from_masks(
        [mask.to_photo(sample.image) for mask in best],
        [mask.score for mask in best],
        [CLASSES.index(mask.class_name) + 1 for mask in best],
        instances=sample.instances,
        object_classes=sample.classes,
        unknown=sample.unknown,
    )


def predictor(scene: AnyScene, image: Any) -> Predictor:
    """`scene.mask_at` as the click simulator wants it, its edge where it is painted."""

    def predict(add: Sequence[Point], subtract: Sequence[Point]) -> BoolArray:
        mask = scene.mask_at(*add[0], add=tuple(add[1:]), subtract=tuple(subtract))
        return np.asarray(mask.to_photo(image))

    return predict


def click(
    predict: Predictor, truth: BoolArray, valid: BoolArray, *, key: str, quick: bool
) -> tuple[ClickRun, list[ClickRun]]:
    """Click on one object: the careful user's run, and the hasty users' (empty when quick).

    Args:
        predict: `predictor` of the photo.
        truth: (H, W) bool, not empty.
        valid: (H, W) bool.
        key: names the object; fixes its jitter.
        quick: one click only.
    """
    if quick:
        return simulate(predict, truth, valid, clicks=1), []
    run = simulate(predict, truth, valid, clicks=MAX_CLICKS, at_least=max(AFTER))
    generator = np.random.default_rng(zlib.crc32(key.encode()))
    hasty = {}  # a drawn pixel may come twice; its run need not
    firsts = jittered_clicks(truth, generator)
    for first in set(firsts):
        hasty[first] = simulate(predict, truth, valid, first=first, clicks=max(AFTER))
    return run, [hasty[first] for first in firsts]


_ANSWERS = ("part", "object", "group"), ("default",), ("small_part", "large_part", "object")


def score_parts(sample: AnySample, scene: AnyScene, valid: BoolArray) -> FloatArray:
    """(P, 6) IoU for one click on each part; see `PhotoScores.parts`."""
    if len(sample.partitions) < 2:
        return np.zeros((0, 6))
    predict, rows = predictor(scene, sample.image), []
    for point, part, whole in parts_of(sample.instances, sample.partitions[-1]):
        if not (whole & ~part).any():
            continue
        found = {
            name: np.asarray(scene.mask_at(*point, tau).to_photo(sample.image))
            for name, tau in scene.meant_by(*point)._asdict().items()
        } | {"default": predict([point], ())}
        rows.append([
            max(mask_iou(found[name], truth, valid) for name in names)
            for names in _ANSWERS for truth in (part, whole)
        ])  # fmt: skip
    return np.array(rows, np.float64).reshape(-1, 6)


def score_regions(
    sample: AnySample, scene: AnyScene, rivals: dict[str, Partitioner] | None = None
) -> PhotoScores:
    """Score partitions and region clicks of a photo that people have partitioned.

    Args:
        sample: the photo; `partitions` (R, H, W) are R people's.
        scene: its analysis.
        rivals: other methods, scored by the same code.
    """
    people = list(sample.partitions)
    share = REGION_SHARE * people[0].size
    regions = [p == k for p in people for k in np.unique(p[p > 0])]
    regions = [r for r in regions if np.count_nonzero(r) >= share]
    points = sorted({first_click(r) for r in regions})
    scores = PhotoScores(objects=len(points))
    predict = predictor(scene, sample.image)
    for point in points:
        mask = predict([point], ())
        scores.runs.append(ClickRun([_best_region(mask, regions, point)], [(point, True)]))
    scores.levels["ours"] = score_levels(_ours(scene, people[0]), people)
    others = {name: method(sample.image) for name, method in (rivals or {}).items()}
    if others:
        others["embedding"] = _embeddings(scene, people[0])
    for name, theirs in others.items():
        scores.levels[name] = score_levels(theirs, people)
        scores.level_clicks[name] = np.array(
            [[_best_region(t == t[p], regions, p) for p in points] for t in theirs], np.float64
        )
    return scores


def _best_region(mask: BoolArray, regions: Sequence[BoolArray], point: Point) -> float:
    """IoU with the best human region that contains the click."""
    return max(mask_iou(mask, region) for region in regions if region[point])


def _ours(scene: AnyScene, like: IntArray) -> Sequence[IntArray]:
    """The tree's partitions; of a scene without one the embedding's."""
    if scene.regions is None:
        return _embeddings(scene, like)
    return [scene.regions.cut(level) for level in LEVELS]


def _embeddings(scene: AnyScene, like: IntArray) -> Sequence[IntArray]:
    """What the embedding says without the photo's edges, as large as `like`."""
    return at_photo_resolution(scene, [np.asarray(scene.partition(t)) for t in LEVELS], like)


def at_photo_resolution(
    scene: AnyScene, levels: Sequence[IntArray], like: IntArray
) -> list[IntArray]:
    """Partitions of the grid's cells as partitions of the photo: each pixel takes its nearest cell.

    Args:
        scene: its `frame` owns the geometry; not asked when the partitions have photo size.
        levels: L of (h, w), or of (H, W).
        like: any (H, W) array.
    """
    if levels[0].shape == like.shape:
        return list(levels)
    frame: Any = scene.frame  # type: ignore[attr-defined]  # fakes answer at photo size
    return [labels[np.ix_(*frame.cells())] for labels in levels]
