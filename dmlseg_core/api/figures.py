"""What is told of a photo, of an object and of how it was recolored: values that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dmlseg_core.color import to_hex
from dmlseg_core.edit import EditSession
from dmlseg_core.edit import Painted as Result
from dmlseg_core.photo import Photo
from dmlseg_core.scene import Mask


def photo_figures(photo: Photo) -> dict[str, Any]:
    """What is told of a photo."""
    return {
        "width": photo.width, "height": photo.height, "format": photo.format,
        "digest": photo.digest, "notes": list(photo.notes),
    }  # fmt: skip


def object_figures(session: EditSession, mask: Mask) -> dict[str, Any]:
    """What is told of a mask: its point, class, color, and its share of the photo."""
    y, x = session.scene.frame.point_of(mask.seed.y, mask.seed.x)
    return {
        "x": round(x), "y": round(y), "tau": round(mask.seed.tau, 6),
        "class_name": mask.class_name, "score": round(mask.score, 4),
        "share": round(float(mask.grid.mean()), 5),
        "color": to_hex(session.median_color(mask) / 255),
    }  # fmt: skip


def painted_figures(session: EditSession, painted: Result) -> dict[str, Any]:
    """What is told of an object and of how it was recolored."""
    made = painted.made
    report = None if made.report is None else {
        name: round(value, 4) for name, value in asdict(made.report).items()
    }  # fmt: skip
    return {
        **object_figures(session, painted.mask),
        "delta_e": round(made.told_delta_e, 4), "color_delta_e": round(made.delta_e, 4),
        "anchor": made.anchor, "result_anchor": made.result_anchor,
        "pixels": report, "notes": list(made.notes),
        "palette": [{"hex": one.color, "share": round(one.share, 4)} for one in made.palette],
    }  # fmt: skip
