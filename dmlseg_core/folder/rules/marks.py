"""YAML as plain values, each with its place in the file; strict where YAML is lenient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from dmlseg_core.errors import RuleError

MOST_VALUES, DEEPEST = 20_000, 20
"""Of a file, aliases counted as often as they are used: a few lines can else mean billions."""
_LONGEST = 4_000
"""Characters of a value without quotes."""
Path = tuple[str | int, ...]
_FLOAT = re.compile(r"[-+]?\d+[eE][-+]?\d+")
_COMMENT = "; leave it out, or put what begins with # in quotes, as '#c8102e': # begins a comment"
_COMMA = "; put a text that has a comma in it in quotes, as 'mug.jpg@225,150'"
_MERGE = "tag:yaml.org,2002:merge"
_TAB = "a tab cannot indent a line of YAML; use spaces"


@dataclass(frozen=True)
class Place:
    """Line and column of a file, from 1 on."""

    line: int
    column: int

    @classmethod
    def of(cls, mark: Any) -> Place:
        """A mark of PyYAML counts from 0 on."""
        return cls(mark.line + 1, mark.column + 1)


@dataclass
class Marked:
    """A value, and where each part of it stands.

    Attributes:
        value: dicts, lists, texts, numbers, true, false, None.
        places: keys and indices that lead to a part -> its place; of a field, that of its name.
    """

    value: Any = None
    places: dict[Path, Place] = field(default_factory=dict)

    def place(self, path: Sequence[str | int]) -> Place:
        """Of a part, or of the nearest one that holds it."""
        whole = tuple(path)
        while whole not in self.places and whole:
            whole = whole[:-1]
        return self.places.get(whole, Place(1, 1))


def parse(text: str, name: str) -> Marked:
    """The one value of a YAML text (JSON is YAML, too).

    Raises:
        RuleError: no YAML, a key that comes twice, too many values; names line and column.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = _TAB if r"'\t'" in str(error.problem) else str(error.problem)
        raise fault(name, Place.of(mark) if mark else Place(1, 1), problem) from None
    except RecursionError:
        raise RuleError(f"{name}: this is no YAML of rules: nested too deeply") from None
    except yaml.YAMLError as error:
        raise RuleError(f"{name}: this is no YAML: {error}") from None
    reader = _Reader(name)
    if node is not None:
        reader.marked.value = reader.read(node, ())
    return reader.marked


def fault(name: str, place: Place, problem: str) -> RuleError:
    """What is wrong, where."""
    return RuleError(f"{name}, line {place.line}, column {place.column}: {problem}")


class _Reader:
    def __init__(self, name: str) -> None:
        self.name, self.marked, self.left = name, Marked(), MOST_VALUES
        self.scalars = yaml.SafeLoader("")

    def read(self, node: Any, path: Path) -> Any:
        place = Place.of(node.start_mark)
        self.marked.places.setdefault(path, place)
        self.left -= 1
        if self.left < 0 or len(path) > DEEPEST:
            raise fault(self.name, place, f"more than {MOST_VALUES} values, or nested too deeply")
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, k)) for k, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return self._scalar(node, place)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            place = Place.of(key.start_mark)
            if key.tag == _MERGE:
                merged = {**self._merged(value, path, place), **merged}
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise fault(self.name, place, "a field's name must be text")
            if key.value in made:
                raise fault(self.name, place, f"the field {key.value!r} comes twice")
            self.marked.places[(*path, key.value)] = place
            made[key.value] = self.read(value, (*path, key.value))
            # a written null may mean something; nothing at all is most often a color's comment
            if isinstance(value, yaml.ScalarNode) and value.style is None and not value.value:
                why = _COMMENT if key.value.isidentifier() else _COMMA
                raise fault(self.name, place, f"{key.value} is empty{why}")
        return {**merged, **made}

    def _merged(self, node: Any, path: Path, place: Place) -> dict[str, Any]:
        """What "<<" brings into the fields around it; of several, the first one that has it."""
        made = self.read(node, path)
        parts = made if isinstance(made, list) else [made]
        if not all(isinstance(part, dict) for part in parts):
            raise fault(self.name, place, "<< takes fields, or a list of such")
        return {key: value for part in reversed(parts) for key, value in part.items()}

    def _scalar(self, node: Any, place: Place) -> Any:
        if len(node.value) > _LONGEST and node.style is None:  # Python refuses to read such numbers
            raise fault(self.name, place, f"a value of {len(node.value)} characters")
        try:
            made = self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            problem = getattr(error, "problem", None) or str(error)
            raise fault(self.name, place, problem) from None
        if isinstance(made, str) and node.style is None and _FLOAT.fullmatch(made):
            return float(made)  # YAML 1.1 calls 1e-05 a text; JSON and YAML 1.2 do not
        # dates and bytes are nothing that a rule can mean: what was written counts
        if not isinstance(made, str | int | float | bool | None):
            made = node.value
        return _paired(made) if isinstance(made, str) else made


def _paired(text: str) -> str:
    """JSON writes what is beyond 16 bits as two escapes, which YAML leaves apart."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return text
