"""Files out of a session: one function for each kind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dmlseg_core.config import CLASSES, RECIPE_KINDS
from dmlseg_core.edit import EditSession, to_json
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import cube_of
from dmlseg_core.photo import (
    OFFERED,
    Layer,
    Photo,
    coco_instances,
    losses,
    rounded,
    save_cutout,
    save_labels,
    save_mask,
    save_openraster,
    save_photo,
    save_psd,
    shown,
    suffix_of,
    to_8_bits,
)
from dmlseg_core.stage.asked import Asked
from dmlseg_core.stage.colorways import colorways, read_colors
from dmlseg_core.stage.desks import Work
from dmlseg_core.stage.hover import shown_proposals
from dmlseg_core.stage.live import subject_of
from dmlseg_core.stage.state import class_of, names_of

_SIDE = (16, 30_000)
_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".tif": "image/tiff",
    ".avif": "image/avif", ".heic": "image/heic", ".json": "application/json",
    ".ora": "image/openraster", ".psd": "image/vnd.adobe.photoshop", ".zip": "application/zip",
    ".cube": "text/plain",
}  # fmt: skip


@dataclass(frozen=True)
class File:
    """A file to hand out.

    Attributes:
        name: what to call it.
        data: its bytes.
        notes: what it does not hold of the photo, one sentence each.
    """

    name: str
    data: bytes
    notes: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        """Of the suffix."""
        return _TYPES.get(PurePath(self.name).suffix, "application/octet-stream")


@dataclass(frozen=True)
class Job:
    """A session to export, as it is when the job is begun."""

    work: Work
    session: EditSession
    asked: Asked
    language: str

    @property
    def stem(self) -> str:
        """Of file names: the photo's, without what no file system takes."""
        stem = PurePath(self.work.name).stem
        return re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", stem)[:80].strip(". ") or "photo"

    @property
    def photo(self) -> Photo:
        """The photo, as it was sent: no file of ours lies where it came from."""
        return replace(self.session.photo, path=None)

    def chosen(self) -> list[int]:
        """Places of the selections asked for; all where none is named.

        Raises:
            ParameterError: nothing is selected, or one of them is gone.
        """
        ids = [s.id for s in self.session.selections]
        wanted = self.asked.items("ids") if self.asked.has("ids") else ids
        if not ids or not wanted:
            raise ParameterError("nothing is selected; click an object first")
        if any(one not in ids for one in wanted):
            raise ParameterError("one of the selections is gone; choose again")
        return [ids.index(one) for one in wanted]

    def alpha(self) -> NDArray[np.float32]:
        """(H, W) of all selections asked for together."""
        free, rgb = np.ones(self.session.photo.size, np.float32), shown(self.session.photo)
        for k in self.chosen():
            matting = self.session.selections[k].matting
            free *= 1 - self.session.mask_of(k).to_alpha(rgb, matting=matting)
        return 1 - free


def exported(work: Work, session: EditSession, asked: Asked, language: str) -> File:
    """Make a file at full size.

    Args:
        work: the photo.
        session: a snapshot of its edits: making a file takes long.
        asked: `kind`, one of KINDS, and what belongs to it: format, quality, size, ids, by,
            swatches.
        language: of layers' names.

    Raises:
        ParameterError: nothing is selected, or nothing recolored, where that is needed; a value
            that is out of range. ExportError: the format cannot hold it.
    """
    kind = asked.choice("kind", tuple(KINDS))
    return KINDS[kind](Job(work, session, asked, language))


def _written(name: str, write: Callable[[Path], Any], notes: tuple[str, ...] = ()) -> File:
    """The bytes of what `write` writes to a path of that name."""
    with TemporaryDirectory(prefix="dmlseg-") as folder:
        path = Path(folder) / name
        write(path)
        return File(name, path.read_bytes(), notes)


def _photo(job: Job) -> File:
    photo, asked = job.photo, job.asked
    suffix = _suffix(job)
    quality = asked.whole("quality") if asked.has("quality") else None
    pixels = job.session.render(full=True)
    if asked.has("size"):
        side = asked.whole("size")
        if not _SIDE[0] <= side <= _SIDE[1]:
            raise ParameterError(f"size must lie in {_SIDE[0]}..{_SIDE[1]}; got {side}")
        pixels, photo = _smaller(to_8_bits(pixels), photo, side)
    name = f"{job.stem}-recolored{suffix}"
    with TemporaryDirectory(prefix="dmlseg-") as folder:
        path = save_photo(pixels, Path(folder) / name, photo, quality)
        notes = (*losses(photo, name), *rounded(pixels, path, photo))
        return File(name, path.read_bytes(), notes)


def _suffix(job: Job) -> str:
    """Of the format asked for; else of the photo's own, PNG where that cannot be written."""
    if job.asked.has("format"):
        return OFFERED[job.asked.choice("format", tuple(OFFERED))]
    return suffix_of(job.photo)


def _smaller(pixels: NDArray[np.uint8], photo: Photo, side: int) -> tuple[NDArray[np.uint8], Photo]:
    """Pixels and photo with a long side of `side`, or as they are where they are not larger."""
    scale = side / max(photo.size)
    if scale >= 1:
        return pixels, photo
    size = [max(1, round(n * scale)) for n in photo.size[::-1]]

    def shrunk(array: NDArray[Any] | None) -> Any:
        small = None if array is None else to_8_bits(array)
        return None if small is None else cv2.resize(small, size, interpolation=cv2.INTER_AREA)

    native = photo.native if photo.deep is None else photo.deep
    kept = replace(
        photo, rgb=shrunk(photo.rgb), alpha=shrunk(photo.alpha), deep=None, deep_alpha=None,
        native=shrunk(native) if photo.rgb_profile is not None else None, path=None,
    )  # fmt: skip
    return shrunk(pixels), kept


def _cutout(job: Job) -> File:
    rgb, alpha = to_8_bits(job.session.render(full=True)), job.alpha()
    return _written(f"{job.stem}-cutout.png", lambda path: save_cutout(rgb, alpha, path, job.photo))


def _mask(job: Job) -> File:
    alpha = job.alpha()
    return _written(f"{job.stem}-mask.png", lambda path: save_mask(alpha, path))


def _masks(job: Job) -> list[tuple[NDArray[np.bool_], str, float, str]]:
    """(mask at photo size, class, score, name) of the selections, the lowest first; of the
    proposals where there are none.
    """
    session, rgb = job.session, shown(job.session.photo)
    if not session.selections:
        return [(m.to_photo(rgb), m.class_name, m.score, m.class_name)
                for m in reversed(shown_proposals(session))]  # fmt: skip
    names = names_of(session, job.language)
    chosen = [(session.mask_of(k), names[k]) for k in job.chosen()]
    return [(m.to_photo(rgb), class_of(session, m), m.score, name) for m, name in chosen]


def _labels(job: Job) -> File:
    labels = np.zeros(job.session.photo.size, np.int32)
    for k, (mask, *_) in enumerate(_masks(job), 1):
        labels[mask] = k
    return _written(f"{job.stem}-labels.png", lambda path: save_labels(labels, path))


def _coco(job: Job) -> File:
    found, (height, width) = _masks(job), job.session.photo.size
    numbers = [CLASSES.index(kind) + 1 for _, kind, *_ in found]
    records = coco_instances([m for m, *_ in found], numbers, [score for *_, score, _ in found])
    for record, (*_, name) in zip(records, found, strict=True):
        record["name"] = name
    values = {
        "images": [{"id": 1, "file_name": job.work.name, "width": width, "height": height}],
        "annotations": records,
        "categories": [{"id": k, "name": name} for k, name in enumerate(CLASSES, 1)],
    }
    text = json.dumps(values, ensure_ascii=False, indent=1)
    return File(f"{job.stem}-coco.json", text.encode())


def _layers(job: Job) -> list[Layer]:
    names = names_of(job.session, job.language)
    made = [
        Layer(f"{names[p.index]} {p.selection.title}",
              p.made.rgb, p.alpha)
        for p in job.session.paint()
    ]  # fmt: skip
    if not made:
        raise ParameterError("nothing is recolored yet; recolor an object first")
    return made


def _ora(job: Job) -> File:
    photo, layers = job.photo, _layers(job)
    return _written(f"{job.stem}.ora", lambda path: save_openraster(path, photo, layers))


def _psd(job: Job) -> File:
    photo, layers = job.photo, _layers(job)
    return _written(f"{job.stem}.psd", lambda path: save_psd(path, photo, layers))


def _cube(job: Job) -> File:
    session = job.session
    k = job.chosen()[-1]
    selection = session.selections[k]
    if not selection.painted:
        raise ParameterError("nothing is recolored yet; recolor an object first")
    made = cube_of(subject_of(session, k), selection.look())
    title = re.sub(r"[^\w#-]+", "-", selection.title).strip("-")
    return File(f"{job.stem}-{title}.cube", made.text.encode())


def _recipe(job: Job) -> File:
    by = job.asked.choice("by", RECIPE_KINDS, "point")
    if not any(s.shown for s in job.session.selections):
        raise ParameterError("nothing is recolored yet; recolor an object first")
    ending = "-recipe" if by == "point" else f"-recipe-by-{by}"
    text = to_json(job.session.to_recipe(by)) + "\n"
    return File(f"{job.stem}{ending}.json", text.encode())


def _colorways(job: Job) -> File:
    suffix = OFFERED[job.asked.choice("format", tuple(OFFERED), "jpeg")]
    quality = job.asked.whole("quality", 95)
    swatches = read_colors(job.asked)
    data = colorways(
        job.session, job.chosen()[-1], swatches, stem=job.stem, suffix=suffix, quality=quality
    )
    return File(f"{job.stem}-colorways.zip", data)


KINDS: dict[str, Callable[[Job], File]] = {
    "photo": _photo,
    "cutout": _cutout,
    "mask": _mask,
    "labels": _labels,
    "coco": _coco,
    "ora": _ora,
    "psd": _psd,
    "cube": _cube,
    "recipe": _recipe,
    "colorways": _colorways,
}
