"""SIGKILL at random moments of `batch` in one process or several, then the same command again: the
results are byte for byte those of an undisturbed run (docs/batch.md).

    python -m tests.soak.batch_kills --kills 50 --photos 40 --workers 2
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.kills import photos, run, tree

TIMED = ("run.json", "report.html", "instances.jsonl")
"""Files that tell times, or the order in which photos were done."""


def command(folder: Path, out: Path, workers: int) -> list[str]:
    """Recolor the largest object of each photo in two colors, and cut it out."""
    return ["batch", str(folder), "-o", str(out), "--largest", "1", "--color", "navy", "--color",
            "red", "--outputs", "labels,overlays,recolored,cutouts", "--quality", "fast",
            "--max-delta-e", "3", "--quiet", "--workers", str(workers)]  # fmt: skip


def results(out: Path) -> dict[str, bytes]:
    """Every file but those of TIMED; of the journal, the last record of each photo, untimed."""
    files = tree(out)
    last = {}
    for line in files["instances.jsonl"].decode().splitlines():
        record = json.loads(line)
        record.get("row", {}).pop("seconds", None)
        last[record["name"]] = json.dumps(record, sort_keys=True)
    kept = {name: data for name, data in files.items() if name not in TIMED}
    return {**kept, "records": "\n".join(last[name] for name in sorted(last)).encode()}


def main() -> int:
    """0 where no byte differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=19)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        photos(root / "in", args.photos)
        start = time.monotonic()
        run(command(root / "in", root / "plain", args.workers))
        seconds, killed = time.monotonic() - start, 0
        words = command(root / "in", root / "killed", args.workers)
        while killed < args.kills:
            # a run that goes on has less left to do: some are through before their moment
            if run(words, rng.uniform(0.1, 0.6) * seconds):
                if results(root / "killed") != results(root / "plain"):
                    break
                for path in sorted((root / "killed").rglob("*"), reverse=True):
                    path.rmdir() if path.is_dir() else path.unlink()
            else:
                killed += 1
        run(words)
        plain, other = results(root / "plain"), results(root / "killed")
    odd = sorted(k for k in plain.keys() | other.keys() if plain.get(k) != other.get(k))
    print(json.dumps({"photos": args.photos, "workers": args.workers, "kills": killed,
                      "files": len(plain), "differ": odd,
                      "undisturbed_s": round(seconds, 1)}))  # fmt: skip
    return bool(odd)


if __name__ == "__main__":
    sys.exit(main())
