"""Full disks, read-only folders, folders that go away, two runs at once (docs/reliability.md).

    python -m tests.soak.disks --sizes 33

Disks of so many sizes are made with tmpfs in a namespace of their own (Linux; `unshare`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from tests.soak.kills import photos, tree
from tests.soak.warm import Command, Disk


def main() -> int:
    """0 where each trial ends in one sentence and nothing torn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, default=33)
    parser.add_argument("--photos", type=int, default=6)
    args = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        photos(root / "in", args.photos)
        words = ["segment", str(root / "in"), "--quality", "fast", "--quiet", "-o"]
        run([*words, str(root / "plain")])
        plain = tree(root / "plain")
        whole = sum(-(-len(data) // 4096) for data in plain.values()) * 4 + 40
        sizes: list[int] = []
        if can_mount(root):
            sizes = sorted({8 + (whole - 8) * k // args.sizes for k in range(args.sizes)})
            for size in sizes:
                faults += on_a_disk(root, words, plain, size)
        faults += goes_away(root, words, plain)
        faults += two_at_once(root, words, plain)
        faults += read_only(root, words)
    print(*faults, sep="\n", end="\n" * bool(faults))
    print(json.dumps({"disks": len(sizes) or "none: no namespaces", "removed": 1,
                      "two_at_once": 1, "read_only": 1, "faults": len(faults)}))  # fmt: skip
    return bool(faults)


def run(words: list[str], disk: Disk | None = None) -> Command:
    """A command that has ended."""
    command = Command(words, disk)
    command.wait()
    return command


def can_mount(root: Path) -> bool:
    """Whether this system lets us make small disks."""
    (root / "disk").mkdir(exist_ok=True)
    found = run(["--version"], Disk(root / "disk", 64)).code
    return found == 0


def one_sentence(name: str, command: Command, codes: tuple[int, ...]) -> list[str]:
    """Faults of what a command said; a failed photo may have a sentence of its own before."""
    said = command.stderr
    lines = said.splitlines()
    bad = "Traceback" in said or command.code not in codes
    bad = bad or (command.code == 1 and not (lines and lines[-1].startswith("dmlseg: ")))
    command.forget()
    return [f"{name}: exit {command.code}: {said[-500:]}"] if bad else []


def torn(name: str, files: dict[str, bytes], plain: dict[str, bytes]) -> list[str]:
    """Faults of what a command left: pictures are whole, the journal holds whole lines."""
    found = []
    for path, data in files.items():
        if path.endswith((".png", ".jpg")) and data != plain[path]:
            found.append(f"{name}: {path} is torn")
        if path.endswith(".jsonl") and data and not data.endswith(b"\n"):
            found.append(f"{name}: {path} ends in half a line")
        if path.endswith(".json"):
            json.loads(data)
        if path.endswith(".part"):
            found.append(f"{name}: {path} was left")
    return found


def on_a_disk(root: Path, words: list[str], plain: dict[str, bytes], kilobytes: int) -> list[str]:
    """A run on a disk of a size, then one on a larger one that goes on."""
    disk, kept = root / "disk", root / f"kept{kilobytes}"
    full = run([*words, str(disk / "out")], Disk(disk, kilobytes, kept))
    faults = one_sentence(f"{kilobytes} kB", full, (0, 1, 3))
    if not (kept / "out").exists():  # not even a folder found room
        return faults
    kept /= "out"
    faults += torn(f"{kilobytes} kB", tree(kept), plain)
    again = run([*words, str(kept)])
    faults += one_sentence(f"{kilobytes} kB, again", again, (0, 3))
    after = tree(kept)
    same = {k: v for k, v in after.items() if k.endswith((".png", ".jpg", ".json"))} == {
        k: v for k, v in plain.items() if k.endswith((".png", ".jpg", ".json"))
    }
    shutil.rmtree(kept)
    return faults if same else [*faults, f"{kilobytes} kB: the run that goes on ends elsewhere"]


def goes_away(root: Path, words: list[str], plain: dict[str, bytes]) -> list[str]:
    """The output folder is removed as soon as its first overlay is there."""
    out = root / "gone"
    command = Command([*words, str(out)])
    while command.running and not list(out.rglob("*.jpg")):
        time.sleep(0.01)
    shutil.rmtree(out, ignore_errors=True)
    command.wait()
    left = tree(out) if out.exists() else {}
    return one_sentence("removed", command, (1,)) + torn("removed", left, plain)


def two_at_once(root: Path, words: list[str], plain: dict[str, bytes]) -> list[str]:
    """Two runs into one folder: one does all, the other says so and ends."""
    out = root / "two"
    both = [Command([*words, str(out)]) for _ in range(2)]
    for command in both:
        command.wait()
    codes, said = sorted(command.code or 0 for command in both), [c.stderr for c in both]
    faults = torn("two at once", tree(out), plain)
    if sum("another run is writing" in text for text in said) != 1 or codes[0] not in (0, 1):
        faults.append(f"two at once: {codes} {said}")
    return faults


def read_only(root: Path, words: list[str]) -> list[str]:
    """A folder that may not be written (root may: then a file system that may not)."""
    disk = root / "disk"
    made = Disk(disk, 64, writable=False)
    if os.geteuid() and not can_mount(root):
        disk.chmod(0o500)
        made = None
    return one_sentence("read-only", run([*words, str(disk / "out")], made), (1,))


if __name__ == "__main__":
    Image.init()
    sys.exit(main())
