"""Draws docs/images/speed.svg: time against megapixels, photos and threads (docs/speed.md).

    python benchmarks/plot_speed.py [--rounds 3] [--out docs/images/speed.svg]

All of one run, in which the sizes take turns; the median over the rounds and its range. Beside the
time of a size stands the least that any program takes: to read the photo's pixels once and write
them once, as numpy copies them on this machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder
sys.path.insert(0, str(Path(__file__).parent))

from bench_network import sample_photo

from dmlseg_core.paint import recolor
from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Segmenter

MEGAPIXELS = (0.3, 1, 3, 12)
PHOTOS = (1, 2, 4)
Times = dict[str, dict[float, list[float]]]


def enlarged(rgb: np.ndarray, megapixels: float) -> np.ndarray:
    """The photo at a size, in the shape that it has."""
    scale = (megapixels * 1e6 / (rgb.shape[0] * rgb.shape[1])) ** 0.5
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))


def seconds(work: Callable[[], object]) -> float:
    """Of the processor, of all its threads: a busy machine does not slow it as much as a clock."""
    start = time.process_time()
    work()
    return time.process_time() - start


def by_size(segmenter: Segmenter, rgb: np.ndarray, rounds: int) -> Times:
    """Analysis, mask at the photo's size, recoloring and a plain copy, by megapixels."""
    found: Times = {name: {} for name in ("analyze", "mask to alpha", "recolor", "copy")}
    photos = {size: load_photo(enlarged(rgb, size)) for size in MEGAPIXELS}
    for _ in range(rounds):
        for size, photo in photos.items():
            scene = segmenter.analyze(photo, regions=True)
            mask = scene.mask_at(photo.height / 2, photo.width / 2)
            alpha = mask.to_alpha(photo.rgb)
            steps = {
                "analyze": lambda p=photo: segmenter.analyze(p, regions=True),
                "mask to alpha": lambda m=mask, p=photo: m.to_alpha(p.rgb),
                "recolor": lambda p=photo, a=alpha: recolor(p.rgb, a, "#1f3fbf"),
                "copy": photo.rgb.copy,
            }
            for name, work in steps.items():
                found[name].setdefault(size, []).append(seconds(work))
    return found


def by_count(segmenter: Segmenter, rgb: np.ndarray, rounds: int) -> Times:
    """Loading the network, then photos one after another: all objects of each."""
    found: Times = {"load and propose": {}}
    for _ in range(rounds):
        for count in PHOTOS:

            def work(count: int = count) -> None:
                fresh = Segmenter.load()
                for _ in range(count):
                    fresh.analyze(rgb).propose()

            found["load and propose"].setdefault(count, []).append(seconds(work))
    return found


def by_threads(segmenter: Segmenter, rgb: np.ndarray, rounds: int) -> Times:
    """The clock's time of an analysis with one thread and more; of the clock, for threads share."""
    before = torch.get_num_threads()
    found: Times = {"analyze (clock)": {}, "analyze (processor)": {}}
    for _ in range(rounds):
        for threads in range(1, (before if before > 1 else 2) + 1):
            torch.set_num_threads(threads)
            start, cpu = time.perf_counter(), time.process_time()
            segmenter.analyze(rgb)
            found["analyze (clock)"].setdefault(threads, []).append(time.perf_counter() - start)
            found["analyze (processor)"].setdefault(threads, []).append(time.process_time() - cpu)
    torch.set_num_threads(before)
    return found


def draw(panels: dict[str, Times], path: Path) -> None:
    """One panel for each, its lines with their range; no dates inside, so it can be compared."""
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "speed"
    figure, axes = pyplot.subplots(1, len(panels), figsize=(11, 3.4), layout="constrained")
    for axis, (label, times) in zip(axes, panels.items(), strict=True):
        for name, line in times.items():
            at = sorted(line)
            middle = [float(np.median(line[k])) for k in at]
            low, high = ([f(line[k]) for k in at] for f in (min, max))
            style = {"linestyle": ":", "color": "gray"} if name == "copy" else {"marker": "o"}
            (drawn,) = axis.plot(at, middle, label=name, **style)
            axis.fill_between(at, low, high, alpha=0.15, color=drawn.get_color(), linewidth=0)
        axis.set(xlabel=label, xticks=at, xticklabels=[f"{k:g}" for k in at])
        if "copy" in times:
            axis.set(xscale="log", yscale="log", xticks=at)
            axis.minorticks_off()
        else:
            axis.set_ylim(bottom=0)
        axis.legend(fontsize=8, frameon=False)
    axes[0].set_ylabel("seconds")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print the medians, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/images/speed.svg"))
    args = parser.parse_args()
    rgb, segmenter = sample_photo(), Segmenter.load()
    segmenter.analyze(rgb, regions=True)  # warm
    panels = {
        "megapixels": by_size(segmenter, rgb, args.rounds),
        "photos of 640 x 480": by_count(segmenter, rgb, args.rounds),
        "threads": by_threads(segmenter, rgb, args.rounds),
    }
    for label, times in panels.items():
        for name, line in times.items():
            told = "  ".join(f"{k:g}: {np.median(v):.3f} s" for k, v in sorted(line.items()))
            print(f"{label}, {name}: {told}")
    draw(panels, args.out)


if __name__ == "__main__":
    main()
