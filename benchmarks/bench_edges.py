"""Edges, measured: composites with known answers, real masks, time and memory.

    python benchmarks/bench_edges.py composites
    python benchmarks/bench_edges.py masks --data FOLDER [--photos 40] [--network]
    python benchmarks/bench_edges.py speed [--megapixels 1.2 24] [--threads 2]
    python benchmarks/bench_edges.py memory [--megapixels 50] [--matting]

FOLDER holds clothing, duts and coco128 in VOC layout. Times are medians with their ratio to
skimage.color.rgb2lab of the same photo in the same run. See docs/edges.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.edge.alpha import refine_alpha
from dmlseg_core.edge.foreground import ForegroundModel
from dmlseg_core.edge.matting import matte_alpha
from dmlseg_core.paint.apply import recolor
from tests.composites import BLUE, PAIRS, composites
from tests.edge.sharpness import SETS, TOLERANCES, boundary_f, instances, share_map


def bench_composites() -> None:
    """Mean Delta-E 2000 in the band; the last column: with pymatting's foreground."""
    from pymatting import estimate_foreground_ml  # noqa: PLC0415

    means = {}
    for pair in PAIRS:
        print(f"| {pair} | true alpha | hard mask | refined | refined + matted | ml foreground |")
        print("|---|---|---|---|---|---|")
        rows = []
        for scene in composites(pair=pair):
            hard = scene.alpha >= 0.5
            refined = refine_alpha(hard, scene.rgb)
            alphas = (scene.alpha, hard, refined, matte_alpha(refined, scene.rgb))
            row = [scene.error_of_alpha(alpha) for alpha in alphas]
            rows.append([*row, scene.error_of_foreground(estimate_foreground_ml)])
            print(_row(scene.name, rows[-1]))
        means[pair] = np.mean(rows, axis=0)
    for pair, mean in means.items():
        print(_row(f"**{pair}**", mean))


def _row(name: str, values: Sequence[float]) -> str:
    return f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |"


def bench_masks(data: Path, photos: int, network: bool) -> None:
    """Boundary F of bilinear and of guided upsampling, maps from true masks or the network's."""
    print("| set | masks | px | bilinear | guided |\n|---|---|---|---|---|")
    for name in SETS:
        found = instances(data / name, photos)
        make = network_masks(found) if network else (true_masks(found))
        scores = []
        for instance, bilinear, guided in make:
            scores.append(
                [[boundary_f(m, instance, t) for m in (bilinear, guided)] for t in TOLERANCES]
            )
        for t, (bilinear, guided) in zip(TOLERANCES, np.mean(scores, axis=0), strict=True):
            print(f"| {name} | {len(scores)} | {t} | {bilinear:.4f} | {guided:.4f} |", flush=True)


def true_masks(found):
    for instance in found:
        share, cells = share_map(instance.mask)
        guided = refine_alpha(share, instance.rgb, edge=0.5, cells=cells)
        yield instance, share >= 0.5, guided >= 0.5


def network_masks(found):
    """The shipped network's mask at each instance's middle, where it found the instance at all."""
    from dmlseg_core.scene.segmenter import Segmenter  # noqa: PLC0415

    segmenter = Segmenter.load()
    for instance in found:
        scene, point = segmenter.analyze(instance.rgb), instance.inner_point
        masks = [*scene.stops(*point), scene.mask_at(*point)]
        overlaps = [_iou(mask.to_photo(), instance.mask) for mask in masks]
        best = masks[int(np.argmax(overlaps))]
        if max(overlaps) >= 0.75:
            level, cells = best.to_level(), max(best.grid.shape)
            yield instance, level >= 0, refine_alpha(level, instance.rgb, cells=cells) >= 0.5


def _iou(mask, other) -> float:
    return float((mask & other).sum() / max((mask | other).sum(), 1))


def photo_of(megapixels: float) -> tuple[np.ndarray, np.ndarray]:
    """A 3:2 photo with grain, and a level whose inside is a bumpy disk over 30 % of it."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(1.5 * height)
    angle = np.linspace(0, 2 * np.pi, 721)
    radius = (0.3 * height * width / np.pi) ** 0.5 * (1 + 0.05 * np.sin(9 * angle))
    rim = np.array([width, height]) / 2 + radius[:, None] * np.stack(
        [np.cos(angle), np.sin(angle)], axis=1
    )
    rgb = np.empty((height, width, 3), np.uint8)
    cv2.randu(rgb, 90, 110)
    cv2.fillPoly(rgb, [rim.astype(np.int32)], (180, 60, 50))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [(rim + 0.004 * height).astype(np.int32)], 1)  # a little off, as they are
    return cv2.blur(rgb, (3, 3)), mask.astype(np.float32) - np.float32(0.5)


def bench_speed(megapixels: list[float], threads: int, repeats: int) -> None:
    from skimage.color import rgb2lab  # noqa: PLC0415

    cv2.setNumThreads(threads)
    print("| MP | step | median ms | / rgb2lab |\n|---|---|---|---|")
    for size in megapixels:
        rgb, level = photo_of(size)
        alpha = refine_alpha(level, rgb)
        rows, columns = np.nonzero((alpha > 0) & (alpha < 1))
        model = ForegroundModel.of(rgb, alpha)
        steps: dict[str, Callable[[], object]] = {
            "skimage rgb2lab": lambda rgb=rgb: rgb2lab(rgb),
            "refine_alpha": lambda rgb=rgb, level=level: refine_alpha(level, rgb),
            "ForegroundModel.of": lambda rgb=rgb, alpha=alpha: ForegroundModel.of(rgb, alpha),
            f".at, {rows.size / 1e6:.2f} M pixels": lambda m=model, r=rows, c=columns: m.at(r, c),
            "recolor with that alpha": lambda rgb=rgb, alpha=alpha: recolor(rgb, alpha, BLUE),
        }
        unit = None
        for name, step in steps.items():
            spent = median_ms(step, repeats)
            unit = unit or spent
            print(f"| {size:g} | {name} | {spent:.1f} | {spent / unit:.3f} |", flush=True)


def median_ms(step: Callable[[], object], repeats: int) -> float:
    step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def bench_memory(megapixels: float, matting: bool) -> None:
    """Peak memory of each step above what was held before it (Linux)."""
    rgb, level = photo_of(0.2)
    matte_alpha(refine_alpha(level, rgb), rgb)  # loads what the steps need
    rgb, level = photo_of(megapixels)
    print(f"{rgb.shape[1]} x {rgb.shape[0]}: photo {rgb.nbytes / 2**20:.0f} MB")
    alpha = with_peak("refine_alpha", lambda: refine_alpha(level, rgb))
    print(f"  of it the result: {alpha.nbytes / 2**20:.0f} MB")
    if matting:
        alpha = with_peak("matte_alpha, radius 64", lambda: matte_alpha(alpha, rgb, radius=64))
    with_peak("ForegroundModel.of", lambda: ForegroundModel.of(rgb, alpha))


def with_peak(name: str, step):
    """Run a step and print its peak and its CPU time."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = _status("VmRSS"), time.process_time()
    made = step()
    spent = time.process_time() - start
    print(f"{name}: peak + {_status('VmHWM') - before:.0f} MB, {spent:.1f} CPU s", flush=True)
    return made


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("composites", "masks", "speed", "memory"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--megapixels", type=float, nargs="+", action="extend")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--matting", action="store_true")
    args = parser.parse_args(argv)
    if args.what == "composites":
        bench_composites()
    elif args.what == "masks":
        if args.data is None:
            parser.error("masks needs --data FOLDER")
        bench_masks(args.data, args.photos, args.network)
    elif args.what == "speed":
        bench_speed(args.megapixels or [1.2, 24], args.threads, args.repeats)
    else:
        bench_memory((args.megapixels or [50])[0], args.matting)
    return 0


if __name__ == "__main__":
    sys.exit(main())
