"""`dmlseg recolor`: one object of a photo in other colors, or a recipe replayed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmlseg_core.cli.flags import (
    OK,
    SOME_FAILED,
    add_cache_flag,
    add_model_flags,
    check_companions,
    check_made_with,
    in_range,
    load_segmenter,
    point,
    weights_digest,
)
from dmlseg_core.config import (
    AMOUNTS,
    GATE_TOLERANCE,
    GLOSS,
    MATERIALS,
    MAX_DELTA_E,
    MODES,
    PATTERN_MODE,
    PATTERN_SCALE,
    PROTECT_HIGHLIGHTS,
    RECIPE_KINDS,
    STRENGTH,
)
from dmlseg_core.errors import ParameterError, RecipeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # loaded only when the command runs: --help stays fast
    from dmlseg_core.cli.outputs import Outputs
    from dmlseg_core.edit import Pattern, Recipe, Style
    from dmlseg_core.photo import Photo

_GOES_WITH = {"recipe_by": ("save_recipe",), "pattern_scale": ("pattern",), "refine": ("mask",),
              "gate_tolerance": ("gate", "exclude"),
              **dict.fromkeys(("quality", "long_side", "tau", "connected"), ("at",))}  # fmt: skip
_OF_ONE_OBJECT = ("color", "mode", "amount", "gate", "exclude", "gate_tolerance", "pattern",
                  "pattern_scale", "strength", "protect_highlights", "gloss", "matting", "refine",
                  "cutout", "materials", "keep", "target", "cube", "tau", "save_recipe",
                  "recipe_by")  # fmt: skip

_HALF = 0.5
"""A given mask's edge lies where it is half white."""


def add_command(commands: Any) -> None:
    """Add the command to the parser."""
    recolor = commands.add_parser(
        "recolor",
        help="give one object of a photo another color",
        description="The object lies at a point, or is given as a mask, or a recipe says it all. "
        "With several colors each output gets the color's letters and digits in its name: "
        "-o sofa.png --color '#c8102e' --color navy writes sofa-c8102e.png and sofa-navy.png.",
    )
    recolor.add_argument("photo", type=Path, metavar="PHOTO")
    where = recolor.add_mutually_exclusive_group(required=True)
    where.add_argument("--at", type=point, metavar="X,Y", help="a pixel of the object")
    where.add_argument(
        "--mask", type=Path, metavar="FILE",
        help="gray image of the photo's size as displayed, white = recolor; 8 or 16 bits",
    )  # fmt: skip
    where.add_argument("--recipe", type=Path, metavar="FILE", help="replay a saved recipe")
    _add_style_flags(recolor)
    _add_output_flags(recolor)
    add_model_flags(recolor)
    add_cache_flag(recolor)
    recolor.set_defaults(run=run_recolor)


def _add_style_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--color", action="append", metavar="COLOR",
        help="'#c8102e', a CSS name, 'oklch(0.6 0.2 30)' or 'color(display-p3 1 0 0)'; repeat for "
        "more variants",
    )  # fmt: skip
    parser.add_argument(
        "--mode", choices=MODES,
        help="match hits the color, tint keeps lightness, pattern takes --pattern, the others "
        "--amount (default: match)",
    )  # fmt: skip
    ranges = ", ".join(f"{mode} in {legal}" for mode, legal in AMOUNTS.items())
    parser.add_argument("--amount", type=float, metavar="N", help=f"instead of --color: {ranges}")
    parser.add_argument(
        "--pattern", type=Path, metavar="FILE", help="instead of --color: a picture that is tiled"
    )
    _add_number(parser, "--pattern-scale", PATTERN_SCALE, 1, "photo pixels per pattern pixel")
    _add_number(parser, "--strength", STRENGTH, 1, "0 does nothing")
    _add_number(
        parser, "--protect-highlights", PROTECT_HIGHLIGHTS, 1,
        "1 leaves highlights the color of the light, 0 paints them",
    )  # fmt: skip
    parser.add_argument(
        "--gloss", choices=tuple(GLOSS),
        help="wet leaves reflections as photographed, satin half of them, matte next to none; for "
        "the modes match and lightness (default: wet)",
    )  # fmt: skip
    parser.add_argument(
        "--gate", action="append", metavar="COLOR",
        help="recolor only what is near this color in the photo; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--exclude", action="append", metavar="COLOR",
        help="leave what is near this color as it is (a logo, a zip, skin); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--materials", choices=MATERIALS,
        help="of an object of several: body paints its largest material, or the one at --at "
        "where that is nearly as large, and keeps the others (tyres, glass, a print), all paints "
        "it as one, together turns the others along "
        "(default: body)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", action="append", metavar="COLOR",
        help="keep the material that has this color in the photo; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--target", action="append", type=_pair, metavar="COLOR=NEW",
        help="the material of this color becomes NEW; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--matting", action="store_true", default=None, help="find hair and fur about the edge"
    )
    parser.add_argument(
        "--refine", action="store_true", default=None,
        help="with --mask: fit its edge to the photo; without, it is used as it is",
    )  # fmt: skip
    _add_number(parser, "--gate-tolerance", GATE_TOLERANCE, 0.35, "how far near is, for both")


def _pair(text: str) -> tuple[str, str]:
    """ "black=#c8102e" to its two colors."""
    color, sign, target = text.partition("=")
    if not (color and sign and target):
        raise argparse.ArgumentTypeError(f"a target is COLOR=NEW, such as black=navy; got {text!r}")
    return color, target


def _add_number(
    parser: argparse.ArgumentParser, flag: str, legal: Any, usual: float, meaning: str
) -> None:
    parser.add_argument(
        flag, type=in_range(legal), metavar="N", help=f"{meaning}; in {legal} (default: {usual:g})"
    )


def _add_output_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--cutout", type=Path, metavar="FILE.png", help="also write the recolored object alone"
    )
    parser.add_argument(
        "--ora", type=Path, metavar="FILE.ora", help="also write a layered file for GIMP and Krita"
    )
    parser.add_argument(
        "--cube", type=Path, metavar="FILE.cube",
        help="also write the color change as a look-up table for other programs",
    )  # fmt: skip
    parser.add_argument(
        "--max-delta-e", type=in_range(MAX_DELTA_E), metavar="N",
        help="what is asked of the written file: the object's color and half of its pixels, each "
        "in its own light, off by Delta-E 2000 of at most N; else the exit code is 3",
    )  # fmt: skip
    parser.add_argument(
        "--save-recipe", type=Path, metavar="FILE", help="with --at: write what --recipe replays"
    )
    parser.add_argument(
        "--recipe-by", choices=RECIPE_KINDS,
        help="point: this object of this photo; the others apply to any photo (default: point)",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per color, one a line"
    )


def run_recolor(args: argparse.Namespace) -> int:
    """Recolor one object of one photo in one color or more, or replay a recipe."""
    from dmlseg_core.cli.outputs import Outputs
    from dmlseg_core.photo import load_photo

    if args.recipe is not None:
        return _replay(args)
    styles = asked_styles(args)
    outputs = Outputs.of(args, [s.title for s in styles])
    photo = load_photo(args.photo, max_megapixels=args.max_megapixels)
    outputs.check(photo)
    return OK if _recolor_object(args, photo, styles, outputs) else SOME_FAILED


def _recolor_object(
    args: argparse.Namespace, photo: Photo, styles: list[Style], outputs: Outputs
) -> bool:
    from dmlseg_core.cli.chosen import selected
    from dmlseg_core.paint import Subject

    found, recipe = None, None
    if args.mask is None:
        found = selected(args, photo, load_segmenter(args), styles[0])
        recipe = found.recipe
    alpha = _given_alpha(args, photo) if found is None else found.alpha
    gates, sight = styles[0].gates or None, {} if found is None else found.sight
    subject = Subject.of(photo.working_pixels(), alpha, gate=gates, at=args.at, **sight)
    results = list(subject.recolor_all([style.look() for style in styles]))
    about = {} if found is None else found.about
    return outputs.write(photo, subject, styles, results, recipe=recipe, about=about)


def _given_alpha(args: argparse.Namespace, photo: Photo) -> NDArray[np.float32]:
    from dmlseg_core.cli.chosen import read_mask
    from dmlseg_core.edge import matte_alpha, refine_alpha
    from dmlseg_core.photo import shown

    alpha = read_mask(args.mask, photo, args.max_megapixels)
    if args.refine:
        alpha = refine_alpha(alpha >= _HALF, shown(photo))
    return matte_alpha(alpha, shown(photo)) if args.matting else alpha


def asked_styles(args: argparse.Namespace) -> list[Style]:
    """What the flags ask for, checked before anything heavy is loaded: one style per color."""
    from dmlseg_core.edit import Style

    mode = args.mode or (PATTERN_MODE if args.pattern else "match")
    needs = "--amount" if mode in AMOUNTS else "--pattern" if mode == PATTERN_MODE else "--color"
    given = {"--amount": args.amount, "--color": args.color, "--pattern": args.pattern}
    if [flag for flag, value in given.items() if value is not None] != [needs]:
        others = ", no ".join(flag for flag in given if flag != needs)
        raise ParameterError(f"--mode {mode} takes {needs}, no {others}")
    if args.save_recipe is not None and (args.at is None or len(args.color or [""]) > 1):
        raise ParameterError("--save-recipe goes with --at and one color")
    check_companions(args, _GOES_WITH)
    options: dict[str, Any] = {
        "mode": mode,
        "amount": args.amount,
        "pattern": _read_pattern(args) if args.pattern else None,
        "gates": _gates(args),
        "materials": args.materials or MATERIALS[0],
        "targets": (*((color, None) for color in args.keep or []), *(args.target or [])),
        "matting": bool(args.matting),
        "gloss": args.gloss or "wet",
        "strength": 1.0 if args.strength is None else args.strength,
        "protect_highlights": 1.0 if args.protect_highlights is None else args.protect_highlights,
    }
    return [Style(color=color, **options) for color in args.color or [None]]


def _gates(args: argparse.Namespace) -> tuple[Any, ...]:
    from dmlseg_core.paint import ColorGate

    wide = ColorGate.tolerance if args.gate_tolerance is None else args.gate_tolerance
    kept = [ColorGate(color, wide) for color in args.gate or []]
    return (*kept, *(ColorGate(color, wide, exclude=True) for color in args.exclude or []))


def _read_pattern(args: argparse.Namespace) -> Pattern:
    from dmlseg_core.edit import MAX_TILE, Pattern
    from dmlseg_core.photo import load_photo

    tile = load_photo(args.pattern, max_megapixels=MAX_TILE)
    return Pattern.of(tile.rgb, 1.0 if args.pattern_scale is None else args.pattern_scale)


def _replay(args: argparse.Namespace) -> int:
    """Apply a recipe; whatever does not fit is told before the network runs."""
    from dmlseg_core.cli.outputs import Outputs
    from dmlseg_core.edit import load_recipe
    from dmlseg_core.photo import load_photo

    if odd := [name for name in _OF_ONE_OBJECT if getattr(args, name) is not None]:
        raise ParameterError(f"--{odd[0].replace('_', '-')} does not go with --recipe")
    recipe = load_recipe(args.recipe)
    check_made_with(args, recipe.scene)
    outputs = Outputs.of(args, [""])
    photo = load_photo(args.photo, max_megapixels=args.max_megapixels)
    outputs.check(photo)
    recipe.check_photo(photo)
    recipe.check_weights(weights_digest(args.weights))
    return OK if _apply(args, photo, recipe, outputs) else SOME_FAILED


def _apply(args: argparse.Namespace, photo: Photo, recipe: Recipe, outputs: Outputs) -> bool:
    from dmlseg_core.edit import EditSession

    session = EditSession(photo, load_segmenter(args, recipe.scene).analyze(photo))
    session.apply(recipe)
    easel, items = session.full_easel(keep=1), session.items()
    painted = list(easel.paint(items))
    if not painted:  # edits without a style, or all of them covered by later ones
        raise RecipeError(f"the recipe recolors nothing on {args.photo}; nothing was written")
    return outputs.write_painted(photo, painted, easel, items)
