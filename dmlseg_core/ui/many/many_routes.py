"""The stage's routes for many photos: a set of them, one recipe for all (docs/stage.md)."""

from __future__ import annotations

import asyncio
import io
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from PIL import Image

from dmlseg_core.edit import Choice, Edit, Recipe, Style, from_json, to_json
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.folder import PhotoRow
from dmlseg_core.stage import MEGABYTE, Asked, Desk, InTurn
from dmlseg_core.ui.answers import RefusedError, body_of, json_of, latest
from dmlseg_core.ui.many.shelf import Shelf
from dmlseg_core.ui.routes import JPEG, Stage, drawn, locked, opened
from dmlseg_core.words import class_label, told

MEGABYTES = 128.0
"""Largest photo of a set."""
_THUMB = 360
_MOMENT, _PATIENCE = 0.05, 40
_NONE: dict[str, Any] = {
    "version": -1,
    "running": False,
    "error": None,
    "done": 0,
    "classes": [],
    "photos": [],
}
"""A set that nobody has begun."""
_KINDS = ("found", "before", "after")


def many_routes(stage: Stage) -> APIRouter:
    """A set of photos of each user."""
    router = APIRouter(prefix="/many")

    @router.get("")
    async def state(request: Request, after: int = -1) -> Any:
        desk = stage.desk(request)
        shelf = stage.shelves.get(desk.token)
        if shelf is None:
            return _NONE
        for _ in range(_PATIENCE):  # until something has changed, or a while is over
            if shelf.version != after or not shelf.running:
                break
            await asyncio.sleep(_MOMENT)
        return await run_in_threadpool(_told, desk, shelf)

    @router.post("/photo")
    async def photo(request: Request, name: str) -> Any:
        desk = stage.desk(request)
        data = await body_of(request, MEGABYTES)
        if not data:
            raise RefusedError(422, "empty_file")
        shelf = stage.shelves.get(desk.token, make=True)
        assert shelf is not None
        try:
            added = await run_in_threadpool(shelf.add, name, data)
        finally:  # a set that was begun by a photo that is none counts, too
            await run_in_threadpool(stage.shelves.trim)
        return {"name": added, "count": len(shelf.names)}

    @router.post("/run")
    async def run(request: Request) -> Any:
        asked = await json_of(request, 64)
        desk, shelf = _here(stage, request)
        await run_in_threadpool(_start, stage, desk, shelf, asked)
        return await run_in_threadpool(_told, desk, shelf)

    @router.post("/stop")
    async def stop(request: Request) -> Any:
        desk, shelf = _here(stage, request)
        shelf.stop()
        return await run_in_threadpool(_told, desk, shelf)

    @router.post("/clear")
    async def clear(request: Request) -> Any:
        await run_in_threadpool(stage.shelves.drop, stage.desk(request).token)
        return {}

    _single_routes(router, stage)
    return router


def _single_routes(router: APIRouter, stage: Stage) -> None:
    """What is done with one photo of a set, and the files of all."""

    @router.get("/thumb")
    async def thumb(request: Request, name: str, kind: str = "found") -> Response:
        _, shelf = _here(stage, request)
        path = _picture(shelf, name, kind)
        try:
            return drawn(request, await run_in_threadpool(_small, path), JPEG)
        except FileNotFoundError:  # the set was thrown away, or a run replaces it, at this moment
            raise RefusedError(404, "no_such") from None

    @router.post("/open")
    async def open_(request: Request, name: str) -> Any:
        desk, shelf = _here(stage, request)
        _photo(shelf, name)
        read = partial(shelf.load, name, stage.max_megapixels)
        load = partial(latest, desk, desk.called(), read)
        return await run_in_threadpool(opened, stage, desk, load, Path(name).name, None)

    @router.get("/recipe")
    async def recipe(request: Request) -> Response:
        _, shelf = _here(stage, request)
        text = "null" if shelf.recipe is None else to_json(shelf.recipe)
        return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})

    @router.post("/keep")
    async def keep(request: Request, name: str) -> Any:
        _, shelf = _here(stage, request)
        _photo(shelf, name)
        desk, _, session = stage.session(request)
        made = await run_in_threadpool(locked(session, partial(session.to_recipe, "point")))
        turn = InTurn(stage.analyst, made.scene)
        batch = partial(shelf.batch, turn, made, stage.max_megapixels, name)
        await stage.slowly(lambda: shelf.keep(batch()))
        return await run_in_threadpool(_told, desk, shelf)

    @router.get("/zip")
    async def zip_(request: Request) -> Response:
        _, shelf = _here(stage, request)
        headers = {
            "Content-Disposition": 'attachment; filename="dmlseg-photos.zip"',
            "Cache-Control": "no-store",
        }  # fmt: skip
        return StreamingResponse(shelf.zipped(), media_type="application/zip", headers=headers)


def _here(stage: Stage, request: Request) -> tuple[Desk, Shelf]:
    """The desk of a request and its set of photos.

    Raises:
        RefusedError: there is none, or it was thrown away.
    """
    desk = stage.desk(request)
    shelf = stage.shelves.get(desk.token)
    if shelf is None:
        raise RefusedError(404, "many_none")
    return desk, shelf


def _photo(shelf: Shelf, name: str) -> Path:
    try:
        return shelf.path(name)
    except KeyError:
        raise RefusedError(404, "no_such") from None


def _start(stage: Stage, desk: Desk, shelf: Shelf, asked: Asked) -> None:
    recipe = shelf.recipe if asked.has("again") else _recipe(stage, desk, asked)
    config = stage.segmenter.config if recipe is None else recipe.scene
    stage.shelves.trim()
    if shelf.held() > stage.shelves.limit:
        limit = stage.shelves.limit // MEGABYTE
        raise ParameterError(f"this set takes more than {limit} MB; save it and start another set")
    made = shelf.batch(InTurn(stage.analyst, config), recipe, stage.max_megapixels)
    shelf.start(made, recipe)


def _recipe(stage: Stage, desk: Desk, asked: Asked) -> Recipe | None:
    """What is asked of every photo: a recipe, the stage's work, a class and a color, or nothing.

    Raises:
        RecipeError: it is none, or paints nothing. ParameterError: another value that is wrong.
    """
    if asked.has("recipe"):
        return from_json(asked.text("recipe", most=64 << 20))
    if asked.has("by"):
        session = None if desk.work is None else desk.work.session
        if session is None:
            raise RefusedError(409, "busy")
        by = asked.choice("by", ("likeness", "class"))
        made: Recipe = locked(session, partial(session.to_recipe, by))()
        if not made.edits:
            raise RecipeError("nothing is painted on the open photo; paint something first")
        return made
    if not asked.has("class"):
        return None
    style = Style(color=asked.text("color"))
    edit = Edit(Choice(asked.text("class")), style)
    return Recipe(
        InTurn(stage.analyst, stage.segmenter.config).weights, stage.segmenter.config, (edit,)
    )


def _picture(shelf: Shelf, name: str, kind: str) -> Path:
    """The file that a small picture is made of."""
    _photo(shelf, name)
    row = shelf.rows.get(name)
    thumbs = row.files.get("thumbs", ()) if row is not None else ()
    places = {"before": thumbs[:1], "after": thumbs[1:2]}
    found = places.get(kind, row.files.get("overlays", ()) if row is not None else ())
    if kind not in _KINDS or not found:
        raise RefusedError(404, "no_such")
    return shelf.out / found[0]


def _small(path: Path) -> bytes:
    with Image.open(path) as image:
        image.draft("RGB", (_THUMB, _THUMB))
        image.thumbnail((_THUMB, _THUMB))
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


def _told(desk: Desk, shelf: Shelf) -> dict[str, Any]:
    """What the page shows of a set."""
    with shelf.lock:
        rows = [(name, shelf.rows.get(name)) for name in shelf.names]
        found = sorted({i.class_name for _, r in rows if r for i in r.instances} - {"object"})
        return {
            "version": shelf.version, "running": shelf.running,
            "error": None if shelf.error is None else told(desk.language, str(shelf.error)),
            "done": sum(row is not None for _, row in rows),
            "classes": [{"id": name, "name": class_label(desk.language, name)} for name in found],
            "photos": [_card(desk, shelf, name, row) for name, row in rows],
        }  # fmt: skip


def _card(desk: Desk, shelf: Shelf, name: str, row: PhotoRow | None) -> dict[str, Any]:
    if row is None:
        return {"name": name, "status": "waiting"}
    painted = [i for i in row.instances if i.target is not None or i.output is not None]
    off = [i.delta_e for i in painted if i.delta_e is not None]
    thumbs = row.files.get("thumbs", ())
    return {
        "name": name, "status": row.status, "by_hand": name in shelf.by_hand,
        "objects": len({i.instance for i in row.instances}), "painted": len(painted),
        "delta_e": round(max(off), 1) if off else None,
        "notes": [told(desk.language, note) for note in row.notes],
        "error": row.error and told(desk.language, shelf.without(row.error)),
        "thumb": "after" if len(thumbs) > 1 else "found" if row.files.get("overlays") else None,
        "look": blake2b(f"{row.digest} {row.instances}".encode(), digest_size=9).hexdigest(),
    }  # fmt: skip
