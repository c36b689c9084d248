"""What a batch is asked to do with each photo, and the files that a photo gets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from dmlseg_core.config import CLASSES, MAX_DELTA_E, MAX_MEGAPIXELS, SceneConfig
from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.folder.inputs import OUTPUTS
from dmlseg_core.folder.journal import Place, check_place
from dmlseg_core.folder.rules import Like, Rules, settings_of
from dmlseg_core.photo import Photo

if TYPE_CHECKING:  # torch: when the first photo is analysed
    from dmlseg_core.edit import Recipe
    from dmlseg_core.folder.develop.likeness import Reference

KINDS: tuple[str, ...] = (*OUTPUTS, "recolored", "cutouts")
"""Folders of results that can be asked for."""
USUAL: tuple[str, ...] = (*OUTPUTS, "recolored")
_LOADED = ("segmenter", "references")
ROOM = 80
"""Bytes of a file's name that a color, an object's number and a suffix may add to a photo's."""


class AnySegmenter(Protocol):
    """What a batch needs of a `Segmenter`."""

    def analyze(self, photo: Photo, /) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Work:
    """What is asked of every photo. It travels to other processes without its segmenter, which is
    loaded where it is first needed.

    Attributes:
        out: output folder.
        rules: what becomes of which objects; None: nothing is recolored.
        recipe: in place of rules.
        outputs: some of KINDS.
        max_delta_e: an object passes where its Delta-E is at most this; None: nothing is judged.
        max_megapixels: larger photos are refused.
        options: keyword arguments of `scene.propose`.
        classes: foreground class names, in order.
        rows: whether rows of objects are made; `segment` needs none.
        weights, config: of the segmenter, as for `Segmenter.load`.
        given: a segmenter that is there already.
        place: of the run's journal: nothing is written beside another one.

    Raises:
        ParameterError: an unknown kind of output, or rules and a recipe.
    """

    out: Path
    rules: Rules | None = None
    recipe: Recipe | None = None
    outputs: tuple[str, ...] = USUAL
    max_delta_e: float | None = None
    max_megapixels: float = 100
    options: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[str] = CLASSES
    rows: bool = True
    weights: Path | None = None
    config: SceneConfig | None = None
    given: AnySegmenter | None = field(default=None, repr=False)
    place: Place | None = None

    def __post_init__(self) -> None:
        if odd := [kind for kind in self.outputs if kind not in KINDS]:
            raise ParameterError(f"outputs are some of {', '.join(KINDS)}; got {odd[0]!r}")
        if self.rules is not None and self.recipe is not None:
            raise ParameterError("give rules or a recipe, not both")
        MAX_MEGAPIXELS.check(self.max_megapixels)
        if self.max_delta_e is not None:
            MAX_DELTA_E.check(self.max_delta_e)

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process loads by itself."""
        return {k: v for k, v in self.__dict__.items() if k not in _LOADED}

    def but(self, **changes: Any) -> Self:
        """The same with other outputs, or another folder; what is loaded already is kept."""
        made = replace(self, **changes)
        made.__dict__.update({k: v for k, v in self.__dict__.items() if k in _LOADED})
        return made

    @property
    def plain(self) -> bool:
        """Whether nothing is recolored: cut-outs are of objects as they were photographed."""
        return self.rules is None and self.recipe is None

    @cached_property
    def segmenter(self) -> AnySegmenter:
        """The network, ready for photos."""
        if self.given is not None:
            return self.given
        from dmlseg_core.scene import Segmenter  # noqa: PLC0415 (torch)

        config = self.config if self.recipe is None else self.recipe.scene
        return Segmenter.load(self.weights, config=config)

    @cached_property
    def references(self) -> dict[Like, Reference]:
        """What each reference that the rules name looks like.

        Raises:
            ParameterError: it is no photo, or its point lies outside it.
        """
        from dmlseg_core.folder.develop.likeness import reference_of  # noqa: PLC0415 (torch)

        found = [rule.find.like for rule in self.rules.rules] if self.rules else []
        return {like: reference_of(like, self.segmenter) for like in found if like is not None}

    def load(self) -> None:
        """Load what every photo needs, if it is not there yet; errors as of the two above.

        Raises:
            WeightsError: the weights cannot be used.
        """
        _ = self.segmenter, self.references

    def asked(self) -> dict[str, Any]:
        """Everything that decides a photo's results beside its content, weights and scene."""
        return {
            "rules": None if self.rules is None else settings_of(self.rules),
            "recipe": None if self.recipe is None else _recipe_digest(self.recipe),
            "outputs": sorted(self.outputs),
            "max_delta_e": self.max_delta_e,
            "options": dict(self.options),
        }

    def settings(self, **more: Any) -> str:
        """16 hex digits of `asked`, and of more: weights and scene."""
        text = json.dumps({**self.asked(), **more}, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def check_place(self) -> None:
        """ExportError where the output folder was removed or replaced under a running batch."""
        if self.place is not None:
            check_place(self.place)

    def folder_for(self, path: Path) -> None:
        """Make the folder of a result, in an output folder that is still there.

        Raises:
            ExportError: it cannot be made.
        """
        self.check_place()  # else the folder would be made anew, without its journal
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise ExportError(f"{path.parent} cannot be made: {reason}") from error


def _recipe_digest(recipe: Recipe) -> str:
    from dmlseg_core.edit import to_json  # noqa: PLC0415 (torch)

    return hashlib.sha256(to_json(recipe).encode()).hexdigest()
