"""SIGKILL at random moments of `segment` and `recolor`, then the same commands again: the result
is byte for byte that of an undisturbed run (docs/reliability.md).

    python -m tests.soak.kills --kills 50 --photos 60
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.soak.files import good
from tests.soak.warm import Command


def photos(folder: Path, count: int) -> list[Path]:
    """Small photos in two folders, a few of them broken."""
    made = []
    for number in range(count):
        path = folder / ("a", "b")[number % 2] / f"{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = good("JPEG", number)
        path.write_bytes(data[: 300 if number % 20 == 7 else len(data)])
        made.append(path)
    return made


def commands(folder: Path, found: list[Path], out: Path) -> list[list[str]]:
    """Segment all photos, then recolor each by a mask."""
    segment = ["segment", str(folder), "-o", str(out / "found"), "--quality", "fast", "--quiet"]
    recolored = out / "recolored"
    recolored.mkdir(parents=True, exist_ok=True)
    recolor = [
        ["recolor", str(path), "--mask", str(folder.parent / "mask.png"), "--color", "navy",
         "-o", str(recolored / path.name), "--cutout", str(recolored / f"{path.stem}.png")]
        for path in found
    ]  # fmt: skip
    return [segment, *recolor]


def run(words: list[str], until: float | None = None) -> bool:
    """Run a command to its end, or kill it at a moment; whether it came to its end."""
    command = Command(words)
    ended = command.wait(until) or not command.kill()
    assert "Traceback" not in command.stderr, command.stderr
    command.forget()
    return ended


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def main() -> int:
    """0 where no byte differs, and kills met both commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--recolored", type=int, default=6, help="how many of them are recolored")
    parser.add_argument("--seed", type=int, default=21)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        run(["--version"])  # the server's own start is no command's
        found = photos(root / "in", args.photos)
        write_mask(root / "mask.png")
        plainly = commands(root / "in", found[: args.recolored], root / "plain")
        times = [timed(words) for words in plainly]
        idle = timed(plainly[0])
        kills = killed(root, found[: args.recolored], args.kills, (times, idle), rng)
        # the journal's lines stand in the order in which photos were done: its records count
        plain, other = tree(root / "plain"), tree(root / "killed")
        for files in (plain, other):
            lines = files.pop("found/instances.jsonl").decode().splitlines()
            last = {json.loads(line)["name"]: line for line in lines}
            files["records"] = "\n".join(last[name] for name in sorted(last)).encode()
    odd = sorted(k for k in plain.keys() | other.keys() if plain.get(k) != other.get(k))
    print(json.dumps({"photos": args.photos, "kills": kills, "files": len(plain), "differ": odd,
                      "undisturbed_s": [round(t, 1) for t in times]}))  # fmt: skip
    return bool(odd) or not all(kills.values())


def write_mask(path: Path) -> None:
    """A mask of the photos' size."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", (64, 48))
    ImageDraw.Draw(mask).ellipse((10, 10, 50, 40), fill=255)
    mask.save(path)


def timed(words: list[str]) -> float:
    """Seconds that an undisturbed run takes."""
    start = time.monotonic()
    run(words)
    return time.monotonic() - start


def met(words: list[str], folder: Path, changes: int) -> bool:
    """Kill a run after its first line in a journal and so many more changes among its files.

    By its progress and not by the clock: how long a photo takes differs tenfold on a machine that
    does other work, and a moment that lies behind a run's end is no kill.

    Returns:
        Whether it was still running.
    """
    journal = folder / "instances.jsonl"
    command, before = Command(words), lines_of(journal)
    while command.running and lines_of(journal) == before:
        time.sleep(0.002)
    for _ in range(changes):
        seen = files_of(folder)
        while command.running and files_of(folder) == seen:
            pass
    was_running = command.kill()
    command.forget()
    return was_running


def lines_of(journal: Path) -> int:
    """Whole lines in it."""
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def files_of(folder: Path) -> set[tuple[str, int]]:
    """Names and sizes below a folder, as far as they can be told while others rename them."""
    found = set()
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found.add((path.name, path.stat().st_size))
    return found


class Guess:
    """Random moments within the time of a command, as long as it took when it came to its end."""

    def __init__(self, seconds: float, rng: random.Random) -> None:
        self.seconds, self.rng = seconds, rng

    def killed(self, words: list[str]) -> bool:
        """Run it; whether it was killed."""
        start = time.monotonic()
        if not run(words, self.rng.uniform(0.1, 1.0) * self.seconds):
            return True
        self.seconds = time.monotonic() - start
        return False


def killed(
    root: Path, found: list[Path], kills: int, took: tuple[list[float], float], rng: random.Random
) -> dict[str, int]:
    """Run all commands, each killed again and again at random moments before it may end.

    A third of the kills of `segment` are anywhere in its start, the others within the work on a
    photo. `recolor` begins anew each time.

    Args:
        took: seconds of each command, and of the first when all is done.

    Returns:
        How many kills met a running process; at most 2 or 4 times as many are tried.
    """
    segment, *recolor = commands(root / "in", found, root / "killed")
    done, share = {"segment": 0, "recolor": 0}, kills - kills // 3
    start = Guess(took[1], rng)
    for _ in range(2 * share):
        if done["segment"] < share:
            done["segment"] += (
                start.killed(segment)
                if rng.random() < 1 / 3
                else met(segment, root / "killed/found", rng.randrange(5))
            )
    run(segment)
    each = -(-(kills // 3) // len(recolor))
    for words, seconds in zip(recolor, took[0][1:], strict=True):
        guess, met_it = Guess(seconds, rng), 0
        for _ in range(4 * each):
            met_it += met_it < each and guess.killed(words)
        done["recolor"] += met_it
        run(words)
    return done


if __name__ == "__main__":
    sys.exit(main())
