"""The first answer: a 640x480 photo to its first mask, beside MobileSAM in the same process.

    python benchmarks/bench_first.py [--rounds 10] [--threads 2] [--no-rival] [--processes 3]

Everything takes turns, round by round, so that a busy machine is as busy for each; ratios are of
one round, told as median and quartiles, in time of the clock and of the processor. The rival is
`pip install mobilesam-lite` with random weights, on which its speed does not depend. All begin with
the decoded photo and end with a mask at the photo's size; the time of new processes is told apart.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder
sys.path.insert(0, str(Path(__file__).parent))

from bench_network import fresh_points, sample_photo

from dmlseg_core.photo import load_photo
from dmlseg_core.scene import SceneStore, Segmenter

Work = Callable[[], Any]
POINT = (240, 320)
IMPORT = "import torch"
FIRST = """
import numpy as np
from dmlseg_core import Segmenter
blocks = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
rgb = np.kron(blocks, np.ones((32, 32, 1), np.uint8))
Segmenter.load().analyze(rgb, regions=True).mask_at(240, 320).to_photo(rgb)
"""


def ours(folder: Path) -> dict[str, Work]:
    """What a user waits for, by name; the first one is what the others are compared with."""
    rgb = sample_photo()
    photo, segmenter = load_photo(rgb), Segmenter.load()
    keeping = Segmenter.load(store=SceneStore(folder))
    scene = keeping.analyze(photo)
    again = itertools.cycle(fresh_points(4000))
    return {
        "photo to first mask": lambda: (
            segmenter.analyze(photo, regions=True).mask_at(*POINT).to_photo(rgb)
        ),
        "the pass": lambda: segmenter.analyze(photo),
        "the pass and the region tree": lambda: segmenter.analyze(photo, regions=True),
        "opened again, first mask": lambda: keeping.analyze(photo).mask_at(*POINT).to_photo(rgb),
        "propose": scene.propose,
        "a click on a new point": lambda: scene.mask_at(*next(again)),
        "a mask at the photo's size": lambda: scene.mask_at(*POINT).to_photo(rgb),
    }


def mobilesam() -> Work | None:
    """Image and point to mask by MobileSAM; None where its package is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # timm's, of its own age
            from mobilesam_lite.mobile_sam import (  # noqa: PLC0415 - may be missing
                SamPredictor,
                sam_model_registry,
            )
    except ImportError:
        return None
    predictor, rgb = SamPredictor(sam_model_registry["vit_t"]().eval()), sample_photo()

    def run() -> Any:
        with torch.inference_mode():
            predictor.set_image(rgb)
            masks = predictor.predict(np.array([POINT[::-1]]), np.array([1]))[0]
        assert masks.shape == (3, 480, 640)
        return masks

    return run


def timed(work: Work) -> tuple[float, float]:
    """Milliseconds of the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return 1e3 * (time.perf_counter() - clock), 1e3 * (time.process_time() - processor)


def processes(count: int) -> None:
    """Processor seconds of new processes, taking turns."""
    root, found = Path(__file__).parents[1], {IMPORT: [], "to the first mask": []}
    for _ in range(count):
        for name, code in zip(found, (IMPORT, FIRST), strict=True):
            told = f"{code}\nimport time; print(time.process_time())"
            command = [sys.executable, "-c", told]
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
            found[name].append(float(done.stdout.split()[-1]))
    alone = np.median(found[IMPORT])
    for name, seconds in found.items():
        low, middle, high = np.percentile(seconds, [25, 50, 75])
        print(f"| new process: {name} | {middle:.2f} s ({low:.2f} .. {high:.2f}) | ", end="")
        print(f"{middle / alone:.2f} of {IMPORT} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--no-rival", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        works = ours(Path(folder))
        rival = None if args.no_rival else mobilesam()
        works |= {} if rival is None else {"MobileSAM to first mask": rival}
        for work in works.values():
            work()  # warm
        table = np.array([[timed(w) for w in works.values()] for _ in range(args.rounds)])
    print("| | ms of the clock | ms of the processor | of the first row (quartiles) |")
    print("|---|---|---|---|")
    for k, name in enumerate(works):
        clock, processor = np.median(table[:, k], 0)
        low, middle, high = np.percentile(table[:, k, 1] / table[:, 0, 1], [25, 50, 75])
        print(
            f"| {name} | {clock:.1f} | {processor:.1f} | {middle:.3f} ({low:.3f} .. {high:.3f}) |"
        )
    processes(args.processes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
