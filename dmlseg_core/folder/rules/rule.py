"""Rules: the first one that fits an object says what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.rules.find import Find
from dmlseg_core.folder.rules.ways import COMBINE, MOST_FILES, Way


@dataclass(frozen=True)
class Rule:
    """What is done to the objects that it finds.

    Attributes:
        find: which objects.
        ways: how they are to look, one for each file; () = they are left alone.
        name: for tables and messages; "" = its number.
    """

    find: Find
    ways: tuple[Way, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Rules:
    """Rules in order: an object belongs to the first one that finds it, to none where none does.

    Attributes:
        rules: the first one that fits counts.
        combine: of several rules with several colors: "together" puts their k-th colors into the
            k-th file; "each" makes a file of each color with each.

    Raises:
        ParameterError: no rule, two of one name, another word, numbers of colors that cannot go
            together, or more than MOST_FILES files of one photo.
    """

    rules: tuple[Rule, ...]
    combine: str = COMBINE[0]

    def __post_init__(self) -> None:
        if not self.rules:
            raise ParameterError("rules hold no rule; give one at least")
        names = [self.name_of(k) for k in range(len(self.rules))]
        if twice := [name for k, name in enumerate(names) if name in names[:k]]:
            raise ParameterError(f"two rules are called {twice[0]!r}; tables tell them by name")
        if self.combine not in COMBINE:
            raise ParameterError(f"combine must be one of {COMBINE}; got {self.combine!r}")
        numbers = [len(rule.ways) for rule in self.rules if len(rule.ways) > 1]
        if self.combine == "together" and len(set(numbers)) > 1:
            raise ParameterError(
                f"rules with {' and '.join(map(str, numbers))} colors cannot change together; give "
                "them equally many, or say combine: each"
            )
        if self.combine == "each" and prod(numbers) > MOST_FILES:
            raise ParameterError(
                f"each color with each makes {prod(numbers)} files of a photo; at most "
                f"{MOST_FILES} are written"
            )

    def name_of(self, k: int) -> str:
        """What rule k is called, its number from 1 on where it has no name."""
        return self.rules[k].name or str(k + 1)

    def check_classes(self, known: Sequence[str]) -> None:
        """ParameterError where a rule finds a class that the weights do not know."""
        for k, rule in enumerate(self.rules):
            try:
                rule.find.check_classes(known)
            except ParameterError as error:
                raise ParameterError(f"rule {self.name_of(k)}: {error}") from None
