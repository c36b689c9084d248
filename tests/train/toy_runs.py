"""A run so small that it takes a second, and what to look at of it."""

import csv

import numpy as np
import torch

from dmlseg_core.config import NetworkConfig
from dmlseg_core.train.config import TrainConfig

CONFIG = TrainConfig(
    steps=8, batch_size=2, crop=33, points=4, max_groups=3, background_points=6, warmup=2,
    cooldown=2, lambda_ramp=4, lr=3e-3, backbone_lr=1e-3, frozen=(), ema=0.5,
    network=NetworkConfig(width=8, embedding_dim=4),
)  # fmt: skip


def curve(folder):
    with (folder / "log.csv").open(newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    return np.array([[row[k] for k in ("loss", "embedding", "classification", "lambda", "lr")]
                     for row in rows])  # fmt: skip


def tensors(run):
    network = run.accelerator.unwrap_model(run.network)
    return {k: v.detach().clone() for k, v in network.state_dict().items()}


def same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(one[k], other[k]) for k in one)
