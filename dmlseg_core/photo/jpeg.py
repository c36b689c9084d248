"""JPEG as the photo's own: tables, subsampling, order of the scans."""

from __future__ import annotations

from typing import Any

from dmlseg_core.photo.load import Photo


def jpeg_settings(like: Photo | None, quality: int | None) -> dict[str, Any]:
    """Pillow's options: those of the source where it was a JPEG and no quality is given."""
    # A hard color edge bleeds under subsampled chroma: full resolution unless the source's.
    sampling = (like.jpeg_subsampling if like is not None else None) or "4:4:4"
    settings: dict[str, Any] = {"subsampling": sampling}
    if like is not None and like.jpeg_progressive:
        settings["progressive"] = True
    if quality is None and like is not None and like.jpeg_tables:
        return settings | {"qtables": like.jpeg_tables}
    return settings | {"quality": quality or 95, "optimize": True}
