"""Serving the tools: on stdin and stdout, or over HTTP on this machine."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from dmlseg_core.errors import MissingExtraError, ParameterError
from dmlseg_core.folder import AnySegmenter
from dmlseg_core.mcp.root import Root
from dmlseg_core.mcp.tools import Tools

_HERE = "127.0.0.1"


def mcp_server(
    root: Path, load: Callable[[], AnySegmenter], max_megapixels: float, version: str
) -> Any:
    """A server for a folder.

    Args:
        root: what lies below it may be read, and new files may be written there.
        load: gives the segmenter, when the first photo is asked for.
        max_megapixels: larger photos are refused.
        version: of the program.

    Raises:
        ParameterError: the root is no folder. MissingExtraError: the package mcp is not installed.
    """
    try:
        from dmlseg_core.mcp.server import make_server  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise MissingExtraError("this needs the package mcp: pip install '.[mcp]'") from None
    return make_server(Tools(Root(root), load, max_megapixels), version)


def over_stdio(server: Any) -> None:
    """Serve the program that started this one, until it closes stdin."""
    anyio.run(server.run_stdio_async)


def over_http(server: Any, port: int) -> None:
    """Serve programs of this machine at /mcp, until interrupted.

    Raises:
        ParameterError: the port is taken.
    """
    import uvicorn  # noqa: PLC0415

    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HERE, port))
        except (OSError, OverflowError) as error:
            raise ParameterError(f"port {port} cannot be used: {error}; choose another") from None
        listening.listen()
        url = f"http://{_HERE}:{listening.getsockname()[1]}/mcp"
        print(f"dmlseg answers assistants at {url} (Ctrl+C stops it)", file=sys.stderr, flush=True)
        app = server.streamable_http_app(stateless_http=True, host=_HERE)
        own = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        own.run(sockets=[listening])
