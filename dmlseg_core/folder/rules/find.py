"""Which objects of a photo a rule means."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from dmlseg_core.config import TAU, Range
from dmlseg_core.errors import ParameterError
from dmlseg_core.words import class_label

SHARE = Range("area", 0.0, 1.0)
SCORE = Range("score", 0.0, 1.0)
COLORS = Range("colors", 0.0, 1.0)
_REFERENCE = re.compile(r"(?P<photo>.+)@(?P<x>\d+),(?P<y>\d+)", re.DOTALL)


@dataclass(frozen=True)
class Like:
    """Objects that look like one of a reference photo: their embedding vectors are near to its.

    Attributes:
        photo: the reference: any photo of the object, or a crop of it.
        at: (y, x), a pixel of the object; None: what lies in the middle, as in a crop.
        threshold: least similarity, in (0, 1); a dry run tells how many each one would find.
        colors: least share of its colors that are the object's too, in [0, 1]; 0: any. Embeddings
            tell kinds, this tells a blue car from a red one.
    """

    photo: Path
    at: tuple[int, int] | None = None
    threshold: float = 0.8
    colors: float = 0.0

    def __post_init__(self) -> None:
        TAU.check(self.threshold)
        COLORS.check(self.colors)
        try:
            why = "" if S_ISREG(self.photo.stat().st_mode) else "it is no file"
        except (OSError, ValueError) as error:
            why = str(getattr(error, "strerror", None) or error)
        if why:
            raise ParameterError(f"the reference photo {self.photo} cannot be read: {why}")

    def takes(self, similarity: float, overlap: float) -> bool:
        """Whether an object is like it: similarity of the vectors, overlap of the colors."""
        return similarity >= self.threshold and (not self.colors or overlap >= self.colors)


def like_of(
    text: str, threshold: float = 0.8, folder: Path | None = None, colors: float = 0.0
) -> Like:
    """ "REF.jpg@x,y", or the path of a crop alone, relative to `folder`.

    Raises:
        ParameterError: no such file.
    """
    found = _REFERENCE.fullmatch(text)
    # a name may hold an "@"; Path.is_file raises where nobody may look
    if found is None or os.path.isfile((folder or Path()) / text):  # noqa: PTH113
        return Like((folder or Path()) / text, None, threshold, colors)
    at = int(found["y"]), int(found["x"])
    return Like((folder or Path()) / found["photo"], at, threshold, colors)


@dataclass(frozen=True, kw_only=True)
class Find:
    """Conditions on one object, all of which it meets; the usual values take every object.

    Attributes:
        classes: it is of one of these; () = any.
        like: what it looks like.
        min_score, max_score: in [0, 1], how sure the network is of it.
        min_area, max_area: in [0, 1], its share of the photo's pixels.
        largest: of those that are left, only so many, the largest ones.
        rank: of those that are left, only this one, the surest first from 1 on.

    Raises:
        ParameterError: a value out of its range, or a lower limit above the upper one.
    """

    classes: tuple[str, ...] = ()
    like: Like | None = None
    min_score: float = 0.0
    max_score: float = 1.0
    min_area: float = 0.0
    max_area: float = 1.0
    largest: int | None = None
    rank: int | None = None

    def __post_init__(self) -> None:
        for name, legal in (("score", SCORE), ("area", SHARE)):
            low, high = (legal.check(getattr(self, f"{end}_{name}")) for end in ("min", "max"))
            if low > high:
                raise ParameterError(f"min_{name} {low:g} is above max_{name} {high:g}")
        for name in ("largest", "rank"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ParameterError(f"{name} counts from 1 on; got {value}")

    def check_classes(self, known: Sequence[str]) -> None:
        """ParameterError where a class is none of those that the weights know."""
        for name in self.classes:
            if name not in known:
                raise ParameterError(f"the weights know no class {name!r}{_meant(name, known)}")

    def admits(self, class_name: str, score: float, area: float, *, alike: bool) -> bool:
        """Whether an object meets every condition but `largest` and `rank`.

        Args:
            class_name, score: of the object.
            area: its share of the photo's pixels.
            alike: whether it is like the reference, or none is named.
        """
        return (
            (not self.classes or class_name in self.classes)
            and self.min_score <= score <= self.max_score
            and self.min_area <= area <= self.max_area
            and alike
        )


def _meant(name: str, known: Sequence[str]) -> str:
    """ "; did you mean ...?", or all of them where none is near."""
    shown = {class_label(language, other): other for language in ("zh", "en") for other in known}
    if name in shown:  # as the page and the report call it
        return f"; did you mean {shown[name]}?"
    near = difflib.get_close_matches(name.lower(), known, 3, 0.6) or [
        other for other in known if name and name.lower() in other
    ]
    if name.lower() in near:
        return f"; did you mean {name.lower()}?"
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; it knows {', '.join(known)}; other things are found by like"
