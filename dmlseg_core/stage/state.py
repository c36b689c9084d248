"""What the page shows of a desk, as one JSON object: it is all of it, so nothing can be missed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from dmlseg_core.color import parse_color, read_color, to_hex
from dmlseg_core.config import AMOUNTS, PATTERN_MODE, TARGET_MODES
from dmlseg_core.edit import PREVIEW_SIDE, STOPS, EditSession, Selection
from dmlseg_core.measure import mask_iou
from dmlseg_core.paint import Recolored
from dmlseg_core.scene import Mask, Override, Scene
from dmlseg_core.stage.desks import Desk, Work
from dmlseg_core.stage.hover import shown_proposals
from dmlseg_core.words import class_label, color_word, say, told

_HIT = 2.0
"""Delta-E up to which a color counts as met."""
_NAMED = 0.6
"""IoU with a proposal of a known class, from which on a selection is called by it."""
_SURE = 0.5
_CLIPPED = 0.05


def page_state(desk: Desk, work: Work, *, measure: bool = False) -> dict[str, Any]:
    """The state of a desk.

    Args:
        desk: whose it is.
        work: its photo.
        measure: paint what has not been painted yet, so that every Delta-E is there.
    """
    session = work.session
    made: dict[str, Any] = {
        "seq": desk.seq, "version": desk.version, "look": "", "phase": desk.phase,
        "photo": _photo(work, desk.language),
        "selections": [], "active": None, "proposals": [], "can_undo": False, "can_redo": False,
        "history": [], "step": 0,
    }  # fmt: skip
    if session is None:
        return made
    if measure:
        session.render()
    names = names_of(session, desk.language)
    active = None if session.active is None else session.selections[session.active].id
    return {
        **made,
        "look": fingerprint(desk, session, [s for s in session.selections if s.shown]),
        "quality": session.scene.config.quality,
        "connected": session.keeps_connected,
        "selections": _selections(desk, session, names),
        "active": active,
        "proposals": _proposals(session, desk.language),
        "can_undo": session.can_undo,
        "can_redo": session.can_redo,
        "history": _history(session, desk.language, names),
        "step": session.history.at,
    }


def _photo(work: Work, language: str) -> dict[str, Any]:
    photo = work.photo
    height, width = photo.size
    if work.session is not None:
        height, width = work.session.preview.shape[:2]
    else:
        scale = min(1.0, PREVIEW_SIDE / max(height, width))
        height, width = (max(1, round(n * scale)) for n in (height, width))
    return {
        "name": work.name, "width": photo.width, "height": photo.height, "digest": photo.digest,
        "preview": [width, height], "notes": [told(language, note) for note in photo.notes],
        "deep": photo.deep is not None, "alpha": photo.alpha is not None, "format": photo.format,
    }  # fmt: skip


def _proposals(session: EditSession, language: str) -> list[dict[str, Any]]:
    out = []
    for k, mask in enumerate(shown_proposals(session), 1):
        y, x = session.scene.frame.point_of(mask.seed.y, mask.seed.x)
        name = class_label(language, mask.class_name if mask.score >= _SURE else "object")
        word = color_word(language, session.median_color(mask))
        out.append({
            "id": k, "name": name, "word": word, "score": round(mask.score, 3),
            **_extent(mask), "x": round(x), "y": round(y), "tau": mask.seed.tau,
        })  # fmt: skip
    return out


def _extent(mask: Mask) -> dict[str, Any]:
    """Area as a share of the photo, and the box [x0, y0, x1, y1) in photo pixels; remembered while
    the mask lives: a page asks for those of all proposals after every edit.
    """
    if (found := _extents.get(mask)) is None:
        left, top, width, height = cv2.boundingRect(mask.grid.view(np.uint8))
        (h, w), (rows, columns) = mask.grid.shape, mask.frame.photo_size
        box = [int(left * columns / w), int(top * rows / h)]
        box += [round((left + width) * columns / w), round((top + height) * rows / h)]
        found = _extents[mask] = {"area": round(float(mask.grid.mean()), 5), "box": box}
    return found


_extents: WeakKeyDictionary[Mask, dict[str, Any]] = WeakKeyDictionary()


def fingerprint(desk: Desk, session: EditSession, selections: Sequence[Selection]) -> str:
    """Names what selections look like on a desk: the same text, the same pixels."""
    sha = hashlib.blake2b(f"{desk.token} {session.photo.digest}".encode(), digest_size=9)
    sha.update(repr(session.scene.config).encode())
    for s in selections:
        sha.update(f"{s.where} {s.style}".encode())
        for brought in (s.where.given, s.pattern):  # which a text of them leaves out
            sha.update(brought.png if brought else b"")
    return sha.hexdigest()


def _selections(desk: Desk, session: EditSession, names: Sequence[str]) -> list[dict[str, Any]]:
    items = session.items()
    made = {item[0]: session.easel.known(items, at) for at, item in enumerate(items)}
    return [
        {
            **_selection(session, k, names[k], made.get(k), desk.language),
            "shape": fingerprint(desk, session, [_bare(selection)]),
        }
        for k, selection in enumerate(session.selections)
    ]


def _bare(selection: Selection) -> Selection:
    """What its mask depends on, and how much of it is painted."""
    return Selection(
        selection.where,
        matting=selection.matting,
        gates=selection.gates,
        materials=selection.materials,
        targets=selection.targets,
    )


def _selection(
    session: EditSession, k: int, name: str, made: Recolored | None, language: str
) -> dict[str, Any]:
    selection = session.selections[k]
    mask, where = session.mask_of(k), selection.where
    meant = session.meant_by(k)
    points = [(where.y, where.x, True), *((y, x, True) for y, x in where.add),
              *((y, x, False) for y, x in where.subtract)]  # fmt: skip
    return {
        "id": selection.id,
        "name": name,
        "named": bool(selection.name),
        "word": color_word(language, session.median_color(mask)),
        "color": selection.color,
        "hex": to_hex(parse_color(selection.color)) if selection.color else None,
        "style": _style(selection),
        "painted": selection.painted,
        "tau": mask.seed.tau,
        "auto": where.tau is None,
        "stops": {name: getattr(meant, name) for name in STOPS},
        "parts": {"small_part": meant.small_part, "large_part": meant.large_part},
        **_extent(mask),
        "visible": selection.visible,
        "locked": selection.locked,
        "at": {"x": where.x, "y": where.y},
        "points": [{"x": x, "y": y, "add": add} for y, x, add in points],
        "simple": selection.simple,
        "own": to_hex(session.median_color(mask)),
        "delta_e": _delta_e(selection, made, language),
        "notes": [told(language, note) for note in made.notes] if made else [],
        "summary": _summary(session, k, name, made, language),
    }


def _style(selection: Selection) -> dict[str, Any]:
    return {
        "color": selection.color, "mode": selection.mode, "strength": selection.strength,
        "protect_highlights": selection.protect_highlights, "amount": selection.amount,
        "gates": [asdict(gate) for gate in selection.gates], "matting": selection.matting,
        "gloss": selection.gloss,
        "pattern": selection.pattern is not None, "materials": selection.materials,
        "targets": [{"color": color, "target": target} for color, target in selection.targets],
    }  # fmt: skip


def names_of(session: EditSession, language: str) -> list[str]:
    """What each selection is called: the user's name; else its class, where a proposal of that
    class is the same thing, numbered where there are several, the oldest first.
    """
    kinds = [class_of(session, session.mask_of(k)) for k in range(len(session.selections))]
    alike: dict[str, list[int]] = {}
    for selection, kind in zip(session.selections, kinds, strict=True):
        if not selection.name:
            alike.setdefault(kind, []).append(selection.id)
    number = {s: k for ids in alike.values() for k, s in enumerate(sorted(ids), 1)}
    made = []
    for selection, kind in zip(session.selections, kinds, strict=True):
        label = selection.name or class_label(language, kind)
        if not selection.name and len(alike[kind]) > 1:
            label = say(language, "numbered", name=label, number=number[selection.id])
        made.append(label)
    return made


def class_of(session: EditSession, mask: Mask) -> str:
    """Class of a mask, where a proposal of that class is the same thing; else "object"."""
    cell = mask.seed.y, mask.seed.x
    same = (
        m.class_name
        for m in session.proposals
        if m.grid[cell] and m.score >= _SURE and mask_iou(m.grid, mask.grid) >= _NAMED
    )
    return next(same, "object")


def _summary(session: EditSession, k: int, name: str, made: Recolored | None, language: str) -> str:
    """A selection in one line, for a list and for those who hear the page."""
    selection, mask = session.selections[k], session.mask_of(k)
    share = 100 * float(mask.grid.mean())
    text = say(
        language, "summary", name=name,
        share=f"{share:.0f}" if share >= 1 else f"{share:.1f}" if share >= 0.05 else "< 0.1",
        color=color_word(language, session.median_color(mask)),
    )  # fmt: skip
    if selection.painted and selection.mode in TARGET_MODES:
        rgb = np.rint(255 * np.array(parse_color(str(selection.color)))).astype(np.uint8)
        text += say(language, "recolored", color=color_word(language, rgb))
        text += say(language, "hit", delta_e=made.told_delta_e) if made else ""
    elif selection.painted:
        text += say(language, "changed", mode=say(language, selection.mode))
    return text if selection.visible else text + say(language, "hidden")


def _delta_e(selection: Selection, made: Recolored | None, language: str) -> dict[str, Any] | None:
    if made is None:
        return None
    report = made.report
    figures = {"median": made.delta_e} if report is None else {
        "median": report.median, "p95": report.p95, "within2": report.within_2,
        "clipped": report.clipped, "posterized": report.posterized,
    }  # fmt: skip
    off = max(made.delta_e, figures["median"])
    missed = selection.mode in TARGET_MODES and off > _HIT
    why = _why(selection, figures.get("clipped", 0.0))
    return {
        **{name: round(value, 3) for name, value in figures.items()},
        "color": round(made.delta_e, 2), "before": made.anchor, "after": made.result_anchor,
        "met": not missed,
        "reason": say(language, f"why_{why}", color=selection.color) if missed else None,
    }  # fmt: skip


def _why(selection: Selection, clipped: float) -> str:
    """A word for why a color was not met."""
    if selection.mode in AMOUNTS or selection.mode == PATTERN_MODE:
        return "range"
    color = read_color(str(selection.color))
    if color.note:
        return "gamut"
    if selection.strength < 1:
        return "strength"
    if selection.mode == "tint":
        return "tint"
    if clipped > _CLIPPED:
        return "clipped"
    level = float(np.mean(color.rgb))
    return "white" if level > 0.93 else "black" if level < 0.07 else "range"


def _history(session: EditSession, language: str, names: Sequence[str]) -> list[str]:
    """What was done in each step; what it was done to may be undone or removed by now."""
    today = {s.id: n for s, n in zip(session.selections, names, strict=True)}
    known, kinds, out = _kinds.get(session.scene, {}), {}, []
    before: tuple[Selection, ...] = ()
    for step in session.history.steps:
        about = next((s for s in (*step.selections, *before) if s.id == step.about), None)
        name = today.get(step.about) or class_label(language, "object")
        if about is not None and step.about not in today:
            where = about.where
            kinds[where] = known.get(where) or class_of(session, session.mask(where))
            name = class_label(language, kinds[where])
        name = (about and about.name) or name
        out.append(say(language, f"did_{step.label}", name=name))
        before = step.selections
    _kinds[session.scene] = kinds
    return out


_kinds: WeakKeyDictionary[Scene, dict[Override, str]] = WeakKeyDictionary()
"""Classes of what is in a history and not in the list: masks are costly."""
