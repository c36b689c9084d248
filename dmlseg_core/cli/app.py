"""`dmlseg app`, which `python app.py` is: its flags. The server is imported when it starts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from dmlseg_core.cli.flags import PORT, add_cache_flag, in_range
from dmlseg_core.config import DEFAULT_QUALITY, MAX_MEGAPIXELS, QUALITIES, Range

_MEMORY = Range("memory", 1, 1_000_000)


def add_command(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "app",
        help="open the app in a browser",
        description="Open the app: click anything in a photo and recolor it.",
    )
    _add_address(parser)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    parser.add_argument(
        "--quality", choices=tuple(QUALITIES), default=DEFAULT_QUALITY,
        help="how photos are analysed until the page says otherwise (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--max-megapixels", type=in_range(MAX_MEGAPIXELS), default=100.0, metavar="N",
        help=f"refuse larger photos; in {MAX_MEGAPIXELS} (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--memory", type=in_range(_MEMORY, whole=True), default=256, metavar="MB",
        help="for opened photos, and as much for the API's (default: 256)",
    )  # fmt: skip
    parser.add_argument(
        "--api", action="either", default=True,
        help="answer programs under /api/v1/, and gradio_client (default: yes)",
    )  # fmt: skip
    parser.add_argument(
        "--mcp", type=Path, metavar="DIR",
        help="serve the photos below this folder to assistants, at /mcp",
    )  # fmt: skip
    add_cache_flag(parser)
    parser.set_defaults(run=run_app)


def _add_address(parser: argparse.ArgumentParser) -> None:
    """Where it is reached, and by whom."""
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: reachable from the network")
    parser.add_argument(
        "--port", type=in_range(PORT, whole=True), help="default: the first free one from 7860 on"
    )
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask for this login")
    parser.add_argument(
        "--root-path", metavar="PREFIX", help="where a reverse proxy serves the app"
    )
    parser.add_argument(
        "--inbrowser", action="either", default=None,
        help="open a browser (default: where there is a screen)",
    )  # fmt: skip


def run_app(args: argparse.Namespace) -> NoReturn:
    """Serve until interrupted."""
    from dmlseg_core.ui import main as launch

    launch(args)
