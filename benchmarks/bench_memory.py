"""Peak memory of a process that serves photos: after 50 and after 200 photos of one size.

    python benchmarks/bench_memory.py [--first 50] [--total 200] [--store-mb 256] [--weights FILE]

Every photo is decoded, analysed, proposed, its regions are grown, and it is put into the session
store, as the page does it; the store forgets the oldest when it is full. The peak after 200 photos
must be within 5 % of that after 50; exit code 1 when it is not.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.edit.session import EditSession
from dmlseg_core.photo.load import load_photo
from dmlseg_core.scene.segmenter import Segmenter
from dmlseg_core.stage.desks import Desks, Work

ALLOWED = 0.05


def peak_mb() -> float:
    """Peak resident set of this process, MB (Linux counts KB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def photo_number(i: int, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8, another picture for each i: smooth blobs, so that seeds are found."""
    rng = np.random.default_rng(i)
    coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    h, w = size
    return np.ascontiguousarray(np.kron(coarse, np.ones((h // 6, w // 8, 1), np.uint8)))


def serve(desks: Desks, segmenter: Segmenter, size: tuple[int, int]) -> Callable[[int], None]:
    def one(i: int) -> None:
        photo = load_photo(photo_number(i, size))
        scene = segmenter.analyze(photo)
        scene.propose()
        _ = scene.regions
        desk, work = desks.new("en"), Work(photo, f"{i}.png")
        desk.lay(work)
        desk.begin(work, EditSession(photo, scene))
        desks.trim()

    return one


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=50)
    parser.add_argument("--total", type=int, default=200)
    parser.add_argument("--store-mb", type=int, default=256)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), metavar=("H", "W"))
    parser.add_argument("--weights")
    args = parser.parse_args(argv)
    one = serve(Desks(args.store_mb * 2**20), Segmenter.load(args.weights), tuple(args.size))
    for i in range(args.first):
        one(i)
    early = peak_mb()
    for i in range(args.first, args.total):
        one(i)
    late = peak_mb()
    growth = late / early - 1
    met = growth <= ALLOWED
    print(f"| photos | peak RSS, MB |\n|---|---|\n| {args.first} | {early:.0f} |")
    print(f"| {args.total} | {late:.0f} |\n")
    print(f"growth {growth:+.1%} (<= {ALLOWED:.0%}): {'yes' if met else 'NO'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
