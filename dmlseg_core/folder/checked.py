"""Arguments of `batch` that Python takes as they come: checked before the first photo is opened."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dmlseg_core.config import ALPHA, BUDGET, SEEDINESS_FLOOR, TAU, Range
from dmlseg_core.errors import ParameterError, did_you_mean

OPTIONS: dict[str, Range | None] = {
    "tau": TAU, "budget": BUDGET, "alpha": ALPHA, "seediness_floor": SEEDINESS_FLOOR,
    "connected": None,
}  # fmt: skip
"""Arguments of `Scene.propose` that are not of a single photo; None: yes or no."""


def check_names(asked: Mapping[str, Any], of: Callable[..., Any]) -> None:
    """ParameterError where a function has no argument of a name, and which one was meant."""
    known = inspect.signature(of).parameters
    for name in asked:
        if name not in known:
            raise ParameterError(f"there is no argument {name!r}{did_you_mean(name, known)}")


def checked_inputs(inputs: Any) -> Sequence[str | Path]:
    """One input, or several, as a list.

    Raises:
        ParameterError: no paths, patterns or URLs.
    """
    several = [inputs] if isinstance(inputs, str | Path) else inputs  # no list of letters
    if isinstance(several, Sequence) and all(isinstance(one, str | Path) for one in several):
        return several
    raise ParameterError(
        f"inputs are paths, patterns or URLs, one or a list of them; got {inputs!r:.60}"
    )


def checked_path(path: Any, name: str) -> Path:
    """A path; ParameterError where it is none, a URL, or an empty text, which would mean here."""
    if isinstance(path, str) and "://" in path:
        raise ParameterError(f"{name} is a path, of a mounted disk too, no URL; got {path!r:.60}")
    if isinstance(path, str | Path) and str(path):
        return Path(path)
    raise ParameterError(f"{name} is a path; got {path!r:.60}")


def checked_kinds(outputs: Any) -> tuple[str, ...]:
    """Kinds of files; ParameterError where they are no list of texts."""
    if not isinstance(outputs, str) and isinstance(outputs, Sequence):
        return tuple(outputs)
    raise ParameterError(f"outputs are a list of kinds, as ['labels']; got {outputs!r:.60}")


def checked_options(options: Any) -> dict[str, Any]:
    """The options as a dict; those that are None, which means the usual, are left out.

    Raises:
        ParameterError: no mapping, a name that `Scene.propose` does not know, or a value out of its
            range.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise ParameterError(f"options are a dict such as {{'tau': 0.5}}; got {options!r:.60}")
    for name, value in options.items():
        if name not in OPTIONS:
            near = did_you_mean(str(name), OPTIONS) or f"; there are {', '.join(OPTIONS)}"
            raise ParameterError(f"there is no option {name!r:.60}{near}")
        legal = OPTIONS[name]
        if legal is not None and value is not None:
            legal.check(value)
        elif legal is None and not isinstance(value, bool | None):
            raise ParameterError(f"{name} is True or False; got {value!r:.60}")
    return {name: value for name, value in options.items() if value is not None}
