"""Speed on a 640x480 photo, beside torchvision's Mask R-CNN R50-FPN in the same process.

    python benchmarks/bench_network.py [--repeats 30] [--threads 2] [--weights FILE] [--json FILE]

Both sides start from the decoded uint8 photo and include their own resizing and normalisation.
Medians with the interquartile spread, after warm-up. The rival's weights are random (speed does not
depend on them once `box_score_thresh=0` makes it keep its 20 boxes and run its mask head).
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage import data
from skimage.transform import resize

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.config import SceneConfig
from dmlseg_core.scene.segmenter import Segmenter, computes_bfloat16

SIZE = (480, 640)
GRID = (120, 160)
WARM = 3
TAUS = np.linspace(0.1, 0.9, 17)


@dataclass(frozen=True)
class Timing:
    """Milliseconds: median, quartiles, number of runs."""

    name: str
    median: float
    low: float
    high: float
    runs: int

    @property
    def row(self) -> str:
        return (
            f"| {self.name} | {self.median:.2f} | {self.low:.2f} .. {self.high:.2f} | {self.runs} |"
        )


def measure(name: str, work: Callable[[], Any], repeats: int, warm: int = WARM) -> Timing:
    """Time `work` after `warm` runs that do not count."""
    for _ in range(warm):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    low, median, high = np.percentile(times, [25, 50, 75])
    return Timing(name, float(median), float(low), float(high), repeats)


def sample_photo() -> np.ndarray:
    """(480, 640, 3) uint8: scikit-image's coffee cup, no download."""
    photo = resize(data.coffee(), SIZE, anti_aliasing=True)
    return (255 * photo).round().astype(np.uint8)


def fresh_points(count: int) -> list[tuple[int, int]]:
    """Points of distinct grid cells, so that no distance map is remembered."""
    cells = np.random.default_rng(0).permutation(GRID[0] * GRID[1])[:count]
    return [(4 * int(c // GRID[1]), 4 * int(c % GRID[1])) for c in cells]


def rival_pass(photo: np.ndarray) -> Callable[[], Any]:
    """One float32 eager pass of Mask R-CNN; it scales the short side to 800 px by default."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn  # noqa: PLC0415 - as slow as torch

    model = maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, box_score_thresh=0, box_detections_per_img=20
    ).eval()

    def run() -> Any:
        with torch.inference_mode():
            image = torch.from_numpy(photo).permute(2, 0, 1).float() / 255
            out = model([image])[0]
        assert len(out["masks"]) == 20, "the rival must run its mask head on 20 boxes"
        return out

    return run


def our_timings(photo: np.ndarray, weights: str | None, repeats: int) -> list[Timing]:
    rows = []
    # Emulated, a bfloat16 pass takes a minute, and "auto" never picks it.
    native = computes_bfloat16(torch.device("cpu"))
    for precision in ("bfloat16", "float32") if native else ("float32",):
        config = SceneConfig(long_side=640, precision=precision)
        segmenter = Segmenter.load(weights, config=config)
        scene = segmenter.analyze(photo)
        grid = tuple(scene.embedding.shape[-2:])
        assert grid == GRID, f"hidden down-scaling: the grid is {grid}"
        rows.append(measure(f"analyze, {precision}", lambda s=segmenter: s.analyze(photo), repeats))
    alone = [replace(scene) for _ in range(10 + WARM)]  # a scene grows its regions only once
    rows.append(measure("regions, once a photo", lambda: alone.pop().regions, 10))
    rows.append(measure(f"propose, budget {config.budget}", scene.propose, repeats))
    points = iter(fresh_points(100 + WARM))
    rows.append(measure("mask_at, fresh point", lambda: scene.mask_at(*next(points)), 100))
    taus = itertools.cycle(TAUS)
    rows.append(
        measure("tau move, same point", lambda: scene.mask_at(240, 320, tau=float(next(taus))), 200)
    )
    return rows


def machine() -> str:
    """One line on what this ran on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((n.split(":")[1].strip() for n in lines if n.startswith("model name")), "")
    bf16 = any("avx512_bf16" in line or "amx_bf16" in line for line in lines)
    return (
        f"{model or platform.processor()}, {torch.get_num_threads()} threads, native bfloat16 "
        f"{'yes' if bf16 else 'no'}, {platform.system()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, eager"
    )


def report(rows: list[Timing]) -> str:
    """Markdown: timings, then the targets of issue 3."""
    rival, *ours = rows
    *passes, regions, seeds, click, tau = ours
    fast, exact = passes[0], passes[-1]  # one and the same where bfloat16 is not native
    lines = [
        f"640x480, {machine()}",
        "",
        "| what | median ms | quartiles | runs |",
        "|---|---|---|---|",
    ]
    lines += [timing.row for timing in rows]
    targets = [
        (f"Mask R-CNN / {fast.name} (>= 20)", rival.median / fast.median, ">=", 20.0),
        ("Mask R-CNN / analyze, float32 (told only)", rival.median / exact.median, ">=", 0.0),
        (
            "Mask R-CNN / (analyze + regions) (told only)",
            rival.median / (fast.median + regions.median),
            ">=",
            0.0,
        ),
        (f"propose / {fast.name} (<= 1/3)", seeds.median / fast.median, "<=", 1 / 3),
        ("mask_at, ms (<= 3)", click.median, "<=", 3.0),
        ("tau move, ms (<= 1)", tau.median, "<=", 1.0),
    ]
    lines += ["", "| target | measured | met |", "|---|---|---|"]
    for name, value, sign, bound in targets:
        met = value >= bound if sign == ">=" else value <= bound
        lines.append(f"| {name} | {value:.2f} | {'yes' if met else 'NO'} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--rival-repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    photo = sample_photo()
    rival = measure(
        "torchvision Mask R-CNN R50-FPN, float32", rival_pass(photo), args.rival_repeats, warm=1
    )
    rows = [rival, *our_timings(photo, args.weights, args.repeats)]
    print(report(rows))
    if args.json:
        args.json.write_text(json.dumps([vars(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
