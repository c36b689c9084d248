"""One photo in its colorways: painted, written, and measured as the files show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dmlseg_core.edit import Alphas, Easel, Item, Painted, Pixels, Selection
from dmlseg_core.folder.develop.chosen import Chosen
from dmlseg_core.folder.develop.timing import Clock
from dmlseg_core.folder.inputs import Job
from dmlseg_core.folder.report.thumbs import after_path, save_thumb
from dmlseg_core.folder.rules import Colorway
from dmlseg_core.folder.work import Work
from dmlseg_core.paint import Recolored
from dmlseg_core.photo import (
    Photo,
    losses,
    reread,
    rounded,
    save_cutout,
    save_photo,
    suffix_of,
    to_8_bits,
)
from dmlseg_core.scene import Scene

_MEASURED, _PLANES = 256 * 2**20, 16
"""Bytes of objects as measured that are remembered, and of one for each of the photo's pixels."""


@dataclass(frozen=True, eq=False)
class Print:
    """One recolored file.

    Attributes:
        colorway: what was asked for.
        files: kind -> paths below the output folder.
        made: number of an object -> how well its color was met, as the file shows it.
        notes: what was lost, one sentence each.
    """

    colorway: Colorway
    files: dict[str, list[str]]
    made: dict[int, Recolored]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Studio:
    """Paints one photo."""

    job: Job
    photo: Photo
    scene: Scene
    chosen: Chosen
    work: Work
    clock: Clock
    alphas: Alphas

    @cached_property
    def easel(self) -> Easel:
        """Remembers the objects as measured, as far as there is memory: colors share that work."""
        pixels = self.photo.working_pixels()
        measured = max(2, _MEASURED // (_PLANES * self.photo.width * self.photo.height))
        return Easel(
            pixels, self.alphas.guide, 2, self.scene, alphas=self.alphas, measured=measured
        )

    def prints(self) -> Iterator[Print]:
        """Each colorway, written as it is made."""
        for colorway in self.chosen.colorways:
            yield self._print(colorway)

    def _print(self, colorway: Colorway) -> Print:
        items = [self._item(k, colorway) for k in self.chosen.order]
        with self.clock.part("paint"):
            painted = list(self.easel.paint(items))
        files: dict[str, list[str]] = {}
        notes, seen = tuple(n for p in painted for n in p.made.notes), None
        rgb = painted[-1].made.rgb if painted else self.easel.pixels
        with self.clock.part("encode"):
            if "recolored" in self.work.outputs:
                path, seen, more = self._photo(rgb, colorway)
                files["recolored"], notes = [path], notes + more
                files["thumbs"] = [after_path(path)]
                save_thumb(to_8_bits(rgb), self._place(after_path(path)))
            if "cutouts" in self.work.outputs:
                files["cutouts"] = [self._cutout(p, rgb, colorway) for p in painted]
        with self.clock.part("paint"):
            made = dict(self._measured(items, painted, seen))
        told = tuple(f"{colorway.name}: {note}" for note in dict.fromkeys(notes))
        return Print(colorway, files, made, told)

    def _item(self, k: int, colorway: Colorway) -> Item:
        mask, taker = self.chosen.masks[k], self.chosen.takers[k]
        assert taker is not None
        return k, Selection(mask.where).styled(colorway.ways[taker].style), mask

    def _photo(self, rgb: Pixels, colorway: Colorway) -> tuple[str, Pixels | None, tuple[str, ...]]:
        """The file, its pixels as its readers get them (None: as written), what it lost."""
        name = f"recolored/{self.job.name}.{colorway.name}{suffix_of(self.photo)}"
        path = self._place(name)
        save_photo(rgb, path, self.photo)
        seen = reread(path, self.photo)
        notes = () if seen is None else rounded(rgb, path, self.photo, seen)
        return name, seen, (*losses(self.photo, path), *notes)

    def _cutout(self, painted: Painted, rgb: Pixels, colorway: Colorway) -> str:
        name = f"cutouts/{self.job.name}.{colorway.name}.{painted.index + 1}.png"
        save_cutout(to_8_bits(rgb), painted.alpha, self._place(name), self.photo)
        return name

    def plain_cutouts(self) -> list[str]:
        """Every object as it was photographed."""
        names: list[str] = []
        with self.clock.part("encode"):
            for k, mask in enumerate(self.chosen.masks):
                if not (self.chosen.labels == k + 1).any():
                    continue
                names.append(f"cutouts/{self.job.name}.{k + 1}.png")
                alpha = self.alphas.of(mask).full(self.photo.size)
                save_cutout(self.photo.rgb, alpha, self._place(names[-1]), self.photo)
        return names

    def _place(self, name: str) -> Path:
        path = self.work.out / name
        self.work.folder_for(path)
        return path

    def _measured(
        self, items: list[Item], painted: list[Painted], seen: Pixels | None
    ) -> Iterator[tuple[int, Recolored]]:
        """What each object shows in the file; where that keeps every pixel, as it was painted."""
        if seen is None:
            yield from ((p.index, p.made) for p in painted)
            return
        # backwards: what was measured last is remembered, and the next color begins in front
        for k, (index, selection, _) in reversed(list(enumerate(items))):
            subject = self.easel.subject(items, k)
            if subject is not None:
                yield index, subject.measure(selection.look(), seen)
