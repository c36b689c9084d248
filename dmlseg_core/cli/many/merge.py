"""`dmlseg merge`: shards of a batch become one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from dmlseg_core.cli.flags import OK, SOME_FAILED, folder
from dmlseg_core.errors import one_line

_TOLD = 10
"""Missing shards that are named."""


def add_command(commands: Any) -> None:
    """Add the command to the parser."""
    merge = commands.add_parser(
        "merge",
        help="bring the output folders of several batches together",
        description="Takes output folders of dmlseg batch (those of --shard, say) and makes one of "
        "them, with all tables and a report. Nothing is written where two of them have a photo "
        "under one name that is another one or was made with other settings, or are shards that "
        "were asked for different things. A shard that is missing is told (exit code 3).",
    )
    merge.add_argument("folders", nargs="+", type=Path, metavar="OUT", help="of dmlseg batch")
    merge.add_argument("-o", "--out", type=folder, required=True, metavar="DIR")
    merge.add_argument(
        "--polygons", action="store_true",
        help="instances.json holds polygons instead of run lengths",
    )  # fmt: skip
    merge.set_defaults(run=run_merge)


def run_merge(args: argparse.Namespace) -> int:
    """Merge; see `folder.merge`."""
    from dmlseg_core.folder import merge

    made = merge(args.folders, args.out, polygons=args.polygons)
    print(one_line(f"{made.photos} photos of {len(args.folders)} folders: {args.out}"))
    if not made.missing:
        return OK
    told, more = ", ".join(made.missing[:_TOLD]), ", ..." * (len(made.missing) > _TOLD)
    print(
        f"dmlseg: of the shards {told}{more} {'is' if len(made.missing) == 1 else 'are'} missing; "
        "merge them into the same folder when they are there", file=sys.stderr,
    )  # fmt: skip
    return SOME_FAILED
