"""What a training run is: one frozen config, stored in its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field

from dmlseg_core.config import Config, NetworkConfig, Range
from dmlseg_core.errors import ParameterError


@dataclass(frozen=True)
class TrainConfig(Config):
    """Hyper-parameters of one run. The defaults are for a run from a pretrained backbone; those of
    the shipped weights stand in their manifest.

    Attributes:
        steps: optimizer steps of the whole run (the learning-rate schedule ends there).
        batch_size: crops per step and process.
        crop: side of a training crop, 16n + 1 pixels.
        points: K, random points per object (paper: 10).
        max_groups: at most this many objects (or parts, or regions) of a crop are sampled.
        background_points: random background points of a crop.
        background_share: in the classification loss they weigh as much as this many objects.
        lr, backbone_lr: peak AdamW learning rates of the new layers and of the pretrained trunk.
        warmup, cooldown: steps at the start and at the end over which the rate rises and falls.
        lambda_max, lambda_ramp: weight of the classification loss and the steps of its ramp from 0
            (paper: 0 -> 0.2 while the embedding settles).
        overlap: weight of the overlap loss, 1 - soft IoU of a point's mask; 0: the paper's losses.
        nested: above 0 the overlap loss takes the best of a point's three masks (part, thing,
            group) against each label, and their mean with this share: `losses.nested_loss`.
        distill: weight, within lambda's, of what a teacher says of class names (`train.teacher`);
            above 0 the run needs one.
        frozen: name prefixes of tensors that stay as they were loaded. The pretrained backbone's
            depthwise convolutions are the slowest to differentiate on a CPU, and its context must
            go on saying what the class head's prior reads in it; () trains everything.
        match_iou: IoU above which a grown mask counts as its object (paper leaves it open).
        ema: decay of the averaged weights, which are what is exported.
        rng: number from which every random choice of the run follows.
    """

    steps: int = 9000
    batch_size: int = 8
    crop: int = 257
    points: int = 10
    max_groups: int = 14
    background_points: int = 24
    background_share: float = 2.0
    lr: float = 1e-3
    backbone_lr: float = 3e-4
    weight_decay: float = 1e-4
    warmup: int = 100
    cooldown: int = 500
    lambda_max: float = 0.2
    lambda_ramp: int = 500
    overlap: float = 0.0
    nested: float = 0.0
    distill: float = 0.0
    frozen: tuple[str, ...] = ("backbone.",)
    match_iou: float = 0.5
    clip_norm: float = 5.0
    ema: float = 0.995
    precision: str = "float32"
    rng: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        if isinstance(self.network, dict):  # from_dict of a stored config
            object.__setattr__(self, "network", NetworkConfig.from_dict(self.network))
        if self.crop % 16 != 1:
            raise ParameterError(f"crop must be 16n + 1 pixels; got {self.crop}")
        if self.precision not in ("float32", "bfloat16"):
            raise ParameterError(f"precision must be float32 or bfloat16; got {self.precision!r}")
        for name in ("steps", "batch_size", "points", "max_groups"):
            Range(name, 1, 10**8).check(getattr(self, name))
        for name in ("lr", "backbone_lr", "ema", "match_iou", "nested"):
            Range(name, 0.0, 1.0).check(getattr(self, name))
        for name in ("overlap", "distill"):
            Range(name, 0.0, 1e3).check(getattr(self, name))
