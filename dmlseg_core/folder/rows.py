"""What a batch knows of one photo: small, frozen, JSON-able.

Workers send these rows back, the journal keeps them, tables and the report are made of them. No
pixel is in them, so a million photos are a file of a few hundred megabytes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self
from urllib.parse import quote

from dmlseg_core.errors import ParameterError

STATUSES = ("done", "failed", "empty")
"""`empty`: the photo was read and no rule took any of its objects."""


def readable_path(name: str) -> str:
    """A path as text that every file format holds: percent-encoded where it is no UTF-8.

    >>> readable_path("trip/cat 1.jpg"), readable_path("trip/caf\\udce9 1.jpg")
    ('trip/cat 1.jpg', 'trip/caf%E9%201.jpg')
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return quote(os.fsencode(name))
    return name


@dataclass(frozen=True)
class _Row:
    """JSON and back, each field checked by its annotation."""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON has them: tuples become lists when it is written."""
        return asdict(self)

    @classmethod
    def of_json(cls, value: Any) -> Self:
        """The row that `to_json` wrote.

        Raises:
            ParameterError: a field is missing, unknown or of another type; says which.
        """
        if not isinstance(value, Mapping):
            raise ParameterError(f"a row is a JSON object; got {_brief(value)}")
        names = [f.name for f in fields(cls)]
        for name in [*(n for n in value if n not in names), *(n for n in names if n not in value)]:
            problem = "is missing" if name in names else "is no field"
            raise ParameterError(f"{name} {problem} of a row")
        return cls(**{f.name: _read(f.name, str(f.type), value[f.name]) for f in fields(cls)})


@dataclass(frozen=True)
class InstanceRow(_Row):
    """One object of a photo in one color; one that nothing was done to has one row, rule None.

    Attributes:
        photo: path below its input folder, "/"-separated, as `readable_path` writes it.
        instance: value in the label map, 1 = first.
        class_name: "object" where unknown.
        score: the proposal's, 0..1.
        tau: threshold of similarity that the mask was cut at, 0..1.
        area: pixels.
        box: x, y, width, height.
        mean_color: "#rrggbb" of the visible pixels, mean in linear light.
        rule: name or number of the rule that took it; None = left alone.
        swatch: name of the color.
        target: the color, "#rrggbb".
        output: the recolored photo below the output folder, as the disk has it.
        delta_e: median CIEDE2000 between a pixel and the target in that pixel's light.
        delta_e_p95: 95th percentile of it.
        within_2: share of pixels within Delta-E 2.
        passed: whether it and the object's own color are off by at most what was asked
            (`Recolored.within`); None where nothing was asked.
        likeness: similarity to the reference that is most like it, 0..1; None without a reference.
    """

    photo: str
    instance: int
    class_name: str
    score: float
    tau: float
    area: int
    box: tuple[int, int, int, int]
    mean_color: str
    rule: str | None = None
    swatch: str | None = None
    target: str | None = None
    output: str | None = None
    delta_e: float | None = None
    delta_e_p95: float | None = None
    within_2: float | None = None
    passed: bool | None = None
    likeness: float | None = None

    @property
    def painted(self) -> bool:
        """Whether it was recolored: where labels alone are asked for, a rule's object is not."""
        return self.output is not None or self.delta_e is not None


@dataclass(frozen=True)
class PhotoRow(_Row):
    """One photo of a batch.

    Attributes:
        photo: path below its input folder, "/"-separated, as `readable_path` writes it.
        source: the file or URL it was read from.
        digest: hash of its content, "" where it could not be read.
        width: in pixels as displayed, 0 where it could not be read.
        height: likewise.
        seconds: time in decode, network, masks, paint, encode.
        status: one of STATUSES.
        error: one sentence where it failed.
        notes: sentences about what was changed on the way in or lost on the way out.
        files: kind ("labels", "overlays", "recolored", "cutouts", "thumbs") -> paths below the
            output folder, as the disk has them; thumbs are `before_path`, then an `after_path` for
            each recolored file.
        instances: its objects, by instance and then in the order of the colors.
        annotations: its COCO annotations, as `output.annotate` makes them.
    """

    photo: str
    source: str
    digest: str = ""
    width: int = 0
    height: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    status: str = "done"
    error: str | None = None
    notes: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instances: tuple[InstanceRow, ...] = ()
    annotations: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ParameterError(f"status is one of {STATUSES}; got {_brief(self.status)}")
        if (self.error is None) == (self.status == "failed"):
            raise ParameterError(f"a failed photo has an error, no other; status {self.status}")


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]} ..."


def _read(name: str, kind: str, value: Any) -> Any:
    if value is None and kind.endswith(" | None"):
        return None
    try:
        return _READERS[kind.removesuffix(" | None")](value)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} of a row: {error}") from error


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:  # a bool is no int here
            raise TypeError(f"{kind.__name__} was expected; got {_brief(value)}")
        return value

    return read


_text, _int = _exactly(str), _exactly(int)


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"a finite number was expected; got {_brief(value)}")
    return float(value)


def _list(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"a list was expected; got {_brief(value)}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(v) for v in _list(value))


def _box(value: Any) -> tuple[int, ...]:
    if len(_list(value)) != 4:
        raise TypeError(f"x, y, width, height were expected; got {_brief(value)}")
    return tuple(_int(v) for v in value)


def _mapping(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def read_all(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError(f"an object was expected; got {_brief(value)}")
        return {_text(k): read(v) for k, v in value.items()}

    return read_all


def _objects(value: Any) -> tuple[Mapping[str, Any], ...]:
    for item in _list(value):
        if not isinstance(item, Mapping):
            raise TypeError(f"an object was expected; got {_brief(item)}")
    return tuple(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "int": _int,
    "float": _number,
    "bool": _exactly(bool),
    "tuple[int, int, int, int]": _box,
    "tuple[str, ...]": _texts,
    "tuple[InstanceRow, ...]": lambda rows: tuple(map(InstanceRow.of_json, _list(rows))),
    "tuple[Mapping[str, Any], ...]": _objects,
    "Mapping[str, float]": _mapping(_number),
    "Mapping[str, tuple[str, ...]]": _mapping(_texts),
}
