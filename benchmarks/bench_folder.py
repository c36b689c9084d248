"""`dmlseg batch` over a folder, beside the bare network on the same photos in the same run.

    python benchmarks/bench_folder.py [--photos DIR] [--count 20] [--repeats 3] [--workers N]
                                      [--rules FILE] [--memory] [--json FILE] [FLAG ...]

photos/s, and wall time against what no pool can beat: the larger of the network alone on these
cores and all CPU seconds over the cores. First photo out: from the call to the first line that
`--json` prints. --memory: the peak of memory over `count` and 10 x `count` photos instead.
Further flags go to `dmlseg batch`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.photo import load_photo
from dmlseg_core.scene import Segmenter

ROOT = Path(__file__).parents[1]
RULES = "rules:\n  - find: {largest: true}\n    color: [navy]\n"
NAMES = ("astronaut", "coffee", "chelsea", "rocket")


@dataclass(frozen=True)
class Call:
    """One `dmlseg batch`: seconds, bytes."""

    photos: int
    wall: float
    first: float
    cpu: float
    peak: int
    resident: int


def fill(folder: Path, count: int, photos: Path | None) -> Path:
    """`count` files; where there are fewer photos, copies of them."""
    folder.mkdir()
    found = sorted(p for p in photos.rglob("*") if p.is_file()) if photos else []
    for number in range(count):
        if found:
            source = found[number % len(found)]
            shutil.copy(source, folder / f"{number:05}{source.suffix}")
        else:
            image = Image.fromarray(getattr(data, NAMES[number % len(NAMES)])())
            image.convert("RGB").save(folder / f"{number:05}.jpg", quality=92)
    return folder


def call(folder: Path, out: Path, flags: Sequence[str]) -> Call:
    """Run the command once, and look at it from outside."""
    command = [sys.executable, "-m", "dmlseg_core", "batch", str(folder), "-o", str(out),
               "--json", "--quiet", *flags]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    watch = Watch(process.pid)
    assert process.stdout is not None
    process.stdout.readline()
    first = time.perf_counter() - start
    process.stdout.read()
    code = process.wait()
    wall = time.perf_counter() - start
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    watch.end()
    return Call(len(list(folder.iterdir())), wall, first, sum(watch.cpu.values()), watch.peak,
                watch.resident)  # fmt: skip


class Watch(threading.Thread):
    """CPU seconds and memory of a process and its offspring, looked at often.

    Processes of a pool belong to a server of processes, so that nobody who waits for the command is
    told their CPU seconds: what each had when it was last seen is kept. Memory is that of unique
    pages (USS), and beside it all that is resident (RSS), shared pages once for each process.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.top, self.peak, self.over = psutil.Process(pid), 0, threading.Event()
        self.resident = 0
        self.cpu: dict[int, float] = {}
        self.start()

    def run(self) -> None:
        while not self.over.wait(0.1):
            self.look()

    def look(self) -> None:
        held = resident = 0
        with suppress(psutil.Error):  # the command has ended
            for process in [self.top, *self.top.children(recursive=True)]:
                with suppress(psutil.Error):
                    used = process.cpu_times()
                    self.cpu[process.pid] = used.user + used.system
                    memory = process.memory_full_info()
                    held, resident = held + memory.uss, resident + memory.rss
        self.peak, self.resident = max(self.peak, held), max(self.resident, resident)

    def end(self) -> None:
        self.over.set()
        self.join()


def network_seconds(folder: Path) -> float:
    """The network alone, one thread, photos decoded before: seconds for all of them."""
    torch.set_num_threads(1)
    segmenter = Segmenter.load()
    photos = [load_photo(path) for path in sorted(folder.iterdir())]
    segmenter.analyze(photos[0])
    start = time.process_time()
    for photo in photos:
        segmenter.analyze(photo)
    return time.process_time() - start


def told(name: str, values: Sequence[float], unit: str = "") -> str:
    middle = statistics.median(values)
    return f"| {name} | {middle:.2f}{unit} | {min(values):.2f} .. {max(values):.2f} |"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="default: photos of scikit-image")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--rules", type=Path, help="default: the largest object in navy")
    parser.add_argument("--memory", action="store_true", help="of so many photos, and of ten times")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


def speed(args: argparse.Namespace, folder: Path, flags: Sequence[str]) -> dict[str, Any]:
    """Tell how fast a batch is; seconds of the network and of the calls."""
    cores = min(args.workers, len(os.sched_getaffinity(0)))
    calls, networks = [], []
    for number in range(args.repeats):  # in turns: what slows one slows the other
        networks.append(network_seconds(folder))
        calls.append(call(folder, folder.with_name(f"out{number}"), flags))
    floor = [max(n / cores, c.cpu / cores) for n, c in zip(networks, calls, strict=True)]
    print(f"{args.count} photos, {args.workers} workers, {cores} cores, load "
          f"{os.getloadavg()[0]:.1f}\n\n| | median | spread |\n|---|---|---|")  # fmt: skip
    print(told("photos/s", [c.photos / c.wall for c in calls]))
    print(told("photos/s of the bare network", [args.count * cores / n for n in networks]))
    print(told("wall / max(network, CPU seconds / cores)",
               [c.wall / f for c, f in zip(calls, floor, strict=True)]))  # fmt: skip
    print(told("CPU seconds per photo", [c.cpu / c.photos for c in calls]))
    print(told("of which network", [n / args.count for n in networks]))
    print(told("first photo out", [c.first for c in calls], " s"))
    return {"network": networks, "calls": [asdict(c) for c in calls]}


def memory(args: argparse.Namespace, folder: Path, flags: Sequence[str]) -> dict[str, Any]:
    """Tell what a batch holds, and one of ten times the photos."""
    few = call(folder, folder.with_name("out"), flags)
    many = fill(folder.with_name("many"), 10 * args.count, args.photos)
    whole = call(many, folder.with_name("out_many"), flags)
    for name, one, other in (("own pages", few.peak, whole.peak),
                             ("resident", few.resident, whole.resident)):  # fmt: skip
        print(f"peak, {name}: {few.photos} photos {one / 2**20:.0f} MB, {whole.photos} photos "
              f"{other / 2**20:.0f} MB: x {other / one:.3f}")  # fmt: skip
    print(f"{whole.photos / whole.wall:.1f} photos/s")
    return {"calls": [asdict(few), asdict(whole)]}


def main() -> None:
    args, more = build_parser().parse_known_args()
    with tempfile.TemporaryDirectory() as top:
        here = Path(top)
        rules = args.rules or here / "rules.yaml"
        if args.rules is None:
            rules.write_text(RULES)
        flags = ["--workers", str(args.workers), "--rules", str(rules), *more]
        folder = fill(here / "in", args.count, args.photos)
        found = (memory if args.memory else speed)(args, folder, flags)
        if args.json:
            args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
