"""Strict reading of JSON objects: what is wrong is told with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from dmlseg_core.edit.limits import MAX_NUMBER, MAX_TEXT
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
            raise RecipeError(f"{self.where}: unknown field {sorted(self.values)[0]!r:.40}")

    def take(
        self, name: str, kinds: Any, default: Any = _MISSING, *, longest: int = MAX_TEXT
    ) -> Any:
        """A field of one of some types; true and false are no numbers, a text is not `longest`."""
        value = self.values.pop(name, default)
        if value is _MISSING:
            raise RecipeError(f"{self.where}: {name!r} is missing")
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            names = " or ".join("null" if k is type(None) else k.__name__ for k in wanted)
            raise RecipeError(f"{self.where}.{name} must be {names}; got {value!r:.40}")
        if isinstance(value, str) and len(value) > longest:
            raise RecipeError(f"{self.where}.{name} is longer than {longest} characters")
        if isinstance(value, NUMBER) and not isinstance(value, bool):
            number(value, f"{self.where}.{name}")
        return value

    def made(self, name: str, kinds: Any, make: Callable[[Any], T]) -> T:
        """A field, and what it stands for; ParameterErrors name the place."""
        with _placed(f"{self.where}.{name}"):
            return make(self.take(name, kinds))

    def each(
        self,
        name: str,
        kinds: Any,
        make: Callable[[Any, str], T],
        default: Any = _MISSING,
        *,
        most: int | None = None,
    ) -> tuple[T, ...]:
        """What every item of a list stands for; `most` of them are taken."""
        made, items = [], self.take(name, list, default)
        if most is not None and len(items) > most:
            raise RecipeError(f"{self.where}.{name} may hold {most}; it holds {len(items)}")
        for k, item in enumerate(items):
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
    """A number of JSON; RecipeError for anything else, for NaN and for what is beyond 2^53."""
    kind = isinstance(value, NUMBER) and not isinstance(value, bool)
    if kind and abs(value) <= MAX_NUMBER:  # NaN fails, too
        return float(value)
    # a whole number is not written out: Python refuses to from 4,300 digits on
    told = "one of many digits" if isinstance(value, int) else f"{value!r:.40}"
    raise RecipeError(f"{where} must hold numbers up to 2^53; got {told}")
