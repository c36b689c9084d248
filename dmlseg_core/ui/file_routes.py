"""The stage's routes for files: exports, recipes, masks, swatches."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from dmlseg_core.color import Swatch, parse_color, read_swatches, to_hex, write_ase, write_gpl
from dmlseg_core.config import PATTERN_MODE
from dmlseg_core.edit import MAX_TILE, Pattern
from dmlseg_core.errors import ParameterError
from dmlseg_core.photo import load_photo
from dmlseg_core.stage import (
    Asked,
    Desk,
    Work,
    exported,
    import_mask,
    one_way,
    page_state,
    use_file,
    work_of,
)
from dmlseg_core.ui.answers import RefusedError, body_of, json_of
from dmlseg_core.ui.routes import JPEG, MAX_MEGABYTES, Stage, drawn, index_of, locked
from dmlseg_core.words import told

_SWATCH_MEGABYTES = 8.0
_MOST_SWATCHES = 2000


def file_routes(stage: Stage) -> APIRouter:
    """Files out of a session and into it."""
    router = APIRouter()

    @router.post("/export")
    async def export_(request: Request) -> Response:
        asked = await json_of(request)
        desk, work, session = stage.session(request)
        now = await run_in_threadpool(locked(session, session.snapshot))
        made = await stage.slowly(partial(exported, work, now, asked, desk.language))
        notes = [told(desk.language, note) for note in made.notes]
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(made.name)}",
            "Cache-Control": "no-store",
            "X-Dmlseg-Notes": quote(json.dumps(notes, ensure_ascii=False)),
        }
        return Response(made.data, media_type=made.media_type, headers=headers)

    @router.get("/work")
    async def work_(request: Request) -> Response:
        _, _, session = stage.session(request)
        text = await run_in_threadpool(locked(session, partial(work_of, session)))
        return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})

    @router.post("/import")
    async def import_(request: Request, name: str = "") -> Any:
        data = await body_of(request, MAX_MEGABYTES)
        desk, work, _ = stage.session(request)
        async with desk.turn:
            return await stage.slowly(partial(_import, stage, desk, work, data, name))

    @router.post("/pattern/{number}")
    async def pattern(request: Request, number: int, scale: float = 1.0) -> Any:
        data = await body_of(request, MAX_MEGABYTES)
        desk, work, session = stage.session(request)
        async with desk.turn:
            act = partial(_print, desk, work, index_of(session, number), data, scale)
            return await stage.slowly(locked(session, act))

    @router.get("/colorway/{number}")
    async def colorway(request: Request, number: int, color: str, side: int = 360) -> Response:
        _, _, session = stage.session(request)
        side = min(max(side, 64), 1280)
        made = locked(session, lambda: one_way(session, index_of(session, number), color, side))
        data, delta_e = await run_in_threadpool(made)
        answer = drawn(request, data, JPEG)
        answer.headers["X-Delta-E"] = f"{delta_e:.2f}"
        answer.headers["X-Color"] = to_hex(parse_color(color))
        return answer

    return router


def _import(stage: Stage, desk: Desk, work: Work, data: bytes, name: str) -> dict[str, Any]:
    session = work.session
    assert session is not None
    before = session.scene
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        use_file(session, data, stage.analyst.scene)
    elif data:
        with session.lock:
            import_mask(session, data, name, stage.max_megapixels)
    else:
        raise RefusedError(422, "empty_file")
    desk.version += 1
    if session.scene is not before:
        work.hover = None
        stage.analyst.submit(desk, work, session.scene.config.quality)
    with session.lock:
        try:
            return page_state(desk, work, measure=True)
        except ParameterError:  # a gate that leaves nothing must not stay
            session.undo()
            raise


def _print(desk: Desk, work: Work, k: int, data: bytes, scale: float) -> dict[str, Any]:
    """A selection printed with a picture."""
    session = work.session
    assert session is not None
    tile = load_photo(data, max_megapixels=MAX_TILE)
    pattern = Pattern.of(tile.rgb, scale)
    style = replace(session.selections[k].style, mode=PATTERN_MODE, pattern=pattern)
    session.activate(k)
    session.set_style(style, drag="")
    desk.version += 1
    return page_state(desk, work, measure=True)


def swatch_routes() -> APIRouter:
    """Swatch files in and out; they belong to no photo."""
    router = APIRouter()

    @router.post("/swatches")
    async def swatches(request: Request, name: str = "swatches") -> Any:
        data = await body_of(request, _SWATCH_MEGABYTES)
        found = await run_in_threadpool(read_swatches, data, name)
        return {"colors": [{"name": s.name, "hex": s.hex} for s in found]}

    @router.get("/swatches.{suffix}")
    def written(suffix: str, colors: str) -> Response:
        write = {"ase": write_ase, "gpl": write_gpl}.get(suffix)
        if write is None:
            raise RefusedError(404, "no_such")
        headers = {"Content-Disposition": f'attachment; filename="swatches.{suffix}"'}
        data = write(_swatches(colors))
        return Response(data, media_type="application/octet-stream", headers=headers)

    return router


def _swatches(text: str) -> list[Swatch]:
    """A JSON list of {name, hex} or of colors."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError(400, "not_json") from None
    if not isinstance(items, list) or not 0 < len(items) <= _MOST_SWATCHES:
        raise ParameterError(f"give a list of 1 to {_MOST_SWATCHES} colors")
    found = []
    for item in items:
        one = Asked(item if isinstance(item, dict) else {"hex": item})
        color = one.text("hex")
        found.append(Swatch(one.text("name", color), to_hex(parse_color(color))))
    return found
