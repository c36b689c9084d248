"""Arguments of the calls, each with its type and range: one definition for JSON, forms, Gradio's
client, the OpenAPI description and the errors.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dmlseg_core.config import AMOUNTS, GLOSS, MATERIALS, MODES, QUALITIES
from dmlseg_core.errors import ParameterError, did_you_mean

M = TypeVar("M", bound="Arguments")
_DATA_URL = re.compile(r"data:[\w.+/;=-]{0,100},", re.ASCII)
_MOST_POINTS = 200
_FILE = "must be a file: of a form the file itself (curl: -F NAME=@FILE), else its bytes in base64"
_OF_ONE = ("bytes_type", "string_type", "float_type", "int_type", "bool_type")
"""Pydantic's errors of a list where one value is taken."""
_FORMATS = "png, jpeg, webp, tiff, avif, heic; default: as the photo"


def _bytes_of(value: Any) -> Any:
    """A file of a form as it is; of JSON, from base64, with or without `data:...,` before it."""
    if not isinstance(value, str):
        return value
    head = _DATA_URL.match(value)
    try:
        return base64.b64decode(value[head.end() if head else 0 :], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_FILE) from None


def _listed(value: Any) -> Any:
    """A form's text for a list: JSON, or one item."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [value]
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("must be a list, as JSON writes it") from None


File = Annotated[
    bytes,
    BeforeValidator(_bytes_of),
    Field(json_schema_extra={"type": "string", "format": "byte"}),
]
"""A file: of a form as it is, in JSON as base64."""
Text = Annotated[str, Field(max_length=200)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Point = Annotated[list[Number], Field(min_length=2, max_length=2)]
Percent = Annotated[int, Field(ge=1, le=100)]
Points = Annotated[list[Point], BeforeValidator(_listed), Field(max_length=_MOST_POINTS)]
Texts = Annotated[list[Text], BeforeValidator(_listed), Field(max_length=16)]


class Arguments(BaseModel):
    """What every call takes: a photo, or the id of one that was sent before."""

    model_config = ConfigDict(extra="forbid")

    photo: File | None = Field(None, description="the photo's file")
    id: Text | None = Field(None, description="in place of the photo: what /analyze answered")
    quality: Text | None = Field(
        None, description=f"with a photo, how it is analysed: {', '.join(QUALITIES)}"
    )

    @classmethod
    def of(cls, values: Mapping[str, Any], *, strict: bool) -> Self:
        """Checked arguments.

        Args:
            values: by name.
            strict: numbers are numbers, as in JSON; else their texts are taken, as of a form.

        Raises:
            ParameterError: an unknown name, a wrong type, a value that is no finite number.
        """
        try:
            return cls.model_validate(values, strict=strict)
        except ValidationError as error:
            raise ParameterError(_sentence(error, tuple(cls.model_fields), strict)) from None


class Where(Arguments):
    """An object: at a point, by its number, as what fills a box, or as a mask."""

    x: Number | None = Field(None, description="a pixel of the object, from the left")
    y: Number | None = Field(None, description="the same, from the top")
    tau: Number | None = Field(
        None, description="similarity in (0, 1) from which on a pixel belongs; default: chosen"
    )
    object: int | None = Field(None, description="in place of a point: the number in /analyze")
    box: Annotated[list[Number], BeforeValidator(_listed)] | None = Field(
        None, description="in place of a point: [left, top, right, bottom]",
        min_length=4, max_length=4,
    )  # fmt: skip
    mask: File | None = Field(
        None, description="in place of a point: a gray image of the photo's shape, white inside"
    )
    add: Points = Field([], description="points [x, y] of what belongs to it as well")
    subtract: Points = Field([], description="points [x, y] of what does not")
    matting: bool = Field(False, description="find hair and fur about the edge")

    @property
    def pointed(self) -> bool:
        """Whether an object is meant, and not the whole photo."""
        ways = (self.x, self.y, self.object, self.box, self.mask)
        return any(way is not None for way in ways) or bool(self.add or self.subtract)


class Painted(Where):
    """An object and how it is to look."""

    color: Text | None = Field(
        None, description="'#c8102e', a CSS name, 'oklch(0.6 0.2 30)', ...; for match and tint"
    )
    mode: Text = Field("match", description=f"one of {', '.join(MODES)}")
    amount: Number | None = Field(
        None, description="; ".join(f"for {mode}: in {legal}" for mode, legal in AMOUNTS.items())
    )
    strength: Number = Field(1.0, description="in [0, 1]; 0 does nothing")
    protect_highlights: Number = Field(
        1.0, description="in [0, 1]; 1 leaves highlights the color of the light"
    )
    gloss: Text = Field(
        "wet", description=f"{', '.join(GLOSS)}: what becomes of reflections; wet: as photographed"
    )
    gate: Texts = Field([], description="paint only what is near these colors in the photo")
    exclude: Texts = Field([], description="leave what is near these colors as it is")
    gate_tolerance: Number = Field(0.35, description="how far near is, for both")
    materials: Text = Field(
        MATERIALS[0],
        description="of an object of several: body paints its largest material (or the one "
        "at the point, where that is nearly as large) and keeps the others, all paints it as one, "
        "together turns the others along",
    )
    keep: Texts = Field([], description="keep the materials that have these colors in the photo")
    target: Texts = Field(
        [], description="'black=#c8102e': the material of the first color becomes the second"
    )
    pattern: File | None = Field(None, description="for mode pattern: a picture that is tiled")
    pattern_scale: Number = Field(1.0, description="photo pixels per pattern pixel")
    result: Text = Field(
        "photo",
        description="photo, cutout (the object alone, a PNG), layer (a PNG to lay over the photo) "
        "or recipe (for /replay)",
    )
    format: Text | None = Field(None, description=_FORMATS)
    file_quality: Percent | None = Field(None, description="1..100, for jpeg, avif and heic")


class Replayed(Arguments):
    """A recipe and the photo it is for."""

    recipe: File = Field(description="a recipe's file, as the app and /recolor give it")
    format: Text | None = Field(None, description=_FORMATS)
    file_quality: Percent | None = Field(None, description="1..100, for jpeg, avif and heic")


class Colors(Where):
    """A photo, or an object of it, whose colors are asked for; or a swatch file."""

    count: int = Field(6, description="how many colors at most, 1..16")
    swatches: File | None = Field(
        None, description="in place of a photo: a swatch file (.ase, .aco, .gpl, .csv)"
    )
    name: Text = Field("", description="of the swatch file: .aco and .csv are told by it")


def form_values(items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Fields of a form by name; a name that comes again makes a list of texts."""
    values: dict[str, Any] = {}
    for name, value in items:
        if name not in values:
            values[name] = value
        else:
            before = values[name]
            values[name] = [*before, value] if isinstance(before, list) else [before, value]
    return values


def _sentence(error: ValidationError, known: Sequence[str], strict: bool) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0])[:40] if first["loc"] else "the request"
    again = len(first["loc"]) == 1 and isinstance(first["input"], list) and not strict
    if again and first["type"] in _OF_ONE:  # a form's field that came more than once
        return f"{name} was given {len(first['input'])} times, and it is taken once"
    if first["type"] == "extra_forbidden":
        near = did_you_mean(name, known)
        return f"there is no argument {name!r}{near or '; there are ' + ', '.join(known)}"
    if first["type"] == "missing":
        return f"{name} is missing"
    if first["type"] == "bytes_type":
        return f"{name} {_FILE}; got {_shown(first['input'])}"
    told = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    told = told.replace(" after validation", "")
    told = re.sub(r"^(Value|Data|String|List|Tuple|Bytes) should ", "must ", told)
    verb = "" if told.startswith("must ") else "must be "
    return f"{name} {verb}{told}; got {_shown(first['input'])}"


def _shown(value: Any) -> str:
    """A value in a few letters: Python refuses to write integers out from 4,300 digits on."""
    if isinstance(value, int) and abs(value) >= 2**64:
        return "a number of many digits"
    if isinstance(value, bytes):
        return f"a file of {len(value)} bytes"
    if isinstance(value, list | dict):
        return f"{type(value).__name__} of {len(value)}"
    return f"{value!r:.40}"
