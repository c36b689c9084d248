"""What of rules decides a result, as JSON: a later run with the same has nothing to do."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.rules.find import Like
from dmlseg_core.folder.rules.rule import Rule, Rules
from dmlseg_core.folder.rules.ways import Way


def settings_of(rules: Rules) -> dict[str, Any]:
    """Contents of the files that rules name count, not their paths.

    Raises:
        ParameterError: a reference photo can no longer be read.
    """
    return {"combine": rules.combine, "rules": [_rule(rule) for rule in rules.rules]}


def _rule(rule: Rule) -> dict[str, Any]:
    find = asdict(rule.find)
    find["like"] = None if rule.find.like is None else _like(rule.find.like)
    return {"name": rule.name, "find": find, "ways": [_way(way) for way in rule.ways]}


def _like(like: Like) -> list[Any]:
    try:
        with like.photo.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = error.strerror or error
        raise ParameterError(f"the reference photo {like.photo} cannot be read: {reason}") from None
    return [digest, like.at, like.threshold, like.colors]


def _way(way: Way) -> dict[str, Any]:
    style = asdict(way.style)
    if way.style.pattern is not None:
        png = hashlib.sha256(way.style.pattern.png).hexdigest()
        style["pattern"] = [png, way.style.pattern.scale]
    return {"name": way.name, **style}
