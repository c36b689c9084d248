"""Strict reading of JSON objects: what is wrong is told with its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from dmlseg_core.errors import ParameterError, RecipeError

NUMBER = (int, float)
_MISSING = object()
T = TypeVar("T")


class Fields:
    """The fields of one object: each is taken once, and what is left at the end is an error."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self.values, self.where = dict(values), where

    def __enter__(self) -> Fields:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self.values:
            raise RecipeError(f"{self.where}: unknown field {sorted(self.values)[0]!r}")

    def take(self, name: str, kinds: Any, default: Any = _MISSING) -> Any:
        """A field of one of some types; true and false are no numbers."""
        value = self.values.pop(name, default)
        if value is _MISSING:
            raise RecipeError(f"{self.where}: {name!r} is missing")
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            names = " or ".join("null" if k is type(None) else k.__name__ for k in wanted)
            raise RecipeError(f"{self.where}.{name} must be {names}; got {value!r:.40}")
        return value

    def made(self, name: str, kinds: Any, make: Callable[[Any], T]) -> T:
        """A field, and what it stands for; ParameterErrors name the place."""
        with _placed(f"{self.where}.{name}"):
            return make(self.take(name, kinds))

    def each(
        self, name: str, kinds: Any, make: Callable[[Any, str], T], default: Any = _MISSING
    ) -> tuple[T, ...]:
        """What every item of a list stands for."""
        made = []
        for k, item in enumerate(self.take(name, list, default)):
            where = f"{self.where}.{name}[{k}]"
            if not isinstance(item, kinds):
                raise RecipeError(f"{where} must be {kinds.__name__}; got {item!r:.40}")
            with _placed(where):
                made.append(make(item, where))
        return tuple(made)


@contextmanager
def _placed(where: str) -> Iterator[None]:
    try:
        yield
    except ParameterError as error:
        raise RecipeError(f"{where}: {error}") from None


def number(value: Any, where: str) -> float:
    """A number of JSON; RecipeError for anything else, NaN too."""
    if isinstance(value, bool) or not isinstance(value, NUMBER) or math.isnan(value):
        raise RecipeError(f"{where} must hold numbers; got {value!r:.40}")
    return float(value)
