"""Recoloring: time against one `skimage.color.rgb2lab` of the same photo, memory, and errors.

    python benchmarks/bench_recolor.py [speed] [--megapixels 24] [--repeat 5] [--threads 2]
    python benchmarks/bench_recolor.py errors

speed: a photo of scikit-image's is tiled to size; one instance with a soft edge covers over 30 % of
it. Everything is timed in the same run: unit = median seconds of rgb2lab. Nothing is decoded or
encoded. errors: renders with known answers, and look-up tables against the exact path on the
pictures of docs/contact_sheet.py, in Delta-E 2000; no clock. The exit code is 1 when a limit is
missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.color import rgb2lab

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.color import delta_e_2000
from dmlseg_core.paint.apply import Look, Subject, recolor, recolor_many
from dmlseg_core.paint.lut import cube_of, lut_of, table_error

LIMIT_ONE, LIMIT_MANY, LIMIT_BYTES = 0.5, 3.0, 12.0
LIMIT_PREVIEW, LIMIT_FIRST = 45.0, 200.0
PREVIEW_MEGAPIXELS = 1.2
LIMIT_RENDER, LIMIT_TABLE_MEAN, LIMIT_TABLE_WORST = 4.0, 0.3, 2.0
RENDERS = [("#b01020", "#1a1a1a"), ("#1a1a1a", "#ffd400"), ("#e0e0e0", "#203060"),
           ("#808080", "#c8102e"), ("#b01020", "#f0f0f0"), ("#1d46c8", "#a8dcc8")]  # fmt: skip
SHINIER = [("#1a1a1a", "#ffd400"), ("#e0e0e0", "#203060"), ("#101010", "#ffd400")]


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


def median_seconds(
    repeat: int, work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter
) -> float:
    times = []
    for _ in range(repeat):
        start = clock()
        work()
        times.append(clock() - start)
    return statistics.median(times)


def peak_bytes(work: Callable[[], Any]) -> int:
    """Peak of what `work` allocates, result included (numpy reports to tracemalloc)."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def bench_errors() -> bool:
    """Print every figure; whether those with a limit meet it."""
    from docs.contact_sheet import ROWS  # noqa: PLC0415 - draws its pictures
    from docs.contact_sheet import sphere as shinier  # noqa: PLC0415
    from tests.paint.test_apply import sphere  # noqa: PLC0415

    print("| sphere against its true render | mean |\n|---|---|")
    met = True
    for source, target in RENDERS:
        off = render_error(sphere(source), sphere(target), target)
        met &= off <= LIMIT_RENDER
        print(f"| {source} to {target} | {off:.1f} |")
    for source, target in SHINIER:
        before, truth = shinier(source), shinier(target)
        mask = before.alpha == 1
        off = render_error((before.rgb, mask), (truth.rgb, mask), target)
        print(f"| {source} to {target}, ball of the sheet | {off:.1f} |")
    print("\n| table against exact path | mean | 99 % | .cube mean | .cube 99 % |")
    print("|---|---|---|---|---|")
    for name, target, photo, render in ROWS:
        for kind, case in (("photo", photo), ("render", render)):
            subject, look = Subject.of(case.rgb, case.alpha, gate=case.gate), Look(target)
            mean, worst = table_error(subject, look, lut_of(subject, look))
            met &= mean <= LIMIT_TABLE_MEAN and worst <= LIMIT_TABLE_WORST
            cube = cube_of(subject, look)
            print(f"| {name}, {kind} | {mean:.3f} | {worst:.2f} ", end="")
            print(f"| {cube.error_mean:.2f} | {cube.error_p99:.2f} |")
    return met


def render_error(
    before: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    truth: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    target: str,
) -> float:
    """Mean Delta-E of a recolored render against the render of the other paint.

    The anchor is the median of the lit surface, not the paint: asked for is the truth's own.
    """
    rgb, mask = before
    done = recolor(rgb, mask, recolor(*truth, target).anchor)
    return float(delta_e_2000(done.rgb[mask], truth[0][mask]).mean())


def bench_speed(megapixels: float, repeat: int, threads: int) -> bool:
    """Print every figure; whether all limits are met."""
    cv2.setNumThreads(threads)
    rgb, alpha = scene(megapixels)
    small = scene(PREVIEW_MEGAPIXELS)
    hues = [f"oklch(0.6 0.12 {18 * k})" for k in range(20)]
    recolor(*small, "navy")  # tables and imports
    unit = median_seconds(repeat, lambda: rgb2lab(rgb))
    one = median_seconds(repeat, lambda: recolor(rgb, alpha, "#1f2a5a")) / unit
    many = median_seconds(1, lambda: recolor_many(rgb, alpha, hues)) / unit
    first = 1e3 * median_seconds(4 * repeat, lambda: recolor(*small, "#1f2a5a"))
    subject, dragged = Subject.of(*small), iter(8 * repeat * hues)
    subject.recolor(Look("navy"))
    preview = 1e3 * median_seconds(8 * repeat, lambda: subject.recolor(Look(next(dragged))))
    small_unit = 1e3 * median_seconds(repeat, lambda: rgb2lab(small[0]))
    extra = peak_bytes(lambda: recolor(rgb, alpha, "#1f2a5a")) - rgb.nbytes
    rows = [
        ("one recolor / rgb2lab", one, LIMIT_ONE),
        ("20 colorways / rgb2lab", many, LIMIT_MANY),
        ("bytes per pixel above photo and result", extra / alpha.size, LIMIT_BYTES),
        (
            f"preview of {PREVIEW_MEGAPIXELS} megapixels, each color after the first, ms",
            preview,
            LIMIT_PREVIEW,
        ),
        ("the first color, with the object told apart and measured, ms", first, LIMIT_FIRST),
    ]
    edge = float(((alpha > 0) & (alpha < 1)).mean())
    print(f"{alpha.size / 1e6:.1f} megapixels, object {(alpha > 0).mean():.1%}, edge {edge:.2%};")
    print(f"{threads} threads; rgb2lab {unit:.2f} s, of the preview's size {small_unit:.0f} ms")
    print("\n| what | measured | limit | met |\n|---|---|---|---|")
    for name, value, limit in rows:
        print(f"| {name} | {value:.2f} | {limit:g} | {'yes' if value <= limit else 'NO'} |")
    print_parts(*small, 8 * repeat)
    return all(value <= limit for _, value, limit in rows)


def print_parts(rgb: NDArray[np.uint8], alpha: NDArray[np.float32], repeat: int) -> None:
    """CPU time of the preview, all threads together: other work on the machine disturbs it less."""
    subject = Subject.of(rgb, alpha)
    subject.recolor(Look("#1f2a5a"))
    body = subject.part((0,))

    def materials() -> Any:
        return Subject.of(rgb, alpha).palette.members

    parts = {
        "first color": lambda: recolor(rgb, alpha, "#1f2a5a"),
        "as one material": lambda: recolor(rgb, alpha, "#1f2a5a", materials="all"),
        "tell materials apart": materials,
        "each color after it": lambda: subject.recolor(Look("#1f2a5a")),
        "aim": lambda: body.plan(Look("#1f2a5a")),
        "table to drag with": lambda: lut_of(subject, Look("#1f2a5a")),
    }
    clock = time.process_time
    spent = {name: 1e3 * median_seconds(repeat, part, clock) for name, part in parts.items()}
    print("\npreview, CPU ms: " + ", ".join(f"{name} {ms:.0f}" for name, ms in spent.items()))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("speed", "errors"), default="speed")
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    if args.what == "errors":
        return 0 if bench_errors() else 1
    return 0 if bench_speed(args.megapixels, args.repeat, args.threads) else 1


if __name__ == "__main__":
    sys.exit(main())
