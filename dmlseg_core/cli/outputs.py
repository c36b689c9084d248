"""What `dmlseg recolor` writes and prints: names first, checks next, files last."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import ExportError, ParameterError, one_line
from dmlseg_core.paint import Recolored, Subject
from dmlseg_core.photo import (
    ROUNDING_SAID,
    Layer,
    Photo,
    format_of,
    losses,
    png_path,
    refuse_input,
    reread,
    save_cutout,
    save_openraster,
    save_photo,
    to_8_bits,
    write_bytes,
)

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

if TYPE_CHECKING:  # torch
    from dmlseg_core.edit import Easel, Item, Painted, Recipe, Style


def _seen(made: Recolored) -> str:
    """What the median hides, for people."""
    if (report := made.report) is None:
        return ""
    return (
        f"; of its pixels {report.within_2:.0%} are within 2, 95 % within {report.p95:.1f}, "
        f"{report.clipped:.1%} clipped, {report.posterized:.1%} in steps"
    )


def named(path: Path, titles: Sequence[str]) -> list[Path]:
    """One file per title: the path itself; with several titles the path with each one's name.

    >>> [p.name for p in named(Path("sofa.png"), ["#c8102e", "navy"])]
    ['sofa-c8102e.png', 'sofa-navy.png']
    """
    if len(titles) <= 1:
        return [path]
    names = ["".join(c for c in title.lower() if c.isalnum()) for title in titles]
    if len(set(names)) < len(names):
        raise ParameterError(f"each --color may be given once; got {', '.join(titles)}")
    return [path.with_name(f"{path.stem}-{name}{path.suffix}") for name in names]


@dataclass(frozen=True)
class Outputs:
    """Files to write, one of each kind per title; an empty list where none is wanted."""

    photo: Path
    inputs: tuple[Path, ...]
    photos: list[Path]
    cutouts: list[Path]
    layered: list[Path]
    cubes: list[Path]
    recipe: Path | None
    as_json: bool
    max_delta_e: float | None = None

    @classmethod
    def of(cls, args: argparse.Namespace, titles: Sequence[str]) -> Outputs:
        """Names and suffixes, checked.

        Raises:
            ParameterError: two outputs of one name. ExportError: a suffix, a missing folder, or an
            input in the way.
        """
        photos, cutouts, layered, cubes = (
            [] if path is None else named(path, titles)
            for path in (args.out, args.cutout, args.ora, args.cube)
        )
        given = (args.photo, args.mask, args.recipe, args.pattern)
        inputs = tuple(path for path in given if path is not None)
        made = cls(args.photo, inputs, photos, cutouts, layered, cubes, args.save_recipe, args.json,
                   args.max_delta_e)  # fmt: skip
        made.check_names()
        return made

    def check_names(self) -> None:
        """Every output has a right suffix, a folder, a name of its own, and is no input."""
        for path in self.photos:
            format_of(path)
        for path in self.cutouts:
            png_path(path)
        for paths, suffix in ((self.layered, ".ora"), (self.cubes, ".cube")):
            if odd := [p for p in paths if p.suffix.lower() != suffix]:
                raise ExportError(f"{odd[0].name}: this file must end in {suffix}")
        outs = [*self.photos, *self.cutouts, *self.layered, *self.cubes]
        outs += [] if self.recipe is None else [self.recipe]
        taken = {path.resolve() for path in self.inputs}
        for out in outs:
            if out.resolve() in taken:
                raise ExportError(
                    f"{out} is an input and is never overwritten; choose another name"
                )
            if not out.parent.is_dir():
                raise ExportError(f"the folder {out.parent} does not exist; make it first")
        if len({out.resolve() for out in outs}) < len(outs):
            raise ParameterError("two outputs have the same name; give each its own")

    def check(self, photo: Photo) -> None:
        """No output is the photo itself under another name (a link)."""
        for path in (*self.photos, *self.cutouts, *self.layered, *self.cubes):
            refuse_input(path, photo)

    def write(
        self,
        photo: Photo,
        subject: Subject,
        styles: Sequence[Style],
        results: list[Recolored],
        *,
        recipe: Recipe | None,
        about: dict[str, Any],
    ) -> bool:
        """One object in one style or more; whether all of them are as near as was asked.

        Results are taken out of their list, so that each is let go before its file is read again.
        """
        passed = True
        cubes = [self._cube(subject, style) for style in styles] if self.cubes else []
        for k, style in enumerate(styles):
            more, made = dict(about), results.pop(0)
            save_photo(made.rgb, self.photos[k], photo)
            if self.cutouts:
                save_cutout(to_8_bits(made.rgb), subject.share, self.cutouts[k], photo)
            if self.layered:
                layer = Layer(style.title, made.rgb, subject.share)
                save_openraster(self.layered[k], photo, [layer])
                del layer
            made = replace(made, rgb=made.rgb[:0].copy())
            got = reread(self.photos[k], photo)
            told = made if got is None else _in_file(got, subject, style, made)
            if cubes:
                text, more["cube_error_mean"], more["cube_error_p99"] = cubes[k]
                write_bytes(text.encode("ascii"), self.cubes[k])
            passed &= self._tell(photo, self.photos[k], style, told, more)
        if self.recipe is not None and recipe is not None:
            from dmlseg_core.edit import save_recipe

            save_recipe(recipe, self.recipe)
        return passed

    def write_painted(
        self, photo: Photo, painted: Sequence[Painted], easel: Easel, items: Sequence[Item]
    ) -> bool:
        """What a recipe made of a photo, on that easel of those items; as `write`."""
        save_photo(painted[-1].made.rgb, self.photos[0], photo)
        if self.layered:
            layers = [
                Layer(f"{p.mask.class_name} {p.selection.title}", p.made.rgb, p.alpha)
                for p in painted
            ]
            save_openraster(self.layered[0], photo, layers)
        got, passed = reread(self.photos[0], photo), True
        places = {index: k for k, (index, _, _) in enumerate(items)}
        for p in painted:
            found = {"class": p.mask.class_name, "score": p.mask.score, "tau": p.mask.seed.tau}
            told = p.made
            if got is not None and (subject := easel.subject(items, places[p.index])) is not None:
                told = _in_file(got, subject, p.selection, told)
            passed &= self._tell(photo, self.photos[0], p.selection, told, found)
        return passed

    def _cube(self, subject: Subject, style: Style) -> tuple[str, float, float]:
        from dmlseg_core.paint import cube_of

        made = cube_of(subject, style.look())
        return made.text, float(made.error_mean), float(made.error_p99)

    def _tell(
        self, photo: Photo, out: Path, style: Style, made: Recolored, more: dict[str, Any]
    ) -> bool:
        passed = self.max_delta_e is None or made.within(self.max_delta_e)
        notes = [*photo.notes, *made.notes, *losses(photo, out)]
        if not self.as_json:
            hit = f"{out}: {style.title}, off by Delta-E {made.told_delta_e:.2f}"
            print(one_line(hit + _seen(made)))
            if self.max_delta_e is not None:
                print(f"{'pass' if passed else 'FAIL'}: at most {self.max_delta_e:g} was asked")
            if "cube_error_mean" in more:
                print(
                    f"the .cube file errs by Delta-E {more['cube_error_mean']:.2f} on average, "
                    f"{more['cube_error_p99']:.2f} at the 99th percentile"
                )
            for note in notes:
                print(one_line(f"note: {note}"))
            return passed
        row = {
            "color": style.color,
            "out": str(out),
            "delta_e": round(float(made.told_delta_e), 4),
            "color_delta_e": round(float(made.delta_e), 4),
            "materials": [{"color": m.color, "share": round(m.share, 4)} for m in made.palette],
            **({} if self.max_delta_e is None else {"passed": passed}),
            "anchor": made.anchor,
            "result_anchor": made.result_anchor,
            **(
                {f"pixels_{k}": round(v, 4) for k, v in asdict(r).items()}
                if (r := made.report)
                else {}
            ),
            "photo": str(self.photo),
            **{k: round(v, 4) if isinstance(v, float) else v for k, v in more.items()},
            "notes": notes,
        }
        print(json.dumps(row))
        return passed


def _in_file(got: Pixels, subject: Subject, style: Style, made: Recolored) -> Recolored:
    """What is told of a result: the color that the written file shows, measured the same way."""
    told = subject.measure(style.look(), got)
    far = abs(told.delta_e - made.delta_e) > ROUNDING_SAID
    word = f"The file rounds colors: they are off by Delta-E {told.delta_e:.1f} in it, "
    notes = (*made.notes, f"{word}{made.delta_e:.1f} before.") if far else made.notes
    return replace(told, rgb=made.rgb, noise_gain=made.noise_gain, notes=notes)
