"""`dmlseg batch`: the same edit on many photos."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmlseg_core.cli.flags import (
    INTERRUPTED,
    OK,
    add_model_flags,
    check_made_with,
    folder,
    in_range,
    scene_config,
)
from dmlseg_core.config import GPUS, MAX_DELTA_E, TARGET_MODES, TAU, Range
from dmlseg_core.errors import ParameterError, one_line

if TYPE_CHECKING:  # loaded only when the command runs: --help stays fast
    from dmlseg_core.edit import Recipe
    from dmlseg_core.folder import Batch
    from dmlseg_core.folder.rules import Rules

_COLORS = Range("like-colors", 0.0, 1.0)
_SAMPLE = Range("sample", 1, 1_000_000_000)
_LIST = 2**31
"""More bytes than a list of inputs may have."""
_KINDS = ("labels", "overlays", "recolored", "cutouts")


def add_command(commands: Any) -> None:
    """Add the command to the parser."""
    batch = commands.add_parser(
        "batch",
        help="the same edit on many photos",
        description="Finds the objects of photos and recolors those that rules, a recipe or the "
        "flags below choose. Writes labels/, overlays/, recolored/, instances.json (COCO), .csv "
        "and .parquet, failures.csv, run.json and report.html; run it again to go on where it "
        "stopped.",
    )
    batch.add_argument(
        "inputs", nargs="*", metavar="IN",
        help="photo, folder, pattern such as 'in/**/*.jpg', URL (s3://, gs://, memory://, ...), or "
        "- for a list of them on the standard input",
    )  # fmt: skip
    batch.add_argument("-o", "--out", type=folder, required=True, metavar="DIR")
    batch.add_argument(
        "--from-list", type=Path, metavar="FILE", help="inputs of a text file, one a line"
    )
    _add_choice_flags(batch)
    _add_run_flags(batch)
    add_model_flags(batch)
    batch.set_defaults(run=run_batch)


def _add_choice_flags(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what becomes of which objects")
    what.add_argument("--rules", type=Path, metavar="FILE", help="YAML: docs/batch.md")
    what.add_argument("--recipe", type=Path, metavar="FILE", help="a saved recipe")
    what.add_argument("--class", action="append", dest="classes", metavar="NAME",
                      help="objects of this class; may be repeated")  # fmt: skip
    what.add_argument(
        "--like", metavar="REF[@X,Y]",
        help="objects like the one at a pixel of a reference photo, or like a crop",
    )  # fmt: skip
    what.add_argument("--threshold", type=in_range(TAU), metavar="T",
                      help=f"least likeness in {TAU} (default: 0.8)")  # fmt: skip
    what.add_argument("--like-colors", type=in_range(_COLORS), metavar="T",
                      help="least share of its colors that they have too (usual: any)")  # fmt: skip
    what.add_argument("--largest", type=int, metavar="N", help="only the N largest of them")
    what.add_argument("--color", action="append", metavar="COLOR",
                      help="'#c8102e', a CSS name, ...; repeat for one file per color")  # fmt: skip
    what.add_argument("--swatches", type=Path, metavar="FILE",
                      help=".ase, .aco, .gpl or .csv: one file per color")  # fmt: skip
    what.add_argument("--mode", choices=TARGET_MODES,
                      help="match hits the color, tint keeps lightness (usual: match)")  # fmt: skip


def _add_run_flags(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how")
    how.add_argument("--outputs", metavar="KINDS", type=_kinds,
                     help=f"some of {','.join(_KINDS)}; '': tables alone (default: all but "
                     "cutouts)")  # fmt: skip
    how.add_argument("--max-delta-e", type=in_range(MAX_DELTA_E), metavar="N",
                     help="objects farther off their color do not pass")  # fmt: skip
    how.add_argument("--dry-run", action="store_true",
                     help="look at the photos, tell what would be done, write nothing")  # fmt: skip
    how.add_argument("--sample", type=in_range(_SAMPLE, whole=True), metavar="N",
                     help="with --dry-run: look at N photos only, evenly spread")  # fmt: skip
    how.add_argument("--workers", type=int, metavar="N",
                     help="processes, or actors of a cluster (default: one per core)")  # fmt: skip
    how.add_argument("--shard", type=_shard, metavar="I/N",
                     help="only the I-th of N parts of the photos")  # fmt: skip
    how.add_argument("--engine", choices=("local", "ray"), default="local",
                     help="ray: on a Ray cluster (docs/scale.md)")  # fmt: skip
    how.add_argument("--address", metavar="HOST:PORT",
                     help="of the Ray cluster (default: $RAY_ADDRESS, or here)")  # fmt: skip
    how.add_argument("--gpus", type=in_range(GPUS), default=0.0, metavar="N",
                     help="of each of its actors; .5 shares one between two")  # fmt: skip
    how.add_argument("--watch", action="store_true",
                     help="go on with photos that come into the folders, until Ctrl-C")  # fmt: skip
    how.add_argument("--polygons", action="store_true",
                     help="instances.json holds polygons instead of run lengths")  # fmt: skip
    how.add_argument("--json", action="store_true", help="print one JSON object per photo")
    how.add_argument("--quiet", action="store_true", help="no progress bar")


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(part.strip() for part in text.split(",") if part.strip())
    if odd := [kind for kind in kinds if kind not in _KINDS]:
        raise argparse.ArgumentTypeError(f"some of {','.join(_KINDS)}; got {odd[0]!r}")
    return kinds


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"a shard is I/N such as 1/4, I from 1 to N; got {text!r}")
    return int(part), int(parts)


def run_batch(args: argparse.Namespace) -> int:
    """Do many photos, or tell what would be done; see `folder.batch`."""
    from dmlseg_core.folder import start_server

    _check_company(args)
    if args.engine == "local":
        start_server(args.workers)  # first: it imports while the rest is imported here

    from dmlseg_core.cli.many.tally import tell_left_out
    from dmlseg_core.folder import USUAL, prepare

    made = prepare(
        _inputs(args), args.out, rules=_rules(args), recipe=_recipe(args),
        outputs=USUAL if args.outputs is None else args.outputs, max_delta_e=args.max_delta_e,
        weights=args.weights, max_megapixels=args.max_megapixels, config=scene_config(args),
        options={} if args.tau is None else {"tau": args.tau}, workers=args.workers,
        shard=args.shard, polygons=args.polygons, engine=args.engine,
        address=args.address, gpus=args.gpus, watch=args.watch,
    )  # fmt: skip
    code = _plan(made, args) if args.dry_run else _run(made, args)
    tell_left_out(args.inputs)
    return code


def _check_company(args: argparse.Namespace) -> None:
    """ParameterError where a flag would do nothing without another: what was meant is not done."""
    on_ray = args.engine == "ray"
    for flag, given, other, there in (
        ("--sample", args.sample is not None, "--dry-run", args.dry_run),
        ("--address", args.address is not None, "--engine ray", on_ray),
        ("--gpus", args.gpus > 0, "--engine ray", on_ray),
    ):
        if given and not there:
            raise ParameterError(f"{flag} goes with {other}")
    if args.watch and args.dry_run:
        raise ParameterError("--watch does not go with --dry-run, which looks once")
    paints = args.rules or args.recipe or args.color or args.swatches
    if args.max_delta_e is not None and not paints:
        raise ParameterError("--max-delta-e goes with colors: --rules, --recipe or --color")
    measured = args.outputs is None or {"recolored", "cutouts"} & set(args.outputs)
    if args.max_delta_e is not None and not measured:
        raise ParameterError("--max-delta-e goes with recolored or cutouts among --outputs")


def _inputs(args: argparse.Namespace) -> list[str]:
    """Of the command line, a list, or the standard input."""
    named = [text for text in args.inputs if text != "-"]
    lists = [_list_of(args.from_list)] if args.from_list else []
    lists += [sys.stdin.buffer.read(_LIST)] if "-" in args.inputs else []
    for data in lists:
        if len(data) == _LIST:
            raise ParameterError(f"a list has at most {_LIST - 1:,} bytes; use --shard, or folders")
        # NUL between names, as of find -print0, where a name may hold the end of a line
        parts = data.split(b"\0") if b"\0" in data else data.splitlines()
        named += [os.fsdecode(part) for part in parts if part.strip()]
    if not named:
        raise ParameterError("no input; give photos, folders, patterns or URLs")
    return named


def _list_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIST)  # no more: it may be a pipe or a device
    except OSError as error:
        raise ParameterError(f"the list {path} cannot be read: {error.strerror or error}") from None


def _rules(args: argparse.Namespace) -> Rules | Path | None:
    """Those of a file, or the one that the flags say."""
    short = ("classes", "like", "threshold", "like_colors", "largest", "color", "swatches", "mode")
    given = [name for name in short if getattr(args, name) is not None]
    whole = [name for name in ("rules", "recipe") if getattr(args, name) is not None]
    if len(whole) > 1 or (whole and given):
        other = (given or whole[1:])[0].replace("classes", "class").replace("_", "-")
        raise ParameterError(f"--{other} does not go with --{whole[0]}, which says it all")
    scene = args.quality, args.long_side, args.connected
    if args.recipe is not None and any(value is not None for value in scene):
        from dmlseg_core.edit import load_recipe

        check_made_with(args, load_recipe(args.recipe).scene)
    if args.rules is not None or not given:
        return args.rules  # type: ignore[no-any-return]
    return _one_rule(args)


def _one_rule(args: argparse.Namespace) -> Rules:
    from dmlseg_core.edit import Style
    from dmlseg_core.folder.rules import (
        Find,
        Rule,
        Rules,
        like_of,
        ways_of_colors,
        ways_of_swatches,
    )

    if args.color is None and args.swatches is None:
        raise ParameterError("say what becomes of the objects: --color or --swatches")
    if args.color is not None and args.swatches is not None:
        raise ParameterError("--color does not go with --swatches; put all colors into one of them")
    for flag, value in (("threshold", args.threshold), ("like-colors", args.like_colors)):
        if value is not None and args.like is None:
            raise ParameterError(f"--{flag} goes with --like")
    like = (
        None
        if args.like is None
        else like_of(args.like, args.threshold or 0.8, colors=args.like_colors or 0.0)
    )
    find = Find(classes=tuple(args.classes or ()), like=like, largest=args.largest)
    style = Style(mode=args.mode or "match")
    ways = (
        ways_of_colors(args.color, style) if args.color else ways_of_swatches(args.swatches, style)
    )
    return Rules((Rule(find, ways),))


def _recipe(args: argparse.Namespace) -> Recipe | None:
    if args.recipe is None:
        return None
    from dmlseg_core.edit import load_recipe

    return load_recipe(args.recipe)


def _run(made: Batch, args: argparse.Namespace) -> int:
    from dmlseg_core.cli.many.progress import Progress
    from dmlseg_core.cli.many.tally import Tally
    from dmlseg_core.folder import watched

    tally = Tally(as_json=args.json, rules=made.work.rules)
    try:
        with Progress(None if args.watch else len(made.jobs), quiet=args.quiet) as progress:
            for result in watched(made) if args.watch else made.results():
                tally.add(result.row, fresh=result.fresh)
                progress.show(result.row, fresh=result.fresh)
    except KeyboardInterrupt:
        print("dmlseg: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    return tally.told(args.out)


def _plan(made: Batch, args: argparse.Namespace) -> int:
    from dmlseg_core.cli.many.plan import told_lines
    from dmlseg_core.cli.many.progress import Progress
    from dmlseg_core.folder import make_plan

    looked = min(len(made.jobs), args.sample or len(made.jobs))
    with Progress(looked, quiet=args.quiet) as progress:
        found = make_plan(made, args.sample, lambda row: progress.show(row, fresh=True))
    if args.json:
        print(json.dumps(found.to_json()))
    else:
        print("\n".join(one_line(line) for line in told_lines(found)))
    return OK
