"""Peak memory of commands on large photos of every format, each in a process of its own.

    python benchmarks/bench_large.py [--megapixels 98] [--kinds png tiff16] [--commands recolor]

A photo of scikit-image's is tiled to size, with noise of a level; the mask is a soft ellipse over a
third of it. A row is a kind of file, a column a command: `read` decodes it alone, `recolor` takes
the mask and writes a file of the same kind, `at` lets the network find the object and writes its
cut-out too, `segment` finds all objects. Told is the resident set at its largest, in MB, that of
the libraries included, and its bytes a pixel. No clock. Linux and macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

KINDS = {
    "jpeg": (".jpg", 8),
    "png": (".png", 8),
    "tiff": (".tif", 8),
    "webp": (".webp", 8),
    "heic": (".heic", 8),
    "avif": (".avif", 8),
    "png16": (".png", 16),
    "tiff16": (".tif", 16),
    "heic10": (".heic", 10),
}
"""Suffix and bits of each kind of file."""
COMMANDS = ("read", "recolor", "at", "segment")


def make(folder: Path, megapixels: float, kind: str) -> None:
    """A photo, and its mask."""
    import numpy as np  # noqa: PLC0415 - a process's peak begins with that of who started it
    from bench_recolor import scene  # noqa: PLC0415

    from dmlseg_core.photo import Photo, save_mask, save_photo  # noqa: PLC0415

    rgb, alpha = scene(megapixels)
    save_mask(alpha, folder / "mask.png")
    del alpha
    rng = np.random.default_rng(0)
    for y, row in enumerate(rgb):
        rgb[y] += rng.integers(0, 2, row.shape, np.uint8) * (row < 255)
    suffix, bits = KINDS[kind]
    deep = None if bits == 8 else rgb.astype(np.uint16) * 257
    like = None if bits != 10 else Photo(rgb=rgb, path=None, digest="", deep=deep, bits=10)
    save_photo(rgb if deep is None else deep, folder / f"{kind}{suffix}", like)


def words(command: str, photo: Path) -> list[str]:
    """Arguments of `dmlseg`."""
    folder, out = photo.parent, photo.with_stem(f"{photo.stem}-{command}")
    recolor = ["recolor", str(photo), "--color", "navy", "-o", str(out)]
    if command == "recolor":
        return [*recolor, "--mask", str(folder / "mask.png")]
    if command == "at":
        return [*recolor, "--at", "1800,1700", "--no-cache", "--cutout", str(folder / "cutout.png")]
    return ["segment", str(photo), "-o", str(folder / f"found-{photo.stem}"), "--quiet"]


def run_one(command: str, photo: Path) -> None:
    """Run a command in this process; print the peak of its memory, or what it said."""
    said, code = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        if command == "read":
            from dmlseg_core.errors import ImageError  # noqa: PLC0415
            from dmlseg_core.photo import load_photo  # noqa: PLC0415

            try:
                load_photo(photo)
            except ImageError as error:
                code = 1
                print(error)
        else:
            from dmlseg_core.cli import main as dmlseg  # noqa: PLC0415

            code = dmlseg(words(command, photo))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"{megabytes:.0f}" if code == 0 else f"exit code {code}: {said.getvalue().strip()}")


def apart(*arguments: str) -> str:
    """What this script prints in another process."""
    call = [sys.executable, __file__, *arguments]
    return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=98)
    parser.add_argument("--kinds", nargs="+", action="extend", choices=tuple(KINDS))
    parser.add_argument("--commands", nargs="+", action="extend", choices=COMMANDS)
    parser.add_argument("--folder", type=Path, help="where photos are made, and kept")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.only:
        what, path = args.only[0], Path(args.only[1])
        run_one(what, path) if what in COMMANDS else make(path, args.megapixels, what)
        return 0
    pixels, commands = f"{args.megapixels:g}", args.commands or COMMANDS
    with contextlib.ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        print(f"| {pixels} megapixels | MB | {' | '.join(commands)} |")
        print("|---" * (2 + len(commands)) + "|")
        for kind in args.kinds or KINDS:
            photo = folder / f"{kind}{KINDS[kind][0]}"
            if not photo.exists():
                apart("--megapixels", pixels, "--only", kind, str(folder))
            row = [apart("--only", command, str(photo)) for command in commands]
            size = photo.stat().st_size / 2**20
            print(f"| {kind} | {size:.0f} | {' | '.join(row)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
