"""`dmlseg merge`: shards of a batch become one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dmlseg_core.cli.flags import OK, folder
from dmlseg_core.errors import one_line


def add_command(commands: Any) -> None:
    """Add the command to the parser."""
    merge = commands.add_parser(
        "merge",
        help="bring the output folders of several batches together",
        description="Takes output folders of dmlseg batch (those of --shard, say) and makes one of "
        "them, with all tables and a report. Nothing is written where two of them have a photo "
        "under one name that is another one or was made with other settings.",
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

    photos = merge(args.folders, args.out, polygons=args.polygons)
    print(one_line(f"{photos} photos of {len(args.folders)} folders: {args.out}"))
    return OK
