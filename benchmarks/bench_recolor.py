"""Recoloring against one `skimage.color.rgb2lab` of the same photo, and its memory.

    python benchmarks/bench_recolor.py [--megapixels 24] [--repeat 5] [--threads 2]

A photo of scikit-image's is tiled to size; one instance with a soft edge covers over 30 % of it.
Everything is timed in the same run: unit = median seconds of rgb2lab. The exit code is 1 when a
limit is missed. Nothing is decoded or encoded.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.color import rgb2lab

from dmlseg_core.recolor import recolor, recolor_many

LIMIT_ONE, LIMIT_MANY, LIMIT_BYTES, LIMIT_PREVIEW = 1.0, 3.5, 12.0, 60.0
PREVIEW_MEGAPIXELS = 1.2


def scene(megapixels: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A tiled photo (3:2) and the alpha of an ellipse over a third of it, its edge 4 px soft."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    photo = data.astronaut()
    rgb = np.tile(photo, (-(-height // 512), -(-width // 512), 1))[:height, :width]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    radius = np.hypot(y / 0.68, x / 0.64)
    alpha = np.clip((1 - radius) * 0.32 * height / 4 + 0.5, 0, 1).astype(np.float32)
    return np.ascontiguousarray(rgb), alpha


def median_seconds(repeat: int, work: Callable[[], Any]) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_bytes(work: Callable[[], Any]) -> int:
    """Peak of what `work` allocates, result included (numpy reports to tracemalloc)."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    cv2.setNumThreads(args.threads)
    rgb, alpha = scene(args.megapixels)
    small = scene(PREVIEW_MEGAPIXELS)
    hues = [f"oklch(0.6 0.12 {18 * k})" for k in range(20)]
    recolor(*small, "navy")  # tables and imports
    unit = median_seconds(args.repeat, lambda: rgb2lab(rgb))
    one = median_seconds(args.repeat, lambda: recolor(rgb, alpha, "#1f2a5a")) / unit
    many = median_seconds(1, lambda: recolor_many(rgb, alpha, hues)) / unit
    preview = 1e3 * median_seconds(4 * args.repeat, lambda: recolor(*small, "#1f2a5a"))
    small_unit = 1e3 * median_seconds(args.repeat, lambda: rgb2lab(small[0]))
    extra = peak_bytes(lambda: recolor(rgb, alpha, "#1f2a5a")) - rgb.nbytes
    per_pixel = extra / alpha.size
    rows = [
        ("one recolor / rgb2lab", one, LIMIT_ONE),
        ("20 colorways / rgb2lab", many, LIMIT_MANY),
        ("bytes per pixel above photo and result", per_pixel, LIMIT_BYTES),
        (f"preview of {PREVIEW_MEGAPIXELS} megapixels, ms", preview, LIMIT_PREVIEW),
    ]
    edge = float(((alpha > 0) & (alpha < 1)).mean())
    print(f"{alpha.size / 1e6:.1f} megapixels, object {(alpha > 0).mean():.1%}, edge {edge:.2%};")
    print(
        f"{args.threads} threads; rgb2lab {unit:.2f} s, of the preview's size {small_unit:.0f} ms"
    )
    print("\n| what | measured | limit | met |\n|---|---|---|---|")
    for name, value, limit in rows:
        print(f"| {name} | {value:.2f} | {limit:g} | {'yes' if value <= limit else 'NO'} |")
    return 0 if all(value <= limit for _, value, limit in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
