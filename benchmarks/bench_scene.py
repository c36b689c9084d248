"""The Scene's arithmetic against the forward pass that made it, on a 640x480 photo.

    python benchmarks/bench_scene.py [--repeats 20] [--threads 2] [--precision auto]
                                     [--weights FILE] [--json FILE]

Medians with quartiles, after warm-up; the ratios are taken to the network pass of the same run, so
that they compare across machines. Random weights are used, and said, where none are shipped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import torch
from bench_network import (
    GRID,
    SIZE,
    TAUS,
    WARM,
    Timing,
    fresh_points,
    machine,
    measure,
    sample_photo,
)

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.config import PRECISIONS, NetworkConfig, SceneConfig
from dmlseg_core.model.network import EmbeddingNetwork
from dmlseg_core.model.weights import DEFAULT_WEIGHTS
from dmlseg_core.scene.frame import Frame
from dmlseg_core.scene.segmenter import Segmenter


def load(weights: Path | None, config: SceneConfig) -> Segmenter:
    """The given or shipped weights; without any, random ones."""
    if weights is None and not Path(DEFAULT_WEIGHTS).exists():
        print("no shipped weights: random ones (seed 0); propose() depends on the weights\n")
        torch.manual_seed(0)
        return Segmenter(EmbeddingNetwork(NetworkConfig()).eval(), config)
    return Segmenter.load(weights, config=config)


def timings(segmenter: Segmenter, photo: np.ndarray, repeats: int) -> tuple[list[Timing], int]:
    """The four rows, the network pass first, and how many masks were proposed."""
    scene = segmenter.analyze(photo)
    assert scene.embedding.shape[1:] == GRID, f"hidden down-scaling: {scene.embedding.shape[1:]}"
    budget, clicks, moves = segmenter.config.budget, 10 * repeats, 20 * repeats
    images = torch.from_numpy(Frame.fit(SIZE, segmenter.config.long_side).to_input(photo))[None]
    images = images.contiguous(memory_format=torch.channels_last)

    def network() -> None:
        with (
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16, segmenter.precision == "bfloat16"),
        ):
            segmenter.network(images)

    points = iter(fresh_points(clicks + WARM))
    taus = itertools.cycle(float(tau) for tau in TAUS)
    rows = [
        measure(f"network pass, {segmenter.precision}", network, repeats),
        measure(f"propose(), budget {budget}", scene.propose, repeats),
        measure("mask_at, fresh point", lambda: scene.mask_at(*next(points)), clicks),
        measure("tau move, remembered point", lambda: scene.mask_at(240, 320, next(taus)), moves),
    ]
    return rows, len(scene.propose())


def report(rows: list[Timing], proposed: int) -> str:
    """Markdown: one row each, with its share of the network pass."""
    lines = [
        f"640x480, grid {GRID[1]}x{GRID[0]}, {proposed} masks proposed; {machine()}",
        "",
        "| what | median ms | quartiles | runs | / network pass |",
        "|---|---|---|---|---|",
    ]
    lines += [f"{row.row} {row.median / rows[0].median:.4f} |" for row in rows]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    segmenter = load(args.weights, SceneConfig(long_side=640, precision=args.precision))
    rows, proposed = timings(segmenter, sample_photo(), args.repeats)
    print(report(rows, proposed))
    if args.json:
        args.json.write_text(json.dumps([vars(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
