"""What the page shows: the answer to an edit, masks, previews, tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.edit import PREVIEW_SIDE, Selection, ground, shrunk, shrunk_photo
from dmlseg_core.errors import ParameterError
from dmlseg_core.photo import image_bytes, over, to_8_bits
from dmlseg_core.stage.asked import Asked
from dmlseg_core.stage.desks import Desk, Work
from dmlseg_core.stage.ops import edit
from dmlseg_core.stage.pack import pack
from dmlseg_core.stage.state import page_state

Bytes = NDArray[np.uint8]
TILE = 512
"""Pixels along a tile."""
_LEVELS = 12
_SHADES = 7
_QUALITY = 95


def preview(work: Work, *, result: bool) -> bytes:
    """JPEG of the photo at preview size; as recolored, where `result` says so and it is analysed.

    Color is stored at full resolution: at half, edges would look as if ours bled.
    """
    session = work.session
    if session is None:
        small = shrunk_photo(work.photo, PREVIEW_SIDE)
    elif result:
        return _jpeg(session.render())
    else:
        small = session.preview
    return _jpeg(ground(work.photo, small, checkered=True))


def mask_of(work: Work, k: int) -> bytes:
    """The soft mask of selection k at preview size, cut to its box, in 8 levels: for outlines and
    overlays, in few bytes. A buffer of `pack`.
    """
    return pack(*_mask_of(work, k))


def edited(desk: Desk, work: Work, asked: Asked, *, drawing: bool) -> dict[str, Any] | bytes:
    """Do one edit.

    Args:
        desk: whose it is.
        work: its photo, analysed; its session is locked by the caller.
        asked: the edit as `edit` takes it, its `seq`, and `again` where it is sent once more.
        drawing: the page takes a mask too: a hand that clicked waits for both.

    Returns:
        `page_state` after it; where the mask of the active selection is a new one and the page
        takes it, a buffer of `pack` whose header has `state`, and `of`, the id of the selection.

    Raises:
        ParameterError: a value that is missing or out of range, or a gate that leaves nothing;
            nothing is changed then.
    """
    session = _session(work)
    if asked.values.get("again") and asked.whole("seq", -1) == desk.seq:
        return page_state(desk, work, measure=True)  # done; its answer was lost
    before, dragged = session.history.now.selections, bool(asked.values.get("drag"))
    edit(session, asked.values)
    try:
        if session.selections != before and not dragged:
            session.render()  # a gate that leaves nothing must be told now, and not stay
    except ParameterError:
        session.undo()
        raise
    desk.version += session.selections is not before
    desk.seq = asked.whole("seq", desk.seq)
    state, k = page_state(desk, work), session.active
    if not drawing or dragged or k is None or _drawn(before, session.selections[k]):
        return state
    header, arrays = _mask_of(work, k)
    return pack({"state": state, "of": session.selections[k].id, **header}, arrays)


def _drawn(before: Sequence[Selection], now: Selection) -> bool:
    """Whether the page has a selection's mask already."""
    shape = now.id, now.where, now.matting
    return any((s.id, s.where, s.matting) == shape for s in before)


def _mask_of(work: Work, k: int) -> tuple[dict[str, Any], dict[str, Bytes]]:
    session = _session(work)
    patch = session.easel.alpha(session.selections[k], session.mask_of(k))
    height, width = session.preview.shape[:2]
    rows, columns = patch.box
    levels = np.rint(np.rint(patch.values * _SHADES) * (255 / _SHADES)).astype(np.uint8)
    box = [columns.start, rows.start, columns.stop, rows.stop]
    return {"box": box, "size": [width, height]}, {"mask": levels}


def tile(desk: Desk, work: Work, level: int, x: int, y: int, *, original: bool) -> bytes:
    """PNG of a tile, exactly the pixels that an exported PNG has; where that is transparent, over
    the squares of the preview.

    Args:
        desk: whose version of the edits it is of.
        work: its photo.
        level: 0 is full size, each further one half of it.
        x, y: column and row of the tile.
        original: the photo as it was.

    Raises:
        ParameterError: there is no such tile.
    """
    height, width = work.photo.size
    step = 1 << level if 0 <= level < _LEVELS else 0
    if not (step and 0 <= x * TILE * step < width and 0 <= y * TILE * step < height):
        raise ParameterError(f"there is no tile {level}/{x}/{y}")
    full = work.photo.rgb if original else full_size(desk, work)
    top, left, side = y * TILE * step, x * TILE * step, TILE * step
    cut = slice(top, top + side), slice(left, left + side)
    part, alpha = full[cut], work.photo.alpha
    if alpha is not None:
        scale = _session(work).preview.shape[1] / width
        corner = top * scale, left * scale
        part = over(part, alpha[cut], checkered=True, at=corner, zoom=scale)
    if step > 1:
        size = (-(-part.shape[1] // step), -(-part.shape[0] // step))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return _png(part)


def full_size(desk: Desk, work: Work) -> Bytes:
    """(H, W, 3) uint8 of the recolored photo, made once for each version of the edits."""
    session = _session(work)
    with work.lock:  # not the session's: edits go on meanwhile
        with session.lock:
            version, now = desk.version, session.snapshot()
        if work.full is None or work.full[0] != version:
            work.full = None
            work.full = version, to_8_bits(now.render(full=True))
        return np.asarray(work.full[1], np.uint8)


def sample_thumbnail(rgb: Bytes) -> bytes:
    """JPEG of a sample photo, small."""
    return _jpeg(shrunk(rgb, 240), 85)


def _session(work: Work) -> Any:
    if work.session is None:
        raise ParameterError("the photo is still being analysed; try again in a moment")
    return work.session


def _jpeg(rgb: Bytes, quality: int = _QUALITY) -> bytes:
    return image_bytes(Image.fromarray(rgb), "JPEG", quality=quality, subsampling=0)


def _png(pixels: Bytes) -> bytes:
    """Fast rather than small: it is thrown away with the next edit."""
    done, data = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return data.tobytes()
