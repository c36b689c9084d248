"""Photos with masks as a COCO annotation file: polygons, RLE, crowds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from dmlseg_core.config import CLASSES
from dmlseg_core.errors import DatasetError, MissingExtraError
from dmlseg_core.train.data.voc import RULES, Sample, SetRule, class_id_of

Annotation = dict[str, Any]


class CocoFolder(Sequence[Sample]):
    """A set whose labels are one COCO JSON file, read photo by photo.

    Objects are numbered in the file's order. Where two overlap the smaller one is on top. Crowds,
    and objects of which only a box is known, are void.

    Args:
        path: the annotation file.
        photos: folder that its `file_name`s are relative to; None: the first of these that holds
            the first photo: the file's own folder, `images` in it or beside it, the folder above,
            and, as COCO has it, the folder above named like the last word of the file's name
            (`annotations/instances_val2017.json`: `val2017`), or `images/` with that in it.
        classes: class names; the file's own names are mapped to them, others to the last one.
        rule: what the labels are silent about; by default what RULES says of the file's stem.

    Raises:
        DatasetError: the file is missing, no COCO annotation file, or lists no photo; no folder
            holds the photos.
    """

    def __init__(
        self, path: Path, photos: Path | None = None, classes: tuple[str, ...] = CLASSES,
        rule: SetRule | None = None,
    ) -> None:  # fmt: skip
        self.root, self.name = Path(path), Path(path).stem
        self.rule = rule or RULES.get(self.name, SetRule())
        content = _read(self.root)
        try:
            self._images = sorted(content["images"], key=lambda image: image["id"])
            self._files = [str(image["file_name"]) for image in self._images]
            self._annotations: dict[Any, list[Annotation]] = defaultdict(list)
            for annotation in content.get("annotations", ()):
                self._annotations[annotation["image_id"]].append(annotation)
            self._class_ids = {
                c["id"]: class_id_of(str(c["name"]), classes) for c in content["categories"]
            }
        except (KeyError, TypeError) as error:
            raise DatasetError(
                f"{self.root} is no COCO annotation file: it needs images (id, file_name), "
                f"annotations (image_id) and categories (id, name); {error!r}"
            ) from None
        if not self._files:
            raise DatasetError(f"{self.root} lists no photo; give a file with at least one image")
        self.names = [Path(file).stem for file in self._files]
        self._last = len(classes)
        self._photos = Path(photos) if photos is not None else self._find_photos()

    def _find_photos(self) -> Path:
        here, word = self.root.parent, self.root.stem.rsplit("_", 1)[-1]
        above = here.parent
        places = [here, here / "images", above / "images", above, above / word,
                  above / "images" / word]  # fmt: skip
        for place in places:
            if (place / self._files[0]).is_file():
                return place
        raise DatasetError(
            f"{self._files[0]}, the first photo of {self.root}, is in none of "
            + ", ".join(str(place) for place in places)
        )

    def photo_paths(self) -> list[Path]:
        """File of every listed photo."""
        return [self._photos / file for file in self._files]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i):  # type: ignore[no-untyped-def]
        """Sample number i."""
        image = self._photo(i)
        instances = np.zeros(image.shape[:2], np.int16)
        objects: list[tuple[np.ndarray, int]] = []
        for annotation in self._annotations.get(self._images[i]["id"], ()):
            mask = self._mask(annotation, image.shape[:2])
            if annotation.get("iscrowd") or not annotation.get("segmentation"):
                instances[mask] = -1
            elif mask.any():
                objects.append((mask, self._class_of(annotation)))
        areas = [int(mask.sum()) for mask, _ in objects]
        for k in np.argsort(np.negative(areas), kind="stable"):  # the smallest on top
            instances[objects[k][0]] = k + 1
        return self._sample(self.names[i], image, instances, [c for _, c in objects])

    def _sample(
        self, name: str, image: np.ndarray, instances: np.ndarray, kinds: list[int]
    ) -> Sample:
        """Numbers without gaps: an object that others cover is none."""
        present = np.unique(instances[instances > 0])
        lookup = np.zeros(len(kinds) + 1, np.int16)
        lookup[present] = np.arange(1, len(present) + 1)
        instances = np.where(instances < 0, np.int16(-1), lookup[instances])
        classes = np.array([0, *(kinds[k - 1] for k in present)], np.int16)
        unknown = (classes == self._last) & self.rule.unknown_object
        return Sample(name, image, instances[None], (1.0,), instances, classes, unknown, self.rule)

    def _photo(self, i: int) -> np.ndarray:
        """(H, W, 3): as stored, or turned upright where only that has the size that COCO states."""
        path, entry = self._photos / self._files[i], self._images[i]
        try:
            with Image.open(path) as stored:
                image = stored.convert("RGB")
                upright = ImageOps.exif_transpose(stored).convert("RGB")
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path} is no readable photo ({error})") from None
        size = entry.get("width", image.width), entry.get("height", image.height)
        for candidate in (image, upright):
            if candidate.size == size:
                return np.asarray(candidate)
        raise DatasetError(
            f"{path} is {image.width} x {image.height}, {self.root.name} says "
            f"{size[0]} x {size[1]}: sizes must agree"
        )

    def _class_of(self, annotation: Annotation) -> int:
        try:
            return self._class_ids[annotation["category_id"]]
        except (KeyError, TypeError):
            raise DatasetError(
                f"{self.root}: annotation {annotation.get('id')} has category "
                f"{annotation.get('category_id')!r}, which the file does not define"
            ) from None

    def _mask(self, annotation: Annotation, size: tuple[int, int]) -> np.ndarray:
        """(H, W) bool of one annotation: its shape, or its box where no shape is given."""
        shape = annotation.get("segmentation")
        try:
            if not shape:
                x, y, width, height = annotation.get("bbox") or (0, 0, 0, 0)
                mask = np.zeros(size, bool)
                mask[int(y) : int(np.ceil(y + height)), int(x) : int(np.ceil(x + width))] = True
                return mask
            return _decode(shape, size)
        except (TypeError, ValueError, KeyError, IndexError, RuntimeError) as error:
            raise DatasetError(
                f"{self.root}: the shape of annotation {annotation.get('id')} cannot be read "
                f"({error})"
            ) from None


def _decode(shape: Any, size: tuple[int, int]) -> np.ndarray:
    """Polygons [[x, y, ...], ...], or a run-length code {"size", "counts"}, to (H, W) bool."""
    rle = _codec()
    height, width = size
    if isinstance(shape, list):
        if any(len(ring) < 6 or len(ring) % 2 for ring in shape):
            raise ValueError("a polygon needs three points or more, x and y of each")
        codes = rle.merge(rle.frPyObjects(shape, height, width))
    else:
        if list(shape["size"]) != [height, width]:
            raise ValueError(f"run-length code of size {shape['size']}, photo {[height, width]}")
        packed = isinstance(shape["counts"], str | bytes)
        codes = shape if packed else rle.frPyObjects(shape, height, width)
    return np.asarray(rle.decode(codes), bool)


def _codec() -> Any:
    """COCO's mask codec; imported late: scoring on VOC folders needs no extra."""
    try:
        from faster_coco_eval.core import mask  # type: ignore[import-untyped]  # noqa: PLC0415
    except ModuleNotFoundError:
        raise MissingExtraError(
            "COCO files need faster-coco-eval: pip install '.[train]'"
        ) from None
    return mask


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise DatasetError(f"{path} is no JSON ({error})") from None
    if not isinstance(content, dict):
        raise DatasetError(f"{path} is no COCO annotation file: it holds no JSON object")
    return content
