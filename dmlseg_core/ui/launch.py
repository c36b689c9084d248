"""`python app.py` and `dmlseg app`: the server."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr
from fastapi import FastAPI

from dmlseg_core.api import Kept, Service
from dmlseg_core.config import SceneConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.mcp import mcp_server
from dmlseg_core.package_data import data_folder
from dmlseg_core.scene import SceneStore, Segmenter
from dmlseg_core.stage import MEGABYTE, Desks, InTurn, share_arenas
from dmlseg_core.ui.guard import Guard
from dmlseg_core.ui.page import CSS, build
from dmlseg_core.ui.patience import PatientProtocol
from dmlseg_core.ui.programs import (
    ASSISTANTS,
    CLIENT,
    LOOPBACK,
    mount_assistants,
    program_version,
)
from dmlseg_core.ui.routes import MAX_MEGABYTES, Stage
from dmlseg_core.ui.samples import sample_photo, sample_photos
from dmlseg_core.ui.served import mount

_TRIES = 5


def main(args: argparse.Namespace) -> NoReturn:
    """Serve until interrupted; that is the end of the process.

    Args:
        args: the flags of `dmlseg app`.

    Raises:
        ParameterError: a flag's value, or no free port; WeightsError: weights that cannot be used.
    """
    with scratch():
        server, url = start(prepare(args), args)
        print(f"dmlseg is running at {url} (Ctrl+C stops it)", flush=True)
        if has_screen() if args.inbrowser is None else args.inbrowser:
            webbrowser.open(url)
        try:
            server.thread.join()
        except KeyboardInterrupt:
            pass
        finally:
            server.close()
    # compiled code may still work on a photo: Python would wait for it, or be aborted by it
    sys.stdout.flush()
    os._exit(0)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for every temporary file of this process, which no other account can read.

    It is removed at the end, after SIGTERM too: that ends the process as Ctrl+C does.
    """

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    usual, before = tempfile.tempdir, signal.signal(signal.SIGTERM, stop)
    folder = tempfile.mkdtemp(prefix="dmlseg-")
    try:
        tempfile.tempdir = os.environ["GRADIO_TEMP_DIR"] = folder
        yield Path(folder)
    finally:
        for _ in range(_TRIES):  # a thread may write while it is removed
            shutil.rmtree(folder, ignore_errors=True)
        tempfile.tempdir = usual
        os.environ.pop("GRADIO_TEMP_DIR", None)
        signal.signal(signal.SIGTERM, before)


def prepare(args: argparse.Namespace) -> FastAPI:
    """The app, from parsed flags.

    Raises:
        ParameterError: a flag's value; WeightsError: weights that cannot be used.
    """
    share_arenas()
    cap, auth = args.max_megapixels, login(args.auth)
    config, store = SceneConfig().with_quality(args.quality), SceneStore.usual()
    segmenter = Segmenter.load(args.weights, config=config, store=None if args.no_cache else store)
    stage = Stage(segmenter, Desks(args.memory * MEGABYTE), cap)
    for path in sample_photos()[:1]:  # what everybody sees first is there when the first one comes
        stage.analyst.ready(sample_photo(path))
    assistants = None if args.mcp is None else _assistants(args, stage)
    return assemble(
        stage, auth=auth, root_path=args.root_path or "", api=args.api, assistants=assistants
    )


def _assistants(args: argparse.Namespace, stage: Stage) -> Any:
    """The server of `dmlseg mcp` inside the app: its photos take their turn with the page's.

    Raises:
        ParameterError: others would reach the folder without a login.
    """
    if args.host not in LOOPBACK and args.auth is None:
        raise ParameterError("--mcp hands out photos: with --host it needs --auth USER:PASSWORD")
    network = InTurn(stage.analyst, stage.segmenter.config)
    return mcp_server(args.mcp, lambda: network, stage.max_megapixels, program_version())


def assemble(
    stage: Stage,
    *,
    auth: tuple[str, str] | None = None,
    root_path: str = "",
    api: bool = True,
    assistants: Any = None,
) -> FastAPI:
    """The stage's routes, the API's, Gradio's page beside them, one login for all."""
    service = service_of(stage) if api else None
    app = FastAPI(
        title="dmlseg", root_path=root_path, docs_url=None, redoc_url=None, openapi_url=None
    )
    mount(app, stage, service)
    if assistants is not None:
        mount_assistants(app, assistants, guarded=auth is not None)
    gr.mount_gradio_app(
        app, build(service), path="/", auth=auth, root_path=root_path or None, ssr_mode=False,
        show_error=False,  # what is no sentence of ours stays in the log
        max_file_size=f"{MAX_MEGABYTES:g}mb", css=CSS, footer_links=[], run_history=False,
        favicon_path=str(data_folder("assets") / "icon.svg"),
    )  # fmt: skip
    more = [CLIENT] * api + [ASSISTANTS] * (assistants is not None)
    app.add_middleware(Guard, more=more)
    return app


def service_of(stage: Stage) -> Service:
    """What answers programs: the network's turns are the stage's, photos have a place of their own,
    so that no program puts a user's photo away.
    """
    config, cap = stage.segmenter.config, stage.max_megapixels
    return Service(config, stage.analyst.scene, cap, Kept(stage.desks.limit))


def start(app: FastAPI, args: argparse.Namespace) -> tuple[Any, str]:
    """A server in a thread of its own, and its address.

    Raises:
        ParameterError: the port is taken.
    """
    from gradio.http_server import start_server  # noqa: PLC0415 - finds a free port

    try:
        _, _, url, server = start_server(app, args.host, args.port)  # type: ignore[arg-type]
    except OSError as error:
        raise ParameterError(f"the app cannot be served: {error}; choose another --port") from None
    server.config.http_protocol_class = PatientProtocol  # looked up for each connection
    return server, url


def has_screen() -> bool:
    """Whether a browser could be opened."""
    windows = sys.platform in ("win32", "darwin")  # elsewhere a screen is told by the environment
    return windows or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ


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
