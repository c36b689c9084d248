"""Named training recipes: everything that made a set of weights, so that nobody has to type it.

`dmlseg train --recipe NAME` reads them; a fraction of one is its rehearsal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dmlseg_core.errors import DatasetError, ParameterError
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.data import AugmentConfig, HideConfig

DONORS: tuple[str, ...] = ("voc", "duts", "things", "scenes")
"""Sets whose objects are pasted, where they are among the data: their masks are clean cut-outs."""
FIRST_BLOCKS: tuple[str, ...] = (
    "backbone.backbone.stem.",
    *(f"backbone.backbone.blocks.{k}." for k in range(6)),
)
"""MobileNetV2 up to stride 8: its largest maps, so the dearest to differentiate."""


@dataclass(frozen=True)
class TrainRecipe:
    """One way to train, whole.

    Attributes:
        start: file of pretrained tensors that the run begins with (`--init`).
        shares: sampling weight of each set, by the name of its folder.
        config: hyper-parameters.
        augment: ranges of the augmentation; its crop is the config's.
        donors: sets whose objects are pasted into other photos.
    """

    start: str
    shares: Mapping[str, float]
    config: TrainConfig
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    donors: tuple[str, ...] = DONORS

    def __str__(self) -> str:
        sets = " ".join(f"{name}:{share:g}" for name, share in self.shares.items())
        return f"{self.config.steps} steps of {sets}"


RECIPES: dict[str, TrainRecipe] = {
    "default": TrainRecipe(
        start="deeplabv3_mobilenetv2_coco_voc.safetensors",
        shares={
            "voc": 0.38, "duts": 0.28, "scenes": 0.09, "things": 0.08,
            "clothing": 0.06, "regions": 0.06, "carparts": 0.03, "singles": 0.02,
        },
        config=TrainConfig(steps=6_000, cooldown=900, lambda_ramp=1),
    ),
    "finetune": TrainRecipe(
        start="dmlseg-mobilenetv2.safetensors",
        shares={
            "voc": 0.38, "duts": 0.26, "scenes": 0.09, "things": 0.09,
            "clothing": 0.07, "regions": 0.05, "carparts": 0.05, "singles": 0.01,
        },
        config=TrainConfig(
            steps=2_850, cooldown=1_000, lambda_ramp=1, crop=321, batch_size=6, lr=5e-4,
            backbone_lr=1e-4, overlap=1.0, frozen=FIRST_BLOCKS,
        ),
        augment=AugmentConfig(scale=(0.7, 1.6)),
    ),
    "prolong": TrainRecipe(
        start="dmlseg-mobilenetv2.safetensors",
        shares={
            "voc": 0.36, "duts": 0.24, "scenes": 0.12, "things": 0.10,
            "clothing": 0.07, "regions": 0.05, "carparts": 0.05, "singles": 0.01,
        },
        config=TrainConfig(
            steps=14_000, cooldown=2_500, lambda_ramp=1, crop=385, batch_size=4, lr=8e-4,
            backbone_lr=2e-4, overlap=1.0, frozen=FIRST_BLOCKS,
        ),
        augment=AugmentConfig(scale=(0.65, 1.7)),
    ),
    "distill": TrainRecipe(
        start="dmlseg-mobilenetv2.safetensors",
        shares={
            "voc": 0.36, "duts": 0.19, "scenes": 0.15, "things": 0.12,
            "clothing": 0.07, "regions": 0.05, "carparts": 0.05, "singles": 0.01,
        },
        config=TrainConfig(
            steps=5_920, warmup=200, cooldown=2_240, lambda_ramp=1, crop=513, batch_size=32,
            lr=1.5e-3, backbone_lr=3e-4, overlap=1.0, distill=2.0, ema=0.998, frozen=(),
        ),
        augment=AugmentConfig(scale=(0.65, 1.7), mosaic=0.25),
    ),
    "harden": TrainRecipe(
        start="dmlseg-mobilenetv2.safetensors",
        shares={
            "voc": 0.29, "duts": 0.14, "dutsmore": 0.16, "scenes": 0.11, "things": 0.10,
            "clothing": 0.10, "regions": 0.04, "carparts": 0.05, "singles": 0.01,
        },
        config=TrainConfig(
            steps=10_000, warmup=200, cooldown=4_000, lambda_ramp=1, crop=385, batch_size=4,
            lr=6e-4, backbone_lr=1.5e-4, overlap=1.0, distill=2.0, ema=0.999, frozen=FIRST_BLOCKS,
        ),
        augment=AugmentConfig(
            scale=(0.65, 1.7), mosaic=0.15, twins=0.25, hide=HideConfig(chance=0.12)
        ),
        donors=(*DONORS, "dutsmore"),
    ),
}  # fmt: skip
"""What `--recipe` knows. The shipped weights are all five, each begun with what the one before it
gave; after the last three comes an `average` with the run's start."""

LENGTHS: tuple[str, ...] = ("steps", "warmup", "cooldown", "lambda_ramp")
"""Fields of `TrainConfig` that count steps: a rehearsal shortens them alike."""


def scaled(config: TrainConfig, fraction: float) -> TrainConfig:
    """The same run on a fraction of its steps, its schedule shortened with it.

    Args:
        config: the whole run.
        fraction: in (0, 1]; every length stays at least one step.

    Raises:
        ParameterError: a fraction outside (0, 1].

    >>> short = scaled(TrainConfig(steps=1000, cooldown=100, warmup=20), 0.1)
    >>> short.steps, short.cooldown, short.warmup
    (100, 10, 2)
    """
    if not 0 < fraction <= 1:
        raise ParameterError(f"--fraction must lie in (0, 1]; got {fraction:g}")
    lengths = {name: max(1, round(fraction * getattr(config, name))) for name in LENGTHS}
    return replace(config, **lengths)


def sets_in(folder: Path, shares: Mapping[str, float]) -> list[tuple[Path, float]]:
    """Folder and share of each of a recipe's sets.

    Args:
        folder: the one folder in which they lie, unpacked.
        shares: of each set, by name.

    Raises:
        DatasetError: some are not there; the sentence names all of them.
    """
    missing = [name for name in shares if not (folder / name).is_dir()]
    if missing:
        raise DatasetError(
            f"{folder} lacks {', '.join(missing)}: expected one folder for each set of the recipe "
            f"({', '.join(shares)}); unpack what is missing there"
        )
    return [(folder / name, share) for name, share in shares.items()]
