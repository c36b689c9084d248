"""Reading what a browser sent: every value is checked, every mistake is one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dmlseg_core.errors import ParameterError

_MANY = 100_000
"""Longest list that is read."""


class Asked:
    """The values of one request.

    Args:
        values: a JSON object, or a query's fields, which are text.

    Raises:
        ParameterError: it is no object; from each method, a value that is not what it must be.
    """

    def __init__(self, values: Any) -> None:
        if not isinstance(values, dict):
            raise ParameterError("a JSON object was expected")
        self.values = values

    def has(self, name: str) -> bool:
        """Whether there is such a value, and it is not null."""
        return self.values.get(name) is not None

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number."""
        value = self.values.get(name, default)
        try:
            if isinstance(value, bool):
                raise TypeError
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise ParameterError(f"{name} must be a number; got {value!r:.40}") from None
        if not math.isfinite(number):
            raise ParameterError(f"{name} must be a finite number; got {value!r:.40}")
        return number

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        number = self.number(name, default)
        if number != int(number):
            raise ParameterError(f"{name} must be a whole number; got {number!r:.40}")
        return int(number)

    def text(self, name: str, default: str | None = None, *, most: int = 200) -> str:
        """A text of at most so many characters."""
        value = self.values.get(name, default)
        if not isinstance(value, str) or len(value) > most:
            raise ParameterError(f"{name} must be a text of at most {most} characters")
        return value

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false; in a query 1 or 0."""
        value = self.values.get(name, default)
        found = {"1": True, "0": False, "": False}.get(value) if isinstance(value, str) else value
        if not isinstance(found, bool):
            raise ParameterError(f"{name} must be true or false; got {value!r:.40}")
        return found

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of some words."""
        value = self.values.get(name, default)
        if value not in choices:
            raise ParameterError(f"{name} must be one of {tuple(choices)}; got {value!r:.40}")
        return str(value)

    def items(self, name: str, most: int = _MANY) -> list[Any]:
        """A list of at most so many."""
        value = self.values.get(name)
        if not isinstance(value, list):
            raise ParameterError(f"{name} must be a list")
        if len(value) > most:
            raise ParameterError(f"{name} takes at most {most} entries; got {len(value)}")
        return value

    def points(self, name: str) -> tuple[tuple[float, float], ...]:
        """A list of [x, y] or {x, y}, as (y, x)."""
        found = []
        for item in self.items(name):
            pair = item if isinstance(item, dict) else dict(zip("xy", item, strict=False)) if (
                isinstance(item, list) and len(item) == 2
            ) else {}  # fmt: skip
            inner = Asked(pair)
            found.append((inner.number("y"), inner.number("x")))
        return tuple(found)

    def inner(self, name: str) -> Asked:
        """An object within."""
        return Asked(self.values.get(name))
