"""What a recipe may hold: a stranger's file costs no more than a person's own edits would.

Size is looked at before anything is parsed; what is left is bounded per selection by `Override`.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from dmlseg_core.edit.style import MAX_TILE
from dmlseg_core.errors import RecipeError

MAX_BYTES = 64 * 2**20
"""Of a file: a pattern of MAX_TILE megapixels travels in it."""
MAX_PARTS, MAX_COMMAS = 100_000, 400_000
"""Lists and objects; commas. A point is a list of its own."""
MAX_EDITS, MAX_GATES, MAX_TARGETS, MAX_TEXT = 300, 16, 16, 200
"""Edits of a recipe and selections of a photo, gates of a style, its materials with a color of
their own, characters of a text (but for a pattern's PNG)."""
_MAX_TILES = 4 * MAX_TILE
"""Megapixels of all patterns together."""
MAX_NUMBER = 2**53
"""Integers up to here are exact in every program that reads JSON (RFC 8259, section 6)."""


def read_text(path: str | Path) -> str:
    """Text of a recipe file; RecipeError where it cannot be read or is too large to be one."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # no more: it may be a pipe or a device
        if len(data) <= MAX_BYTES:
            return data.decode()
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is no text; give a recipe that dmlseg wrote") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecipeError(f"the recipe {path} cannot be read: {reason}") from None
    raise RecipeError(f"{path}: {_too_large('bytes', MAX_BYTES)}")


def parsed(text: str) -> Any:
    """The JSON value of a recipe's text.

    Raises:
        RecipeError: it is too large, or no JSON, or its patterns have too many pixels.
    """
    for name, found, most in (
        ("bytes", len(text), MAX_BYTES),
        ("lists and objects", text.count("[") + text.count("{"), MAX_PARTS),
        ("values", text.count(","), MAX_COMMAS),
    ):
        if found > most:
            raise RecipeError(_too_large(name, most))
    try:
        return json.loads(text, object_hook=_Tiles().counted)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"this is no JSON ({error}); give a recipe that dmlseg wrote") from None


def _too_large(name: str, most: int) -> str:
    return f"the recipe holds more than {most:,} {name}; give one that dmlseg wrote"


class _Tiles:
    """Counts the pixels of patterns, as their headers say, before one is decoded."""

    def __init__(self) -> None:
        self.pixels = 0

    def counted(self, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(png := values.get("png"), str):
            with suppress(ValueError):  # told with its place when the pattern is read
                self.pixels += png_pixels(base64.b64decode(png[:32], validate=True))
            if self.pixels > _MAX_TILES * 1e6:
                raise RecipeError(f"the patterns have more than {_MAX_TILES:g} megapixels together")
        return values


def png_pixels(data: bytes) -> int:
    """Width x height of a PNG, as its header says (ISO/IEC 15948, 11.2.2); ValueError: no PNG."""
    if len(data) < 24 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        raise ValueError("this is no PNG file")
    return int.from_bytes(data[16:20]) * int.from_bytes(data[20:24])
