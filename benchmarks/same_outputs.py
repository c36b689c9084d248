"""Whether two checkouts write the same bytes: `segment` and `recolor` on scikit-image's photos.

    python benchmarks/same_outputs.py OTHER [--module dmlseg_core]

OTHER is another checkout, say of the commit before a change that must not be seen. --module is what
`python -m` calls there ("dmlseg_core.cli" before 0.2.0). Exit code 1 names the files that differ.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from skimage import data

ROOT = Path(__file__).parents[1]
PHOTOS = {
    "astronaut.png": data.astronaut,
    "chelsea.png": data.chelsea,
    "coffee.png": data.coffee,
    "motorcycle.jpg": lambda: data.stereo_motorcycle()[0],
    "rocket.png": data.rocket,
}
RECOLORS = (
    ("astronaut.png", "200,100", "navy"),
    ("chelsea.png", "225,150", "white"),
    ("coffee.png", "300,200", "#c8102e"),
    ("motorcycle.jpg", "370,250", "yellow"),
    ("rocket.png", "320,200", "black"),
)


def run(checkout: Path, *words: object) -> None:
    command = [sys.executable, "-m", *map(str, words)]
    subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.DEVNULL)


def written(checkout: Path, module: str, photos: Path, out: Path) -> dict[str, str]:
    """Every file that a checkout writes for the photos -> the sha256 of its bytes."""
    run(checkout, module, "segment", photos, "-o", out / "segment")
    for name, point, color in RECOLORS:
        target = out / f"{color}.{name}"
        run(
            checkout,
            module,
            "recolor",
            photos / name,
            "--at",
            point,
            "--color",
            color,
            "-o",
            target,
        )
    (out / "segment" / "instances.jsonl").unlink()  # the journal holds times of files
    files = sorted(p for p in out.rglob("*") if p.is_file())
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, metavar="OTHER", help="the other checkout")
    parser.add_argument("--module", default="dmlseg_core", help="what python -m calls in OTHER")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        photos.mkdir()
        for name, load in PHOTOS.items():
            Image.fromarray(load()).save(photos / name)
        ours = written(ROOT, "dmlseg_core", photos, Path(folder, "ours"))
        theirs = written(args.other.resolve(), args.module, photos, Path(folder, "theirs"))
    differing = sorted(k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k))
    print(f"{len(ours)} files, {len(differing)} differ", *differing, sep="\n  ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
