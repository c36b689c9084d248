"""Commands for other programs: `dmlseg export` gives them the network, `dmlseg mcp` the photos."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmlseg_core.cli.flags import OK, PORT, add_quality_flag, in_range, version
from dmlseg_core.config import DEFAULT_QUALITY, MAX_MEGAPIXELS, SceneConfig

if TYPE_CHECKING:  # torch
    from dmlseg_core.scene import Segmenter


def add_commands(commands: Any) -> None:
    """Add export and mcp to the parser."""
    _add_export(commands)
    _add_mcp(commands)


def _add_export(commands: Any) -> None:
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


def _add_mcp(commands: Any) -> None:
    """Add mcp to the parser."""
    parser = commands.add_parser(
        "mcp",
        help="serve the photos of a folder to an assistant (Model Context Protocol)",
        description="Tools find_objects, recolor_object, recolor_all_like and batch on the photos "
        "of one folder, for an assistant that starts this program, or over HTTP on this machine.",
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR",
        help="photos below it may be read, new files written; nothing else (default: here)",
    )  # fmt: skip
    parser.add_argument(
        "--http", action="store_true", help="at http://127.0.0.1:PORT/mcp, not on stdin and stdout"
    )
    parser.add_argument(
        "--port",
        type=in_range(PORT, whole=True),
        default=7870,
        metavar="PORT",
        help="for --http (default: %(default)s)",
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    add_quality_flag(parser)
    parser.add_argument(
        "--max-megapixels", type=in_range(MAX_MEGAPIXELS), default=100.0, metavar="N",
        help=f"refuse larger photos; in {MAX_MEGAPIXELS} (default: %(default)g)",
    )  # fmt: skip
    parser.set_defaults(run=run_mcp)


def run_mcp(args: argparse.Namespace) -> int:
    """Serve until the assistant, or Ctrl+C, ends it."""
    from dmlseg_core.mcp import mcp_server, over_http, over_stdio

    config = SceneConfig().with_quality(args.quality or DEFAULT_QUALITY)

    def load() -> Segmenter:
        from dmlseg_core.scene import Segmenter

        return Segmenter.load(args.weights, config=config)

    server = mcp_server(args.root, load, args.max_megapixels, version())
    if args.http:
        over_http(server, args.port)
    else:
        over_stdio(server)
    return OK
