"""What the words of `dmlseg train` come to: a recipe or spelled-out sets, and --set's values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dmlseg_core.config import NetworkConfig
from dmlseg_core.errors import ParameterError
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data import AugmentConfig, HideConfig, set_names
from dmlseg_core.train.recipe import DONORS, RECIPES, scaled, sets_in


@dataclass(frozen=True)
class Plan:
    """What the flags come to, whether spelled out or named by a recipe.

    Attributes:
        paths, shares: the sets and their sampling weights.
        config: hyper-parameters, --set included.
        augment: ranges of the augmentation.
        donors: names of the sets whose objects are pasted.
        recipe: name of the recipe, or None.
    """

    paths: tuple[Path, ...]
    shares: tuple[float, ...]
    config: TrainConfig
    augment: AugmentConfig
    donors: tuple[str, ...]
    recipe: str | None = None

    @property
    def names(self) -> list[str]:
        """Names that the sets are filed under; DatasetError where two have the same."""
        return set_names(self.paths)

    def about(self) -> dict[str, Any]:
        """What the manifest says of the run that made the weights."""
        training = {k: v for k, v in self.config.to_dict().items() if k != "network"}
        sets = dict(zip(self.names, self.shares, strict=True))
        named = {} if self.recipe is None else {"recipe": self.recipe}
        return {**named, "sets": sets, "training": training, "augment": asdict(self.augment)}


def make_plan(args: argparse.Namespace) -> Plan:
    """Put the recipe, if there is one, and the flags together; --set has the last word.

    Raises:
        ParameterError: flags that do not go together, or a value out of range.
        DatasetError: a set of the recipe is missing.
    """
    values = parse_values(args.values)
    hides = values.pop("hide", {})
    if args.recipe is None:
        if args.fraction is not None:
            raise ParameterError("--fraction shortens a recipe: add --recipe NAME")
        paths, shares = zip(*args.data, strict=True)
        config = TrainConfig.from_dict(values)
        augment = AugmentConfig(crop=config.crop, hide=HideConfig(**hides))
        return Plan(paths, shares, config, augment, DONORS)
    recipe = RECIPES[args.recipe]
    if len(args.data) != 1 or args.data[0][1] != 1:
        raise ParameterError("with --recipe, --data takes the one folder in which its sets lie")
    whole = scaled(recipe.config, 1.0 if args.fraction is None else args.fraction).to_dict()
    network = whole["network"] | values.pop("network", {})
    config = TrainConfig.from_dict(whole | values | {"network": network})
    paths, shares = zip(*sets_in(args.data[0][0], recipe.shares), strict=True)
    hide = replace(recipe.augment.hide, **hides)
    augment = replace(recipe.augment, crop=config.crop, hide=hide)
    return Plan(paths, shares, config, augment, recipe.donors, args.recipe)


def parse_values(words: Sequence[str]) -> dict[str, Any]:
    """Values of the command line, typed as in `TrainConfig`, `NetworkConfig` and `HideConfig`.

    Raises:
        ParameterError: no NAME=VALUE, an unknown name, one that is said twice, or a value of
            another type.

    >>> parse_values(["steps=100", "lr=1e-4", "frozen="])
    {'steps': 100, 'lr': 0.0001, 'frozen': ()}
    >>> parse_values(["network.scales=0.5,1"])
    {'network': {'scales': (0.5, 1.0)}}
    """
    types = value_types()
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in types:
            raise ParameterError(
                f"--set takes NAME=VALUE with NAME in {sorted(types)}; got {word!r}"
            )
        try:
            value = _PARSERS[types[name]](text)
        except ValueError:
            raise ParameterError(f"{name} must be {types[name]}; got {text!r}") from None
        group, dot, field = name.partition(".")
        filed, name_in_it = (values.setdefault(group, {}), field) if dot else (values, name)
        if name_in_it in filed:
            raise ParameterError(f"--set has {name} twice, and it takes one value")
        filed[name_in_it] = value
    return values


def _words(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "tuple[str, ...]": _words,
    "tuple[float, ...]": lambda text: tuple(float(part) for part in _words(text)),
}
"""How one word is read, by the type that a config declares."""


def value_types() -> dict[str, str]:
    """Hyper-parameters that one word can set, and the types they have."""
    own = {f.name: str(f.type) for f in fields(TrainConfig)}
    network = {f"network.{f.name}": str(f.type) for f in fields(NetworkConfig)}
    hides = {f"hide.{f.name}": str(f.type) for f in fields(HideConfig)}
    return {name: kind for name, kind in (own | network | hides).items() if kind in _PARSERS}
