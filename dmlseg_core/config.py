"""Frozen configs that validate themselves; legal ranges are defined here once.

The ranges feed the CLI's help, the page's sliders and the error messages alike.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self, TypedDict

from dmlseg_core.errors import ParameterError

TAUS: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9)
"""Similarity thresholds T of the mask-classification head (paper, section 3.2)."""

VOC_CLASSES: tuple[str, ...] = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip
PEOPLE: tuple[str, ...] = ("skin", "hair")
"""What of people is a material of its own, in the order of the maps and weights that tell it."""
CLASSES: tuple[str, ...] = (*VOC_CLASSES, "object")
"""Foreground classes, in order; class id 0 is the background, class id k is CLASSES[k - 1]."""
SUPERCATEGORIES: dict[str, str] = {
    "person": "person",
    **dict.fromkeys(
        ["aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"], "vehicle"
    ),
    **dict.fromkeys(["bird", "cat", "cow", "dog", "horse", "sheep"], "animal"),
    **dict.fromkeys(
        ["bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor"], "indoor"
    ),
}
"""VOC's groups of its classes (Everingham et al. 2010, table 1)."""

BACKBONES: tuple[str, ...] = ("mobilenetv2", "resnet101")
PRECISIONS: tuple[str, ...] = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Range:
    """A closed or open interval of legal values for one named parameter; `whole`: of integers."""

    name: str
    low: float
    high: float
    open: bool = False
    whole: bool = False

    def check(self, value: float) -> float:
        """Return `value` as a float, or raise ParameterError naming the legal range."""
        try:
            if isinstance(value, str | bytes | bool):  # float takes them; who works with them fails
                raise TypeError
            number = float(value)
            if self.whole and number != int(number):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            kind = "whole number" if self.whole else "number"
            raise ParameterError(
                f"{self.name} must be a {kind} in {self}; got {value!r:.40}"
            ) from None
        inside = self.low < number < self.high if self.open else self.low <= number <= self.high
        if not inside:  # NaN fails every comparison, so it lands here too
            raise ParameterError(f"{self.name} must lie in {self}; got {value!r}")
        return number

    def __str__(self) -> str:
        left, right = "()" if self.open else "[]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


TAU = Range("tau", 0.0, 1.0, open=True)
DIAL: tuple[float, float] = (0.03, 0.98)
"""Ends of the page's dial, whole and part; the IoU head chooses a click's tau between them."""
LEVEL = Range("level", 0.0, 1.0, open=True)
ALPHA = Range("alpha", 0.0, 2.0)
SEEDINESS_FLOOR = Range("seediness_floor", 0.0, 1.0)
STRENGTH = Range("strength", 0.0, 1.0)
PROTECT_HIGHLIGHTS = Range("protect_highlights", 0.0, 1.0)
LONG_SIDE = Range("long_side", 64, 4096, whole=True)
BUDGET = Range("budget", 1, 1000, whole=True)
MAX_MEGAPIXELS = Range("max_megapixels", 0.01, 1000)

AMOUNTS: dict[str, Range] = {
    "hue_shift": Range("amount", -360, 360),
    "saturation": Range("amount", -1, 1),
    "lightness": Range("amount", -1, 1),
}
"""Recolor modes that take an amount, not a target: degrees; relative change; change of L."""
TARGET_MODES: tuple[str, ...] = ("match", "tint")
"""Modes of `recolor` that take a target color."""
PATTERN_MODE = "pattern"
"""The mode of `recolor` that takes a texture instead of a target color."""
MODES: tuple[str, ...] = (*TARGET_MODES, *AMOUNTS, PATTERN_MODE)
"""All modes of recoloring; the first two take a target color, the last one a texture."""
GLOSS: dict[str, float] = {"wet": 1.0, "satin": 0.5, "matte": 0.15}
"""Of the reflections on a recolored object: what is put back; wet leaves them as photographed."""
MATERIALS: tuple[str, ...] = ("body", "all", "together")
"""What of an object takes the target: its body (the largest material, or one nearly as large that
was pointed at), all of it as one, or the body with the others turned along."""
PATTERN_SCALE = Range("pattern_scale", 0.02, 50)
MAX_DELTA_E = Range("max_delta_e", 0.0, 100)
GPUS = Range("gpus", 0.0, 64.0)
GATE_TOLERANCE = Range("tolerance", 0.0, 2.0)
GATE_SOFTNESS = Range("softness", 0.0, 2.0)


class Quality(TypedDict):
    """The fields of `SceneConfig` that trade time for quality."""

    long_side: int
    flip: bool


QUALITIES: dict[str, Quality] = {
    "fast": {"long_side": 320, "flip": False},
    "balanced": {"long_side": 512, "flip": False},
    "best": {"long_side": 512, "flip": True},  # a larger photo is no better: docs/lab/weights.md
}
"""Presets of `SceneConfig` that the command line and the page offer, the fastest first."""
DEFAULT_QUALITY = "balanced"

RECIPE_KINDS: tuple[str, ...] = ("point", "class", "rank", "likeness")
"""How a recipe may say what it selects; see `edit.recipe_of`."""


@dataclass(frozen=True)
class Config:
    """What every config is: frozen, checked when it is made, a JSON object and back."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from `to_dict`'s output; an unknown key is a ParameterError, never ignored."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ParameterError(f"{cls.__name__} has no field {unknown}; it has {sorted(known)}")
        pairs = values.items()
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in pairs})


@dataclass(frozen=True)
class NetworkConfig(Config):
    """Everything that decides the network's tensors.

    Attributes:
        backbone: one of BACKBONES.
        embedding_dim: D, length of a pixel's embedding vector (paper: 64).
        taus: T, thresholds of the mask-classification head.
        classes: foreground class names; the head has one more channel, 0 = background.
        width: channels of the decoder at stride 4.
        scales: input scales, their features concatenated before the heads (paper: 1/4, 1/2, 1, 2).
        dial: taus of the largest and the smallest mask that the IoU head expects something of.
    """

    backbone: str = "mobilenetv2"
    embedding_dim: int = 64
    taus: tuple[float, ...] = TAUS
    classes: tuple[str, ...] = CLASSES
    width: int = 64
    scales: tuple[float, ...] = (1.0,)
    dial: tuple[float, ...] = DIAL

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise ParameterError(f"backbone must be one of {BACKBONES}; got {self.backbone!r}")
        if self.embedding_dim < 1 or self.width < 8:
            raise ParameterError("embedding_dim must be >= 1 and width >= 8")
        if not self.taus or list(self.taus) != sorted(set(self.taus)):
            raise ParameterError(f"taus must be distinct and ascending; got {self.taus}")
        for tau in self.taus:
            TAU.check(tau)
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise ParameterError(f"classes must be distinct and not empty; got {self.classes}")
        if 1.0 not in self.scales or not all(0 < s <= 4 for s in self.scales):
            raise ParameterError(f"scales must contain 1.0 and lie in (0, 4]; got {self.scales}")
        if len(self.dial) != 2 or not 0 < self.dial[0] < self.dial[1] < 1:
            raise ParameterError(f"dial must be two taus, the lower one first; got {self.dial}")

    @property
    def num_outputs(self) -> int:
        """C + 1: channels of one tau's class logits, background included."""
        return len(self.classes) + 1


@dataclass(frozen=True)
class SceneConfig(Config):
    """How a photo is analysed and how proposals are made of it.

    Attributes:
        long_side: long side of the analysed photo, pixels; smaller photos are scaled up to it.
        precision: "auto" is bfloat16 where the CPU computes it natively or on CUDA, else float32.
        budget: at most this many seeds per photo (paper: 100).
        alpha: weight of the diversity term in the seed score.
        seediness_floor: pixels below it are never picked as seeds.
        overlap: a mask that loses more than this share of its pixels to better ones is dropped.
        connected: keep only the connected component around the seed.
        edge_weight: weight of the photo's edges (`RegionTree.distances2`) in the squared distances
            of a click; None is that of the weights' data sheet. 0 is the paper's sigma, of the
            embedding alone, which proposals always use: their masks are what the mask-class head
            was trained on.
        flip: look at the mirrored photo too (see `Segmenter.analyze`): twice the time.
    """

    long_side: int = QUALITIES[DEFAULT_QUALITY]["long_side"]
    precision: str = "auto"
    budget: int = 100
    alpha: float = 0.3
    seediness_floor: float = 0.05
    overlap: float = 0.3
    connected: bool = True
    edge_weight: float | None = None
    flip: bool = QUALITIES[DEFAULT_QUALITY]["flip"]

    def __post_init__(self) -> None:
        LONG_SIDE.check(self.long_side)
        BUDGET.check(self.budget)
        ALPHA.check(self.alpha)
        SEEDINESS_FLOOR.check(self.seediness_floor)
        Range("overlap", 0.0, 1.0).check(self.overlap)
        if self.edge_weight is not None:
            Range("edge_weight", 0.0, 10.0).check(self.edge_weight)
        if self.precision not in PRECISIONS:
            raise ParameterError(f"precision must be one of {PRECISIONS}; got {self.precision!r}")

    @property
    def quality(self) -> str | None:
        """The preset of QUALITIES that the config's long side and flip are; None: no preset."""
        own = Quality(long_side=self.long_side, flip=self.flip)
        return next((name for name, values in QUALITIES.items() if values == own), None)

    def with_quality(self, name: str) -> SceneConfig:
        """This config with a preset's long side and flip.

        Raises:
            ParameterError: no preset of QUALITIES.

        >>> SceneConfig(connected=False).with_quality("fast").long_side
        320
        """
        if name not in QUALITIES:
            raise ParameterError(f"quality must be one of {tuple(QUALITIES)}; got {name!r}")
        return replace(self, **QUALITIES[name])
