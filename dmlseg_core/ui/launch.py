"""`python app.py` and `dmlseg app`: flags, and the server."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

from dmlseg_core.config import DEFAULT_QUALITY, MAX_MEGAPIXELS, QUALITIES, SceneConfig
from dmlseg_core.edit import MEGABYTE, SessionStore
from dmlseg_core.errors import ParameterError
from dmlseg_core.package_data import data_folder
from dmlseg_core.scene import Segmenter
from dmlseg_core.ui.handlers import Handlers
from dmlseg_core.ui.page import build
from dmlseg_core.ui.panel import i18n
from dmlseg_core.ui.theme import css, theme

MAX_FILE = "400mb"
"""Largest upload; the size in pixels is checked in the header before anything is decoded."""


def build_parser() -> argparse.ArgumentParser:
    """Flags of the app."""
    parser = argparse.ArgumentParser(
        prog="dmlseg app", description="Open the app: click anything in a photo and recolor it."
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: reachable from the network")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the shipped ones")
    parser.add_argument(
        "--quality", choices=tuple(QUALITIES), default=DEFAULT_QUALITY,
        help="how photos are analysed until the page says otherwise (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask for this login")
    parser.add_argument("--root-path", metavar="PATH", help="where a reverse proxy serves the app")
    parser.add_argument(
        "--inbrowser", action=argparse.BooleanOptionalAction, default=None,
        help="open a browser (default: where there is a screen)",
    )  # fmt: skip
    parser.add_argument(
        "--max-megapixels", type=float, default=100.0, metavar="N",
        help=f"refuse larger photos; in {MAX_MEGAPIXELS} (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--memory", type=int, default=256, metavar="MB", help="for opened photos (default: 256)"
    )
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Serve until interrupted.

    Raises:
        ParameterError: a flag's value; WeightsError: weights that cannot be used.
    """
    args = build_parser().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="dmlseg-") as folder:
        demo, options = prepare(args, Path(folder))
        demo.launch(**options)
    return 0


def prepare(args: argparse.Namespace, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The page and what `launch` takes, from parsed flags."""
    cap = MAX_MEGAPIXELS.check(args.max_megapixels)
    config = SceneConfig().with_quality(args.quality)
    segmenter = Segmenter.load(args.weights, config=config)
    handlers = Handlers(segmenter, SessionStore(args.memory * MEGABYTE), folder, cap)
    windows = sys.platform in ("win32", "darwin")  # elsewhere a screen is told by the environment
    screen = windows or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    options = {
        "server_name": args.host,
        "server_port": args.port,
        "auth": login(args.auth),
        "root_path": args.root_path,
        "inbrowser": screen if args.inbrowser is None else args.inbrowser,
        "max_file_size": MAX_FILE,
        "i18n": i18n,
        "css": css(),
        "theme": theme(),
        "ssr_mode": False,
        "favicon_path": data_folder("assets") / "icon.svg",
        "footer_links": [],
        "allowed_paths": [str(folder)],
    }
    return build(handlers), options


def login(text: str | None) -> tuple[str, str] | None:
    """ "user:password" as Gradio takes it.

    Raises:
        ParameterError: there is no colon, or one side of it is empty.

    >>> login("ann:s3:cret")
    ('ann', 's3:cret')
    """
    if text is None:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise ParameterError("--auth takes USER:PASSWORD, both not empty")
    return user, password
