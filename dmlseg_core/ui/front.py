"""The page's own files, and its head: the stage is there before Gradio's frame.

Gradio's script builds its frame first and the component in it last, a second or more later. So the
page's head starts the stage by itself and Gradio's script waits until the photo is seen; the
component then finds the stage and lets it be (assets/stage/load.js).
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmlseg_core.ui.answers import RefusedError
from dmlseg_core.ui.joined import joined
from dmlseg_core.ui.page import stage_files

SHEETS = ("look.css", "layout.css", "parts.css")
"""In the order in which they count."""
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_NAME = re.compile(r"[\w-]+\.\w+")
_FRAME = re.compile(r'<script type="module"(?: crossorigin)? src="([^"]+)"></script>')
"""How Gradio's page asks for Gradio's script."""
_LOGIN = re.compile(r'"auth_required"\s*:\s*true')
_GROUND = (
    "<style>html{background:#cfcfcf}"
    "@media(prefers-color-scheme:dark){html{background:#171717}}</style>"
)
"""The stage's own ground, so that nothing flashes."""


def files() -> APIRouter:
    """The modules and style sheets: no secret, and the login page may come before them."""
    router = APIRouter()

    @router.get("/stage/js/{name}")
    async def module(request: Request, name: str) -> Response:
        return _answer(request, name, "no-cache")

    @router.get("/stage/js/{asked}/{name}")
    async def lasting(request: Request, asked: str, name: str) -> Response:
        now = version()
        keep = "max-age=31536000, immutable" if asked == now else "no-cache"
        if name in ("page.js", "page.css"):
            return _sent(request, _whole(name, now), now, name[4:], keep)
        return _answer(request, name, keep)

    return router


def _answer(request: Request, name: str, keep: str) -> Response:
    path = _folder() / name
    if not (_NAME.fullmatch(name) and path.suffix in _TYPES and path.is_file()):
        raise RefusedError(404, "no_such")
    small, tag = _packed(path, path.stat().st_mtime_ns)
    return _sent(request, small, tag, path.suffix, keep)


def _sent(request: Request, small: bytes, tag: str, suffix: str, keep: str) -> Response:
    headers = {"ETag": f'"{tag}"', "Cache-Control": keep, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(small), media_type=_TYPES[suffix], headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(small, media_type=_TYPES[suffix], headers=headers)


@lru_cache(256)
def _packed(path: Path, changed: int) -> tuple[bytes, str]:
    """A file compressed once for each time of its last change, and the name of its content."""
    data = path.read_bytes()
    return gzip.compress(data, 9), hashlib.sha256(data).hexdigest()[:24]


def _folder() -> Path:
    return stage_files() / "js"


def version() -> str:
    """Names what all files are now: a part of their addresses, so that browsers may keep them."""
    return _version(tuple((p.name, p.stat().st_mtime_ns) for p in sorted(_folder().iterdir())))


@lru_cache(8)
def _whole(name: str, now: str) -> bytes:
    """All modules as one script, or all style sheets as one, compressed once for each version."""
    if name == "page.js":
        text = joined(lambda module: (_folder() / f"{module}.js").read_text("utf-8"), "ahead")
    else:
        text = "\n".join((_folder() / sheet).read_text("utf-8") for sheet in SHEETS)
    return gzip.compress(text.encode(), 9)


@lru_cache(4)
def _version(seen: tuple[tuple[str, int], ...]) -> str:
    tags = (_packed(_folder() / name, changed)[1] for name, changed in seen)
    return hashlib.sha256(" ".join(tags).encode()).hexdigest()[:16]


def ahead(page: str) -> str:
    """Gradio's page with the stage in its head; a page that asks for a login stays as it is, and so
    does one that asks for no script: the stage then comes with its component.
    """
    frame = _FRAME.search(page)
    if frame is None or _LOGIN.search(page):
        return page
    at = f"./stage/js/{version()}"
    sheet = f'<link rel="preload" as="style" href="{at}/page.css">'
    script = f'<script type="module" src="{at}/page.js" data-frame="{frame[1]}"></script>'
    return "\n".join([page[: frame.start()], _GROUND, sheet, script, page[frame.end() :]])


class Front:
    """Middleware around Gradio's app, inside of compression: `ahead` on the page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on; the page is changed on its way out."""
        root = str(scope.get("root_path", "")).rstrip("/")
        page = scope["type"] == "http" and scope["method"] == "GET"
        if page and str(scope["path"]).removeprefix(root) in ("", "/"):
            send = _Page(send).send
        await self.app(scope, receive, send)


class _Page:
    """One answer, held back until it is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body, headers = b"".join(self._parts), MutableHeaders(scope=self._start)
        plain = headers.get("content-type", "").startswith("text/html")
        if plain and "content-encoding" not in headers:
            body = ahead(body.decode()).encode()
            headers["content-length"] = str(len(body))
            headers["cache-control"] = "no-cache"  # it names the files' version
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})
