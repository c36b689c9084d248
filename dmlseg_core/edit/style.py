"""What a selection is to look like: `recolor`'s options as a value that can be stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.config import (
    AMOUNTS,
    GLOSS,
    MATERIALS,
    MODES,
    PATTERN_MODE,
    PATTERN_SCALE,
    PROTECT_HIGHLIGHTS,
    STRENGTH,
)
from dmlseg_core.errors import ImageError, ParameterError
from dmlseg_core.paint import ColorGate, Look, Target, check_materials
from dmlseg_core.photo import image_bytes, load_photo

MAX_TILE = 16.0
"""Megapixels of a pattern: a recipe carries it whole."""


@dataclass(frozen=True)
class Pattern:
    """A texture for the mode `pattern`.

    Attributes:
        png: the tile as the bytes of a PNG file, sRGB.
        scale: photo pixels per pixel of the tile.
    """

    png: bytes = field(repr=False)
    scale: float = 1.0

    def __post_init__(self) -> None:
        PATTERN_SCALE.check(self.scale)

    @classmethod
    def of(cls, tile: NDArray[np.uint8], scale: float = 1.0) -> Self:
        """From (h, w, 3) uint8 sRGB."""
        if tile.ndim != 3 or tile.shape[2] != 3 or tile.dtype != np.uint8 or not tile.size:
            raise ParameterError(f"a pattern is (h, w, 3) uint8; got {tile.shape} {tile.dtype}")
        return cls(image_bytes(Image.fromarray(tile), "PNG"), scale)

    @property
    def tile(self) -> NDArray[np.uint8]:
        """(h, w, 3) uint8; ParameterError where the bytes are no picture."""
        return _tile(self.png)


@lru_cache(2)
def _tile(png: bytes) -> NDArray[np.uint8]:
    """Only the last ones stay decoded: edits and their history hold many."""
    try:
        return load_photo(png, max_megapixels=MAX_TILE).rgb
    except ImageError as error:
        raise ParameterError(f"the pattern is no usable picture: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a selection is recolored: the fields of `paint.Look`, its gates and its edge.

    Attributes:
        color: target color text for the modes match and tint; None = not recolored.
        mode: one of config.MODES.
        strength, protect_highlights: 0 .. 1.
        gloss: wet, satin or matte: what becomes of reflections; see config.GLOSS.
        amount: for the modes of config.AMOUNTS; None = not recolored.
        gates: only pixels near these colors are painted, or all but those.
        pattern: the texture for the mode pattern; None = not recolored.
        materials, targets: which of the object's materials are painted; see `paint.Look`. Where
            there are gates, they say it instead.
        matting: find hair and fur about the edge (`edge.matte_alpha`); slow on large photos.

    Raises:
        ParameterError: an unknown mode, or a value out of its range.
    """

    color: str | None = None
    mode: str = "match"
    strength: float = 1.0
    protect_highlights: float = 1.0
    amount: float | None = None
    gates: tuple[ColorGate, ...] = ()
    pattern: Pattern | None = None
    matting: bool = False
    gloss: str = "wet"
    materials: str = MATERIALS[0]
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ParameterError(f"mode must be one of {MODES}; got {self.mode!r}")
        if self.gloss not in GLOSS:
            raise ParameterError(f"gloss must be one of {tuple(GLOSS)}; got {self.gloss!r}")
        check_materials(self.materials, self.targets)
        if self.gates and self.targets:
            raise ParameterError("gates choose what is painted: they go with no targets")
        STRENGTH.check(self.strength)
        PROTECT_HIGHLIGHTS.check(self.protect_highlights)
        if self.painted:
            self.look()

    @property
    def painted(self) -> bool:
        """Whether the mode has what it needs to change anything."""
        if self.mode in AMOUNTS:
            return self.amount is not None
        return (self.pattern if self.mode == PATTERN_MODE else self.color) is not None

    def look(self) -> Look:
        """The same as `recolor` takes it; the gates go to `Subject.of`."""
        used = self.pattern if self.mode == PATTERN_MODE else None
        return Look(
            None if self.mode in AMOUNTS or used else self.color,
            mode=self.mode,
            strength=self.strength,
            protect_highlights=self.protect_highlights,
            gloss=self.gloss,
            amount=self.amount or 0.0,
            pattern=used.tile if used else None,
            pattern_scale=used.scale if used else 1.0,
            materials=self.materials,
            targets=self.targets,
        )

    @property
    def title(self) -> str:
        """A few words for a list of layers or files: the color, or the mode and its amount."""
        if self.mode in AMOUNTS:
            return f"{self.mode} {self.amount or 0:g}"
        return self.mode if self.mode == PATTERN_MODE else str(self.color)
