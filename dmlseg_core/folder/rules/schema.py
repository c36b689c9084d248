"""The form of a rules file, which its JSON schema (rules.schema.json) is made of.

Texts and numbers only; `read` turns them into rules.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dmlseg_core.config import (
    GATE_SOFTNESS,
    GATE_TOLERANCE,
    MODES,
    PATTERN_SCALE,
    PROTECT_HIGHLIGHTS,
    STRENGTH,
    Range,
)

MOST_RULES, MOST_COLORS = 100, 500


def _within(legal: Range) -> Any:
    return Field(ge=legal.low, le=legal.high)


Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*%$")]
if TYPE_CHECKING:
    Mode = str
else:
    Mode = Literal[MODES]
Texts = Annotated[list[str], Field(min_length=1, max_length=MOST_COLORS)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class LikeForm(_Form):
    """A reference: a photo and a pixel of the object, or a crop of it."""

    photo: str
    at: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)] | None = (
        Field(None, description="[x, y]; left out: what lies in the middle")
    )


class FindForm(_Form):
    """Conditions on an object, all of which it meets."""

    class_: str | Texts | None = Field(None, alias="class")
    like: str | LikeForm | None = Field(None, description="or 'REF.jpg@x,y', or a crop's path")
    threshold: Annotated[float, Field(gt=0, lt=1)] = Field(0.8, description="of like")
    like_colors: Share = Field(0.0, description="least share of like's colors that it has, too")
    min_score: Share = 0.0
    max_score: Share = 1.0
    min_area: Share | Percent = Field(0.0, description="share of the photo, or '5%'")
    max_area: Share | Percent = 1.0
    largest: bool | Count | None = Field(None, description="only the N largest; true = 1")
    rank: Count | None = Field(None, description="only the N-th, the surest first")


class GateForm(_Form):
    """A color that is painted alone, or spared."""

    color: str
    tolerance: Annotated[float, _within(GATE_TOLERANCE)] = 0.35
    softness: Annotated[float, _within(GATE_SOFTNESS)] = 0.3
    exclude: bool = False


class TargetForm(_Form):
    """A material, by its color in the photo, and what it becomes; null keeps it."""

    color: str
    target: str | None


class RuleForm(_Form):
    """What is done to the objects that it finds: leave, color, swatches, pattern or amount."""

    name: Annotated[str, Field(max_length=100)] = ""
    find: Literal["all"] | FindForm
    leave: bool = False
    color: str | Texts | None = Field(None, description="one file for each color")
    swatches: str | None = Field(None, description=".ase, .aco, .gpl, .csv: one file for each")
    pattern: str | None = Field(None, description="a picture that is tiled")
    pattern_scale: Annotated[float, _within(PATTERN_SCALE)] = 1.0
    mode: Mode | None = None
    amount: float | None = None
    strength: Annotated[float, _within(STRENGTH)] = 1.0
    protect_highlights: Annotated[float, _within(PROTECT_HIGHLIGHTS)] = 1.0
    gates: Annotated[list[GateForm], Field(max_length=16)] = []
    matting: bool = False
    gloss: Literal["wet", "satin", "matte"] = "wet"
    materials: Literal["body", "all", "together"] = "body"
    targets: Annotated[list[TargetForm], Field(max_length=16)] = []


class RulesForm(_Form):
    """Rules in order; an object belongs to the first one that finds it."""

    version: Literal[1] = 1
    combine: Literal["together", "each"] = "together"
    rules: Annotated[list[RuleForm], Field(min_length=1, max_length=MOST_RULES)]


def schema() -> str:
    """The JSON schema of rules files, as text."""
    made = RulesForm.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "dmlseg rules"}
    return json.dumps({**made, **head}, indent=1) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
