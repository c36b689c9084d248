"""Photos with masks in PASCAL VOC layout: VOC 2012, SBD, CVAT's export, the sets we train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dmlseg_core.config import CLASSES, VOC_CLASSES
from dmlseg_core.errors import DatasetError
from dmlseg_core.photo import voc_colormap

VOID = 255
MAX_WITH_PARTS = 120
"""Parts of further objects are void: number * 256 + part must fit int16, after pastes too."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_ALIASES = {
    "airplane": "aeroplane", "motorcycle": "motorbike", "potted plant": "pottedplant",
    "couch": "sofa", "tv": "tvmonitor", "dining table": "diningtable",
}  # fmt: skip


@dataclass(frozen=True)
class SetRule:
    """What a set's labels are silent about.

    Attributes:
        background: what label 0 means. "complete": truly no object; "no_voc": no object of a VOC
            class; "unlabelled": things may be there; "none": a partition has no background.
        unknown_object: class `object` means "class unknown" instead of "no VOC class".
        background_weight: weight of background points in the classification loss.
        partition: human partitions of the whole photo, no objects.
        gaps: an object is the sum of parts that have a name, so what of it has none, a car's wings
            and roof, is labelled 0: within its convex hull that is void.
    """

    background: str = "complete"
    unknown_object: bool = False
    background_weight: float = 1.0
    partition: bool = False
    gaps: bool = False


RULES: dict[str, SetRule] = {
    "voc": SetRule("no_voc"),
    "duts": SetRule("unlabelled", unknown_object=True, background_weight=0.5),
    "dutsmore": SetRule("unlabelled", unknown_object=True, background_weight=0.5),
    "things": SetRule("unlabelled", background_weight=0.3),
    "carparts": SetRule("unlabelled", background_weight=0.5, gaps=True),
    "regions": SetRule("none", background_weight=0.0, partition=True),
    "singles": SetRule("unlabelled", background_weight=0.0),
}
"""Rules by folder name; any other set is `SetRule()`: complete labels."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled photo.

    Attributes:
        name: the photo's id in its set.
        image: (H, W, 3) uint8 RGB.
        partitions: (R, H, W) int16 label maps; 0 background, -1 void.
        weights: R weights summing to 1: the target similarity of p and q is the sum of the weights
            of the partitions that give both the same label.
        instances: (H, W) int16 object number 1..n, 0 background, -1 void.
        classes: (n + 1,) int16 class id of each object (CLASSES order, from 1); 0 for background.
        unknown: (n + 1,) bool, the object's class is unknown.
        rule: what the set's labels are silent about.
    """

    name: str
    image: np.ndarray
    partitions: np.ndarray
    weights: tuple[float, ...]
    instances: np.ndarray
    classes: np.ndarray
    unknown: np.ndarray
    rule: SetRule


def read_labelmap(path: Path) -> list[tuple[str, tuple[int, int, int]]]:
    """(name, color) of each class of CVAT's labelmap.txt, in index order."""
    rows = []
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, color, *_ = line.split(":")
            r, g, b = (int(c) for c in color.split(","))
        except ValueError:
            raise DatasetError(f"{path}: expected 'label:r,g,b::'; got {line!r}") from None
        rows.append((name.strip(), (r, g, b)))
    return rows


def class_id_of(name: str, classes: tuple[str, ...] = CLASSES) -> int:
    """Class id of a set's own class name: 0 for "background", the last class for unknown names.

    >>> class_id_of("airplane"), class_id_of("zebra"), class_id_of("background")
    (1, 21, 0)
    """
    name = _ALIASES.get(name, name)
    if name == "background":
        return 0
    return classes.index(name) + 1 if name in classes else len(classes)


def list_file(root: Path, split: str) -> Path:
    """Where a folder in VOC layout has the list called `split`."""
    return root / "ImageSets" / "Segmentation" / f"{split}.txt"


def _pixels(path: Path, *, mask: bool = False) -> np.ndarray:
    """(H, W, 3) uint8 RGB; of a mask that stores indices, (H, W) uint8.

    Raises:
        DatasetError: no readable picture.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image if mask and image.mode in ("P", "L") else image.convert("RGB"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is no readable picture ({error})") from None


class VOCFolder(Sequence[Sample]):
    """A set in VOC layout, read photo by photo.

    Args:
        root: folder with JPEGImages, SegmentationObject, SegmentationClass, ImageSets.
        split: name of a list in ImageSets/Segmentation.
        classes: class names; the set's own names are mapped to them, others to the last one.
        rule: what the labels are silent about; by default what RULES says of the folder's name.

    Raises:
        DatasetError: a folder or list is missing or empty; a mask and its photo differ in size.
    """

    def __init__(
        self, root: Path, split: str = "train", classes: tuple[str, ...] = CLASSES,
        rule: SetRule | None = None,
    ) -> None:  # fmt: skip
        self.root, self.name = Path(root), Path(root).name
        self.rule = rule or RULES.get(self.name, SetRule())
        self.names = self._read_list(split)
        labelmap = self.root / "labelmap.txt"
        rows = read_labelmap(labelmap) if labelmap.exists() else []
        names = [n for n, _ in rows] or ["background", *VOC_CLASSES]
        palette = voc_colormap()
        self._colors = {c: i for i, (_, c) in enumerate(rows)} or {
            (int(r), int(g), int(b)): i for i, (r, g, b) in enumerate(palette)
        }
        self._last = len(classes)
        self._class_ids = np.full(256, self._last, np.int16)
        self._class_ids[: len(names)] = [class_id_of(name, classes) for name in names]

    def _read_list(self, split: str) -> list[str]:
        path = list_file(self.root, split)
        if not path.exists():
            raise DatasetError(
                f"{path} is missing: expected a folder in PASCAL VOC layout "
                "(JPEGImages, SegmentationObject, SegmentationClass, ImageSets/Segmentation)"
            )
        names = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
        if not names:
            raise DatasetError(f"{path} lists no photo; give a list with at least one name")
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i):  # type: ignore[no-untyped-def]
        """Sample number i."""
        name = self.names[i]
        image = _pixels(self._photo_path(name))
        if self.rule.partition:
            return self._regions(name, image)
        numbers = self._indices("SegmentationObject", name, image.shape[:2], palette=True)
        kinds = self._indices("SegmentationClass", name, image.shape[:2])
        return self._objects(name, image, numbers, kinds)

    def photo_paths(self) -> list[Path]:
        """File of every listed photo."""
        return [self._photo_path(name) for name in self.names]

    def _photo_path(self, name: str) -> Path:
        for suffix in SUFFIXES:
            path = self.root / "JPEGImages" / f"{name}{suffix}"
            if path.exists():
                return path
        raise DatasetError(
            f"{self.root / 'JPEGImages' / name}: listed, but no file {SUFFIXES} has that name"
        )

    def _indices(
        self, folder: str, name: str, size: tuple[int, ...], *, palette: bool = False
    ) -> np.ndarray:
        path = self.root / folder / f"{name}.png"
        if not path.exists():
            raise DatasetError(f"{path} is missing: every listed photo needs its mask there")
        values = _pixels(path, mask=True)
        if values.shape[:2] != size:
            raise DatasetError(f"{path} is {values.shape[:2]}, its photo {size}: sizes must agree")
        if values.ndim == 2:
            return values
        return _unpaint(values, None if palette else self._colors, path)

    def _objects(
        self, name: str, image: np.ndarray, numbers: np.ndarray, kinds: np.ndarray
    ) -> Sample:
        void = (numbers == VOID) | (kinds == VOID)
        present = np.unique(numbers[~void & (numbers > 0)])
        lookup = np.zeros(256, np.int16)
        lookup[present] = np.arange(1, len(present) + 1)
        instances = np.where(void, np.int16(-1), lookup[numbers])
        if self.rule.gaps:
            instances[_within_hulls(instances) & (instances == 0)] = -1
        votes = [np.bincount(kinds[(numbers == k) & ~void]).argmax() for k in present]
        classes = np.array([0, *(self._class_ids[v] for v in votes)], np.int16)
        unknown = (classes == self._last) & self.rule.unknown_object
        partitions, weights = instances[None], [1.0]
        if (self.root / "SegmentationPart").is_dir():
            parts = self._indices("SegmentationPart", name, image.shape[:2]).astype(np.int16)
            # number parts per object; an object's pixels of no known part are void there
            inside = (instances > 0) & (parts > 0) & (parts != VOID)
            inside &= instances <= MAX_WITH_PARTS
            numbered = np.where(inside, instances * 256 + parts, np.where(instances == 0, 0, -1))
            partitions = np.stack([instances, numbered.astype(np.int16)])
            weights = [0.4, 0.6]
        return Sample(
            name, image, partitions, tuple(weights), instances, classes, unknown, self.rule
        )

    def _regions(self, name: str, image: np.ndarray) -> Sample:
        paths = sorted((self.root / "Regions").glob(f"{name}_*.png"))
        if not paths:
            raise DatasetError(f"{self.root / 'Regions'} has no partition of {name}")
        maps = [self._indices("Regions", p.stem, image.shape[:2]).astype(np.int16) for p in paths]
        nothing = np.zeros(image.shape[:2], np.int16)
        none = np.zeros(1, np.int16)
        weights = (1 / len(maps),) * len(maps)
        return Sample(
            name, image, np.stack(maps), weights, nothing, none, none.astype(bool), self.rule
        )


def _within_hulls(instances: np.ndarray) -> np.ndarray:
    """(H, W) bool, what lies in the convex hull of an object."""
    within = np.zeros(instances.shape, np.uint8)
    for k in range(1, int(instances.max(initial=0)) + 1):
        points = cv2.findNonZero(np.equal(instances, k).view(np.uint8))
        cv2.fillConvexPoly(within, cv2.convexHull(points), 1)
    return within.astype(np.bool_)


def _unpaint(
    rgb: np.ndarray, colors: dict[tuple[int, int, int], int] | None, path: Path
) -> np.ndarray:
    """RGB paint to indices: by the labelmap's colors, or (objects) one index per distinct color.

    VOC's void color (224, 224, 192) becomes 255, black 0.
    """
    flat = rgb.reshape(-1, 3).astype(np.int32) @ np.array([65536, 256, 1])
    values, inverse = np.unique(flat, return_inverse=True)
    index = np.zeros(len(values), np.uint8)
    for k, value in enumerate(values):
        color = (int(value) >> 16, int(value) >> 8 & 255, int(value) & 255)
        if color == (224, 224, 192):
            index[k] = VOID
        elif colors is None:
            index[k] = 0 if value == 0 else 1 + np.count_nonzero(values[:k] > 0) % 254
        elif color in colors:
            index[k] = colors[color]
        else:
            raise DatasetError(f"{path} has color {color}, which its labelmap.txt does not name")
    return index[inverse].reshape(rgb.shape[:2])
