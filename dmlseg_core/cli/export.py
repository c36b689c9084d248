"""`dmlseg export`: the network for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dmlseg_core.cli.flags import OK

Commands = Any  # argparse names the type of add_subparsers() only privately


def add_command(commands: Commands) -> None:
    """Add export to the parser."""
    parser = commands.add_parser("export", help="write the network as an ONNX file")
    parser.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="NAME.onnx")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    parser.add_argument(
        "--size", nargs=2, type=int, default=(385, 513), metavar=("HEIGHT", "WIDTH"),
        help="of the network's input, each 16n + 1 (default: 385 513, for photos of 4 : 3)",
    )  # fmt: skip
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Write the file and say where it is."""
    from dmlseg_core.model import export_onnx

    height, width = args.size
    print(f"network written: {export_onnx(args.onnx, args.weights, size=(height, width))}")
    return OK
