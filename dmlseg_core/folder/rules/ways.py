"""What is done to objects: one way for each color, and the files that several rules make."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from dmlseg_core.color import parse_color, read_swatches, to_hex
from dmlseg_core.edit import Style
from dmlseg_core.errors import ParameterError

MOST_FILES = 500
"""Recolored files of one photo."""
COMBINE = ("together", "each")
_MOST_BYTES = 16 * 2**20
"""Of a swatch file."""
_LONGEST = 60
"""Bytes of a name within a file's name."""
_SHORTEST = 12
"""Characters of a name that a number is put behind, so that both fit."""


@dataclass(frozen=True)
class Way:
    """One look for an object.

    Attributes:
        name: of the color, as its swatch has it.
        style: the whole of it.

    Raises:
        ParameterError: the style changes nothing.
    """

    name: str
    style: Style

    def __post_init__(self) -> None:
        if not self.style.painted:
            raise ParameterError(f"{self.name or 'a way'} says neither color, amount nor pattern")

    @property
    def target(self) -> str | None:
        """The color asked for, '#rrggbb'; None for a pattern or an amount."""
        style = self.style
        return None if style.color is None else to_hex(parse_color(style.color))


@dataclass(frozen=True)
class Colorway:
    """One recolored file of a photo.

    Attributes:
        name: what its file's name says beside the photo's; no "/" and no "." in it.
        ways: number of a rule -> what becomes of its objects.
    """

    name: str
    ways: Mapping[int, Way]


def ways_of_colors(colors: Iterable[str], style: Style) -> tuple[Way, ...]:
    """A way for each color text, the rest as `style` has it.

    Raises:
        ParameterError: it is no color, or one comes twice.
    """
    return _distinct([Way(color, replace(style, color=color)) for color in colors])


def ways_of_swatches(path: Path, style: Style) -> tuple[Way, ...]:
    """A way for each swatch of an .ase, .aco, .gpl or .csv file.

    Raises:
        ParameterError: it cannot be read, or is no swatch file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)  # no more: it may be a pipe or a device
    except OSError as error:
        raise ParameterError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > _MOST_BYTES:
        raise ParameterError(f"{path} has more than {_MOST_BYTES:,} bytes; give a swatch file")
    found = read_swatches(data, path.name)
    if len(found) > MOST_FILES:
        raise ParameterError(f"{path.name} holds {len(found)} colors; at most {MOST_FILES} go")
    names = _numbered([swatch.name for swatch in found])
    return tuple(
        Way(name, replace(style, color=swatch.hex))
        for name, swatch in zip(names, found, strict=True)
    )


def _distinct(ways: Sequence[Way]) -> tuple[Way, ...]:
    words = [slug(way.name) for way in ways]
    if odd := [way.name for k, way in enumerate(ways) if words[k] in words[:k]]:
        raise ParameterError(f"the color {odd[0]!r} is given twice")
    return tuple(ways)


def _numbered(names: Sequence[str]) -> list[str]:
    """Each name once as part of a file's name: a second "Red" becomes "Red 2"."""
    made: list[str] = []
    taken: set[str] = set()
    for name in names:
        own, number = name, 2
        while slug(own) in taken:
            own, number = f"{name[:_SHORTEST]} {number}", number + 1
        taken.add(slug(own))
        made.append(own)
    return made


def slug(name: str) -> str:
    """A name as part of a file's name, in small letters: letters and digits of any script.

    >>> slug("Signal Red / RAL 3001"), slug("#C8102E"), slug("oklch(0.6 0.2 25)")
    ('signal-red-ral-3001', 'c8102e', 'oklch-0-6-0-2-25')
    """
    return _short(re.sub(r"[^\w]+", "-", name.lower()).strip("-_")) or "color"


def _short(name: str) -> str:
    """As much of it as fits, whole characters."""
    return name.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")


def colorways(ways: Mapping[int, Sequence[Way]], combine: str = COMBINE[0]) -> tuple[Colorway, ...]:
    """The recolored files of a photo.

    Rules of one way are in each file. Of several rules with several ways, the k-th ways go together
    (they have equally many: see `Rules`), or each one goes with each.

    Args:
        ways: number of a rule that took something -> its ways.
        combine: one of COMBINE.
    """
    several = {k: found for k, found in ways.items() if len(found) > 1}
    fixed = {k: found[0] for k, found in ways.items() if len(found) == 1}
    mix: Callable[..., Iterable[tuple[Way, ...]]] = product if combine == "each" else zip
    rows = [dict(zip(several, row, strict=True)) for row in mix(*several.values())]
    if not several:
        rows = [{}] if fixed else []
    named = [_name(row or fixed) for row in rows]
    return tuple(
        Colorway(name, {k: {**fixed, **row}[k] for k in ways})
        for name, row in zip(_apart(named), rows, strict=True)
    )


def _apart(names: Sequence[str]) -> list[str]:
    """Names of files, where cutting made two of them one."""
    return [
        name if names.index(name) == k else f"{_short(name[:_SHORTEST])}-{k + 1}"
        for k, name in enumerate(names)
    ]


def _name(ways: Mapping[int, Way]) -> str:
    words = dict.fromkeys(slug(way.name) for way in ways.values())
    return _short("+".join(words))
