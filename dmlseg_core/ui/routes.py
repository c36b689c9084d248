"""The stage's routes: sessions, photos, edits, and what is drawn of them (docs/stage.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from dmlseg_core.config import DIAL, MODES, QUALITIES
from dmlseg_core.edit import EditSession
from dmlseg_core.errors import ImageError
from dmlseg_core.photo import FORMATS, UNNAMED, Photo, load_photo
from dmlseg_core.scene import Segmenter
from dmlseg_core.stage import (
    Analyst,
    Asked,
    Desk,
    Desks,
    Work,
    band,
    edited,
    explained,
    mask_of,
    materials,
    page_state,
    preview,
    table,
    tile,
)
from dmlseg_core.ui.answers import (
    RefusedError,
    body_of,
    desk_of,
    file_name,
    json_of,
    language,
    latest,
    work_of,
)
from dmlseg_core.ui.many.shelves import Shelves
from dmlseg_core.ui.samples import sample_list, sample_of, sample_photo, sample_thumb

T = TypeVar("T")
BINARY, JPEG, PNG = "application/octet-stream", "image/jpeg", "image/png"
MAX_MEGABYTES = 400.0
"""Largest upload; the size in pixels is checked in the header before anything is decoded."""
_MOMENT, _PATIENCE = 0.01, 100
"""Seconds between two looks at an analysis; looks that one request waits."""


@dataclass(eq=False)
class Stage:
    """What all routes of one running app share.

    Attributes:
        segmenter: its network.
        desks: its users.
        max_megapixels: larger photos are refused.
        analyst: runs the network, one photo at a time.
        tiles: for pictures at full size, which an eye waits for.
        files: for what takes longer: exports, imports.
        shelves: sets of many photos.
    """

    segmenter: Segmenter
    desks: Desks
    max_megapixels: float
    analyst: Analyst = field(init=False)
    tiles: ThreadPoolExecutor = field(init=False)
    files: ThreadPoolExecutor = field(init=False)
    shelves: Shelves = field(default_factory=Shelves)

    def __post_init__(self) -> None:
        self.analyst = Analyst(self.segmenter, self.desks)
        self.tiles = ThreadPoolExecutor(2, "tiles")
        self.files = ThreadPoolExecutor(2, "files")

    def close(self) -> None:
        """Finish what runs."""
        self.shelves.close()
        self.analyst.close()
        for pool in (self.tiles, self.files):
            pool.shutdown(wait=False, cancel_futures=True)

    async def slowly(self, act: Callable[[], T], pool: ThreadPoolExecutor | None = None) -> T:
        """`act` in one of a pool's threads; those for files where none is named."""
        return await asyncio.get_running_loop().run_in_executor(pool or self.files, act)

    def desk(self, request: Request) -> Desk:
        """The desk of a request; its sentences follow the page's language."""
        desk = desk_of(self.desks, request)
        desk.language = language(request)
        return desk

    def here(self, request: Request) -> tuple[Desk, Work]:
        """The desk of a request and the photo on it."""
        desk = self.desk(request)
        return desk, work_of(desk, request)

    def session(self, request: Request) -> tuple[Desk, Work, EditSession]:
        """The same where the photo has been analysed.

        Raises:
            RefusedError: it has not.
        """
        desk, work = self.here(request)
        if work.session is None:
            raise RefusedError(409, "busy")
        return desk, work, work.session


def locked(session: EditSession, act: Callable[[], T]) -> Callable[[], T]:
    """`act` while nobody else changes the session."""

    def run() -> T:
        with session.lock:
            return act()

    return run


def index_of(session: EditSession, number: int) -> int:
    """Place of the selection with an id; RefusedError where it is gone."""
    found = [k for k, s in enumerate(session.selections) if s.id == number]
    if not found:
        raise RefusedError(404, "no_such")
    return found[0]


def opening_routes(stage: Stage) -> APIRouter:
    """Sessions, and photos onto them."""
    router = APIRouter()

    @router.post("/session")
    def session(request: Request) -> Any:
        desk = stage.desks.new(language(request))
        return {
            "session": desk.token, "language": desk.language,
            "limits": {"megabytes": MAX_MEGABYTES, "megapixels": stage.max_megapixels},
            "samples": sample_list(), "qualities": list(QUALITIES),
            "quality": stage.segmenter.config.quality, "modes": list(MODES), "dial": list(DIAL),
            "formats": sorted(FORMATS),
        }  # fmt: skip

    @router.post("/photo")
    async def photo(request: Request, name: str = "photo", quality: str | None = None) -> Any:
        desk = stage.desk(request)
        turn = desk.called()
        data = await body_of(request, MAX_MEGABYTES)
        read = partial(load_photo, data, max_megapixels=stage.max_megapixels)
        load = partial(latest, desk, turn, read)
        return await run_in_threadpool(opened, stage, desk, load, name, quality)

    @router.post("/sample/{sample_id}")
    async def sample(request: Request, sample_id: str, quality: str | None = None) -> Any:
        desk = stage.desk(request)
        if (path := sample_of(sample_id)) is None:
            raise RefusedError(404, "no_such")
        load = partial(latest, desk, desk.called(), partial(sample_photo, path))
        return await run_in_threadpool(opened, stage, desk, load, path.name, quality)

    @router.get("/sample/{sample_id}")
    def thumb(sample_id: str) -> Response:
        if (path := sample_of(sample_id)) is None:
            raise RefusedError(404, "no_such")
        return Response(sample_thumb(path), media_type=JPEG, headers=_FOREVER)

    @router.get("/state")
    async def state(request: Request, after: str = "") -> Any:
        desk, work = stage.here(request)
        for _ in range(_PATIENCE):  # until the phase is another one, or a while is over
            if desk.phase != after or desk.work is not work:
                break
            await asyncio.sleep(_MOMENT)
        if desk.error is not None and desk.phase == "failed":
            raise desk.error
        if work.session is None:
            return page_state(desk, work)
        measure = desk.phase == "ready"
        return await run_in_threadpool(
            locked(work.session, partial(page_state, desk, work, measure=measure))
        )

    return router


def opened(
    stage: Stage, desk: Desk, load: Callable[[], Photo], name: str, quality: str | None
) -> dict[str, Any]:
    """A photo on a desk, its analysis asked for; ImageError: it cannot be read, the old stays."""
    plain = file_name(name)
    try:
        photo = load()
    except ImageError as error:
        raise ImageError(str(error).replace(UNNAMED, plain)) from None
    if quality is not None:
        stage.segmenter.config.with_quality(quality)  # told before the old photo is put away
    desk.lay(work := Work(photo, plain))
    stage.desks.trim()
    stage.analyst.submit(desk, work, quality)
    return page_state(desk, work)


def edit_routes(stage: Stage) -> APIRouter:
    """Edits, one after the other."""
    router = APIRouter()

    @router.post("/edit")
    async def edits(request: Request) -> Any:
        asked = await json_of(request)
        desk, work, session = stage.session(request)
        async with desk.turn:
            if work is not desk.work:
                raise RefusedError(409, "gone")
            if asked.values.get("op") == "quality":
                stage.analyst.submit(desk, work, asked.text("name"))
                return page_state(desk, work)
            drawing = BINARY in request.headers.get("accept", "")
            act = partial(edited, desk, work, asked, drawing=drawing)
            made = await run_in_threadpool(locked(session, act))
        return drawn(request, made) if isinstance(made, bytes) else made

    return router


def picture_routes(stage: Stage) -> APIRouter:
    """What is drawn: pictures, masks, tables."""
    router = APIRouter()

    @router.get("/preview")
    async def preview_(request: Request, result: bool = False) -> Response:
        _, work = stage.here(request)
        made = partial(preview, work, result=result and work.session is not None)
        act = made if work.session is None else locked(work.session, made)
        return drawn(request, await run_in_threadpool(act), JPEG)

    @router.get("/fields")
    async def fields(request: Request) -> Response:
        _, work, _ = stage.session(request)
        if work.hover is None:
            raise RefusedError(409, "busy")
        return drawn(request, work.hover)

    @router.get("/mask/{number}")
    async def mask(request: Request, number: int) -> Response:
        _, work, session = stage.session(request)
        made = locked(session, lambda: mask_of(work, index_of(session, number)))
        return drawn(request, await run_in_threadpool(made))

    @router.get("/lut/{number}")
    async def lut(request: Request, number: int) -> Response:
        _, _, session = stage.session(request)
        asked = Asked(dict(request.query_params))
        made = locked(session, lambda: table(session, index_of(session, number), asked))
        return drawn(request, await run_in_threadpool(made))

    @router.get("/band/{number}")
    @router.get("/materials/{number}")
    async def part_(request: Request, number: int) -> Response:
        _, _, session = stage.session(request)
        make = materials if "/materials/" in request.url.path else band
        made = locked(session, lambda: make(session, index_of(session, number)))
        return drawn(request, await run_in_threadpool(made))

    @router.get("/tile/{level}/{x}/{y}")
    async def tile_(
        request: Request, level: int, x: int, y: int, original: bool = False
    ) -> Response:
        desk, work, _ = stage.session(request)
        made = await stage.slowly(
            partial(tile, desk, work, level, x, y, original=original), stage.tiles
        )
        stage.desks.trim()
        return drawn(request, made, PNG)

    @router.get("/explain")
    async def explain_(request: Request) -> Response:
        _, _, session = stage.session(request)
        asked = Asked(dict(request.query_params))
        made = await run_in_threadpool(locked(session, partial(explained, session, asked)))
        return drawn(request, made, PNG)

    return router


def drawn(request: Request, data: bytes, kind: str = BINARY) -> Response:
    """An answer of bytes; what is named by a version may stay in the browser."""
    named = bool(request.query_params.get("v"))
    keep = "private, max-age=31536000, immutable" if named else "private, no-store"
    return Response(data, media_type=kind, headers={"Cache-Control": keep})


_FOREVER = {"Cache-Control": "max-age=86400"}
