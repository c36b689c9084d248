"""Rules files: YAML, strictly checked; what is wrong is told with line and column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dmlseg_core.config import AMOUNTS, CLASSES, PATTERN_MODE
from dmlseg_core.edit import MAX_TILE, Pattern, Style
from dmlseg_core.errors import DmlsegError, ParameterError, RuleError, did_you_mean
from dmlseg_core.folder.rules.find import Find, Like, like_of
from dmlseg_core.folder.rules.marks import Marked, fault, parse
from dmlseg_core.folder.rules.rule import Rule, Rules
from dmlseg_core.folder.rules.schema import FindForm, RuleForm, RulesForm
from dmlseg_core.folder.rules.ways import Way, ways_of_colors, ways_of_swatches
from dmlseg_core.paint import ColorGate
from dmlseg_core.photo import load_photo

MAX_BYTES = 1 << 20
_DOES = ("leave", "color", "swatches", "pattern", "amount")
"""What a rule may say of its objects: exactly one of these."""
_SHARE = "a share of the photo, a number from 0 to 1 or a text such as 5%"
_MEANT = {
    "find": "all, or fields such as {class: car}", "like": "a text such as 'mug.jpg@225,150'",
    "color": "a color or a list of them, in quotes where it begins with # or a digit",
    "min_area": _SHARE, "max_area": _SHARE,
}  # fmt: skip
"""Fields of several types, of which pydantic tells each one by itself."""
Keys = tuple[str | int, ...]


def load_rules(path: str | Path, *, classes: Sequence[str] = CLASSES) -> Rules:
    """Read a rules file; files that it names lie beside it.

    Args:
        path: YAML, or JSON.
        classes: that the weights know.

    Raises:
        RuleError: it cannot be read, or says something that cannot be done, and where.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # no more: it may be a pipe or a device
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RuleError(f"the rules {path} cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise RuleError(f"{path} has more than {MAX_BYTES:,} bytes; give a file of rules")
    try:
        text = data.decode("utf-8-sig")
    except ValueError:
        raise RuleError(f"{path} is no text in UTF-8; save rules as UTF-8") from None
    return read_rules(text, str(path), path.parent, classes)


def read_rules(text: str, name: str, folder: Path, classes: Sequence[str] = CLASSES) -> Rules:
    """The rules of a text; `name` is told in messages, files lie in `folder`.

    Raises:
        RuleError: see `load_rules`.
    """
    marked = parse(text, name)
    if not isinstance(marked.value, dict):
        raise fault(name, marked.place(()), "a rules file is fields: begin with 'rules:'")
    try:
        form = RulesForm.model_validate(marked.value)
    except ValidationError as error:
        keys, problem = told(error, marked.value)
        raise fault(name, marked.place(keys), problem) from None
    return _Reader(marked, name, folder, classes).rules(form)


def told(error: ValidationError, value: Any) -> tuple[Keys, str]:
    """The deepest of pydantic's complaints: the keys that lead to its place, and a sentence."""
    found = [(_keys(item["loc"], value), item) for item in error.errors(include_url=False)]
    keys, item = max(found, key=lambda pair: len(pair[0]))
    got = item["input"]
    last = next((str(k) for k in reversed(keys) if isinstance(k, str)), "the file")
    if item["type"] == "extra_forbidden":
        return keys, f"unknown field {last!r}{did_you_mean(last, _fields(item['loc']))}"
    if item["type"] == "missing":
        return keys, f"the field {item['loc'][-1]!r} is missing"
    if last in _MEANT:
        return keys, f"{last} is {_MEANT[last]}; got {str(got)!r:.60}"
    said = "; or ".join(
        dict.fromkeys(_said(i["msg"]) for k, i in found if k == keys and i["type"] != "none")
    )
    return keys, f"{last}: {said}; got {str(got)!r:.60}"


def _said(message: str) -> str:
    return message[0].lower() + message[1:].replace(" after validation", "")


def _fields(loc: Sequence[str | int]) -> list[str]:
    form = FindForm if "find" in loc else RuleForm if "rules" in loc else RulesForm
    return [field.alias or name for name, field in form.model_fields.items()]


def _keys(loc: Sequence[str | int], value: Any) -> Keys:
    """Pydantic's place without the names that it gives to the branches of a union."""
    keys: list[str | int] = []
    for key in loc:
        inside = key in value if isinstance(value, dict) else (
            isinstance(value, list) and isinstance(key, int) and key < len(value)
        )  # fmt: skip
        if inside:
            keys.append(key)
            value = value[key]
    return tuple(keys)


@dataclass(frozen=True)
class _Reader:
    marked: Marked
    name: str
    folder: Path
    classes: Sequence[str]

    def rules(self, form: RulesForm) -> Rules:
        made = [self.rule(rule, ("rules", k)) for k, rule in enumerate(form.rules)]
        with self.at(("rules",)):
            return Rules(tuple(made), form.combine)

    @contextmanager
    def at(self, keys: Keys) -> Iterator[None]:
        """Errors name the place."""
        try:
            yield
        except RuleError:
            raise
        except DmlsegError as error:
            raise fault(self.name, self.marked.place(keys), str(error)) from None

    def rule(self, form: RuleForm, keys: Keys) -> Rule:
        with self.at(keys):
            said = {name: getattr(form, name) for name in _DOES}
            given = [
                name for name, value in said.items() if value is not None and value is not False
            ]
            if len(given) != 1:
                says = ", ".join(given) or "none of them"
                raise ParameterError(f"a rule says one of {', '.join(_DOES)}; this one says {says}")
        find = Find() if form.find == "all" else self.find(form.find, (*keys, "find"))
        with self.at((*keys, given[0])):
            return Rule(find, self.ways(form, given[0]), form.name)

    def find(self, form: FindForm, keys: Keys) -> Find:
        names = [form.class_] if isinstance(form.class_, str) else form.class_ or []
        with self.at((*keys, "like")):
            like = self.like(form)
        with self.at(keys):
            found = Find(
                classes=tuple(names), like=like, min_score=form.min_score,
                max_score=form.max_score, min_area=_share(form.min_area),
                max_area=_share(form.max_area), rank=form.rank,
                largest=int(form.largest) if form.largest else None,
            )  # fmt: skip
        with self.at((*keys, "class")):
            found.check_classes(self.classes)
        return found

    def like(self, form: FindForm) -> Like | None:
        if form.like is None:
            if alone := {"threshold", "like_colors"} & form.model_fields_set:
                raise ParameterError(f"{min(alone)} is of like, which is missing")
            return None
        if isinstance(form.like, str):
            return like_of(form.like, form.threshold, self.folder, form.like_colors)
        at = form.like.at
        point = None if at is None else (at[1], at[0])
        return Like(self.folder / form.like.photo, point, form.threshold, form.like_colors)

    def ways(self, form: RuleForm, does: str) -> tuple[Way, ...]:
        if does == "leave":
            return ()
        style = self.style(form, does)
        if does == "swatches":
            return ways_of_swatches(self.folder / str(form.swatches), style)
        if does == "color":
            return ways_of_colors([form.color] if isinstance(form.color, str) else form.color or [],
                                  style)  # fmt: skip
        return (Way(Path(form.pattern).stem if form.pattern else style.title, style),)

    def style(self, form: RuleForm, does: str) -> Style:
        mode = form.mode or (PATTERN_MODE if does == "pattern" else "match")
        kind = "amount" if mode in AMOUNTS else "pattern" if mode == PATTERN_MODE else "color"
        if does == "amount" and form.mode is None:
            raise ParameterError(f"amount goes with a mode: {', '.join(AMOUNTS)}")
        if kind != ("color" if does == "swatches" else does):
            raise ParameterError(f"mode {mode} takes {kind}, not {does}")
        return Style(
            mode=mode,
            amount=form.amount,
            pattern=self.pattern(form) if form.pattern else None,
            strength=form.strength,
            protect_highlights=form.protect_highlights,
            gates=tuple(ColorGate(**gate.model_dump()) for gate in form.gates),
            matting=form.matting,
            gloss=form.gloss,
            materials=form.materials,
            targets=tuple((t.color, t.target) for t in form.targets),
        )

    def pattern(self, form: RuleForm) -> Pattern:
        tile = load_photo(self.folder / str(form.pattern), max_megapixels=MAX_TILE)
        return Pattern.of(tile.rgb, form.pattern_scale)


def _share(value: float | str) -> float:
    """A number, or "5%"."""
    share = float(value.rstrip("% ")) / 100 if isinstance(value, str) else value
    if not 0 <= share <= 1 or math.isnan(share):
        raise ParameterError(f"a share of the photo lies in 0..1 or 0%..100%; got {value!r}")
    return share
